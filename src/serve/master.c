/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The life of the server, phase by phase:
 *
 *   CERTIFYING  ports are open, the keeper runs; every name gets its first certificate
 *   STARTING    workers build their generation
 *   RUNNING     all workers have said so; the service manager and the command line are told
 *   STOPPING    children finish what is under way, bounded by drain_timeout
 *
 * A child that dies is replaced, slower and slower while it keeps dying young; the others never
 * notice. */
#include "serve/master.h"

#include "base/mem.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/proc_signals.h"
#include "serve/change.h"
#include "serve/clocks.h"
#include "serve/hooks.h"
#include "serve/master_state.h"
#include "serve/message.h"
#include "serve/overview.h"
#include "serve/relay.h"
#include "serve/startup.h"
#include "serve/succession.h"

#define WORKERS_MAX    256
#define NOFILE_WANTED  (1u << 20)
#define START_BOUND_MS 30000
#define STOP_GRACE_MS  1000 /* on top of drain_timeout, before the kill */

/* ---- the end ---- */

static void end(struct master *m, int r)
{
    if (m->result == OK)
        m->result = r;
    loop_stop(m->loop);
}

static bool any_child(const struct master *m)
{
    bool any = m->keeper.pid != 0;
    for (uint32_t i = 0; i < m->nworkers; i++)
        any |= m->workers[i].pid != 0;
    return any;
}

static void kill_all(struct master *m)
{
    for (uint32_t i = 0; i < m->nworkers; i++)
        if (m->workers[i].pid && proc_kill(m->workers[i].pid, SIGKILL))
            continue; /* gone already: it will be reaped */
    if (m->keeper.pid && proc_kill(m->keeper.pid, SIGKILL))
        return;
}

static void on_stop_bound(struct loop_timer *t)
{
    struct master *m = container_of(t, struct master, stop_bound);
    EVENT(m->events, EVENT_WARN, "stop_forced", EV_UINT("workers", m->nworkers));
    kill_all(m);
}

static void stop(struct master *m, const char *why)
{
    if (m->phase == MASTER_STOPPING)
        return;
    m->phase = MASTER_STOPPING;
    EVENT(m->events, EVENT_INFO, "stopping", EV_CSTR("why", why));
    loop_timer_clear(&m->start_bound);
    change_cancel(m);
    succession_cancel(m);
    BEST_EFFORT(proc_notify("STOPPING=1"));
    for (uint32_t i = 0; i < m->nworkers; i++) {
        loop_timer_clear(&m->workers[i].respawn);
        child_tell(&m->workers[i], MESSAGE_DRAIN);
    }
    loop_timer_clear(&m->keeper.respawn);
    child_tell(&m->keeper, MESSAGE_DRAIN);
    loop_timer_set(m->loop, &m->stop_bound, m->conf->drain_timeout_ms + STOP_GRACE_MS);
    if (!any_child(m))
        end(m, OK);
}

/* ---- children ---- */

static void start_failed(struct master *m, struct slice text)
{
    m->faults->count = 1;
    fault_set(&m->faults->list[0], ERR_SYS, SLICE_F, SLICE_A(text));
    end(m, ERR_SYS);
}

void master_state_child_failed(struct master *m, struct child *k, struct slice text)
{
    EVENT(m->events, EVENT_ERROR, "child_failed", EV_CSTR("child", k->keeper ? "keeper" : "worker"),
          EV_UINT("pid", k->pid), EV_TEXT("message", text));
    if (m->phase < MASTER_RUNNING)
        start_failed(m, text);
}

static void begin_child(struct master *m, struct child *k)
{
    struct fault f = {0};
    int r = child_start(k, &f);
    if (!r)
        return;
    eventlog_fault(m->events, EVENT_ERROR, "child_not_started", &f);
    if (m->phase < MASTER_RUNNING) {
        m->faults->count = 1;
        m->faults->list[0] = f;
        end(m, r);
    } else {
        loop_timer_set(m->loop, &k->respawn, CHILD_YOUNG_MS);
    }
}

static void on_respawn(struct loop_timer *t)
{
    struct child *k = container_of(t, struct child, respawn);
    k->restarts++;
    begin_child(k->m, k);
}

static struct child *child_of(struct master *m, pid_t pid)
{
    if (m->keeper.pid == pid)
        return &m->keeper;
    for (uint32_t i = 0; i < m->nworkers; i++)
        if (m->workers[i].pid == pid)
            return &m->workers[i];
    return NULL;
}

