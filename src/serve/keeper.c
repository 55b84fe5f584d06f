/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The keeper from fork to exit: drops rights, opens the certificate engine, takes names, hands on
 * certificates. Faces no network peer. */
#include "serve/keeper.h"

#include "base/cur.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/sandbox.h"
#include "serve/message.h"

#define NAMES_MAX 4096 /* certificates of one configuration, aliases included */

struct keeper {
    const struct keeper_options *o;
    struct loop *loop;
    struct chan master;
    struct eventlog *events;
    struct keeper_host host;
    void *engine;
};

static void tell_fault(struct keeper *k, const struct fault *f)
{
    char text[1024];
    size_t n = fault_text(f, text, sizeof(text));
    if (chan_send(&k->master, MESSAGE_FAILED, slice_of(text, n), NULL, 0))
        eventlog_fault(k->events, EVENT_ERROR, "keeper_failed", f);
}

static void on_certificate(void *ctx, struct slice name, struct slice chain_pem,
                           struct slice key_pem)
{
    struct keeper *k = ctx;
    struct buf b;
    buf_init(&b, CHAN_BLOB_MAX);
    int r = message_text(&b, name);
    if (!r)
        r = message_text(&b, chain_pem);
    if (!r)
        r = message_text(&b, key_pem);
    if (!r)
        r = chan_send_blob(&k->master, MESSAGE_CERTIFICATE, buf_slice(&b));
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
    if (r)
        EVENT(k->events, EVENT_ERROR, "certificate_not_sent", EV_TEXT("name", name),
              EV_CSTR("error", err_name(r)));
}

static void on_trouble(void *ctx, const struct fault *f)
{
    struct keeper *k = ctx;
    eventlog_fault(k->events, EVENT_ERROR, "certificate_trouble", f);
}

/* MESSAGE_NAMES: for each certificate one byte `local`, a 2-byte count, then the names. */
static void receive_names(struct keeper *k, struct slice payload)
{
    static struct slice texts[NAMES_MAX];
    static struct keeper_name names[NAMES_MAX];
    struct fault f = {0};
    struct cur c = cur_of(payload);
    size_t n = 0, used = 0;
    while (cur_left(&c) && n < NAMES_MAX) {
        names[n].local = cur_u8(&c);
        names[n].nnames = cur_u16(&c);
        names[n].names = texts + used;
        for (size_t i = 0; i < names[n].nnames && used < NAMES_MAX && !c.bad; i++)
            texts[used++] = message_next(&c);
        n++;
    }
    int r = c.bad || cur_left(&c) || used == NAMES_MAX
                ? fault_set(&f, ERR_CAP, "more than %d names need a certificate", NAMES_MAX)
                : k->o->ops->want(k->engine, names, n, &f);
    if (r)
        tell_fault(k, &f);
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

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct keeper *k = container_of(c, struct keeper, master);
    if (type == MESSAGE_NAMES)
        receive_names(k, payload);
    else if (type == MESSAGE_STATUS)
        report(k);
    else if (type == MESSAGE_LOGS)
        receive_logs(k, payload, fds, nfds);
    else if (type == MESSAGE_DRAIN)
        loop_stop(k->loop);
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
    k->host = (struct keeper_host){k, on_certificate, on_trouble};
    if (!r)
        r = sandbox_enter(SANDBOX_KEEPER, f);
    return r ? r : k->o->ops->open(k->loop, k->o->state_dir, &k->host, &k->engine, f);
}

int keeper_main(const struct keeper_options *o, int fd)
{
    struct keeper *k = mem_alloc(sizeof(*k));
    struct fault f = {0};
    if (!k)
        return 2;
    k->o = o;
    k->master.io.fd = -1; /* last words may come before there is a channel */
    int r = start(k, fd, &f);
    if (r) {
        tell_fault(k, &f);
        BEST_EFFORT(chan_drain(&k->master, 1000));
        return err_exit(r);
    }
    if (!chan_send(&k->master, MESSAGE_READY, SLICE_EMPTY, NULL, 0))
        loop_run(k->loop);
    k->o->ops->close(k->engine);
    chan_done(&k->master);
    eventlog_close(k->events);
    loop_free(k->loop);
    mem_free(k);
    return 0;
}
