/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A host of the engine for the time of one order. */
#include "cli/certalone.h"

#include <stdio.h>

#include "base/mem.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/responder.h"
#include "os/filetree.h"
#include "os/proc.h"
#include "os/proc_signals.h"
#include "serve/hookrun.h"

#define CLEAN_UP_TURN_MS 50
#define CLEAN_UP_MS      60000 /* DNS records are taken away again after the order */

struct alone {
    const struct certalone *order;
    struct loop *loop;
    struct certhost host;
    struct certkeep *keep;
    struct certkeep_call call;
    struct responder *responder;
    struct hookrun *hooks;
    struct loop_task published;
    struct proc_signals signals;
    int interrupted; /* by this signal */
    bool impatient;  /* by a second one */
    uint64_t version;
    unsigned hooks_open;
    bool ended;
    char who[64]; /* for other engines */
    int r;
    struct fault fault;
};

/* ---- what the engine asks for ---- */

static void on_certificate(void *ctx, const struct certhost_pair *p)
{
    (void)ctx, (void)p; /* the store has it */
}

static void tell_published(struct loop_task *t)
{
    struct alone *a = container_of(t, struct alone, published);
    certkeep_published(a->keep, a->version);
}

static void publish(void *ctx, uint64_t version, const struct certhost_answer *answers, size_t n)
{
    struct alone *a = ctx;
    a->version = version;
    if (a->responder && responder_publish(a->responder, answers, n, loop_unix_ms(a->loop) / 1000))
        fprintf(stderr, "port443 %s: an answer to a challenge could not be made\n", a->order->verb);
    loop_defer(a->loop, &a->published);
}

static void run_hook(void *ctx, const struct certhost_call *call)
{
    struct alone *a = ctx;
    a->hooks_open++;
    if (hookrun_call(a->hooks, call)) {
        a->hooks_open--;
        certkeep_hook_done(a->keep, call->id, PROGRAM_NOT_STARTED, SLICE_EMPTY);
    }
}

static struct slice hook_path(void *ctx, enum certhost_hook hook)
{
    const struct alone *a = ctx;
    return hook == CERTHOST_HOOK_DNS ? slice_cstr(a->order->dns_hook) : SLICE_EMPTY;
}

static void on_hook_done(void *ctx, uint64_t id, int status, struct slice output)
{
    struct alone *a = ctx;
    a->hooks_open--;
    certkeep_hook_done(a->keep, id, status, output);
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    (void)ctx, (void)level, (void)name, (void)fields, (void)n;
}

static void on_trouble(void *ctx, const struct fault *f)
{
    const struct alone *a = ctx;
    progress_clear();
    faults_print_one(a->order->verb, f);
}

static void on_progress(struct certkeep_call *c, const char *phase, struct slice name)
{
    const struct alone *a = c->ctx;
    progress_show(name, phase, a->order->findings);
}

static void on_done(struct certkeep_call *c, int r, const struct fault *f)
{
    struct alone *a = c->ctx;
    a->r = r;
    if (f)
        a->fault = *f;
    a->ended = true;
    loop_stop(a->loop);
}

/* Once: challenges are taken back. Twice: now. */
static void on_signal(struct proc_signals *ps, int signo, pid_t from)
{
    struct alone *a = container_of(ps, struct alone, signals);
    (void)from;
    if (a->interrupted)
        a->impatient = true;
    a->interrupted = signo;
    loop_stop(a->loop);
}

/* ---- the run ---- */

static int open_parts(struct alone *a, struct fault *f)
{
    const struct certalone *o = a->order;
    const struct hookrun_host hooks = {.ctx = a, .path = hook_path, .on_done = on_hook_done};
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, 0};
    int r = loop_new(&a->loop, f);
    if (!r && (r = proc_signals_open(&a->signals, a->loop, signals, on_signal)))
        fault_set(f, r, "%s", err_text(r));
    if (!r && o->ports)
        r = responder_open(a->loop, o->settings->http_port, o->settings->https_port, &a->responder,
                           f);
    if (!r && (r = hookrun_new(a->loop, &hooks, &a->hooks)))
        fault_set(f, r, "%s", err_text(r));
    if (!r)
        r = certkeep_open(a->loop, o->state, &a->host, &a->keep, f);
    if (!r)
        r = certkeep_want(a->keep, o->settings, o->names, o->nnames, f);
    return r;
}

static void run(struct alone *a)
{
    a->call.ctx = a;
    a->call.on_progress = on_progress;
    a->call.on_done = on_done;
    a->order->start(a->order->ctx, a->keep, &a->call);
    if (!a->ended)
        loop_run(a->loop);
    certkeep_cancel(&a->call);
    certkeep_wind_up(a->keep);
    progress_clear();
    if (a->interrupted && certkeep_busy(a->keep))
        fprintf(stderr, "port443 %s: interrupted; challenge records are being removed\n",
                a->order->verb);
    uint64_t end_ms = loop_now_ms(a->loop) + CLEAN_UP_MS;
    while (certkeep_busy(a->keep) && loop_now_ms(a->loop) < end_ms && !a->impatient)
        loop_turn(a->loop, CLEAN_UP_TURN_MS);
}

static void close_parts(struct alone *a)
{
    certkeep_close(a->keep);
    hookrun_free(a->hooks);
    responder_close(a->responder);
    loop_task_cancel(&a->published);
    proc_signals_close(&a->signals);
    if (a->loop)
        loop_free(a->loop);
}

int certalone_run(const struct certalone *o)
{
    struct alone *a = mem_alloc(sizeof(*a));
    if (!a)
        return CMD_FAILED;
    filetree_private(); /* whatever is written holds keys or stands beside them */
    a->order = o;
    snprintf(a->who, sizeof(a->who), "\"port443 %s\" (process %d)", o->verb, (int)proc_pid());
    a->host = (struct certhost){.ctx = a,
                                .who = a->who,
                                .on_certificate = on_certificate,
                                .publish = publish,
                                .run_hook = run_hook,
                                .on_event = on_event,
                                .on_trouble = on_trouble};
    loop_task_init(&a->published, tell_published);
    int r = open_parts(a, &a->fault);
    bool opened = r == OK;
    if (opened)
        run(a);
    progress_clear();
    close_parts(a);
    certword_hand_over(o->state);
    r = opened ? a->r : r;
    if (a->interrupted && !a->ended) {
        int signo = a->interrupted;
        mem_free(a);
        return 128 + signo;
    }
    if (r) {
        if (!a->fault.code)
            fault_set(&a->fault, r, "%s", err_text(r));
        if (!a->fault.next[0] && o->nnames && !o->findings && opened)
            fault_next(&a->fault, "\"port443 cert doctor " SLICE_F "\" says what to do about it",
                       SLICE_A(o->names[0].names[0]));
        faults_print_one(o->verb, &a->fault);
    }
    mem_free(a);
    if (!r)
        return CMD_GOOD;
    return opened && (r == ERR_ACME || r == ERR_HOOK) ? CMD_BAD : CMD_FAILED;
}
