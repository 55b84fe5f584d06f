/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A worker from fork to exit: drops rights, builds its first generation, listens, takes orders from
 * the master. A new configuration is built beside the old one and put into use by one pointer
 * store; when it cannot be built whole, the old one stays. */
#include "serve/worker.h"

#include <stdio.h>

#include "base/bug.h"
#include "base/cur.h"
#include "base/mem.h"
#include "base/pool.h"
#include "client/resolve.h"
#include "os/chan.h"
#include "os/proc.h"
#include "os/sandbox.h"
#include "serve/accesslog.h"
#include "serve/balance.h"
#include "serve/challenges.h"
#include "serve/connections.h"
#include "serve/demand.h"
#include "serve/eventlog.h"
#include "serve/filecache.h"
#include "serve/generation.h"
#include "serve/kept.h"
#include "serve/message.h"

#define LISTENERS_MAX   64
#define FILECACHE_BYTES (64u * 1024 * 1024)
#define HOUSEKEEPING_MS 1000

struct worker_process {
    struct worker w;
    const struct worker_options *o;
    struct chan master;
    struct ticketring ring;
    struct bundle *bundle;   /* of the generation in use */
    struct bundle *incoming; /* while it is being received */
    struct listener listeners[LISTENERS_MAX];
    size_t nlisteners;
    struct loop_timer housekeeping, drain_bound;
    uint64_t bugs_reported;
    int status;
};

static void tell_master(struct worker_process *p, uint16_t type, struct slice payload)
{
    if (chan_send(&p->master, type, payload, NULL, 0))
        EVENT(p->w.events, EVENT_ERROR, "master_unreachable", EV_UINT("message", type));
}

static void tell_fault(struct worker_process *p, const struct fault *f)
{
    char text[1024];
    size_t n = fault_text(f, text, sizeof(text));
    tell_master(p, MESSAGE_FAILED, slice_of(text, n));
}

/* ---- configuration ---- */

static void put_into_use(struct worker_process *p, struct generation *g, struct bundle *b)
{
    struct conn_limits limits;
    struct generation *old = p->w.now;
    p->w.now = g;
    bundle_unref(p->bundle);
    p->bundle = p->w.bundle = b;
    connections_limits(&g->conf->limits, &limits);
    if (p->w.pool)
        conn_pool_limits(p->w.pool, &limits);
    if (p->w.files)
        filecache_clear(p->w.files);
    generation_unref(old);
}

/* Takes over `b` on success. */
static int build(struct worker_process *p, struct bundle *b, struct fault *f)
{
    static struct conf_faults faults; /* 20 stories are too large for a stack frame */
    struct conf *conf;
    struct generation *g;
    int r = bundle_conf(b, &conf, &faults);
    if (r) {
        *f = faults.list[0];
        return r;
    }
    r = generation_new(&p->w, conf, b, p->w.now, &g, f);
    if (!r)
        put_into_use(p, g, b);
    return r;
}

static void receive_bundle(struct worker_process *p, unsigned part, struct slice payload, int *fds,
                           size_t nfds)
{
    struct fault f = {0};
    int r = parcel_receive(&p->incoming, part, payload, fds, nfds);
    if (r == ERR_AGAIN)
        return;
    if (!r)
        r = build(p, p->incoming, &f);
    else
        fault_set(&f, r, "the configuration did not arrive whole");
    if (r) {
        bundle_unref(p->incoming);
        p->incoming = NULL;
        tell_fault(p, &f);
        return;
    }
    p->incoming = NULL;
    uint64_t number = __builtin_bswap64(p->w.now->number);
    tell_master(p, MESSAGE_RELOADED, slice_of(&number, sizeof(number)));
}

static void recertify(struct worker_process *p, struct slice name)
{
    struct fault f = {0};
    if (generation_recert(p->w.now, p->bundle, name, &f))
        eventlog_fault(p->w.events, EVENT_ERROR, "certificate_not_used", &f);
}

static void receive_certificate(struct worker_process *p, struct slice payload)
{
    struct kept_pair pair;
    struct slice name;
    if (!p->bundle || kept_unpack(payload, &name, &pair))
        return;
    if (kept_put(p->bundle, name, &pair) || !p->w.now)
        return;
    recertify(p, name);
    demand_answered(p->w.demand, name, true);
}

