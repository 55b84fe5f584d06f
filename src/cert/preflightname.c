/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Asks for everything at once, judges when all is there. */
#include "cert/preflightname.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cert/acmeca.h"
#include "cert/caa.h"

#define PROBE_MS     5000u
#define FINDINGS_MAX 4096 /* a hundred names with six addresses and two ports each: enough */
#define DNS_TYPES    ((1u << CHALLENGE_DNS01) | (1u << CHALLENGE_PERSIST01))

static void say(char *dst, size_t cap, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void say(char *dst, size_t cap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(dst, cap, fmt, args);
    va_end(args);
}

#define TEXT(f, ...) say((f)->text, sizeof((f)->text), __VA_ARGS__)
#define NEXT(f, ...) say((f)->next, sizeof((f)->next), __VA_ARGS__)

struct preflight_finding *preflightname_add(struct preflight *p, struct preflightname *n,
                                            enum preflight_level level, const char *id)
{
    struct preflight_finding *all = NULL;
    if (n)
        n->found++; /* also when it is lost: that name is not good */
    if (p->nfindings < FINDINGS_MAX)
        all = mem_resize(p->findings, (p->nfindings + 1) * sizeof(*all));
    if (!all)
        return NULL;
    p->findings = all;
    struct preflight_finding *f = &all[p->nfindings++];
    *f = (struct preflight_finding){.level = level, .id = id};
    if (n)
        f->name = n->full;
    return f;
}

static struct slice shown(const struct preflightname *n)
{
    return slice_first(n->full, 150);
}

static bool enabled(const struct preflightname *n, enum challenge_type t)
{
    return n->p->plan.challenges & 1u << t;
}

static bool by_address(const struct preflightname *n)
{
    return !n->wildcard && (enabled(n, CHALLENGE_HTTP01) || enabled(n, CHALLENGE_ALPN01));
}

static bool by_dns(const struct preflightname *n)
{
    return !n->literal && n->p->plan.challenges & DNS_TYPES;
}

static void one_done(struct preflightname *n)
{
    if (--n->pending == 0)
        n->p->on_name(n);
}

/* ---- ports ---- */

static bool is_bad(const struct preflightname *n, const struct portprobe *probe)
{
    return probe->result == PORTPROBE_FILTERED ||
           (probe->result == PORTPROBE_REFUSED && n->p->plan.listening);
}

static bool is_v6(const struct portprobe *probe)
{
    struct ip ip;
    uint16_t port;
    return sock_addr_ip(&probe->addr, &ip, &port) && !cidr_is_v4(&ip);
}

/* One challenge type works when something answers and no IPv6 address leads astray: CAs try IPv6
 * first, and fall back only once. */
static bool type_works(const struct preflightname *n, bool http)
{
    bool any = false;
    for (size_t i = 0; i < n->nprobes; i++) {
        const struct preflightname_probe *q = &n->probes[i];
        if (q->http != http)
            continue;
        if (q->bad && is_v6(&q->probe))
            return false;
        any = any || !q->bad;
    }
    return any;
}

static bool answers_over_v4(const struct preflightname *n, bool http)
{
    for (size_t i = 0; i < n->nprobes; i++)
        if (n->probes[i].http == http && !n->probes[i].bad && !is_v6(&n->probes[i].probe))
            return true;
    return false;
}

static void report_port(struct preflightname *n, const struct preflightname_probe *q,
                        bool other_way)
{
    char where[SOCK_ADDR_TEXT];
    bool refused = q->probe.result == PORTPROBE_REFUSED;
    bool astray = is_v6(&q->probe) && answers_over_v4(n, q->http);
    /* Seen from inside, an address that is not ours may be a router that forwards only what comes
     * from outside: no proof. */
    bool proof = astray || q->probe.own;
    struct preflight_finding *f =
        preflightname_add(n->p, n, proof && !other_way ? PREFLIGHT_ERROR : PREFLIGHT_WARN,
                          astray    ? "ipv6_broken"
                          : refused ? "port_closed"
                                    : "port_filtered");
    if (!f)
        return;
    sock_addr_format(&q->probe.addr, where);
    const char *type = q->http ? "http-01" : "tls-alpn-01";
    if (astray)
        TEXT(f, SLICE_F ": IPv6 is in DNS but does not answer at %s (%s): CAs try IPv6 first",
             SLICE_A(shown(n)), where, refused ? "connection refused" : "no answer");
    else if (refused)
        TEXT(f, SLICE_F ": nothing listens at %s (connection refused), where %s is asked",
             SLICE_A(shown(n)), where, type);
    else
        TEXT(f, SLICE_F ": no answer from %s, where %s is asked: a firewall or router drops it",
             SLICE_A(shown(n)), where, type);
    if (astray)
        NEXT(f, "let the port through to this machine over IPv6, or remove the AAAA record");
    else if (refused)
        NEXT(f, q->probe.own
                    ? "start the server there, or point the name at the right machine"
                    : "see that the address is this machine's or its router's, and that the "
                      "port is forwarded; from inside this cannot be told for sure");
    else
        NEXT(f, q->probe.own ? "open the port in this machine's firewall"
                             : "open the port up to this machine; from inside of a network that "
                               "forwards ports this cannot be told for sure");
}

static void judge_ports(struct preflightname *n)
{
    for (size_t i = 0; i < n->nprobes; i++)
        n->probes[i].bad = is_bad(n, &n->probes[i].probe);
    bool other_way = by_dns(n) || type_works(n, true) || type_works(n, false);
    for (size_t i = 0; i < n->nprobes; i++)
        if (n->probes[i].bad)
            report_port(n, &n->probes[i], other_way);
}

static void on_probe(struct portprobe *p)
{
    struct preflightname_probe *done = container_of(p, struct preflightname_probe, probe);
    struct preflightname *n = done->of;
    bool last = true;
    for (size_t i = 0; i < n->nprobes; i++)
        last = last && !n->probes[i].probe.loop;
    if (last)
        judge_ports(n);
    one_done(n);
}

static void add_probe(struct preflightname *n, const struct ip *ip, bool http)
{
    const struct preflight_plan *plan = &n->p->plan;
    uint16_t port = http ? plan->http_port : plan->https_port;
    if (!enabled(n, http ? CHALLENGE_HTTP01 : CHALLENGE_ALPN01) || !port)
        return;
    struct preflightname_probe *q = &n->probes[n->nprobes++];
    q->of = n;
    q->http = http;
    q->probe.on_done = on_probe;
    sock_addr_make(ip, port, &q->probe.addr);
}

static void start_probes(struct preflightname *n)
{
    for (size_t i = 0; i < n->nips; i++) {
        add_probe(n, &n->ips[i], true);
        add_probe(n, &n->ips[i], false);
    }
    for (size_t i = 0; i < n->nprobes; i++) {
        n->pending++;
        portprobe_start(&n->probes[i].probe, n->p->loop, PROBE_MS);
    }
}

/* ---- addresses ---- */

static bool only_private(const struct preflightname *n)
{
    for (size_t i = 0; i < n->nips; i++)
        if (!cidr_is_private(&n->ips[i]))
            return false;
    return n->nips > 0;
}

/* With dns-01 at hand a missing address stops nothing. */
static void report_no_address(struct preflightname *n)
{
    bool broken = n->r == ERR_RESOLVE && n->rcode == DNS_SERVFAIL;
    bool unsure = n->r && !broken;
    struct preflight_finding *f =
        preflightname_add(n->p, n, unsure || by_dns(n) ? PREFLIGHT_WARN : PREFLIGHT_ERROR,
                          broken   ? "dns_failed"
                          : unsure ? "dns_timeout"
                                   : "dns_none");
    if (!f)
        return;
    if (broken) {
        TEXT(f, SLICE_F ": the DNS server answers SERVFAIL", SLICE_A(shown(n)));
        NEXT(f, "the zone's servers or its DNSSEC signatures are broken: `delv " SLICE_F "` tells",
             SLICE_A(slice_first(n->name, 150)));
    } else if (unsure) {
        TEXT(f, SLICE_F ": addresses cannot be looked up: %s", SLICE_A(shown(n)), n->why);
        NEXT(f, "see that this machine's DNS servers answer");
    } else if (!n->exists) {
        TEXT(f, SLICE_F " does not exist in DNS (NXDOMAIN)", SLICE_A(shown(n)));
        NEXT(f, "add an A or AAAA record with this machine's public address");
    } else {
        TEXT(f, SLICE_F " has neither an A nor an AAAA record", SLICE_A(shown(n)));
        NEXT(f, "add an A or AAAA record with this machine's public address");
    }
}

static void judge_addresses(struct preflightname *n)
{
    if (!n->nips) {
        report_no_address(n);
        return;
    }
    if (n->r == ERR_RESOLVE && n->rcode == DNS_SERVFAIL) {
        struct preflight_finding *f = preflightname_add(n->p, n, PREFLIGHT_WARN, "dns_failed");
        if (f) {
            TEXT(f, SLICE_F ": one of its A and AAAA look-ups fails (SERVFAIL); CAs need both",
                 SLICE_A(shown(n)));
            NEXT(f, "see that the zone's servers answer for types that the name does not have");
        }
    }
    if (n->p->public_ca && only_private(n)) {
        char ip[CIDR_IP_TEXT];
        cidr_format_ip(&n->ips[0], ip);
        struct preflight_finding *f = preflightname_add(n->p, n, PREFLIGHT_WARN, "private_address");
        if (f) {
            TEXT(f, SLICE_F " has only private addresses (%s): a public CA cannot reach it",
                 SLICE_A(shown(n)), ip);
            NEXT(f, "use dns-01, or a certificate of the local CA");
        }
        return;
    }
    start_probes(n);
}

static void take_addresses(struct preflightname *n, const struct dns_answer *a)
{
    if (a->r && (!n->r || a->rcode == DNS_SERVFAIL)) {
        n->r = a->r;
        n->rcode = a->rcode;
        n->why = a->why;
    }
    n->exists = n->exists || (!a->r && a->rcode != DNS_NXDOMAIN);
    for (size_t i = 0; i < a->nrecords && n->nips < PREFLIGHTNAME_IPS_MAX; i++)
        if (a->records[i].type == DNS_A || a->records[i].type == DNS_AAAA)
            n->ips[n->nips++] = a->records[i].ip;
}

static void on_a(struct dns_query *q, const struct dns_answer *a)
{
    struct preflightname *n = container_of(q, struct preflightname, a);
    take_addresses(n, a);
    if (!n->aaaa.d)
        judge_addresses(n);
    one_done(n);
}

static void on_aaaa(struct dns_query *q, const struct dns_answer *a)
{
    struct preflightname *n = container_of(q, struct preflightname, aaaa);
    take_addresses(n, a);
    if (!n->a.d)
        judge_addresses(n);
    one_done(n);
}

/* ---- CAA ---- */

static void report_caa(struct preflightname *n, enum caa_verdict v, struct slice detail,
                       struct slice identity)
{
    struct preflight_finding *f =
        preflightname_add(n->p, n, v == CAA_UNTOLD ? PREFLIGHT_WARN : PREFLIGHT_ERROR,
                          v == CAA_UNTOLD ? "caa_unknown" : "caa_forbids");
    char said[120];
    struct slice at = slice_first(n->caa_at, 100);
    if (!f)
        return;
    text_escape_quotes(detail, said, sizeof(said));
    const char *tag = n->wildcard ? "issuewild" : "issue";
    NEXT(f, "add the record: " SLICE_F ". CAA 0 %s \"" SLICE_F "\"", SLICE_A(at), tag,
         SLICE_A(slice_first(identity, 80)));
    switch (v) {
    case CAA_CRITICAL:
        TEXT(f,
             "CAA of " SLICE_F ": the critical property \"%s\" is unknown to CAs, none may issue",
             SLICE_A(at), said);
        NEXT(f, "remove that record, or its flag 128");
        break;
    case CAA_NOBODY:
        TEXT(f, "CAA of " SLICE_F " allows no CA to issue for " SLICE_F, SLICE_A(at),
             SLICE_A(shown(n)));
        break;
    case CAA_OTHERS:
        TEXT(f, "CAA of " SLICE_F " allows \"%s\" and not \"" SLICE_F "\"", SLICE_A(at), said,
             SLICE_A(slice_first(identity, 80)));
        break;
    case CAA_ACCOUNT:
        TEXT(f, "CAA of " SLICE_F " allows another account of the CA: \"%s\"", SLICE_A(at), said);
        NEXT(f, "write accounturi=" SLICE_F " there, or leave accounturi out",
             SLICE_A(slice_first(n->p->plan.account_url, 150)));
        break;
    case CAA_METHODS:
        TEXT(f, "CAA of " SLICE_F " allows other challenge types than the enabled ones: \"%s\"",
             SLICE_A(at), said);
        NEXT(f, "enable one of these types, or leave validationmethods out");
        break;
    case CAA_UNTOLD:
        TEXT(f,
             "CAA of " SLICE_F " restricts who may issue (\"%s\"), and the CA does not tell its "
             "name for CAA",
             SLICE_A(at), said);
        NEXT(f, "see in the CA's documentation that this is its name");
        break;
    case CAA_ALLOWED:
        break;
    }
}

static void judge_caa(struct preflightname *n, const struct dns_answer *a)
{
    const struct acmeobj_directory *dir = acmeca_directory(n->p->ca);
    const char *methods[CHALLENGE_TYPES];
    struct caa_asked asked = {.identities = dir ? dir->caa : NULL,
                              .nidentities = dir ? dir->ncaa : 0,
                              .account_url = n->p->plan.account_url,
                              .methods = methods,
                              .wildcard = n->wildcard};
    for (int t = 0; t < CHALLENGE_TYPES; t++)
        if (enabled(n, (enum challenge_type)t))
            methods[asked.nmethods++] = challenge_type_text((enum challenge_type)t);
    struct slice detail;
    enum caa_verdict v = caa_check(a->records, a->nrecords, &asked, &detail);
    if (v != CAA_ALLOWED)
        report_caa(n, v, detail, asked.nidentities ? asked.identities[0] : SLICE("its name"));
}

/* RFC 8659 3: CAs must refuse when the look-up fails and they cannot prove that the zone is
 * unsigned. What our own resolver cannot answer is no proof against theirs. */
static void report_caa_failed(struct preflightname *n, const struct dns_answer *a)
{
    bool broken = a->rcode == DNS_SERVFAIL;
    struct preflight_finding *f = preflightname_add(
        n->p, n, broken ? PREFLIGHT_ERROR : PREFLIGHT_WARN, broken ? "dns_failed" : "dns_timeout");
    if (!f)
        return;
    TEXT(f, "CAA of " SLICE_F " cannot be looked up: %s; a CA that sees the same refuses",
         SLICE_A(slice_first(n->caa_at, 150)), a->why);
    NEXT(f, broken ? "some name servers fail at types that they do not know, or DNSSEC is broken"
                   : "see that this machine's DNS servers answer");
}

static void on_caa(struct dns_query *q, const struct dns_answer *a)
{
    struct preflightname *n = container_of(q, struct preflightname, caa);
    size_t dot = slice_find(n->caa_at, '.');
    if (a->r) {
        report_caa_failed(n, a);
    } else if (caa_present(a->records, a->nrecords)) {
        judge_caa(n, a);
    } else if (dot < n->caa_at.n) {
        n->caa_at = slice_from(n->caa_at, dot + 1);
        dns_ask(n->p->dns, n->caa_at, DNS_CAA, q);
        return;
    }
    one_done(n);
}

/* ---- the whole ---- */

static void report_no_challenge(struct preflightname *n)
{
    struct preflight_finding *f = preflightname_add(n->p, n, PREFLIGHT_ERROR, "no_challenge");
    if (!f)
        return;
    if (n->wildcard) {
        TEXT(f, SLICE_F ": wildcards are validated by dns-01 only, which is not configured",
             SLICE_A(shown(n)));
        NEXT(f, "configure dns-01, or name the hosts one by one");
    } else if (n->literal) {
        TEXT(f, SLICE_F ": addresses are validated by http-01 or tls-alpn-01 only, both are off",
             SLICE_A(shown(n)));
        NEXT(f, "enable http-01 or tls-alpn-01");
    } else {
        TEXT(f, SLICE_F ": no challenge type is enabled", SLICE_A(shown(n)));
        NEXT(f, "enable http-01, tls-alpn-01 or dns-01");
    }
}

void preflightname_start(struct preflightname *n)
{
    n->active = true;
    n->a.on_done = on_a;
    n->aaaa.on_done = on_aaaa;
    n->caa.on_done = on_caa;
    n->wildcard = slice_starts(n->full, SLICE("*."));
    n->name = slice_from(n->full, n->wildcard ? 2 : 0);
    n->literal = cidr_parse_ip(n->name, &n->ips[0]) == OK;
    n->caa_at = n->name;
    if (!by_address(n) && !by_dns(n))
        report_no_challenge(n);
    if (n->literal) {
        n->nips = 1;
        if (by_address(n))
            judge_addresses(n);
        return;
    }
    n->pending = 1;
    dns_ask(n->p->dns, n->caa_at, DNS_CAA, &n->caa);
    if (by_address(n)) {
        n->pending += 2;
        dns_ask(n->p->dns, n->name, DNS_A, &n->a);
        dns_ask(n->p->dns, n->name, DNS_AAAA, &n->aaaa);
    }
}

void preflightname_cancel(struct preflightname *n)
{
    dns_cancel(&n->a);
    dns_cancel(&n->aaaa);
    dns_cancel(&n->caa);
    for (size_t i = 0; i < n->nprobes; i++)
        portprobe_cancel(&n->probes[i].probe);
    n->active = false;
}
