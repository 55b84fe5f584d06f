/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The keeper from fork to exit: drops rights, opens the certificate engine, takes plans and orders,
 * hands on certificates, answers to challenges and questions. Accepts no connection. */
#include "serve/keeper.h"

#include <stdio.h>

#include "base/cur.h"
#include "base/mem.h"
#include "crypt/localca.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/sandbox.h"
#include "serve/hooks.h"
#include "serve/kept.h"
#include "serve/message.h"
#include "serve/published.h"

#define FALLBACK_S       (10 * 365 * 86400LL) /* nobody trusts it anyway: only an alert is worse */
#define METRICS_MAX      (16u * 1024 * 1024)
#define METRICS_SOON_MS  250   /* after a change: they come in crowds */
#define METRICS_EVERY_MS 30000 /* ages and waits change by themselves */
#define COMMANDS_MAX     32    /* terminals at once */
#define DRAIN_LOOK_MS    50
#define DRAIN_MAX_MS     20000 /* for clean-ups in DNS; drain_timeout if that is less */

struct keeper {
    const struct keeper_options *o;
    struct loop *loop;
    struct chan master;
    struct eventlog *events;
    struct certhost host;
    void *engine;
    struct bundle *incoming, *files; /* while it is received; of the plan in use */
    struct conf *conf;               /* of the plan in use */
    struct list commands;            /* struct order, under way */
    size_t ncommands;
    struct published published;
    struct loop_timer metrics;
    bool metrics_soon;
    char who[64]; /* for other engines */
    struct loop_timer drain;
    uint64_t drain_end_ms; /* 0: not draining */
};

/* One order of the operator. */
struct order {
    struct keeper_command command;
    struct list node;
    struct keeper *k;
    uint64_t id;
    uint8_t text[];
};

static void tell_fault(struct keeper *k, const struct fault *f)
{
    char text[1024];
    size_t n = fault_text(f, text, sizeof(text));
    if (chan_send(&k->master, MESSAGE_FAILED, slice_of(text, n), NULL, 0))
        eventlog_fault(k->events, EVENT_ERROR, "keeper_failed", f);
}

/* Sends what was packed with result r, wipes and frees it. */
static void send_packed(struct keeper *k, enum message type, struct buf *b, int r)
{
    if (!r)
        r = chan_send_blob(&k->master, (uint16_t)type, buf_slice(b));
    if (b->p)
        mem_wipe(b->p, b->cap);
    buf_done(b);
    if (r)
        EVENT(k->events, EVENT_ERROR, "master_unreachable", EV_UINT("message", type),
              EV_CSTR("error", err_name(r)));
}

/* ---- what the engine says ---- */

static void on_certificate(void *ctx, const struct certhost_pair *p)
{
    struct keeper *k = ctx;
    const struct kept_pair pair = {.slot = kept_slot_of(p->kind),
                                   .source = slice_cstr(p->source),
                                   .chain = p->chain_pem,
                                   .key = p->key_pem};
    struct buf b;
    buf_init(&b, CHAN_BLOB_MAX);
    int r = kept_pack(&b, p->name, &pair);
    send_packed(k, MESSAGE_CERTIFICATE, &b, r);
    if (!slice_eq(pair.source, SLICE("temporary")))
        published_certificate(&k->published, p->name, p->kind, p->chain_pem);
}

static void on_removed(void *ctx, struct slice name, enum key_kind kind)
{
    struct buf b;
    uint8_t slot = (uint8_t)kept_slot_of(kind);
    buf_init(&b, CHAN_MESSAGE_MAX);
    int r = message_text(&b, name);
    if (!r)
        r = buf_add(&b, slice_of(&slot, 1));
    send_packed(ctx, MESSAGE_CERTIFICATE_GONE, &b, r);
}

static void on_refused(void *ctx, struct slice name)
{
    struct buf b;
    buf_init(&b, CHAN_MESSAGE_MAX);
    int r = message_text(&b, name);
    send_packed(ctx, MESSAGE_DEMAND_DONE, &b, r);
}

static void on_publish(void *ctx, uint64_t version, const struct certhost_answer *answers, size_t n)
{
    struct keeper *k = ctx;
    int r = published_table(&k->published, version, answers, n);
    if (r)
        EVENT(k->events, EVENT_ERROR, "challenges_not_sent", EV_CSTR("error", err_name(r)));
}

static int send_table(void *ctx, struct slice payload)
{
    struct keeper *k = ctx;
    return chan_send_blob(&k->master, MESSAGE_CHALLENGES, payload);
}

