/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Targets in flight. One proberun for all of them, so that the pace holds for an address whatever
 * the number of names on it. */
#include "check/checkrun.h"
#include "check/trustload.h"

#include "base/mem.h"
#include "base/num.h"
#include "os/clock.h"

#define DEFAULT_AT_ONCE 24
#define SLOW_GAP_MS     250
#define FAST_AT_ONCE    24 /* connections to one address with --fast */

struct slot {
    struct list node;
    struct checkrun *run;
    size_t index;
    struct facts *facts;
    struct checkone *one;
};

struct checkrun {
    struct checkrun_options o;
    struct checkrun_ops ops;
    const struct facts_target *targets;
    size_t n, next;
    struct list slots;
    unsigned under_way;
    struct proberun *probes;
    struct tlsctx *verifying, *lenient, *offers_h2;
    struct chainverify *trust;
    struct resolver *res;
    struct dns *dns;
    struct sock_addr proxy;
    uint16_t proxy_port;
    struct resolve_query proxy_query;
    struct loop_task fill;
    int r;
    struct fault fault;
};

static void drop(struct slot *s)
{
    checkone_free(s->one);
    facts_free(s->facts);
    list_remove(&s->node);
    mem_free(s);
}

static void on_one(void *ctx)
{
    struct slot *s = ctx;
    struct checkrun *run = s->run;
    struct facts *f = s->facts;
    s->facts = NULL;
    size_t index = s->index;
    drop(s);
    run->under_way--;
    loop_defer(run->o.loop, &run->fill);
    run->ops.on_target(run->ops.ctx, index, f);
}

static const struct ip *pinned(const struct checkrun *run, const struct facts_target *t)
{
    for (size_t i = 0; i < run->o.npins; i++)
        if (run->o.pins[i].port == t->port && slice_eq(run->o.pins[i].host, t->host))
            return &run->o.pins[i].ip;
    return NULL;
}

static int start_one(struct checkrun *run, size_t index)
{
    const struct facts_target *t = &run->targets[index];
    struct slot *s = mem_alloc(sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    *s = (struct slot){.run = run, .index = index};
    list_init(&s->node);
    s->facts = facts_new(t, run->o.now_s ? run->o.now_s : clock_unix_ms() / 1000);
    struct checkone_options o = {.visit = {.loop = run->o.loop,
                                           .dns = run->dns,
                                           .res = run->res,
                                           .run = run->probes,
                                           .verifying = run->verifying,
                                           .lenient = run->lenient,
                                           .identity = run->o.identity,
                                           .family = run->o.family,
                                           .proxy = run->proxy,
                                           .resolve_to = pinned(run, t),
                                           .timeout_ms = run->o.timeout_ms,
                                           .plain_port = run->o.plain_port,
                                           .http = run->o.http && !t->starttls},
                                 .offers_h2 = run->offers_h2,
                                 .trust = run->trust,
                                 .audit = run->o.audit,
                                 .crl = run->o.crl,
                                 .other_addresses = run->o.audit,
                                 .why = run->o.why,
                                 .controls = run->o.controls,
                                 .vulnerabilities = run->o.vulnerabilities};
    int r = s->facts ? checkone_start(&o, s->facts, on_one, s, &s->one) : ERR_NOMEM;
    if (r) {
        drop(s);
        return r;
    }
    list_push(&run->slots, &s->node);
    run->under_way++;
    return OK;
}

static void on_fill(struct loop_task *t)
{
    struct checkrun *run = container_of(t, struct checkrun, fill);
    unsigned at_once = run->o.at_once ? run->o.at_once : DEFAULT_AT_ONCE;
    while (!run->r && run->next < run->n && run->under_way < at_once) {
        run->r = start_one(run, run->next);
        run->next += !run->r;
    }
    if (run->under_way == 0)
        run->ops.on_done(run->ops.ctx, run->r, &run->fault);
}

/* ---- what they share ---- */

static void on_proxy(struct resolve_query *q, const struct resolve_answer *a)
{
    struct checkrun *run = container_of(q, struct checkrun, proxy_query);
    if (a->r) {
        run->r = fault_set(&run->fault, a->r, "the proxy's name does not resolve: %s",
                           a->why ? a->why : err_text(a->r));
        fault_next(&run->fault, "correct --proxy, or leave it out");
    } else {
        sock_addr_make(&a->ips[0], run->proxy_port, &run->proxy);
    }
    loop_defer(run->o.loop, &run->fill);
}

/* An address at once, a name by asking. */
static int find_proxy(struct checkrun *run, struct fault *f)
{
    struct slice text = run->o.proxy;
    uint64_t port;
    size_t colon = text.n;
    if (!text.n || !sock_addr_parse(text, &run->proxy))
        return OK;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || num_parse_u64(slice_from(text, colon), 1, 65535, &port)) {
        fault_set(f, ERR_SYNTAX, "the proxy is not understood");
        fault_next(f, "write --proxy http://proxy.example:3128");
        return ERR_SYNTAX;
    }
    run->proxy_port = (uint16_t)port;
    run->proxy_query.on_done = on_proxy;
    resolve_start(run->res, slice_first(text, colon - 1), &run->proxy_query);
    return OK;
}

