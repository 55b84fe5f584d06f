/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hosts in flight: name, hello, certificate; for the few that hide it, a handshake. */
#include "check/expiry.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "check/httpget.h"
#include "client/resolve.h"
#include "crypt/digest.h"
#include "os/clock.h"
#include "wire/hellomake.h"
#include "wire/serverflight.h"

#define DEFAULT_AT_ONCE 300
#define HELLO_MAX       2048
#define DAY_S           86400
#define TRIES           3 /* addresses of a name that are tried */

struct host {
    struct list node;
    struct expiry *e;
    struct expiry_row *row;
    struct resolve_query query;
    struct ip ips[TRIES];
    size_t nips, next;
    struct probe probe;
    struct httpget get;
    struct sock_addr address;
};

struct expiry {
    struct expiry_options o;
    const struct facts_target *targets;
    struct expiry_row *rows;
    size_t n, next;
    unsigned under_way;
    int64_t now_s;
    struct list hosts;
    struct proberun *probes;
    struct resolver *res;
    struct tlsctx *lenient;
    struct loop_task fill;
    uint8_t *scratch;
    uint8_t random[32];
};

/* ---- judgement ---- */

enum expiry_state expiry_judge(int64_t not_before_s, int64_t not_after_s, int64_t now_s)
{
    int64_t life = not_after_s - not_before_s, left = not_after_s - now_s;
    if (left < 0)
        return EXPIRY_EXPIRED;
    if (now_s < not_before_s)
        return EXPIRY_NOT_YET;
    if (left <= life / 10 || left <= DAY_S)
        return EXPIRY_CRITICAL;
    return left <= life / 3 ? EXPIRY_WARN : EXPIRY_GOOD;
}

static int compare(const void *a, const void *b)
{
    const struct expiry_row *x = a, *y = b;
    if (x->state != y->state)
        return x->state < y->state ? -1 : 1;
    if (x->not_after_s != y->not_after_s)
        return x->not_after_s < y->not_after_s ? -1 : 1;
    return slice_cmp(x->target->text, y->target->text);
}

void expiry_sort(struct expiry_row *rows, size_t n)
{
    qsort(rows, n, sizeof(*rows), compare);
}

static const struct {
    const char *text;
    enum facts_severity severity;
} states[EXPIRY_STATES] = {
    [EXPIRY_EXPIRED] = {"expired", FACTS_CRITICAL},
    [EXPIRY_NOT_YET] = {"not-yet-valid", FACTS_CRITICAL},
    [EXPIRY_CRITICAL] = {"critical", FACTS_HIGH},
    [EXPIRY_UNSEEN] = {"unseen", FACTS_INFO},
    [EXPIRY_WARN] = {"warn", FACTS_MEDIUM},
    [EXPIRY_GOOD] = {"good", FACTS_INFO},
};

const char *expiry_state_text(enum expiry_state s)
{
    return states[s].text;
}

enum facts_severity expiry_severity(enum expiry_state s)
{
    return states[s].severity;
}

/* ---- one host ends ---- */

static void drop(struct host *h)
{
    resolve_cancel(&h->query);
    probe_cancel(&h->probe);
    httpget_cancel(&h->get);
    list_remove(&h->node);
    mem_free(h);
}

static void end(struct host *h)
{
    struct expiry *e = h->e;
    const struct expiry_row *row = h->row;
    e->under_way--;
    drop(h);
    loop_defer(e->o.run->loop, &e->fill);
    if (e->o.on_row)
        e->o.on_row(e->o.ctx, row);
}

static void unseen(struct host *h, int r, const char *why)
{
    h->row->state = EXPIRY_UNSEEN;
    h->row->r = r;
    text_escape(slice_cstr(why), h->row->why, sizeof(h->row->why));
    end(h);
}

static void seen(struct host *h, const struct certinfo_chain *chain)
{
    const struct certinfo *leaf = certinfo_at(chain, 0);
    const struct facts_target *t = h->row->target;
    struct expiry_row *row = h->row;
    row->not_before_s = leaf->not_before_s;
    row->not_after_s = leaf->not_after_s;
    row->state = expiry_judge(leaf->not_before_s, leaf->not_after_s, h->e->now_s);
    row->name_match = certinfo_covers(leaf, t->sni.n ? t->sni : t->host);
    snprintf(row->subject, sizeof(row->subject), SLICE_F, SLICE_A(leaf->subject));
    snprintf(row->issuer, sizeof(row->issuer), SLICE_F, SLICE_A(leaf->issuer));
    end(h);
}

/* ---- what the server shows ---- */

