/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One question after the other; each answer decides the next. */
#include "cert/dnszone.h"

#include "base/err.h"
#include "base/text.h"

enum step { STEP_CNAME, STEP_SOA, STEP_NS, STEP_ADDRESS };

/* True when `name` is `zone` or stands below it. */
static bool holds(struct slice zone, struct slice name)
{
    if (name.n <= zone.n)
        return slice_eq_nocase(zone, name);
    struct slice tail = slice_from(name, name.n - zone.n);
    return slice_eq_nocase(tail, zone) && (zone.n == 0 || name.p[name.n - zone.n - 1] == '.');
}

static void end(struct dnszone_search *s, int r)
{
    s->dns = NULL;
    s->on_done(s, r, r ? &s->fault : NULL);
}

static void on_answer(struct dns_query *q, const struct dns_answer *a);

static void ask(struct dnszone_search *s, struct slice name, enum dns_type type)
{
    s->q.on_done = on_answer;
    dns_ask(s->dns, name, type, &s->q);
}

static void quote(struct slice name, char dst[256])
{
    text_escape_quotes(name, dst, 256);
}

/* The name goes to hook programs as an argument and into updates; what a foreign zone's CNAME says
 * must not become an option or a line of its own there. */
static bool is_plain(struct slice name)
{
    if (!name.n || name.p[0] == '-' || name.n > 253)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = slice_lower(name.p[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static int failed(struct dnszone_search *s, const struct dns_answer *a, const char *what,
                  struct slice name)
{
    char text[256];
    quote(name, text);
    fault_set(&s->fault, a->r, "cannot look up the %s of %s: %s", what, text, a->why);
    if (a->rcode == DNS_SERVFAIL)
        fault_next(&s->fault,
                   "a server or a DNSSEC signature of the zone is broken: `delv %s` tells "
                   "which",
                   text);
    else
        fault_next(&s->fault, "see that the DNS servers in the settings answer");
    return a->r;
}

static void ask_zone(struct dnszone_search *s)
{
    s->step = STEP_SOA;
    s->at = s->fixed ? s->found.zone : s->found.name;
    ask(s, s->at, DNS_SOA);
}

static int take_cname(struct dnszone_search *s, const struct dns_answer *a)
{
    char text[256];
    quote(s->found.name, text);
    if (a->r)
        return failed(s, a, "CNAME", s->found.name);
    if (!a->nrecords) {
        if (s->fixed && !holds(s->found.zone, s->found.name)) {
            fault_set(&s->fault, ERR_CONFIG,
                      "%s is not in the zone \"" SLICE_F "\" of the settings", text,
                      SLICE_A(slice_first(s->found.zone, 100)));
            fault_next(&s->fault, "leave the zone out of the settings, it is found by itself");
            return ERR_CONFIG;
        }
        s->named = true;
        ask_zone(s);
        return OK;
    }
    if (++s->hops > DNSZONE_HOPS_MAX) {
        fault_set(&s->fault, ERR_RESOLVE,
                  "the CNAMEs of the challenge name lead in a circle, or over more than %d (at %s)",
                  DNSZONE_HOPS_MAX, text);
        fault_next(&s->fault,
                   "let _acme-challenge point straight to the name that takes the record");
        return ERR_RESOLVE;
    }
    struct slice target = a->records[0].target;
    if (!is_plain(target)) {
        quote(target, text);
        return fault_set(&s->fault, ERR_SYNTAX,
                         "the CNAME of the challenge name leads to \"%s\", which is no host name",
                         text);
    }
    int r = arena_copy(s->arena, target, &s->found.name);
    if (r)
        return fault_set(&s->fault, r, "no memory for a DNS name");
    ask(s, s->found.name, DNS_CNAME);
    return OK;
}

static void start_addresses(struct dnszone_search *s);

/* Of an answer through a CNAME the SOA belongs to another tree: only one that holds the name asked
 * counts. */
static const struct dns_record *soa_of(const struct dnszone_search *s, const struct dns_answer *a)
{
    for (size_t i = 0; i < a->nrecords; i++)
        if (a->records[i].type == DNS_SOA && a->records[i].owner.n &&
            holds(a->records[i].owner, s->at))
            return &a->records[i];
    return NULL;
}

static int no_zone(struct dnszone_search *s)
{
    char text[256];
    quote(s->found.name, text);
    if (!s->fault.what[0])
        fault_set(&s->fault, ERR_RESOLVE, "no zone holds %s: none of its parents has a SOA record",
                  text);
    fault_next(&s->fault, "see that the domain is registered and its name servers answer");
    return s->fault.code;
}

static int take_soa(struct dnszone_search *s, const struct dns_answer *a)
{
    const struct dns_record *soa = a->r ? NULL : soa_of(s, a);
    if (a->r == ERR_NOMEM)
        return failed(s, a, "SOA", s->at);
    if (soa) {
        int r = arena_copy(s->arena, soa->target, &s->found.primary);
        if (!r && !s->fixed)
            r = arena_copy(s->arena, soa->owner, &s->found.zone);
        if (r)
            return fault_set(&s->fault, r, "no memory for a DNS name");
        s->step = STEP_NS;
        ask(s, s->found.zone, DNS_NS);
        return OK;
    }
    /* Some servers fail at names with underscores: a parent may answer. */
    if (a->r && !s->fault.what[0])
        (void)failed(s, a, "zone", s->at);
    size_t dot = slice_find(s->at, '.');
    if (dot >= s->at.n || s->fixed)
        return no_zone(s);
    s->at = slice_from(s->at, dot + 1);
    ask(s, s->at, DNS_SOA);
    return OK;
}

static void take_ns(struct dnszone_search *s, const struct dns_answer *a)
{
    for (size_t i = 0; i < a->nrecords && s->nnames < DNSZONE_NAMES_MAX; i++) {
        struct slice name;
        if (a->records[i].type == DNS_NS && a->records[i].target.n &&
            arena_copy(s->arena, a->records[i].target, &name) == OK)
            s->names[s->nnames++] = name;
    }
    if (s->for_primary && s->found.primary.n)
        s->names[s->nnames++] = s->found.primary;
    start_addresses(s);
}

static void start_addresses(struct dnszone_search *s)
{
    s->step = STEP_ADDRESS;
    if (s->next_name == s->nnames)
        end(s, OK);
    else
        ask(s, s->names[s->next_name], s->v6 ? DNS_AAAA : DNS_A);
}

static void add_ip(struct ip *ips, size_t *n, size_t max, const struct ip *ip)
{
    for (size_t i = 0; i < *n; i++)
        if (memcmp(&ips[i], ip, sizeof(*ip)) == 0)
            return;
    if (*n < max)
        ips[(*n)++] = *ip;
}

static void take_address(struct dnszone_search *s, const struct dns_answer *a)
{
    bool primary = s->for_primary && s->found.primary.n && s->next_name == s->nnames - 1;
    for (size_t i = 0; i < a->nrecords; i++) {
        if (a->records[i].type != DNS_A && a->records[i].type != DNS_AAAA)
            continue;
        if (primary)
            add_ip(s->found.primary_ips, &s->found.nprimary, ARRAY_LEN(s->found.primary_ips),
                   &a->records[i].ip);
        else
            add_ip(s->found.servers, &s->found.nservers, DNSZONE_SERVERS_MAX, &a->records[i].ip);
    }
    s->next_name += s->v6;
    s->v6 = !s->v6;
    start_addresses(s);
}

static void on_answer(struct dns_query *q, const struct dns_answer *a)
{
    struct dnszone_search *s = container_of(q, struct dnszone_search, q);
    int r = OK;
    switch ((enum step)s->step) {
    case STEP_CNAME:
        r = take_cname(s, a);
        break;
    case STEP_SOA:
        r = take_soa(s, a);
        break;
    case STEP_NS: /* without an answer the search still has found what an update needs */
        take_ns(s, a);
        return;
    case STEP_ADDRESS:
        take_address(s, a);
        return;
    }
    if (r)
        end(s, r);
}

void dnszone_find(struct dnszone_search *s, struct dns *dns, struct arena *arena, struct slice name,
                  struct slice zone, bool primary)
{
    void (*on_done)(struct dnszone_search *, int, const struct fault *) = s->on_done;
    *s = (struct dnszone_search){.dns = dns,
                                 .arena = arena,
                                 .found = {.name = name, .zone = zone},
                                 .fixed = zone.n > 0,
                                 .for_primary = primary,
                                 .on_done = on_done};
    ask(s, name, DNS_CNAME);
}

void dnszone_cancel(struct dnszone_search *s)
{
    if (!s->dns)
        return;
    dns_cancel(&s->q);
    s->dns = NULL;
}
