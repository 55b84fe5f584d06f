/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Everything that was learned about one target: plain values that the steps fill in, and that
 * findings, grades and reports are made from. Knows no probe and no output format. Lives in one
 * arena; a fact that was not looked at says so (CHECK_UNKNOWN), so that nobody judges by a zero. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cidr.h"
#include "base/fault.h"
#include "check/probe.h"
#include "crypt/certfacts.h"
#include "crypt/chainverify.h"

enum facts_answer { FACTS_UNKNOWN, FACTS_NO, FACTS_YES };

#define FACTS_ADDRESSES_MAX 16
#define FACTS_CHAINS_MAX    4 /* one for each kind of key, and one without SNI */
#define FACTS_HOPS_MAX      10
#define FACTS_COOKIES_MAX   32
#define FACTS_FINDINGS_MAX  200

/* What to look at: the command line, parsed. Slices are the caller's. */
struct facts_target {
    struct slice text; /* as written */
    struct slice host; /* normal form: name or address */
    uint16_t port;
    struct slice path;        /* "/" */
    struct slice sni;         /* empty: host (none for an address) */
    struct sock_addr connect; /* --connect; raw_bytes 0: resolve */
    const char *starttls;
    bool is_ip;
    bool api; /* programs ask here with credentials, no browser does */
};

/* ---- steps of the visit ---- */

enum facts_step_id { FACTS_DNS, FACTS_TCP, FACTS_TLS, FACTS_HTTP, FACTS_CLOSE, FACTS_STEPS };

struct facts_step {
    bool ran, ok;
    uint64_t start_us, took_us; /* from the start of the visit */
    char words[200];            /* one line: what happened */
    struct fault fault;         /* not ok */
};

struct facts_address {
    struct ip ip;
    enum probe_end end; /* of the plain TCP connection */
    int errno_value;
    uint64_t connect_us;
    bool tried, chosen;
    enum facts_answer same_certificate; /* as at the chosen one */
};

struct facts_dns {
    struct facts_address addresses[FACTS_ADDRESSES_MAX];
    size_t naddresses;
    struct slice cnames[8];
    size_t ncnames;
    struct slice resolver;         /* "192.0.2.53" */
    struct slice https_record;     /* presentation form; empty: none */
    bool no_such_name, no_address; /* the name servers say so */
    bool every_family;             /* both kinds of address were asked for */
    bool authentic;                /* DNSSEC: AD */
    bool has_caa;
    struct slice caa[16]; /* "issue letsencrypt.org" */
    size_t ncaa;
    int r; /* why there is no address */
};

/* ---- TLS ---- */

enum facts_version {
    FACTS_SSL2,
    FACTS_SSL3,
    FACTS_TLS10,
    FACTS_TLS11,
    FACTS_TLS12,
    FACTS_TLS13,
    FACTS_VERSIONS
};

struct facts_suites {
    const uint16_t *codes; /* in the server's order where it has one, else as tried */
    size_t n;
};

/* Known attacks on implementations: FACTS_YES is vulnerable. */
enum facts_vuln {
    FACTS_HEARTBLEED,
    FACTS_CCS_INJECTION,
    FACTS_ROBOT,
    FACTS_TICKETBLEED,
    FACTS_POODLE_SSL3,
    FACTS_POODLE_TLS,
    FACTS_SWEET32,
    FACTS_FREAK,
    FACTS_LOGJAM,
    FACTS_RC4,
    FACTS_CRIME,
    FACTS_DROWN,
    FACTS_BEAST,
    FACTS_LUCKY13,
    FACTS_RENEGOTIATION_INSECURE,
    FACTS_RENEGOTIATION_CLIENT,
    FACTS_VULNS
};

