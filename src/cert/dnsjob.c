/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The steps of one record. Every callback to the owner is the last thing that a function does: he
 * may withdraw, or free the whole solver, from inside. */
#include "cert/dnsjob.h"

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define FIND_MS        60000u
#define PROPAGATION_MS 120000u
#define HOOK_MS        60000u
#define TTL_S          60u
#define REMOVALS_MAX   3
#define REMOVAL_MS     3000u /* between tries */
#define DNS_PORT       53

static void on_timer(struct loop_timer *t);

struct dnsjob *dnsjob_new(struct dnssolve *d, struct dnssolve_record *rec)
{
    struct dnsjob *j = mem_alloc(sizeof(*j));
    if (!j)
        return NULL;
    j->d = d;
    j->rec = rec;
    arena_init(&j->arena, DNSJOB_TEXT_BYTES);
    loop_timer_init(&j->timer, on_timer);
    list_push(&d->jobs, &j->node);
    return j;
}

void dnsjob_free(struct dnsjob *j)
{
    dnszone_cancel(&j->search);
    dnsspread_cancel(&j->spread);
    dns_cancel_exchange(&j->exchange);
    dns_cancel(&j->query);
    loop_timer_clear(&j->timer);
    list_remove(&j->node);
    arena_done(&j->arena);
    mem_free(j);
}

static void event(struct dnsjob *j, enum event_level level, const char *name, const char *note)
{
    struct event_field fields[] = {EV_TEXT("record", j->zone.name), EV_TEXT("zone", j->zone.zone),
                                   EV_CSTR("note", note)};
    j->d->host->on_event(j->d->host->ctx, level, name, fields, ARRAY_LEN(fields));
}

static void start_removal(struct dnsjob *j);

/* Tells rec, which is over when r is not OK, and lets the job remove what it left. */
static void tell_owner(struct dnsjob *j, int r, const struct fault *f)
{
    struct dnssolve_record *rec = j->rec;
    struct fault copy = {0};
    if (f)
        copy = *f;
    if (r) {
        j->rec = NULL;
        if (j->touched)
            start_removal(j);
        else
            dnsjob_free(j);
    }
    if (!rec)
        return;
    if (r) {
        rec->d = NULL;
        rec->state = NULL;
    }
    rec->on_done(rec, r, r ? &copy : NULL);
}

/* ---- hook program ---- */

static int hook_input(struct dnsjob *j, const char *action, struct buf *out)
{
    struct json js;
    json_init(&js, out);
    json_object(&js, NULL);
    json_cstr(&js, "action", action);
    json_text(&js, "name", j->zone.name);
    json_text(&js, "value", j->value);
    json_text(&js, "zone", j->zone.zone);
    json_end(&js, '}');
    return js.r;
}

static int run_hook(struct dnsjob *j, const char *action)
{
    /* Ids of a kind of their own: certkeep counts its hooks from 1. */
    static uint64_t last_id = UINT64_C(1) << 63;
    struct dnssolve *d = j->d;
    struct buf input;
    buf_init(&input, 4096);
    int r = hook_input(j, action, &input);
    if (!r) {
        j->hook_id = ++last_id;
        struct certhost_call call = {.id = j->hook_id,
                                     .hook = CERTHOST_HOOK_DNS,
                                     .arguments = {slice_cstr(action), j->zone.name, j->value},
                                     .input = buf_slice(&input),
                                     .timeout_ms =
                                         d->o.hook_timeout_ms ? d->o.hook_timeout_ms : HOOK_MS};
        d->host->run_hook(d->host->ctx, &call);
    }
    buf_done(&input);
    return r;
}

static int hook_fault(const struct dnsjob *j, int status, struct slice output, struct fault *f)
{
    char said[160];
    struct slice line = slice_trim(slice_first(output, slice_find(output, '\n')));
    text_escape(line, said, sizeof(said));
    fault_set(f, ERR_HOOK, "the DNS hook program failed with status %d%s%s", status,
              said[0] ? ": " : "", said);
    fault_next(f, "run it by hand: PROGRAM %s " SLICE_F " VALUE",
               j->step == DNSJOB_REMOVE ? "cleanup" : "present",
               SLICE_A(slice_first(j->zone.name, 150)));
    return ERR_HOOK;
}

/* ---- updates ---- */

static struct dnsupdate update_of(const struct dnsjob *j)
{
    const struct dnssolve *d = j->d;
    return (struct dnsupdate){.zone = j->zone.zone,
                              .name = j->zone.name,
                              .value = j->value,
                              .ttl_s = d->o.ttl_s ? d->o.ttl_s : TTL_S,
                              .remove = j->step == DNSJOB_REMOVE,
                              .key = d->key.secret ? &d->key : NULL};
}

