/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Opening what the master holds, in the order in which a mistake is cheapest: what the
 * configuration asks for is checked before the state directory, that before logs and ports. */
#include "serve/startup.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "os/file.h"
#include "os/filetree.h"
#include "os/proc.h"
#include "serve/generation.h"
#include "serve/master_state.h"
#include "serve/succession.h"

int startup_state_dir(char *dst, size_t cap)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (proc_uid() == 0)
        n = snprintf(dst, cap, "/var/lib/port443");
    else if (xdg && xdg[0] == '/')
        n = snprintf(dst, cap, "%s/port443", xdg);
    else if (home && home[0] == '/')
        n = snprintf(dst, cap, "%s/.local/state/port443", home);
    else
        return ERR_NOT_FOUND;
    return (size_t)n < cap ? OK : ERR_CAP;
}

/* Which account the children run as. Started as root without the dedicated account, `nobody`
 * serves, with a note: refusing would leave a newcomer without a server. */
static int choose_user(struct master *m, struct fault *f)
{
    if (proc_uid() != 0)
        return OK;
    m->user = (const char *)m->conf->user.p;
    if (!proc_user(m->user, &m->uid, &m->gid))
        return OK;
    if (!slice_eq(m->conf->user, SLICE("port443"))) {
        fault_set(f, ERR_NOT_FOUND, "there is no user %s", m->user);
        fault_next(f, "create it, or name another with --user");
        return ERR_NOT_FOUND;
    }
    m->user = "nobody";
    snprintf(m->warning, sizeof(m->warning),
             "there is no user port443, so the workers run as nobody; create it: useradd --system "
             "--home-dir /var/lib/port443 --shell /usr/sbin/nologin port443");
    return proc_user(m->user, &m->uid, &m->gid)
               ? fault_set(f, ERR_NOT_FOUND, "there is neither a user port443 nor nobody")
               : OK;
}

static int open_state(struct master *m, struct fault *f)
{
    char lock[MASTER_PATH_BYTES + 16];
    int r = choose_user(m, f);
    if (r)
        return r;
    const char *dir = m->o->state_dir ? m->o->state_dir : (const char *)m->conf->state.p;
    if (dir && dir[0])
        r = (size_t)snprintf(m->state_dir, sizeof(m->state_dir), "%s", dir) < sizeof(m->state_dir)
                ? OK
                : ERR_CAP;
    else
        r = startup_state_dir(m->state_dir, sizeof(m->state_dir));
    if (r) {
        fault_set(f, r, "no place for the state directory");
        fault_next(f, "name one with --state DIR");
        return r;
    }
    if ((r = file_mkdir_p(m->state_dir, 0700, f)))
        return r;
    if (m->user && (r = file_chown_mode(m->state_dir, m->uid, m->gid, 0700, f)))
        return r;
    /* What root put there: an import, a restored backup. */
    if (m->user && (r = filetree_give(m->state_dir, m->uid, m->gid)))
        return fault_set(f, r, "cannot give the files in %s to the user %s: %s", m->state_dir,
                         m->user, err_text(r));
    if (m->o->socket_path)
        snprintf(m->socket_path, sizeof(m->socket_path), "%s", m->o->socket_path);
    else if (snprintf(m->socket_path, sizeof(m->socket_path), "%s/port443.sock", m->state_dir) < 0)
        return ERR_BUG;
    snprintf(lock, sizeof(lock), "%s/lock", m->state_dir);
    m->lock_fd = succession_inherited_lock(lock);
    if (m->lock_fd < 0 && (r = file_lock(lock, &m->lock_fd, f)) == ERR_EXISTS) {
        fault_set(f, r, "a server is running already with the state directory %s", m->state_dir);
        fault_next(f,
                   "\"port443 status\" shows it, \"port443 stop\" ends it; a second one needs its "
                   "own --state DIR");
    }
    return r;
}

static int open_children(struct master *m, void (*on_respawn)(struct loop_timer *t))
{
    m->keeper = (struct child){.m = m, .keeper = true};
    loop_timer_init(&m->keeper.respawn, on_respawn);
    m->workers = mem_array(m->nworkers, sizeof(*m->workers));
    if (!m->workers)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < m->nworkers; i++) {
        m->workers[i] = (struct child){.m = m, .index = i};
        loop_timer_init(&m->workers[i].respawn, on_respawn);
    }
    return OK;
}

int startup_open(struct master *m, const struct startup_hooks *h, struct fault *f)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, 0};
    int r = generation_check(m->conf, m->bundle, f);
    if (!r)
        r = open_state(m, f);
    if (!r)
        r = logfiles_open(&m->conf->log, &m->logs, f);
    if (!r)
        r = eventlog_open(&m->conf->log.events, m->logs.events.fd, "master", &m->events, f);
    if (!r)
        r = ports_open(m->conf, m->nworkers, succession_inherited_sockets(), &m->ports, f);
    if (!r && ((r = metrics_new(m->nworkers, &m->metrics)) || (r = ticketring_generate(&m->ring)) ||
               (r = open_children(m, h->on_respawn)) ||
               (r = filewatch_new(m->loop, h->on_file_change, m, &m->watch))))
        fault_set(f, r, "%s", err_text(r));
    if (!r)
        r = proc_signals_open(&m->signals, m->loop, signals, h->on_signal);
    /* A successor takes the path of the admin socket only when it serves: should it fail before,
     * the predecessor is still reached there. */
    if (!r && !succession_under_way())
        r = admin_open(m->loop, m->socket_path, h->admin, m, &m->admin, f);
    return r;
}
