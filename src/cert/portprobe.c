/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the kernel says about a connection attempt, in the words of an administrator. */
#include "cert/portprobe.h"

#include <errno.h>

#include "base/err.h"

void portprobe_cancel(struct portprobe *p)
{
    if (!p->loop)
        return;
    if (p->io.fd >= 0) {
        int fd = p->io.fd;
        loop_remove(p->loop, &p->io);
        sock_close(fd);
        p->io.fd = -1;
    }
    loop_timer_clear(&p->timer);
    loop_task_cancel(&p->task);
    p->loop = NULL;
}

static void end(struct portprobe *p, enum portprobe_result result)
{
    p->result = result;
    portprobe_cancel(p);
    p->on_done(p);
}

/* `e`: errno of the error. A missing route of our own is no word about the other side. */
static enum portprobe_result result_of(int r, int e)
{
    switch (r) {
    case OK:
        return PORTPROBE_OPEN;
    case ERR_REFUSED:
    case ERR_RESET:
        return PORTPROBE_REFUSED;
    case ERR_UNREACHABLE:
        return e == EHOSTUNREACH ? PORTPROBE_FILTERED : PORTPROBE_NO_ROUTE;
    case ERR_TIMEOUT:
        return PORTPROBE_FILTERED;
    default:
        return PORTPROBE_NO_ROUTE;
    }
}

static void on_ready(struct loop_io *io, uint32_t events)
{
    struct portprobe *p = container_of(io, struct portprobe, io);
    int r = sock_error(io->fd);
    int e = errno;
    if (r || events & LOOP_WRITE)
        end(p, result_of(r, e));
}

static void on_timeout(struct loop_timer *t)
{
    end(container_of(t, struct portprobe, timer), PORTPROBE_FILTERED);
}

static void on_failed(struct loop_task *t)
{
    struct portprobe *p = container_of(t, struct portprobe, task);
    end(p, p->result);
}

/* The kernel answers a route to an address of ours with that address as source. */
static bool is_own(const struct sock_addr *a)
{
    struct sock_addr local;
    struct ip own, theirs;
    uint16_t port;
    int fd;
    if (sock_connect_udp(a, &fd))
        return false;
    bool known = sock_local_addr(fd, &local) == OK && sock_addr_ip(&local, &own, &port) &&
                 sock_addr_ip(a, &theirs, &port);
    sock_close(fd);
    return known && memcmp(&own, &theirs, sizeof(own)) == 0;
}

void portprobe_start(struct portprobe *p, struct loop *l, uint64_t timeout_ms)
{
    p->loop = l;
    p->io = (struct loop_io){-1, on_ready};
    loop_timer_init(&p->timer, on_timeout);
    loop_task_init(&p->task, on_failed);
    p->own = is_own(&p->addr);
    int fd;
    int r = sock_connect(&p->addr, &fd);
    int e = errno;
    if (!r) {
        p->io.fd = fd;
        if ((r = loop_add(l, &p->io))) {
            sock_close(fd);
            p->io.fd = -1;
        }
    }
    if (r) {
        p->result = result_of(r, e);
        loop_defer(l, &p->task);
    } else {
        loop_timer_set(l, &p->timer, timeout_ms);
    }
}