static void receive_certificate_gone(struct worker_process *p, struct slice payload)
{
    struct cur c = cur_of(payload);
    struct slice name = message_next(&c);
    unsigned slot = cur_u8(&c);
    if (!p->bundle || !p->w.now || c.bad || slot >= KEPT_SLOTS)
        return;
    kept_remove(p->bundle, name, (enum kept_slot)slot, kept_may_go(p->w.now->conf, name));
    recertify(p, name);
}

static void receive_demand_done(struct worker_process *p, struct slice payload)
{
    struct cur c = cur_of(payload);
    struct slice name = message_next(&c);
    if (!c.bad)
        demand_answered(p->w.demand, name, false);
}

static int ask_for_certificate(void *ctx, struct slice name, struct slice address)
{
    struct worker_process *p = ctx;
    struct buf b;
    buf_init(&b, CHAN_MESSAGE_MAX);
    int r = message_text(&b, name);
    if (!r)
        r = message_text(&b, address);
    if (!r)
        r = chan_send(&p->master, MESSAGE_DEMAND, buf_slice(&b), NULL, 0);
    buf_done(&b);
    return r;
}

/* ---- challenges ---- */

/* Number of the table, then its answers. */
static int take_challenges(struct worker_process *p, struct slice payload, uint64_t *ret_number)
{
    struct cur c = cur_of(payload);
    *ret_number = message_next_u64(&c);
    int r = c.bad ? ERR_SYNTAX : challenges_replace(p->w.challenges, cur_bytes(&c, cur_left(&c)));
    if (r)
        EVENT(p->w.events, EVENT_ERROR, "challenges_not_used", EV_CSTR("error", err_name(r)));
    return r;
}

static void receive_challenges(struct worker_process *p, struct slice payload)
{
    uint64_t number;
    if (take_challenges(p, payload, &number))
        return;
    number = __builtin_bswap64(number);
    tell_master(p, MESSAGE_PUBLISHED, slice_of(&number, sizeof(number)));
}

/* All files of a site first: a new key does not fit the old chain. */
static void receive_files(struct worker_process *p, struct slice payload)
{
    struct cur c = cur_of(payload);
    int r = OK;
    while (!r && !c.bad && cur_left(&c)) {
        struct slice path = message_next(&c), bytes = message_next(&c);
        r = c.bad ? ERR_SYNTAX : bundle_put(p->bundle, path, bytes);
    }
    if (r) {
        EVENT(p->w.events, EVENT_ERROR, "certificate_not_used", EV_CSTR("error", err_name(r)));
        return;
    }
    for (c = cur_of(payload); cur_left(&c);) {
        recertify(p, message_next(&c));
        (void)message_next(&c);
    }
}

/* ---- orders ---- */

static void report(struct worker_process *p)
{
    struct buf b;
    struct json j;
    const struct generation *g = p->w.now;
    buf_init(&b, 1024 * 1024);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_uint(&j, "worker", p->w.index);
    json_uint(&j, "pid", (uint64_t)proc_pid());
    json_uint(&j, "generation", g->number);
    json_uint(&j, "connections", conn_pool_count(p->w.pool));
    json_array(&j, "upstreams");
    for (size_t i = 0; i < g->nsites; i++)
        for (size_t k = 0; k < g->sites[i].nroutes; k++)
            if (g->sites[i].routes[k].balance)
                balance_report(g->sites[i].routes[k].balance, &j);
    json_end(&j, ']');
    json_end(&j, '}');
    if (j.r || chan_send_blob(&p->master, MESSAGE_REPORT, buf_slice(&b)))
        tell_master(p, MESSAGE_REPORT, SLICE("{}"));
    buf_done(&b);
}

static void drained(void *app)
{
    struct worker_process *p = app;
    loop_stop(p->w.loop);
}

static void drain_bound(struct loop_timer *t)
{
    struct worker_process *p = container_of(t, struct worker_process, drain_bound);
    uint32_t left = conn_pool_count(p->w.pool);
    EVENT(p->w.events, EVENT_WARN, "drain_cut", EV_UINT("connections", left));
    conn_pool_kill(p->w.pool);
    loop_stop(p->w.loop);
}