static uint64_t now_s(const struct dnssolve *d)
{
    return (uint64_t)(loop_unix_ms(d->loop) / 1000);
}

static void on_exchange(struct dns_exchange *x, int r, struct slice answer, const char *why);

static int send_update(struct dnsjob *j, struct fault *f)
{
    struct dnsupdate u = update_of(j);
    struct buf message;
    buf_init(&message, DNSUPDATE_BYTES);
    int r = dnsupdate_make(&u, now_s(j->d), &message, &j->mac, f);
    if (!r) {
        j->touched = true;
        j->exchange.on_done = on_exchange;
        dns_send(j->d->dns, &j->targets[j->target], buf_slice(&message), &j->exchange);
    }
    buf_done(&message);
    return r;
}

static void start_spread(struct dnsjob *j);
static void removed(struct dnsjob *j, int r, const struct fault *f);

/* The end of one step that changes DNS, by update or hook. */
static void changed(struct dnsjob *j, int r, const struct fault *f)
{
    if (j->step == DNSJOB_REMOVE)
        removed(j, r, f);
    else if (!j->rec && j->touched)
        start_removal(j);
    else if (!j->rec)
        dnsjob_free(j);
    else if (r)
        tell_owner(j, r, f);
    else
        start_spread(j);
}

/* Refused, or never arrived: nothing stands that would have to be removed. */
static bool surely_undone(int r)
{
    return r == ERR_PERM || r == ERR_CONFIG || r == ERR_REFUSED || r == ERR_UNREACHABLE;
}

static void on_exchange(struct dns_exchange *x, int r, struct slice answer, const char *why)
{
    struct dnsjob *j = container_of(x, struct dnsjob, exchange);
    struct dnsupdate u = update_of(j);
    struct fault f = {0};
    char server[SOCK_ADDR_TEXT];
    sock_addr_format(&j->targets[j->target], server);
    if (!r) {
        r = dnsupdate_result(&u, answer, &j->mac, now_s(j->d), server, &f);
    } else {
        fault_set(&f, r, "name server %s took no update over TCP: %s", server, why);
        fault_next(&f, "see that TCP to it is open, or set `server` of dns-01 to one that is");
        if (j->target + 1 < j->ntargets) {
            j->target++;
            r = send_update(j, &f);
            if (!r)
                return;
        }
    }
    if (surely_undone(r))
        j->touched = false;
    changed(j, r, &f);
}

void dnsjob_hook_done(struct dnsjob *j, int status, struct slice output)
{
    struct fault f = {0};
    j->hook_id = 0;
    int r = status ? hook_fault(j, status, output, &f) : OK;
    changed(j, r, &f);
}

static int start_change(struct dnsjob *j, struct fault *f)
{
    if (j->d->o.update)
        return send_update(j, f);
    j->touched = true;
    int r = run_hook(j, j->step == DNSJOB_REMOVE ? "cleanup" : "present");
    return r ? fault_set(f, r, "no memory for the DNS hook program") : OK;
}

/* ---- removal ---- */

static void start_removal(struct dnsjob *j)
{
    struct fault f = {0};
    j->step = DNSJOB_REMOVE;
    j->target = 0;
    j->removals++;
    int r = start_change(j, &f);
    if (r)
        removed(j, r, &f);
}

static void removed(struct dnsjob *j, int r, const struct fault *f)
{
    /* A hook that failed once is not pestered; a server that is away may come back. */
    bool again = r && j->d->o.update && j->removals < REMOVALS_MAX && r != ERR_PERM;
    if (again) {
        loop_timer_set(j->d->loop, &j->timer, REMOVAL_MS);
        return;
    }
    if (r) {
        struct fault left = *f;
        fault_while(&left, "while removing the challenge record " SLICE_F,
                    SLICE_A(slice_first(j->zone.name, 200)));
        j->d->host->on_trouble(j->d->host->ctx, &left);
    } else {
        event(j, EVENT_DEBUG, "dns_record_removed", "");
    }
    dnsjob_free(j);
}

/* ---- propagation ---- */

static void on_spread(struct dnsspread *s, int r, size_t unreachable, const struct fault *f)
{
    struct dnsjob *j = container_of(s, struct dnsjob, spread);
    if (!r && s->by_resolvers)
        event(j, EVENT_WARN, "dns_record_seen",
              "no authoritative server can be asked from here: only the resolvers have shown it");
    else if (!r && unreachable)
        event(j, EVENT_WARN, "dns_record_seen",
              "some authoritative servers do not answer, all others have it");
    else if (!r)
        event(j, EVENT_INFO, "dns_record_seen", "all authoritative servers have it");
    if (!r)
        j->step = DNSJOB_STAND;
    tell_owner(j, r, f);
}