static void on_published(void *ctx, uint64_t version)
{
    struct keeper *k = ctx;
    k->o->ops->published(k->engine, version);
}

static void on_served(void *ctx, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                      int r)
{
    struct keeper *k = ctx;
    k->o->ops->served(k->engine, name, kind, sha256, r);
}

/* Programs are the master's business: nothing is executed in this process (sandbox). */
static void on_run_hook(void *ctx, const struct certhost_call *call)
{
    struct keeper *k = ctx;
    struct buf b;
    struct certhost_call timed = *call;
    if (call->hook != CERTHOST_HOOK_DNS && k->conf)
        timed.timeout_ms = k->conf->acme.hooks.timeout_ms;
    buf_init(&b, CHAN_BLOB_MAX);
    int r = hooks_pack(&b, &timed);
    send_packed(k, MESSAGE_HOOK, &b, r);
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    struct keeper *k = ctx;
    eventlog_write(k->events, level, name, fields, n);
}

static void on_trouble(void *ctx, const struct fault *f)
{
    struct keeper *k = ctx;
    eventlog_fault(k->events, EVENT_ERROR, "certificate_trouble", f);
}

static void on_metrics(struct loop_timer *t)
{
    struct keeper *k = container_of(t, struct keeper, metrics);
    struct buf b;
    buf_init(&b, METRICS_MAX);
    if (k->o->ops->metrics(k->engine, &b) == OK)
        metrics_set_text(k->o->metrics, buf_slice(&b));
    buf_done(&b);
    k->metrics_soon = false;
    loop_timer_set(k->loop, &k->metrics, METRICS_EVERY_MS);
}

static void on_change(void *ctx)
{
    struct keeper *k = ctx;
    if (k->metrics_soon)
        return;
    k->metrics_soon = true;
    loop_timer_set(k->loop, &k->metrics, METRICS_SOON_MS);
}

/* ---- plans ---- */

static int make_fallback(struct keeper *k, const struct conf_site *s, struct fault *f)
{
    struct localca_leaf leaf = {.names = &s->name,
                                .nnames = 1,
                                .now_s = loop_unix_ms(k->loop) / 1000,
                                .lifetime_s = FALLBACK_S};
    struct certhost_pair pair = {.name = s->name, .kind = KEY_ECDSA_P256, .source = "temporary"};
    struct certinfo_chain *chain = NULL;
    struct key *key = NULL;
    struct secret pem = SECRET_EMPTY;
    struct buf text;
    buf_init(&text, CERTINFO_BYTES_MAX);
    int r = keystore_generate(KEY_ECDSA_P256, &key, f);
    leaf.key = key;
    if (!r)
        r = localca_selfsigned(&leaf, &chain, f);
    if (!r && ((r = certinfo_pem(chain, &text)) || (r = keystore_export_pem(key, &pem))))
        fault_set(f, r, "out of memory");
    if (!r) {
        pair.chain_pem = buf_slice(&text);
        pair.key_pem = secret_expose(&pem);
        on_certificate(k, &pair);
    }
    secret_done(&pem);
    buf_done(&text);
    certinfo_unref(chain);
    keystore_unref(key);
    return r;
}

/* What names on demand are answered with while (or because) they have none of their own. */
static int make_fallbacks(struct keeper *k, const struct conf *conf, struct fault *f)
{
    int r = OK;
    for (size_t i = 0; !r && i < conf->nsites; i++)
        if (conf->sites[i].on_demand)
            r = make_fallback(k, &conf->sites[i], f);
    return r;
}

/* Takes over the bundle. */
static int use_plan(struct keeper *k, struct bundle *files, struct fault *f)
{
    static struct conf_faults faults; /* 20 stories are too large for a stack frame */
    struct conf *conf;
    int r = bundle_conf(files, &conf, &faults);
    if (r) {
        *f = faults.list[0];
        bundle_unref(files);
        return r;
    }
    const struct keeper_plan plan = {
        .conf = conf, .files = files, .http_port = k->o->http_port, .https_port = k->o->https_port};
    published_address(&k->published, conf->listen.items, conf->listen.count, k->o->https_port);
    r = k->o->ops->want(k->engine, &plan, f);
    conf_free(k->conf);
    bundle_unref(k->files);
    k->conf = conf;
    k->files = files;
    return r ? r : make_fallbacks(k, conf, f);
}

