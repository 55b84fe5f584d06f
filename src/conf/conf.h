/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The configuration as typed values: what the YAML file and the NAME=TARGET words of the command
 * line mean, with every default filled in and every inherited value resolved. Owns the language
 * (directive.def has one row per directive); makes no system calls: it neither reads the file nor
 * looks whether a root or a certificate exists. A configuration never changes after conf_load, so
 * any number of readers may share it.
 *
 * Every slice here is also NUL-ended (p[n] == 0) and lives as long as its struct conf. A text that
 * was not configured has n == 0. `set` has one bit per directive of that map, in the order of
 * directive.def: written in the file (1) or default (0); only conf_show needs it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/cidr.h"
#include "base/fault.h"
#include "base/slice.h"

#define CONF_FAULTS_MAX 20

struct conf_texts {
    const struct slice *items;
    size_t count;
};

struct conf_ips {
    const struct ip *items;
    size_t count;
};

struct conf_cidrs {
    const struct cidr *items;
    size_t count;
};

struct conf_address {
    struct ip ip;
    uint16_t port; /* 0: not configured */
};

struct conf_addresses {
    const struct conf_address *items;
    size_t count;
};

/* Where it was written, for the event log and `explain`. */
struct conf_place {
    struct slice file; /* the file's name, or "command line" */
    unsigned line, column;
};

/* ---- server scope ---- */

enum conf_sink_kind { CONF_SINK_OFF, CONF_SINK_STDOUT, CONF_SINK_STDERR, CONF_SINK_FILE };

struct conf_sink {
    enum conf_sink_kind kind;
    struct slice path; /* CONF_SINK_FILE only; absolute */
};

enum conf_log_format { CONF_LOG_JSON, CONF_LOG_COMBINED };

struct conf_log {
    uint64_t set;
    struct conf_sink access, events;
    enum conf_log_format format; /* of the access log */
};

/* External account binding. */
struct conf_acme_eab {
    uint64_t set;
    struct slice kid, key_file; /* both or none; the file holds base64url text */
};

/* How dns-01 puts its records: by updates of a name server or by a program, not both. */
struct conf_acme_dns {
    uint64_t set;
    struct conf_address server; /* RFC 2136; port 0: no updates */
    struct slice zone;          /* empty: found by its SOA */
    struct slice tsig_name, tsig_secret_file;
    unsigned tsig_algorithm; /* index of its words in directive.c */
    struct slice hook;
    uint64_t propagation_timeout_ms, hook_timeout_ms;
};

/* Programs that are told what happens to certificates; empty: none. */
struct conf_acme_hooks {
    uint64_t set;
    struct slice pre_issue, deployed, failed, expiring;
    uint64_t timeout_ms;
};

/* Who may get a certificate on demand; both empty: nobody. */
struct conf_acme_on_demand {
    uint64_t set;
    struct slice ask;        /* URL, asked with ?domain=NAME */
    struct conf_texts allow; /* names in normal form, or ".example.com" for all below it */
};

#define CONF_HTTP01    1u /* bits of challenges */
#define CONF_ALPN01    2u
#define CONF_DNS01     4u
#define CONF_PERSIST01 8u
#define CONF_ECDSA     1u /* bits of keys */
#define CONF_RSA       2u

struct conf_acme {
    uint64_t set;
    struct slice email;
    struct conf_texts directory; /* as written: a known word or a URL; tried in order */
    struct conf_texts urls;      /* the same, every word resolved to its URL */
    struct slice staging;        /* as written: a known word or a URL; empty: not */
    struct slice staging_url;    /* resolved; empty: the default of the first directory */
    struct slice ca_file;        /* root of a private CA's own HTTPS server */
    unsigned challenges;         /* as written; 0: not */
    unsigned offered;            /* resolved: what orders may use */
    unsigned keys;
    struct slice profile, preferred_chain;
    bool reuse_key;
    bool preflight;
    struct conf_addresses resolver; /* empty: the system's */
    struct conf_acme_eab eab;
    struct conf_acme_dns dns;
    struct conf_acme_hooks hooks;
    struct conf_acme_on_demand on_demand;
};

struct conf_metrics {
    uint64_t set;
    struct conf_address listen; /* loopback address; port 0: only on the admin socket */
};

struct conf_limits {
    uint64_t set;
    uint64_t header_bytes, header_fields, line_bytes, body_bytes; /* body_bytes 0: no limit */
    uint64_t header_timeout_ms;       /* whole head, from its first byte */
    uint64_t idle_timeout_ms;         /* kept-alive connection between requests */
    uint64_t body_timeout_ms;         /* no byte of the request body for this long */
    uint64_t body_min_rate_bytes;     /* bytes per second over body_timeout; 0: off */
    uint64_t response_timeout_ms;     /* client takes no byte of the answer for this long */
    uint64_t handshake_timeout_ms;    /* TLS handshake, from accept */
    uint64_t connections;             /* per worker */
    uint64_t connections_per_ip;      /* per worker; 0: off */
    uint64_t requests_per_connection; /* 0: off */
    uint64_t h2_streams;              /* concurrent, per connection */
};

