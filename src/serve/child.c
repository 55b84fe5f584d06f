/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Starting children and hearing from them. What their words mean for the server is master.c's and
 * change.c's business. */
#include "serve/child.h"

#include <stdio.h>

#include "os/file.h"
#include "os/proc.h"
#include "os/proc_signals.h"
#include "serve/change.h"
#include "serve/hooks.h"
#include "serve/keeper.h"
#include "serve/master_state.h"
#include "serve/message.h"
#include "serve/overview.h"
#include "serve/relay.h"
#include "serve/worker.h"

#define RESPAWN_FIRST_MS 1000
#define RESPAWN_MAX_MS   30000
#define REPORT_MAX       (8 * 1024 * 1024)

static bool from_keeper(struct master *m, uint16_t type, struct slice payload)
{
    switch (type) {
    case MESSAGE_CERTIFICATE:
        change_certificate(m, payload);
        return true;
    case MESSAGE_CERTIFICATE_GONE:
        change_certificate_gone(m, payload);
        return true;
    case MESSAGE_CHALLENGES:
        relay_table(m, payload);
        return true;
    case MESSAGE_COMMAND_LINE:
        relay_line(m, payload, false);
        return true;
    case MESSAGE_COMMAND_DONE:
        relay_line(m, payload, true);
        return true;
    case MESSAGE_HOOK:
        hooks_call(m, payload);
        return true;
    case MESSAGE_DEMAND_DONE:
        relay_demand_done(m, payload);
        return true;
    default:
        return false;
    }
}

static bool from_worker(struct master *m, struct child *k, uint16_t type, struct slice payload)
{
    switch (type) {
    case MESSAGE_PUBLISHED:
        relay_published(m, k, payload);
        return true;
    case MESSAGE_DEMAND:
        relay_demand(m, payload);
        return true;
    default:
        return false;
    }
}

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct child *k = container_of(c, struct child, chan);
    struct master *m = k->m;
    (void)fds;
    (void)nfds;
    switch (type) {
    case MESSAGE_READY:
        k->state = CHILD_READY;
        master_state_child_ready(m, k);
        break;
    case MESSAGE_FAILED:
        if (k->state == CHILD_STARTING)
            master_state_child_failed(m, k, payload);
        else
            change_failed(m, k, payload);
        break;
    case MESSAGE_RELOADED:
        change_done(m, k);
        break;
    case MESSAGE_REPORT:
        overview_report(m, k, payload);
        break;
    default:
        /* A worker that was taken over must not hand out certificates. */
        if (!(k->keeper ? from_keeper(m, type, payload) : from_worker(m, k, type, payload)))
            EVENT(m->events, EVENT_ERROR, "unknown_message", EV_UINT("message", type));
    }
}

/* The process itself is reaped by the master's SIGCHLD; until then there is nothing to say to it.
 */
static void on_closed(struct chan *c)
{
    struct child *k = container_of(c, struct child, chan);
    k->state = CHILD_ENDING;
    change_lost(k->m, k);
    relay_lost(k->m, k);
    if (k->keeper)
        hooks_lost(k->m);
}

/* What a child was not given it must not have: the channels of its siblings (on which it could
 * speak as the master), their sockets, the admin socket, the lock. */
static void keep_only(const struct child *k, int fd)
{
    const struct ports *p = &k->m->ports;
    int keep[PORTS_MAX + BUNDLE_ROOTS_MAX + 3];
    size_t n = 0;
    keep[n++] = fd;
    if (k->m->logs.events.fd >= 0)
        keep[n++] = k->m->logs.events.fd;
    if (k->m->logs.access.fd >= 0 && !k->keeper)
        keep[n++] = k->m->logs.access.fd;
    if (!k->keeper) {
        for (size_t i = p->first[k->index]; i < p->first[k->index + 1]; i++)
            keep[n++] = p->list[i].fd;
        n += bundle_roots(k->m->bundle, keep + n, BUNDLE_ROOTS_MAX);
    }
    proc_keep_only(keep, n);
}