static struct probe_options probe_options(const struct host *h)
{
    const struct facts_target *t = h->row->target;
    return (struct probe_options){.address = h->address,
                                  .starttls = t->starttls,
                                  .starttls_name = t->host,
                                  .timeout_ms = h->e->o.run->timeout_ms};
}

static void on_handshake(struct httpget *g, const struct httpget_result *r)
{
    struct host *h = container_of(g, struct host, get);
    if (r->peer)
        seen(h, r->peer);
    else
        unseen(h, r->r ? r->r : ERR_TLS, r->fault.what[0] ? r->fault.what : "no certificate");
}

static void shake_hands(struct host *h)
{
    const struct facts_target *t = h->row->target;
    struct httpget_options o = {.loop = h->e->o.run->loop,
                                .run = h->e->probes,
                                .to = probe_options(h),
                                .tls = h->e->lenient,
                                .tls_name = t->sni.n ? t->sni : t->host,
                                .host = t->host,
                                .path = SLICE("/"),
                                .handshake_only = true};
    h->get = (struct httpget){.on_done = on_handshake};
    if (httpget_start(&o, &h->get))
        unseen(h, ERR_NOMEM, err_text(ERR_NOMEM));
}

static bool has_certificate(struct expiry *e, struct slice in, struct serverflight *ret, int *ret_r)
{
    *ret_r = serverflight_read(in, true, e->scratch, ret);
    return *ret_r != ERR_AGAIN && ret->has_certificates && ret->certificates.n;
}

static bool on_bytes(struct probe *p, struct slice received)
{
    struct host *h = p->owner;
    struct serverflight flight;
    int r;
    return has_certificate(h->e, received, &flight, &r) || r != ERR_AGAIN;
}

static void try_next(struct host *h);

static void on_probed(struct probe *p, const struct probe_result *r)
{
    struct host *h = p->owner;
    struct slice ders[CERTINFO_CHAIN_MAX];
    struct serverflight flight;
    struct certinfo_chain *chain;
    size_t n = 0;
    int e;
    if (r->end != PROBE_DONE && !r->received.n) {
        if (h->next < h->nips && r->stage <= PROBE_CONNECT)
            try_next(h);
        else if (r->stage == PROBE_ANSWER && r->end != PROBE_TIMEOUT)
            shake_hands(h); /* some servers answer an old hello by hanging up */
        else
            unseen(h, probe_err(r->end), probe_end_words(r->end));
        return;
    }
    if (!has_certificate(h->e, r->received, &flight, &e)) {
        if (e == OK && flight.kind == SERVERFLIGHT_NOT_TLS)
            unseen(h, ERR_NOT_TLS, err_text(ERR_NOT_TLS));
        else
            shake_hands(h);
        return;
    }
    while (n < CERTINFO_CHAIN_MAX && serverflight_certificate_next(&flight.certificates, &ders[n]))
        n++;
    if (!n || certinfo_ders(ders, 1, &chain, NULL)) {
        unseen(h, ERR_SYNTAX, "the certificate is malformed");
        return;
    }
    seen(h, chain);
    certinfo_unref(chain);
}

/* A hello of TLS 1.2 with what nearly every server takes; both kinds of key. */
static int make_hello(const struct host *h, struct buf *out)
{
    static const uint16_t suites[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                                      0xc009, 0xc013, 0xc00a, 0xc014, 0x009e, 0x009c,
                                      0x009d, 0x002f, 0x0035, 0x000a};
    static const uint16_t groups[] = {0x001d, 0x0017, 0x0018, 0x0019};
    static const uint16_t schemes[] = {0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806,
                                       0x0401, 0x0501, 0x0601, 0x0203, 0x0201};
    const struct facts_target *t = h->row->target;
    struct hellomake m = {.record_version = 0x0301,
                          .legacy_version = 0x0303,
                          .sni = t->sni.n   ? t->sni
                                 : t->is_ip ? SLICE_EMPTY
                                            : t->host,
                          .suites = suites,
                          .nsuites = ARRAY_LEN(suites),
                          .groups = groups,
                          .ngroups = ARRAY_LEN(groups),
                          .sigalgs = schemes,
                          .nsigalgs = ARRAY_LEN(schemes),
                          .random = slice_of(h->e->random, sizeof(h->e->random)),
                          .renegotiation_info = true,
                          .ems = true};
    return hellomake_write(&m, out);
}