enum conf_tls_version { CONF_TLS_1_2, CONF_TLS_1_3 };

struct conf_tls {
    uint64_t set;
    enum conf_tls_version min_version;
    uint64_t ticket_lifetime_ms; /* a ticket key encrypts this long, then decrypts as long again */
};

enum conf_hsts_mode {
    CONF_HSTS_OFF,
    CONF_HSTS_AUTO, /* ramps with the age of the certificate; off for local names */
    CONF_HSTS_FIXED /* max_age_ms as written */
};

struct conf_hsts {
    uint64_t set;
    enum conf_hsts_mode mode;
    uint64_t max_age_ms; /* CONF_HSTS_FIXED only */
    bool include_subdomains, preload;
};

struct conf_field {
    struct slice name;  /* a valid field name, as written */
    struct slice value; /* no CR, LF, NUL */
};

struct conf_fields {
    const struct conf_field *items;
    size_t count;
};

/* As written in one `headers` map. */
struct conf_headers {
    uint64_t set;
    struct conf_fields set_fields, add_fields;
    struct conf_texts remove;
};

enum conf_header_kind { CONF_HEADER_REMOVE, CONF_HEADER_SET, CONF_HEADER_ADD };

/* One step of the resolved list of a route: server first, then site, then route; apply in order. */
struct conf_header_step {
    enum conf_header_kind kind;
    struct slice name, value;
};

/* ---- proxy ---- */

enum conf_scheme { CONF_HTTP, CONF_HTTPS, CONF_UNIX };

struct conf_upstream {
    struct slice text; /* normal form: "http://127.0.0.1:3000", "unix:/run/a.sock" */
    enum conf_scheme scheme;
    struct slice host; /* name or address without brackets; empty for CONF_UNIX */
    uint16_t port;     /* 0 for CONF_UNIX */
    struct slice path; /* socket path, CONF_UNIX only */
};

struct conf_upstreams {
    const struct conf_upstream *items;
    size_t count;
};

enum conf_balance { CONF_ROUND_ROBIN, CONF_LEAST_CONN, CONF_RANDOM };
enum conf_proxy_host { CONF_HOST_PRESERVE, CONF_HOST_UPSTREAM };

struct conf_range {
    uint64_t min, max; /* both included */
};

/* Active checks; off while path is empty. */
struct conf_health {
    uint64_t set;
    struct slice path;
    uint64_t interval_ms, timeout_ms;
    struct conf_range status; /* an answer in this range is healthy */
};

struct conf_upstream_tls {
    uint64_t set;
    struct slice ca;          /* PEM file; empty: the system store */
    struct slice server_name; /* for SNI and verification; empty: the upstream's host */
    bool verify;              /* false only together with insecure_skip_verify */
    bool insecure_skip_verify;
    struct slice cert, key; /* client certificate; both or none */
};

struct conf_proxy {
    uint64_t set;
    uint64_t digest; /* equal digests: same upstreams and options, so pools and health carry over */
    struct conf_upstreams to; /* at least one where the action is CONF_PROXY */
    enum conf_balance balance;
    enum conf_proxy_host host; /* which Host the upstream sees */
    struct conf_health health;
    uint64_t connect_timeout_ms;
    uint64_t timeout_ms;           /* no byte from the upstream for this long */
    uint64_t keepalive;            /* idle connections kept per upstream and worker; 0: none */
    uint64_t keepalive_timeout_ms; /* an idle one is closed after this */
    uint64_t max_fails;            /* within fail_timeout, then out for fail_timeout; 0: never */
    uint64_t fail_timeout_ms;
    uint64_t retries; /* on another upstream, when nothing of the request was consumed */
    struct conf_upstream_tls tls;
};

/* ---- routes ---- */

struct conf_files {
    uint64_t set;
    struct slice root; /* absolute directory */
    struct conf_texts index;
    bool listing;
    bool precompressed;         /* .br .zst .gz siblings */
    struct slice spa;           /* "/index.html" answers every path without a file; empty: off */
    struct slice not_found;     /* "/404.html" is the body of 404; empty: built in */
    struct slice cache_control; /* value of Cache-Control; empty: not sent */
};

struct conf_redirect {
    uint64_t set;
    struct slice to; /* https://host[/path], http://... or /path on the same site */
    uint64_t status; /* 301, 302, 303, 307, 308 */
    bool keep_path;  /* append the request's path (and always its query) */
};

struct conf_respond {
    uint64_t set;
    bool connection; /* a JSON description of the visitor's own connection */
    uint64_t status;
    struct slice body, content_type;
};

enum conf_action { CONF_ACTION_NONE, CONF_FILES, CONF_PROXY, CONF_REDIRECT, CONF_RESPOND };

/* One rule: which requests, and what happens with them. Only the member named by `action` counts.
 */