static void drain(struct worker_process *p)
{
    if (p->w.draining)
        return;
    p->w.draining = true;
    loop_timer_set(p->w.loop, &p->drain_bound, p->w.now->conf->drain_timeout_ms);
    conn_pool_drain(p->w.pool, drained, p);
}

static void receive_logs(struct worker_process *p, struct slice payload, int *fds, size_t nfds)
{
    int access, events;
    if (logfiles_receive(payload, fds, nfds, &access, &events))
        EVENT(p->w.events, EVENT_ERROR, "logs_not_reopened", EV_UINT("descriptors", nfds));
    accesslog_swap_take(p->w.access, access);
    eventlog_swap_take(p->w.events, events);
}

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct worker_process *p = container_of(c, struct worker_process, master);
    if (type >= MESSAGE_BUNDLE && type < MESSAGE_BUNDLE + PARCEL_MESSAGES) {
        receive_bundle(p, type - MESSAGE_BUNDLE, payload, fds, nfds);
        return;
    }
    switch (type) {
    case MESSAGE_CERTIFICATE:
        receive_certificate(p, payload);
        break;
    case MESSAGE_CERTIFICATE_GONE:
        receive_certificate_gone(p, payload);
        break;
    case MESSAGE_DEMAND_DONE:
        receive_demand_done(p, payload);
        break;
    case MESSAGE_CHALLENGES:
        receive_challenges(p, payload);
        break;
    case MESSAGE_FILES_CHANGED:
        receive_files(p, payload);
        break;
    case MESSAGE_TICKETS:
        if (ticketring_unpack(&p->ring, payload))
            EVENT(p->w.events, EVENT_ERROR, "ticket_keys_not_used", EV_UINT("bytes", payload.n));
        break;
    case MESSAGE_DRAIN:
        drain(p);
        break;
    case MESSAGE_STATUS:
        report(p);
        break;
    case MESSAGE_LOGS:
        receive_logs(p, payload, fds, nfds);
        break;
    default:
        EVENT(p->w.events, EVENT_ERROR, "unknown_message", EV_UINT("message", type));
    }
}

/* The master is gone without a word: what is under way is finished, nothing new is taken. */
static void on_master_gone(struct chan *c)
{
    struct worker_process *p = container_of(c, struct worker_process, master);
    EVENT(p->w.events, EVENT_ERROR, "master_gone", EV_UINT("worker", p->w.index));
    drain(p);
}

static void housekeeping(struct loop_timer *t)
{
    struct worker_process *p = container_of(t, struct worker_process, housekeeping);
    const char *what;
    uint64_t bugs = bug_count(&what);
    if (bugs > p->bugs_reported)
        EVENT(p->w.events, EVENT_ERROR, "broken_invariant", EV_CSTR("where", what),
              EV_UINT("count", bugs));
    p->bugs_reported = bugs;
    metrics_set(p->w.metrics, METRIC_BUGS, bugs);
    metrics_set(p->w.metrics, METRIC_MEMORY_USED, pool_used_bytes());
    metrics_set(p->w.metrics, METRIC_MEMORY_HELD, pool_held_bytes());
    metrics_set(p->w.metrics, METRIC_CONN_OPEN, conn_pool_count(p->w.pool));
    loop_timer_set(p->w.loop, t, HOUSEKEEPING_MS);
}

/* ---- start ---- */

static int listen_all(struct worker_process *p, struct fault *f)
{
    /* One that nobody accepts from would still be given connections. */
    if (p->o->nlisteners > LISTENERS_MAX)
        return fault_set(f, ERR_CAP, "more than %d listening sockets in one worker", LISTENERS_MAX);
    for (size_t i = 0; i < p->o->nlisteners; i++) {
        const struct worker_listener *from = &p->o->listeners[i];
        struct listener *l = &p->listeners[p->nlisteners++];
        *l = (struct listener){
            .io = {.fd = from->fd}, .public_port = from->public_port, .app = &p->w};
        l->kind = from->tls ? CONN_TLS : CONN_PLAIN;
        l->ops = from->tls       ? &connections_https
                 : from->metrics ? &connections_metrics
                                 : &connections_plain;
        int r = conn_listen(p->w.pool, l);
        if (r)
            return fault_set(f, r, "cannot listen on descriptor %d", from->fd);
    }
    return OK;
}