struct facts_tls {
    enum facts_answer version[FACTS_VERSIONS];
    struct facts_suites suites[FACTS_VERSIONS];
    const uint32_t *ssl2_kinds;
    size_t nssl2_kinds;
    enum facts_answer server_order[FACTS_VERSIONS];
    const uint16_t *groups; /* accepted, all versions */
    size_t ngroups;
    const uint16_t *sigalgs; /* that the server signs with */
    size_t nsigalgs;
    struct facts_suites signs[FACTS_VERSIONS]; /* the same for each version (1.2 and 1.3) */
    uint16_t dh_bits;                          /* smallest seen; 0: none */
    bool dh_common_prime;
    enum facts_answer ems, secure_renegotiation, compression, fallback_scsv, session_id, ticket,
        resumption, early_data, ocsp_stapled, heartbeat, sni_required, grease_ok, large_hello_ok;
    enum facts_answer vuln[FACTS_VULNS];
    bool robot_strong; /* ROBOT: the oracle is strong enough for practical decryption */
    /* The real, verified handshake. */
    char negotiated_version[16], negotiated_suite[64], negotiated_group[32], alpn[16];
    enum facts_answer h2;
    enum facts_answer client_certificate; /* asked for */
    uint8_t alert;                        /* that ended it; 0: none */
    bool backed_off;                      /* the server resets or stalls when asked a lot */
    bool complete;                        /* every audit question has an answer */
    unsigned connections;
};

/* ---- certificates ---- */

struct facts_chain {
    struct certinfo_chain *chain; /* a reference; leaf first, as sent */
    bool without_sni;
    /* Filled by judgechain_verify. */
    bool verified_now; /* it ran */
    bool trusted;      /* everything but the name is right, times included */
    bool anchored;     /* a path to a trusted root exists, whatever else is wrong */
    bool public_root;  /* ... to one of the system's store: the rules for public CAs hold */
    bool strict;       /* trusted by strict clients too (RFC 5280 to the letter) */
    bool name_match;   /* RFC 9525 */
    bool common_name_only;
    bool in_order, complete; /* complete: nothing between leaf and root is missing */
    bool sends_root;
    size_t nextra;   /* sent, and not of the chain */
    int verify_code; /* of the library; 0 good */
    char verify_words[160];
    struct certinfo_chain *verified; /* a reference; to the root, as the store completed it; NULL */
    const struct chainverify_error *faults; /* all that the library found */
    size_t nfaults;
    const struct certfacts *certs; /* of each certificate sent; NULL without memory */
    struct slice crl;              /* as fetched (crl_start); empty: none */
    enum facts_answer revoked;     /* by the CRL */
    char crl_words[160];           /* when and why, or why it is not known */
    const char *errors[24];        /* finding ids, of low severity or worse */
    size_t nerrors;
};

/* ---- HTTP ---- */

struct facts_hop {
    struct slice url, location;
    uint16_t status;
    struct slice hsts; /* value as sent; empty: none */
    bool hsts_twice;
    uint64_t took_us;
};

struct facts_cookie {
    struct slice name, same_site;
    bool secure, http_only, session, csrf; /* the last two by its name */
    bool host_prefix_ok; /* keeps what __Host- or __Secure- promises, or has neither */
};

struct facts_hsts {
    bool present, valid, include_subdomains, preload; /* valid: well-formed and sent once */
    int64_t max_age_s;
};

struct facts_http {
    bool ran;
    bool read; /* the last answer of the https walk was read: the fields below mean something */
    struct facts_hop https[FACTS_HOPS_MAX],
        plain[FACTS_HOPS_MAX]; /* from https:// and from port 80 */
    size_t nhttps, nplain;
    enum probe_end plain_end; /* of port 80 itself */
    int plain_errno;
    bool plain_tried;
    struct facts_hsts hsts;
    struct facts_cookie cookies[FACTS_COOKIES_MAX];
    size_t ncookies;
    struct slice server, csp, csp_report_only, x_frame_options, x_content_type_options,
        referrer_policy, coop, coep, corp, permissions_policy, cors_origin, cors_credentials,
        content_type, content_encoding, alt_svc; /* several lines: joined by ", " */
    bool cors_tested;                            /* cors_* answer a request of a foreign origin */
    bool csp_meta; /* there is csp_page: policies from the page, joined by ", " */
    struct slice csp_page, referrer_page;
    int64_t date_s; /* the server's clock: Date, and Age added; 0: none */
    int64_t seen_s; /* this computer's clock when the answer was read */
    uint64_t body_bytes;
    /* Found in the page. */
    bool page_scanned; /* it was HTML that could be read; else the rest here is 0 */
    unsigned mixed_active, mixed_passive; /* http:// on an https page */
    unsigned scripts, scripts_sri;        /* with an address; with an integrity attribute */
    unsigned scripts_external, scripts_external_no_sri; /* of other sites */
    unsigned scripts_http, scripts_http_no_sri;
    unsigned forms_http;
    struct slice mixed_example, form_example, script_example; /* script: external, no integrity */
    /* Port 80 asked for the path: does it serve, or redirect a request with credentials? */
    enum facts_answer plain_serves_api, plain_redirects_credentials;
    int r;
    struct fault fault;
};

