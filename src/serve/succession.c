/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Upgrade without a refused connection. The environment carries what the successor needs: three
 * variables that it reads and removes at its start. */
#include "serve/succession.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/file.h"
#include "serve/master_state.h"

#define ENV_SOCKETS     "PORT443_SOCKETS"
#define ENV_LOCK        "PORT443_LOCK"
#define ENV_PREDECESSOR "PORT443_PREDECESSOR"
#define SERVING_MAX_MS  30000 /* for the successor to be up */

/* Taken from the environment at the start; one process, one predecessor. */
static struct {
    char *sockets;
    int lock_fd;
    pid_t predecessor;
    bool replaced; /* the successor serves */
    struct admin_call *call;
    struct loop_timer bound;
    struct master *m;
} self = {.lock_fd = -1};

static uint64_t number_of(const char *name, uint64_t max)
{
    const char *text = getenv(name);
    uint64_t value = 0;
    if (text && num_parse_u64(slice_cstr(text), 0, max, &value))
        value = 0;
    unsetenv(name);
    return value;
}

static void conclude(bool ok, const char *text)
{
    struct admin_call *call = self.call;
    loop_timer_clear(&self.bound);
    self.call = NULL;
    admin_say(call, ok ? 200 : 422, text);
}

static void on_bound(struct loop_timer *t)
{
    struct master *m = self.m;
    (void)t;
    EVENT(m->events, EVENT_ERROR, "upgrade_failed",
          EV_CSTR("message", "the new program was not up in time"));
    if (m->successor_pid && proc_kill(m->successor_pid, SIGKILL))
        m->successor_pid = 0;
    conclude(false, "the new program was not up in time; the old one goes on");
}

void succession_init(struct master *m)
{
    const char *sockets = getenv(ENV_SOCKETS);
    self.m = m;
    loop_timer_init(&self.bound, on_bound);
    self.sockets = sockets ? mem_strdup(sockets) : NULL;
    unsetenv(ENV_SOCKETS);
    uint64_t lock = number_of(ENV_LOCK, 1 << 20);
    self.lock_fd = lock >= 3 ? (int)lock : -1;
    self.predecessor = (pid_t)number_of(ENV_PREDECESSOR, INT32_MAX);
}

const char *succession_inherited_sockets(void)
{
    return self.sockets;
}

/* The environment may be older than this start, or anybody's: a descriptor counts when it is what
 * it should be. */
int succession_inherited_lock(const char *path)
{
    struct file_info have, want;
    if (self.lock_fd < 0 || file_stat_fd(self.lock_fd, &have) || file_stat(path, &want) ||
        have.ino != want.ino || have.dev != want.dev)
        return -1;
    int fd = file_dup(self.lock_fd); /* close-on-exec again */
    file_close(self.lock_fd);
    self.lock_fd = -1;
    return fd;
}

bool succession_under_way(void)
{
    return self.predecessor != 0;
}

void succession_announce(struct master *m)
{
    /* One that has died may have left its number to somebody else. */
    if (self.predecessor &&
        (self.predecessor != proc_parent() || proc_kill(self.predecessor, SIGQUIT)))
        EVENT(m->events, EVENT_WARN, "predecessor_gone", EV_UINT("pid", self.predecessor));
    self.predecessor = 0;
    mem_free(self.sockets);
    self.sockets = NULL;
}

static int spawn(struct master *m, struct fault *f)
{
    char path[MASTER_PATH_BYTES], number[24];
    int fds[PORTS_MAX + 1];
    size_t n = 0;
    char *sockets = ports_export(&m->ports);
    int r = sockets ? proc_self_path(path, sizeof(path)) : ERR_NOMEM;
    if (r) {
        mem_free(sockets);
        return fault_set(f, r, "cannot find the program's own path");
    }
    for (size_t i = 0; i < m->ports.n; i++)
        fds[n++] = m->ports.list[i].fd;
    fds[n++] = m->lock_fd;
    setenv(ENV_SOCKETS, sockets, 1);
    snprintf(number, sizeof(number), "%d", m->lock_fd);
    setenv(ENV_LOCK, number, 1);
    snprintf(number, sizeof(number), "%d", (int)proc_pid());
    setenv(ENV_PREDECESSOR, number, 1);
    char *own_name = m->o->argv[0];
    m->o->argv[0] = path;
    pid_t pid;
    const struct proc_spec spec = {.argv = m->o->argv, .fds = fds, .nfds = n};
    r = proc_spawn(&spec, &pid, f);
    m->o->argv[0] = own_name;
    unsetenv(ENV_SOCKETS);
    unsetenv(ENV_LOCK);
    unsetenv(ENV_PREDECESSOR);
    mem_free(sockets);
    if (!r)
        m->successor_pid = pid;
    return r;
}

void succession_begin(struct master *m, struct admin_call *call)
{
    struct fault f = {0};
    if (m->successor_pid || m->phase != MASTER_RUNNING) {
        admin_say(call, 409,
                  m->successor_pid ? "an upgrade is under way" : "the server is stopping");
        return;
    }
    self.call = call;
    if (spawn(m, &f)) {
        eventlog_fault(m->events, EVENT_ERROR, "upgrade_failed", &f);
        conclude(false, "the new program does not start; see the event log");
        return;
    }
    EVENT(m->events, EVENT_INFO, "upgrading", EV_UINT("successor", m->successor_pid));
    loop_timer_set(m->loop, &self.bound, SERVING_MAX_MS);
}

bool succession_done(struct master *m, pid_t from)
{
    char text[40];
    if (!m->successor_pid || from != m->successor_pid)
        return false;
    snprintf(text, sizeof(text), "MAINPID=%d", m->successor_pid);
    BEST_EFFORT(proc_notify(text));
    conclude(true, "the new program serves");
    self.replaced = true;
    return true;
}

void succession_cancel(struct master *m)
{
    if (!m->successor_pid || self.replaced)
        return;
    BEST_EFFORT(proc_kill(m->successor_pid, SIGTERM));
    m->successor_pid = 0;
    conclude(false, "the server is stopping");
}

void succession_reaped(struct master *m, const struct proc_exit *e)
{
    if (!m->successor_pid || e->pid != m->successor_pid)
        return;
    m->successor_pid = 0;
    EVENT(m->events, EVENT_ERROR, "upgrade_failed", EV_CSTR("message", e->words));
    conclude(false, "the new program ended at its start; the old one goes on");
}