struct conf_route {
    uint64_t set;
    struct conf_place place;
    struct slice path; /* prefix of whole segments: "/" or "/a/b" without a final slash */
    enum conf_action action;
    struct conf_files files;
    struct conf_proxy proxy;
    struct conf_redirect redirect;
    struct conf_respond respond;
    bool strip_prefix;           /* take `path` off before the action sees it */
    uint64_t body_bytes;         /* resolved: route, else site, else limits; 0: no limit */
    struct conf_headers headers; /* as written here only */
    const struct conf_header_step *header_steps; /* resolved, whole tree */
    size_t nheader_steps;
};

struct conf_cert {
    uint64_t set;
    struct slice cert, key; /* PEM files; cert holds the chain, leaf first */
};

struct conf_certs {
    const struct conf_cert *items;
    size_t count;
};

struct conf_site_tls {
    uint64_t set;
    struct slice cert, key;  /* as written */
    struct conf_certs certs; /* resolved: cert/key or the list; none: local CA or ACME */
};

enum conf_name_kind { CONF_NAME, CONF_WILDCARD, CONF_IP };

struct conf_site {
    uint64_t set;
    struct conf_place place;
    struct slice name; /* normal form, see conf_site_normal */
    enum conf_name_kind kind;
    bool local;                /* name is local: certificate from the local CA */
    bool on_demand;            /* wildcard: each name below it gets its own when first asked for */
    bool api;                  /* port 80 answers 403 and never redirects */
    bool log;                  /* false: no access log lines */
    struct conf_texts aliases; /* more names in normal form; no duplicates in the whole file */
    struct conf_site_tls tls;
    struct conf_hsts hsts; /* resolved: site, else server */
    struct conf_route all; /* what is written on the site itself: defaults for its routes */
    /* Tried in order, first match wins. A site with an action of its own has one, path "/". */
    const struct conf_route *routes;
    size_t nroutes;
};

struct conf {
    uint64_t set;
    struct slice file; /* name of the file; empty when there was none */
    struct conf_acme acme;
    bool only_443; /* no port-80 listener */
    uint64_t https_port, http_port;
    struct conf_ips listen;
    uint64_t workers; /* 0: one per core */
    struct slice user;
    struct slice state; /* directory; empty: the caller's default */
    uint64_t drain_timeout_ms;
    struct conf_log log;
    struct conf_metrics metrics;
    struct conf_cidrs trusted_proxies;
    struct conf_limits limits;
    struct conf_headers headers;
    struct conf_hsts hsts;
    struct conf_tls tls;
    struct conf_proxy upstream; /* defaults of every proxy; has no `to` */
    const struct conf_site *sites;
    size_t nsites;      /* >= 1 */
    struct arena arena; /* everything above lives here */
};

/* A server directive given as an option: {"https_port", "8443"}; wins over the file. */
struct conf_setting {
    const char *name, *value;
};

/* What conf_load reads; all borrowed for the call only. */
struct conf_source {
    const char *file;         /* name for messages; NULL: no file */
    struct slice text;        /* its bytes */
    const char *const *words; /* NAME=TARGET, see conf_word_absolute */
    size_t nwords;
    const struct conf_setting *settings;
    size_t nsettings;
};

struct conf_faults {
    size_t count;     /* filled entries of list, in file order as far as they were found */
    size_t not_shown; /* found beyond CONF_FAULTS_MAX */
    struct fault list[CONF_FAULTS_MAX];
};

/* All or nothing: *ret is set only on OK, and then owned by the caller. ERR_CONFIG with at least
 * one entry in faults (every error that could be found, each with file:line:column, snippet and,
 * for a misspelt word, the nearest valid one), ERR_NOMEM. Neither blocks nor makes system calls. */
int conf_load(const struct conf_source *src, struct conf **ret,
              struct conf_faults *faults) MUST_USE;
/* Accepts NULL. */
void conf_free(struct conf *conf);
/* A NAME=TARGET word whose TARGET may be ".", "./dir" or "../dir" as a word that means the same
 * everywhere. The copy is the caller's (mem_free); NULL without memory. */
char *conf_word_absolute(const char *word, const char *cwd) MUST_USE;

/* The whole configuration as YAML that conf_load reads back to the same values; a line whose value
 * was not written ends in "# default" or "# inherited". ERR_CAP, ERR_NOMEM of the buffer. */
int conf_show(const struct conf *conf, struct buf *ret) MUST_USE;
/* JSON Schema (draft 2020-12) of the file. ERR_CAP, ERR_NOMEM. */
int conf_schema(struct buf *ret) MUST_USE;

/* Stable digest of everything that a site does (not cryptographic): equal text, equal digest. */
uint64_t conf_site_digest(const struct conf_site *site);
/* True for names that no public CA certifies: localhost, *.localhost, *.test, *.internal,
 * *.home.arpa, and loopback, private and link-local addresses. name is in normal form. */
bool conf_site_is_local(struct slice name);
/* Normal form of a host name, wildcard or address into dst (at least 256 bytes, NUL-ended): lower
 * case, no final dot, RFC 5952. ERR_SYNTAX with *why naming the reason in words; *ret and *kind are
 * untouched then. */
int conf_site_normal(struct slice text, char *dst, struct slice *ret, enum conf_name_kind *kind,
                     const char **why) MUST_USE;
