/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Opening, renewing and handing over of log files. */
#include "serve/logfiles.h"

#include "base/err.h"

#define LOG_MODE 0640

/* The payload: which of the two descriptors come, in this order. */
enum { WITH_ACCESS = 1, WITH_EVENTS = 2 };

static int open_one(const struct conf_sink *sink, struct file_log *ret, struct fault *f)
{
    *ret = (struct file_log){.fd = -1};
    if (sink->kind != CONF_SINK_FILE)
        return OK;
    return file_log_open(ret, (const char *)sink->path.p, LOG_MODE, f);
}

int logfiles_open(const struct conf_log *conf, struct logfiles *ret, struct fault *f)
{
    ret->events = (struct file_log){.fd = -1};
    int r = open_one(&conf->access, &ret->access, f);
    if (!r)
        r = open_one(&conf->events, &ret->events, f);
    if (r)
        logfiles_done(ret);
    return r;
}

int logfiles_reopen(struct logfiles *l, struct fault *f)
{
    int r = file_log_reopen(&l->access, f);
    int e = file_log_reopen(&l->events, r ? NULL : f);
    return r ? r : e;
}

void logfiles_done(struct logfiles *l)
{
    file_log_done(&l->access);
    file_log_done(&l->events);
}

int logfiles_send(const struct logfiles *l, struct chan *to, uint16_t type)
{
    int fds[2];
    size_t n = 0;
    uint8_t which = 0;
    if (l->access.fd >= 0) {
        fds[n++] = l->access.fd;
        which |= WITH_ACCESS;
    }
    if (l->events.fd >= 0) {
        fds[n++] = l->events.fd;
        which |= WITH_EVENTS;
    }
    return n ? chan_send(to, type, slice_of(&which, 1), fds, n) : OK;
}

static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

int logfiles_receive(struct slice payload, int *fds, size_t nfds, int *ret_access, int *ret_events)
{
    uint8_t which = payload.n == 1 ? payload.p[0] : 0;
    size_t n = 0;
    *ret_access = *ret_events = -1;
    if (nfds != (size_t)((which & WITH_ACCESS) != 0) + ((which & WITH_EVENTS) != 0))
        return ERR_SYNTAX;
    if (which & WITH_ACCESS)
        *ret_access = take(&fds[n++]);
    if (which & WITH_EVENTS)
        *ret_events = take(&fds[n++]);
    return OK;
}