static void receive_plan(struct keeper *k, unsigned part, struct slice payload, int *fds,
                         size_t nfds)
{
    struct fault f = {0};
    int r = parcel_receive(&k->incoming, part, payload, fds, nfds);
    if (r == ERR_AGAIN)
        return;
    if (r) {
        fault_set(&f, r, "the configuration did not arrive whole");
    } else {
        struct bundle *whole = k->incoming;
        k->incoming = NULL;
        r = use_plan(k, whole, &f);
    }
    if (r)
        tell_fault(k, &f);
}

/* ---- orders ---- */

static void send_line(struct order *o, enum message type, struct slice line)
{
    struct buf b;
    buf_init(&b, CHAN_BLOB_MAX);
    int r = message_u64(&b, o->id);
    if (!r)
        r = buf_add(&b, line);
    send_packed(o->k, type, &b, r);
}

static void on_progress(struct keeper_command *c, struct slice line)
{
    send_line(container_of(c, struct order, command), MESSAGE_COMMAND_LINE, line);
}

static void drop_order(struct order *o)
{
    o->k->ncommands--;
    list_remove(&o->node);
    mem_free(o);
}

static void on_done(struct keeper_command *c, struct slice line)
{
    struct order *o = container_of(c, struct order, command);
    send_line(o, MESSAGE_COMMAND_DONE, line);
    drop_order(o);
}

static void receive_command(struct keeper *k, struct slice payload)
{
    struct cur c = cur_of(payload);
    uint64_t id = message_next_u64(&c);
    struct slice text = cur_bytes(&c, cur_left(&c));
    struct order refused = {.k = k, .id = id};
    struct order *o = k->ncommands < COMMANDS_MAX ? mem_alloc(sizeof(*o) + text.n) : NULL;
    if (c.bad || !o) {
        mem_free(o);
        send_line(&refused, MESSAGE_COMMAND_DONE,
                  SLICE("{\"ok\":false,\"message\":\"too many orders at once\"}"));
        return;
    }
    memcpy(o->text, text.p, text.n);
    o->k = k;
    o->id = id;
    o->command = (struct keeper_command){
        .text = slice_of(o->text, text.n), .on_progress = on_progress, .on_done = on_done};
    list_push(&k->commands, &o->node);
    k->ncommands++;
    k->o->ops->command(k->engine, &o->command);
}

static void receive_cancel(struct keeper *k, struct slice payload)
{
    struct cur c = cur_of(payload);
    uint64_t id = message_next_u64(&c);
    LIST_FOREACH_SAFE (it, &k->commands) {
        struct order *o = container_of(it, struct order, node);
        if (o->id != id)
            continue;
        k->o->ops->cancel(k->engine, &o->command);
        drop_order(o);
    }
}

/* ---- the master's questions ---- */

static void receive_demand(struct keeper *k, struct slice payload)
{
    struct cur c = cur_of(payload);
    struct slice name = message_next(&c), address = message_next(&c);
    if (c.bad || !k->o->ops->demand(k->engine, name, address))
        return;
    on_refused(k, name);
}

static void receive_hook_done(struct keeper *k, struct slice payload)
{
    uint64_t id;
    int status;
    struct slice output;
    if (hooks_parse_done(payload, &id, &status, &output) == OK)
        k->o->ops->hook_done(k->engine, id, status, output);
}

static void report(struct keeper *k)
{
    struct buf b;
    struct json j;
    buf_init(&b, 4 * 1024 * 1024);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_uint(&j, "pid", (uint64_t)proc_pid());
    k->o->ops->report(k->engine, &j);
    json_end(&j, '}');
    struct slice text = j.r ? SLICE("{}") : buf_slice(&b);
    if (chan_send_blob(&k->master, MESSAGE_REPORT, text))
        EVENT(k->events, EVENT_ERROR, "report_not_sent", EV_UINT("bytes", text.n));
    buf_done(&b);
}

static void receive_logs(struct keeper *k, struct slice payload, int *fds, size_t nfds)
{
    int access, events;
    if (logfiles_receive(payload, fds, nfds, &access, &events))
        EVENT(k->events, EVENT_ERROR, "logs_not_reopened", EV_UINT("descriptors", nfds));
    file_close(access);
    eventlog_swap_take(k->events, events);
}

/* ---- the end ---- */

static void on_drain(struct loop_timer *t)
{
    struct keeper *k = container_of(t, struct keeper, drain);
    if (k->o->ops->busy(k->engine) && loop_now_ms(k->loop) < k->drain_end_ms)
        loop_timer_set(k->loop, t, DRAIN_LOOK_MS);
    else
        loop_stop(k->loop);
}