static int run(struct child *k, int fd)
{
    struct master *m = k->m;
    keep_only(k, fd);
    if (k->keeper) {
        const struct keeper_options o = {.state_dir = m->state_dir,
                                         .drop = m->user != NULL,
                                         .uid = m->uid,
                                         .gid = m->gid,
                                         .http_port = m->ports.http_port,
                                         .https_port = m->ports.https_port,
                                         .events = &m->conf->log.events,
                                         .logs = &m->logs,
                                         .metrics = m->metrics,
                                         .ops = m->o->keeper};
        return keeper_main(&o, fd);
    }
    const struct worker_options o = {
        .index = k->index,
        .drop = m->user != NULL,
        .uid = m->uid,
        .gid = m->gid,
        .state_dir = m->state_dir,
        .bundle = m->bundle,
        .challenges = buf_slice(&m->relay.table),
        .logs = &m->logs,
        .metrics = m->metrics,
        .ring = &m->ring,
        .listeners = m->ports.list + m->ports.first[k->index],
        .nlisteners = m->ports.first[k->index + 1] - m->ports.first[k->index],
        .https_port = m->ports.https_port,
        .http_port = m->ports.http_port,
    };
    return worker_main(&o, fd);
}

int child_start(struct child *k, struct fault *f)
{
    int fds[2];
    pid_t pid;
    char title[32];
    int r = chan_pair(fds);
    if (r)
        return fault_set(f, r, "no channel for a child process");
    k->chan.on_message = on_message;
    k->chan.on_closed = on_closed;
    snprintf(title, sizeof(title), k->keeper ? "port443: keeper" : "port443: worker %u", k->index);
    r = proc_fork(title, 0, &pid, f);
    if (!r && pid == 0) {
        proc_end(run(k, fds[1]));
    }
    file_close(fds[1]);
    if (r) {
        file_close(fds[0]);
        return r;
    }
    k->pid = pid;
    k->state = CHILD_STARTING;
    k->started_ms = loop_now_ms(k->m->loop);
    k->config = k->m->config;
    k->published = k->m->relay.number;
    buf_init(&k->report, REPORT_MAX);
    r = chan_init(&k->chan, k->m->loop, fds[0]);
    if (r) { /* one without a channel is reaped like any that dies */
        EVENT(k->m->events, EVENT_ERROR, "child_unreachable", EV_UINT("pid", pid));
        BEST_EFFORT(proc_kill(pid, SIGKILL));
    }
    return OK;
}

uint64_t child_ended(struct child *k)
{
    uint64_t lived_ms = loop_now_ms(k->m->loop) - k->started_ms;
    chan_done(&k->chan);
    buf_done(&k->report);
    k->pid = 0;
    k->state = CHILD_NONE;
    k->quick_deaths = lived_ms < CHILD_YOUNG_MS ? k->quick_deaths + 1 : 0;
    if (k->quick_deaths <= 1)
        return 0;
    uint64_t wait_ms = RESPAWN_FIRST_MS;
    for (uint32_t i = 2; i < k->quick_deaths && wait_ms < RESPAWN_MAX_MS; i++)
        wait_ms *= 2;
    return wait_ms < RESPAWN_MAX_MS ? wait_ms : RESPAWN_MAX_MS;
}

void child_tell(struct child *k, uint16_t type)
{
    if (k->state != CHILD_STARTING && k->state != CHILD_READY)
        return;
    if (chan_send(&k->chan, type, SLICE_EMPTY, NULL, 0))
        EVENT(k->m->events, EVENT_WARN, "child_unreachable", EV_UINT("pid", k->pid),
              EV_UINT("message", type));
}

void child_send_logs(struct child *k)
{
    if (k->state != CHILD_STARTING && k->state != CHILD_READY)
        return;
    if (logfiles_send(&k->m->logs, &k->chan, MESSAGE_LOGS))
        EVENT(k->m->events, EVENT_WARN, "child_unreachable", EV_UINT("pid", k->pid),
              EV_UINT("message", MESSAGE_LOGS));
}