static void child_died(struct master *m, struct child *k, const struct proc_exit *e)
{
    if (k->state == CHILD_STARTING)
        chan_last_words(&k->chan); /* it may have said why, and SIGCHLD came first */
    bool expected = m->phase == MASTER_STOPPING;
    if (!expected)
        EVENT(m->events, EVENT_ERROR, "child_died",
              EV_CSTR("child", k->keeper ? "keeper" : "worker"), EV_UINT("index", k->index),
              EV_UINT("pid", e->pid), EV_CSTR("how", e->words), EV_UINT("restarts", k->restarts));
    uint64_t wait_ms = child_ended(k);
    change_lost(m, k);
    if (expected && !any_child(m))
        end(m, OK);
    else if (!expected && m->phase < MASTER_RUNNING && m->faults->count == 0)
        start_failed(m, slice_cstr(k->keeper ? "the keeper died at its start"
                                             : "a worker died at its start"));
    else if (!expected)
        loop_timer_set(m->loop, &k->respawn, wait_ms);
}

static void reap(struct master *m)
{
    struct proc_exit e;
    while (proc_reap(&e)) {
        struct child *k = child_of(m, e.pid);
        if (k)
            child_died(m, k, &e);
        else if (!hooks_reaped(m, &e))
            succession_reaped(m, &e);
    }
}

static void on_call(void *ctx, struct admin_call *call, enum admin_verb verb, struct slice body);
static void on_gone(void *ctx, struct admin_call *call);
static const struct admin_ops admin_calls = {on_call, on_gone};

static void running(struct master *m)
{
    const struct master_ready ready = {
        .conf = m->conf,
        .state_dir = m->state_dir,
        .socket_path = m->socket_path,
        .https_port = m->ports.https_port,
        .http_port = m->ports.http_port,
        .workers = m->nworkers,
        .user = m->user,
        .warning = m->warning[0] ? m->warning : NULL,
    };
    struct fault f = {0};
    if (!m->admin && admin_open(m->loop, m->socket_path, &admin_calls, m, &m->admin, &f)) {
        start_failed(m, slice_cstr(f.what));
        return;
    }
    m->phase = MASTER_RUNNING;
    loop_timer_clear(&m->start_bound);
    EVENT(m->events, EVENT_INFO, "started", EV_CSTR("version", PORT443_VERSION),
          EV_UINT("workers", m->nworkers), EV_UINT("sites", m->conf->nsites),
          EV_UINT("https_port", m->ports.https_port), EV_UINT("http_port", m->ports.http_port));
    if (m->warning[0])
        EVENT(m->events, EVENT_WARN, "start_note", EV_CSTR("message", m->warning));
    clocks_look_at_certificates(m);
    BEST_EFFORT(proc_notify("READY=1"));
    if (m->o->on_ready)
        m->o->on_ready(m->o->ctx, &ready);
    succession_announce(m);
}

void master_state_certified(struct master *m)
{
    if (m->phase != MASTER_CERTIFYING)
        return;
    m->phase = MASTER_STARTING;
    for (uint32_t i = 0; i < m->nworkers && m->result == OK; i++)
        begin_child(m, &m->workers[i]);
}

void master_state_child_ready(struct master *m, struct child *k)
{
    if (k->keeper) {
        bool changing = m->change.asked && m->change.bundle;
        change_ask_certificates(m, changing ? m->change.bundle : m->bundle,
                                changing ? m->change.conf : m->conf);
        if (change_certified(m->bundle, m->conf))
            master_state_certified(m);
        return;
    }
    if (m->phase == MASTER_RUNNING) {
        change_catch_up(m, k);
        relay_look(m);
    }
    if (m->phase != MASTER_STARTING)
        return;
    for (uint32_t i = 0; i < m->nworkers; i++)
        if (m->workers[i].state != CHILD_READY)
            return;
    running(m);
    relay_look(m);
}

static void on_start_bound(struct loop_timer *t)
{
    struct master *m = container_of(t, struct master, start_bound);
    start_failed(m, m->phase == MASTER_CERTIFYING
                        ? SLICE("the first certificates did not come in time")
                        : SLICE("the workers did not start in time"));
}

/* ---- orders ---- */

static int reopen_logs(struct master *m)
{
    struct fault f = {0};
    int r = logfiles_reopen(&m->logs, &f);
    eventlog_swap_take(m->events, file_dup(m->logs.events.fd));
    if (r)
        eventlog_fault(m->events, EVENT_ERROR, "logs_not_reopened", &f);
    for (uint32_t i = 0; i < m->nworkers; i++)
        child_send_logs(&m->workers[i]);
    child_send_logs(&m->keeper);
    return r;
}