static int open_parts(struct worker_process *p, const struct conf *conf, struct fault *f)
{
    struct conn_limits limits;
    char role[24];
    snprintf(role, sizeof(role), "worker %u", p->w.index);
    connections_limits(&conf->limits, &limits);
    int r = eventlog_open(&conf->log.events, p->o->logs->events.fd, role, &p->w.events, f);
    if (!r)
        r = accesslog_open(p->w.loop, &conf->log, p->o->logs->access.fd, p->w.metrics, &p->w.access,
                           f);
    if (!r && (r = resolve_new(p->w.loop, NULL, &p->w.resolver, f)))
        fault_set(f, r, "the resolver does not start");
    if (!r && (!(p->w.challenges = challenges_new()) ||
               !(p->w.demand = demand_new(&p->w, ask_for_certificate, p))))
        r = fault_set(f, ERR_NOMEM, "out of memory");
    if (!r && ((r = filecache_new(p->w.loop, FILECACHE_BYTES, &p->w.files)) ||
               (r = conn_pool_new(p->w.loop, &limits, &p->w.pool))))
        fault_set(f, r, "out of memory");
    return r;
}

static int start(struct worker_process *p, int fd, struct fault *f)
{
    static struct conf_faults faults;
    struct conf *conf;
    int r = loop_new(&p->w.loop, f);
    if (r)
        return r;
    p->master.on_message = on_message;
    p->master.on_closed = on_master_gone;
    if ((r = chan_init(&p->master, p->w.loop, fd)))
        return fault_set(f, r, "no channel to the master");
    if ((r = bundle_conf(p->o->bundle, &conf, &faults))) {
        *f = faults.list[0];
        return r;
    }
    if (p->o->drop)
        r = proc_drop(p->o->uid, p->o->gid, f);
    proc_set_dumpable(false);
    if (!r)
        r = open_parts(p, conf, f);
    conf_free(conf);
    uint64_t number;
    if (!r && p->o->challenges.n)
        BEST_EFFORT(take_challenges(p, p->o->challenges, &number));
    if (!r)
        r = sandbox_enter(SANDBOX_WORKER, f);
    if (!r)
        r = build(p, bundle_ref(p->o->bundle), f);
    return r ? r : listen_all(p, f);
}

static void finish(struct worker_process *p)
{
    conn_pool_free(p->w.pool);
    generation_unref(p->w.now);
    bundle_unref(p->bundle);
    bundle_unref(p->incoming);
    accesslog_close(p->w.access);
    filecache_free(p->w.files);
    challenges_free(p->w.challenges);
    demand_free(p->w.demand);
    resolve_free(p->w.resolver);
    ticketring_wipe(&p->ring);
    BEST_EFFORT(chan_drain(&p->master, 1000));
    chan_done(&p->master);
    eventlog_close(p->w.events);
    loop_free(p->w.loop);
}

int worker_main(const struct worker_options *o, int fd)
{
    struct worker_process *p = mem_alloc(sizeof(*p));
    struct fault f = {0};
    if (!p)
        return 2;
    p->o = o;
    p->master.io.fd = -1; /* last words may come before there is a channel */
    p->ring = *o->ring;
    p->w.index = o->index;
    p->w.shared = o->metrics;
    p->w.metrics = metrics_slot(o->metrics, o->index);
    p->w.ring = &p->ring;
    p->w.https_port = o->https_port;
    p->w.http_port = o->http_port;
    loop_timer_init(&p->housekeeping, housekeeping);
    loop_timer_init(&p->drain_bound, drain_bound);
    metrics_slot_reset_gauges(p->w.metrics);
    int r = start(p, fd, &f);
    if (r) {
        tell_fault(p, &f);
        BEST_EFFORT(chan_drain(&p->master, 1000));
        return err_exit(r);
    }
    housekeeping(&p->housekeeping);
    tell_master(p, MESSAGE_READY, SLICE_EMPTY);
    loop_run(p->w.loop);
    finish(p);
    mem_free(p);
    return 0;
}