/* Name servers are asked at port 53, except where the settings say that this very address is spoken
 * to at another. */
static uint16_t port_of(const struct dnssolve *d, const struct ip *ip)
{
    struct ip known;
    uint16_t port;
    if (sock_addr_ip(&d->o.server, &known, &port) && memcmp(&known, ip, sizeof(known)) == 0)
        return port;
    for (size_t i = 0; i < d->resolvers.n; i++)
        if (sock_addr_ip(&d->resolvers.addrs[i], &known, &port) &&
            memcmp(&known, ip, sizeof(known)) == 0)
            return port;
    return DNS_PORT;
}

static void start_spread(struct dnsjob *j)
{
    struct dnssolve *d = j->d;
    struct dnsspread *s = &j->spread;
    j->step = DNSJOB_SPREAD;
    s->name = j->zone.name;
    s->value = j->value;
    s->on_done = on_spread;
    s->nservers = j->zone.nservers;
    for (size_t i = 0; i < s->nservers; i++)
        sock_addr_make(&j->zone.servers[i], port_of(d, &j->zone.servers[i]), &s->servers[i].addr);
    dnsspread_start(s, d->loop, d->dns,
                    d->o.propagation_timeout_ms ? d->o.propagation_timeout_ms : PROPAGATION_MS);
}

/* ---- the way in ---- */

static int choose_targets(struct dnsjob *j, struct fault *f)
{
    struct dnssolve *d = j->d;
    if (d->o.server.raw_bytes) {
        j->targets[j->ntargets++] = d->o.server;
        return OK;
    }
    for (size_t i = 0; i < j->zone.nprimary && j->ntargets < ARRAY_LEN(j->targets); i++)
        sock_addr_make(&j->zone.primary_ips[i], port_of(d, &j->zone.primary_ips[i]),
                       &j->targets[j->ntargets++]);
    if (j->ntargets)
        return OK;
    fault_set(f, ERR_CONFIG, "the primary server of " SLICE_F " (\"" SLICE_F "\") has no address",
              SLICE_A(slice_first(j->zone.zone, 100)), SLICE_A(slice_first(j->zone.primary, 100)));
    fault_next(f, "set `server` of dns-01 to the address that takes updates");
    return ERR_CONFIG;
}

static void on_found(struct dnszone_search *s, int r, const struct fault *found)
{
    struct dnsjob *j = container_of(s, struct dnsjob, search);
    struct fault f = {0};
    loop_timer_clear(&j->timer);
    /* A hook program knows its zone by itself; the resolvers are polled then. */
    if (r && (j->d->o.update || !s->named)) {
        tell_owner(j, r, found);
        return;
    }
    j->zone = s->found;
    j->step = DNSJOB_ADD;
    r = j->d->o.update ? choose_targets(j, &f) : OK;
    if (!r)
        r = start_change(j, &f);
    if (r)
        tell_owner(j, r, &f);
}

static void on_timer(struct loop_timer *t)
{
    struct dnsjob *j = container_of(t, struct dnsjob, timer);
    if (j->step == DNSJOB_REMOVE) {
        start_removal(j);
        return;
    }
    struct fault f = {0};
    fault_set(&f, ERR_TIMEOUT, "the zone of the challenge name was not found within %u seconds",
              FIND_MS / 1000);
    fault_next(&f, "see that the DNS servers in the settings answer");
    tell_owner(j, ERR_TIMEOUT, &f);
}

struct dnsjob *dnsjob_present(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                              struct slice value)
{
    struct dnsjob *j = dnsjob_new(d, rec);
    struct slice name;
    if (!j)
        return NULL;
    if (arena_copy(&j->arena, value, &j->value) ||
        arena_printf(&j->arena, &name, "_acme-challenge." SLICE_F, SLICE_A(domain))) {
        dnsjob_free(j);
        return NULL;
    }
    j->step = DNSJOB_FIND;
    j->zone.name = name;
    j->search.on_done = on_found;
    loop_timer_set(d->loop, &j->timer, FIND_MS);
    dnszone_find(&j->search, d->dns, &j->arena, name, d->o.zone,
                 d->o.update && !d->o.server.raw_bytes);
    return j;
}

void dnsjob_withdraw(struct dnsjob *j)
{
    j->rec = NULL;
    switch (j->step) {
    case DNSJOB_FIND:
    case DNSJOB_CHECK:
        dnsjob_free(j);
        return;
    case DNSJOB_ADD: /* its end begins the removal */
    case DNSJOB_REMOVE:
        return;
    case DNSJOB_SPREAD:
    case DNSJOB_STAND:
        dnsspread_cancel(&j->spread);
        start_removal(j);
        return;
    }
}