static void on_signal(struct proc_signals *ps, int signo, pid_t from)
{
    struct master *m = container_of(ps, struct master, signals);
    if (signo == SIGCHLD)
        reap(m);
    else if (signo == SIGHUP)
        change_begin(m, NULL);
    else if (signo == SIGUSR1)
        BEST_EFFORT(reopen_logs(m));
    else if (signo == SIGUSR2)
        succession_begin(m, NULL);
    else if (signo == SIGQUIT && succession_done(m, from))
        stop(m, "replaced by its successor");
    else
        stop(m, signo == SIGINT ? "interrupt" : "terminate");
}

static void on_call(void *ctx, struct admin_call *call, enum admin_verb verb, struct slice body)
{
    struct master *m = ctx;
    struct buf text;
    switch (verb) {
    case ADMIN_STATUS:
        overview_begin(m, call);
        return;
    case ADMIN_METRICS:
        buf_init(&text, 64 * 1024 * 1024);
        if (metrics_text(m->metrics, &text))
            admin_answer(call, 500, "text/plain", SLICE("out of memory\n"));
        else
            admin_answer(call, 200, "text/plain; version=0.0.4", buf_slice(&text));
        buf_done(&text);
        return;
    case ADMIN_RELOAD:
        change_begin(m, call);
        return;
    case ADMIN_UPGRADE:
        succession_begin(m, call);
        return;
    case ADMIN_STOP:
        admin_say(call, 200, "stopping");
        stop(m, "asked to");
        return;
    case ADMIN_REOPEN:
        if (reopen_logs(m))
            admin_say(call, 500, "a log file cannot be opened; the event log says why");
        else
            admin_say(call, 200, "log files are open again");
        return;
    case ADMIN_CERT:
        relay_command(m, call, body);
        return;
    }
}

static void on_gone(void *ctx, struct admin_call *call)
{
    relay_cancel(ctx, call);
}

static void on_file_change(void *ctx, const char *path)
{
    change_file(ctx, path);
}

/* ---- the start ---- */

static void init_timers(struct master *m)
{
    clocks_init(m);
    loop_timer_init(&m->stop_bound, on_stop_bound);
    loop_timer_init(&m->start_bound, on_start_bound);
    overview_init(m);
    change_init(&m->change);
    relay_init(m);
    succession_init(m);
}

static void finish(struct master *m)
{
    relay_done(m);
    admin_close(m->admin, m->successor_pid == 0);
    hooks_close(m);
    proc_signals_close(&m->signals);
    filewatch_free(m->watch);
    mem_free(m->workers);
    metrics_free(m->metrics);
    ports_done(&m->ports);
    ticketring_wipe(&m->ring);
    bundle_unref(m->bundle);
    conf_free(m->conf);
    file_close(m->lock_fd);
    eventlog_close(m->events);
    logfiles_done(&m->logs);
    loop_free(m->loop);
}

static int start(struct master *m)
{
    static const struct startup_hooks hooks = {
        .on_respawn = on_respawn,
        .on_signal = on_signal,
        .on_file_change = on_file_change,
        .admin = &admin_calls,
    };
    struct fault *f = &m->faults->list[0];
    int r = bundle_collect(&m->o->source, &m->bundle, &m->conf, m->faults);
    if (r)
        return r;
    m->nworkers = m->conf->workers ? (uint32_t)m->conf->workers : proc_cpu_count();
    if (m->nworkers > WORKERS_MAX)
        m->nworkers = WORKERS_MAX;
    (void)proc_nofile_raise(NOFILE_WANTED);
    r = loop_new(&m->loop, f);
    if (!r) {
        init_timers(m);
        r = startup_open(m, &hooks, f);
    }
    if (!r && (r = hooks_open(m)))
        fault_set(f, r, "out of memory");
    m->faults->count = r ? 1 : 0;
    if (r)
        return r;
    m->config = 1;
    m->started_s = loop_unix_ms(m->loop) / 1000;
    m->reload_ok = true;
    for (size_t i = 0; i < m->conf->nsites; i++)
        (void)metrics_assign_site(m->metrics, m->conf->sites[i].name);
    change_watch(m);
    clocks_begin(m);
    loop_timer_set(m->loop, &m->start_bound, START_BOUND_MS);
    begin_child(m, &m->keeper);
    return m->result;
}

int master_run(const struct master_options *o, struct conf_faults *faults)
{
    struct master *m = mem_alloc(sizeof(*m));
    memset(faults, 0, sizeof(*faults));
    if (!m) {
        faults->count = 1;
        return fault_set(&faults->list[0], ERR_NOMEM, "out of memory");
    }
    m->o = o;
    m->faults = faults;
    m->lock_fd = m->signals.io.fd = -1; /* finish() may come before these are open */
    m->logs.access.fd = m->logs.events.fd = -1;
    int r = start(m);
    if (!r) {
        loop_run(m->loop);
        r = m->result;
    }
    if (r && m->workers)
        kill_all(m);
    finish(m);
    mem_free(m);
    return r;
}