static void try_next(struct host *h)
{
    struct buf hello;
    struct probe_options o;
    sock_addr_make(&h->ips[h->next++], h->row->target->port, &h->address);
    if (h->row->target->connect.raw_bytes)
        h->address = h->row->target->connect;
    o = probe_options(h);
    buf_init(&hello, HELLO_MAX);
    int r = make_hello(h, &hello);
    if (!r) {
        o.hello = buf_slice(&hello);
        o.max_bytes = SERVERFLIGHT_MAX_BYTES;
        h->probe = (struct probe){.owner = h, .on_bytes = on_bytes, .on_done = on_probed};
        probe_start(h->e->probes, &o, &h->probe);
    }
    buf_done(&hello);
    if (r)
        unseen(h, r, err_text(r));
}

/* ---- names ---- */

static void on_addresses(struct resolve_query *q, const struct resolve_answer *a)
{
    struct host *h = container_of(q, struct host, query);
    int family = h->e->o.run->family;
    for (size_t i = 0; !a->r && i < a->n && h->nips < TRIES; i++)
        if (!family || (family == 4) == cidr_is_v4(&a->ips[i]))
            h->ips[h->nips++] = a->ips[i];
    if (h->nips)
        try_next(h);
    else
        unseen(h, ERR_RESOLVE, a->r && a->why && a->why[0] ? a->why : "the name has no address");
}

static bool known_address(const struct host *h, struct ip *ret)
{
    const struct facts_target *t = h->row->target;
    const struct checkrun_options *o = h->e->o.run;
    uint16_t port;
    for (size_t i = 0; i < o->npins; i++)
        if (o->pins[i].port == t->port && slice_eq(o->pins[i].host, t->host)) {
            *ret = o->pins[i].ip;
            return true;
        }
    return (t->connect.raw_bytes && sock_addr_ip(&t->connect, ret, &port)) ||
           (t->is_ip && !cidr_parse_ip(t->host, ret));
}

static int start_host(struct expiry *e, size_t i)
{
    struct host *h = mem_alloc(sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    *h = (struct host){.e = e, .row = &e->rows[i]};
    *h->row = (struct expiry_row){.target = &e->targets[i], .state = EXPIRY_UNSEEN};
    list_init(&h->node);
    list_push(&e->hosts, &h->node);
    e->under_way++;
    if (known_address(h, &h->ips[0])) {
        h->nips = 1;
        try_next(h);
        return OK;
    }
    h->query.on_done = on_addresses;
    resolve_start(e->res, e->targets[i].host, &h->query);
    return OK;
}

static void on_fill(struct loop_task *t)
{
    struct expiry *e = container_of(t, struct expiry, fill);
    unsigned at_once = e->o.run->at_once ? e->o.run->at_once : DEFAULT_AT_ONCE;
    while (e->next < e->n && e->under_way < at_once) {
        size_t i = e->next++;
        if (!start_host(e, i))
            continue;
        e->rows[i] =
            (struct expiry_row){.target = &e->targets[i], .state = EXPIRY_UNSEEN, .r = ERR_NOMEM};
        snprintf(e->rows[i].why, sizeof(e->rows[i].why), "%s", err_text(ERR_NOMEM));
    }
    if (e->under_way == 0)
        e->o.on_done(e->o.ctx);
}

int expiry_start(const struct expiry_options *o, const struct facts_target *targets, size_t n,
                 struct expiry_row *rows, struct expiry **ret, struct fault *f)
{
    struct expiry *e = mem_alloc(sizeof(*e));
    struct tlsctx_client c = {.insecure = true, .identity = o->run->identity};
    struct resolve_options names = {.servers = o->run->resolver};
    if (!e)
        return fault_set(f, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    *e = (struct expiry){.o = *o, .targets = targets, .rows = rows, .n = n};
    e->now_s = o->run->now_s ? o->run->now_s : clock_unix_ms() / 1000;
    list_init(&e->hosts);
    loop_task_init(&e->fill, on_fill);
    int r = digest_random(e->random, sizeof(e->random));
    if (!r && !(e->scratch = mem_alloc(SERVERFLIGHT_MAX_BYTES)))
        r = ERR_NOMEM;
    if (r)
        fault_set(f, r, "%s", err_text(r));
    if (!r)
        r = probe_run_new(o->run->loop, NULL, &e->probes);
    if (!r)
        r = tlsctx_client_new(&c, &e->lenient, f);
    if (!r)
        r = resolve_new(o->run->loop, &names, &e->res, f);
    if (r) {
        expiry_free(e);
        return r;
    }
    loop_defer(o->run->loop, &e->fill);
    *ret = e;
    return OK;
}

void expiry_free(struct expiry *e)
{
    if (!e)
        return;
    loop_task_cancel(&e->fill);
    LIST_FOREACH_SAFE (it, &e->hosts)
        drop(container_of(it, struct host, node));
    probe_run_free(e->probes);
    resolve_free(e->res);
    tlsctx_unref(e->lenient);
    mem_free(e->scratch);
    mem_free(e);
}