enum facts_close {
    FACTS_CLOSE_UNKNOWN,
    FACTS_CLOSE_NOTIFY,
    FACTS_CLOSE_FIN,
    FACTS_CLOSE_RESET,
    FACTS_CLOSE_SILENT
};

/* ---- judgement ---- */

enum facts_severity { FACTS_INFO, FACTS_LOW, FACTS_MEDIUM, FACTS_HIGH, FACTS_CRITICAL };

struct facts_finding {
    const char *id; /* check/finding.def */
    enum facts_severity severity;
    const char *title;
    struct slice evidence; /* what was seen */
    const char *fix;       /* the one next action */
};

enum facts_verdict {
#define VERDICT(id, word, words) FACTS_VERDICT_##id,
#include "check/verdict.def"
#undef VERDICT
    FACTS_VERDICTS
};

struct facts_why {
    bool ran;
    enum facts_verdict verdict;
    struct slice evidence[24];
    size_t nevidence;
    struct slice next; /* what to do */
};

struct facts_grade {
    bool given;
    char grade[4]; /* "A+"; "T", "M" */
    unsigned score, protocol, key_exchange, cipher;
    struct slice caps[24]; /* "B: TLS 1.0 is offered" */
    size_t ncaps;
    const char *note;     /* how it was counted, constant; NULL: not given */
    struct slice missing; /* not given: which check did not run */
};

struct facts_profile {
    bool given, modern, intermediate, old;
    struct slice differences[3][32]; /* why not, per profile */
    size_t ndifferences[3];
};

struct facts_pci {
    bool given, pass;
    struct slice failures[16];
    size_t nfailures;
};

struct facts_observatory {
    bool given;
    char grade[4];
    int score;
    struct slice modifiers[24]; /* "-20 csp-not-implemented" */
    size_t nmodifiers;
};

struct facts {
    struct arena arena;
    struct facts_target target;
    int64_t now_s; /* --now or the clock */
    struct facts_step steps[FACTS_STEPS];
    struct facts_dns dns;
    struct facts_tls tls;
    struct facts_chain chains[FACTS_CHAINS_MAX];
    size_t nchains;
    struct facts_http http;
    enum facts_close close;
    struct facts_finding findings[FACTS_FINDINGS_MAX];
    size_t nfindings;
    struct facts_why why;
    struct facts_grade ssllabs;
    struct facts_profile mozilla;
    struct facts_pci pci;
    struct facts_observatory observatory;
    uint64_t took_us;
};

/* The port that its connections go to: --connect may name another than the site has for visitors.
 */
uint16_t facts_target_port(const struct facts_target *t);
/* Zeroed, with its arena; the target's texts are copied. NULL without memory. */
struct facts *facts_new(const struct facts_target *t, int64_t now_s);
/* Accepts NULL. */
void facts_free(struct facts *f);
/* Adds a finding of finding.def with its evidence (printf), once per id. A full list drops the
 * rest. */
void facts_find(struct facts *f, const char *id, const char *evidence, ...) PRINTF_LIKE(3, 4);
bool facts_has(const struct facts *f, const char *id);
/* No step that was taken failed (a missing close_notify is no failure). */
bool facts_works(const struct facts *f);
/* Why not, in a word: the verdict, else the step that failed; "ok". */
const char *facts_reason(const struct facts *f);
/* The worst severity found; FACTS_INFO when nothing. */
enum facts_severity facts_worst(const struct facts *f);
/* "high", "tls1.2", "heartbleed", "sni_reset": constant. */
const char *facts_severity_text(enum facts_severity s);
const char *facts_version_text(enum facts_version v);
const char *facts_vuln_text(enum facts_vuln v);
const char *facts_verdict_text(enum facts_verdict v);
/* Half a sentence about it. */
const char *facts_verdict_words(enum facts_verdict v);