static void drain(struct keeper *k)
{
    uint64_t bound_ms = k->conf ? k->conf->drain_timeout_ms : 0;
    if (k->drain_end_ms)
        return;
    k->drain_end_ms = loop_now_ms(k->loop) + (bound_ms < DRAIN_MAX_MS ? bound_ms : DRAIN_MAX_MS);
    k->o->ops->wind_up(k->engine);
    on_drain(&k->drain);
}

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct keeper *k = container_of(c, struct keeper, master);
    if (type >= MESSAGE_BUNDLE && type < MESSAGE_BUNDLE + PARCEL_MESSAGES) {
        receive_plan(k, type - MESSAGE_BUNDLE, payload, fds, nfds);
        return;
    }
    switch (type) {
    case MESSAGE_STATUS:
        report(k);
        break;
    case MESSAGE_LOGS:
        receive_logs(k, payload, fds, nfds);
        break;
    case MESSAGE_PUBLISHED:
        published_answer(&k->published, payload);
        break;
    case MESSAGE_COMMAND:
        receive_command(k, payload);
        break;
    case MESSAGE_COMMAND_CANCEL:
        receive_cancel(k, payload);
        break;
    case MESSAGE_DEMAND:
        receive_demand(k, payload);
        break;
    case MESSAGE_HOOK_DONE:
        receive_hook_done(k, payload);
        break;
    case MESSAGE_DRAIN:
        drain(k);
        break;
    default:
        EVENT(k->events, EVENT_ERROR, "unknown_message", EV_UINT("message", type));
    }
}

static void on_master_gone(struct chan *c)
{
    struct keeper *k = container_of(c, struct keeper, master);
    loop_stop(k->loop);
}

static int start(struct keeper *k, int fd, struct fault *f)
{
    int r = loop_new(&k->loop, f);
    if (r)
        return r;
    k->master.on_message = on_message;
    k->master.on_closed = on_master_gone;
    if ((r = chan_init(&k->master, k->loop, fd)))
        return fault_set(f, r, "no channel to the master");
    if (k->o->drop)
        r = proc_drop(k->o->uid, k->o->gid, f);
    proc_set_dumpable(false);
    if (!r)
        r = eventlog_open(k->o->events, k->o->logs->events.fd, "keeper", &k->events, f);
    snprintf(k->who, sizeof(k->who), "the server (process %d)", (int)proc_parent());
    k->host = (struct certhost){.ctx = k,
                                .who = k->who,
                                .waits = true,
                                .on_certificate = on_certificate,
                                .on_removed = on_removed,
                                .on_refused = on_refused,
                                .publish = on_publish,
                                .run_hook = on_run_hook,
                                .on_event = on_event,
                                .on_trouble = on_trouble,
                                .on_change = on_change};
    const struct published_host ph = {
        .ctx = k, .send = send_table, .on_published = on_published, .on_served = on_served};
    loop_timer_init(&k->metrics, on_metrics);
    loop_timer_init(&k->drain, on_drain);
    if (!r && (r = published_init(&k->published, k->loop, &ph)))
        fault_set(f, r, "out of memory");
    if (!r)
        r = sandbox_enter(SANDBOX_KEEPER, f);
    if (!r)
        on_change(k);
    return r ? r : k->o->ops->open(k->loop, k->o->state_dir, &k->host, &k->engine, f);
}

static void finish(struct keeper *k)
{
    LIST_FOREACH_SAFE (it, &k->commands) {
        struct order *o = container_of(it, struct order, node);
        k->o->ops->cancel(k->engine, &o->command);
        drop_order(o);
    }
    k->o->ops->close(k->engine);
    loop_timer_clear(&k->metrics);
    loop_timer_clear(&k->drain);
    published_done(&k->published);
    chan_done(&k->master);
    conf_free(k->conf);
    bundle_unref(k->files);
    bundle_unref(k->incoming);
    eventlog_close(k->events);
    loop_free(k->loop);
}

int keeper_main(const struct keeper_options *o, int fd)
{
    struct keeper *k = mem_alloc(sizeof(*k));
    struct fault f = {0};
    if (!k)
        return 2;
    k->o = o;
    k->master.io.fd = -1; /* last words may come before there is a channel */
    list_init(&k->commands);
    int r = start(k, fd, &f);
    if (r) {
        tell_fault(k, &f);
        BEST_EFFORT(chan_drain(&k->master, 1000));
        return err_exit(r);
    }
    if (!chan_send(&k->master, MESSAGE_READY, SLICE_EMPTY, NULL, 0))
        loop_run(k->loop);
    finish(k);
    mem_free(k);
    return 0;
}