static int make_contexts(struct checkrun *run, struct fault *f)
{
    static const struct slice alpn[] = {SLICE("h2"), SLICE("http/1.1")};
    struct tlsctx_client c = {.ca_pem = run->o.ca_pem,
                              .examines = true,
                              .identity = run->o.identity,
                              .now_s = run->o.now_s,
                              .alpn = &alpn[1],
                              .nalpn = 1};
    int r = tlsctx_client_new(&c, &run->verifying, f);
    c.insecure = true;
    if (!r)
        r = tlsctx_client_new(&c, &run->lenient, f);
    c.alpn = alpn;
    c.nalpn = 2;
    if (!r)
        r = tlsctx_client_new(&c, &run->offers_h2, f);
    return r ? r : trustload_new(run->o.ca_pem, &run->trust, f);
}

static int prepare(struct checkrun *run, struct fault *f)
{
    struct probe_pace pace = {0};
    struct resolve_options names = {.servers = run->o.resolver};
    if (run->o.pace == CHECKRUN_SLOW)
        pace = (struct probe_pace){.per_address = 1, .gap_ms = SLOW_GAP_MS};
    else if (run->o.pace == CHECKRUN_FAST)
        pace.per_address = FAST_AT_ONCE;
    int r = probe_run_new(run->o.loop, &pace, &run->probes);
    if (!r)
        r = make_contexts(run, f);
    if (!r)
        r = resolve_new(run->o.loop, &names, &run->res, f);
    if (!r)
        r = dns_new(run->o.loop, run->o.resolver, 0, &run->dns, f);
    return r ? r : find_proxy(run, f);
}

int checkrun_start(const struct checkrun_options *o, const struct facts_target *targets, size_t n,
                   const struct checkrun_ops *ops, struct checkrun **ret, struct fault *f)
{
    struct checkrun *run = mem_alloc(sizeof(*run));
    if (!run)
        return fault_set(f, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    *run = (struct checkrun){.o = *o, .ops = *ops, .targets = targets, .n = n};
    list_init(&run->slots);
    loop_task_init(&run->fill, on_fill);
    int r = prepare(run, f);
    if (r) {
        checkrun_free(run);
        return r;
    }
    if (!run->proxy_query.res)
        loop_defer(o->loop, &run->fill);
    *ret = run;
    return OK;
}

void checkrun_free(struct checkrun *run)
{
    if (!run)
        return;
    loop_task_cancel(&run->fill);
    LIST_FOREACH_SAFE (it, &run->slots)
        drop(container_of(it, struct slot, node));
    resolve_cancel(&run->proxy_query);
    probe_run_free(run->probes);
    dns_free(run->dns);
    resolve_free(run->res);
    tlsctx_unref(run->verifying);
    tlsctx_unref(run->lenient);
    tlsctx_unref(run->offers_h2);
    chainverify_free(run->trust);
    mem_free(run);
}
