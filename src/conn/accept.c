/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The tour, 1 of 5. Arrives: a connection that the kernel has finished. Leaves: a struct conn
 * within the worker's limits, with its socket in the loop and its first bytes about to be read
 * (they are usually there already, see TCP_DEFER_ACCEPT). Owner: the pool's table, until close.c
 * takes it out. Previous stop: none. Next stop: secure.c, or mux_h1.c on a plain port.
 *
 * Pressure is answered in this order: shed the oldest idle connection, else stop accepting for a
 * moment; never spin, never fail the server. */
#include "conn/accept.h"

#include "base/err.h"
#include "base/pool.h"
#include "conn/close.h"
#include "conn/conn.h"
#include "conn/conn_pool.h"
#include "conn/mux.h"
#include "conn/secure.h"
#include "os/sock.h"

/* Every event of a connection comes in through the three functions below. */
static void deliver(struct conn *c)
{
    if (c->hooks)
        c->hooks->on_ready(c);
    else if (c->state == CONN_CLOSING)
        close_on_ready(c);
    else
        secure_on_ready(c);
}

static void on_link_ready(struct link *k)
{
    deliver(container_of(k, struct conn, link));
}

static void on_task(struct loop_task *t)
{
    deliver(container_of(t, struct conn, task));
}

static void on_timer(struct loop_timer *t)
{
    struct conn *c = container_of(t, struct conn, timer);
    if (c->hooks)
        c->hooks->on_timer(c);
    else if (c->state == CONN_CLOSING)
        close_now(c, c->end, false);
    else
        close_now(c, ERR_TIMEOUT, false);
}

static void start(struct conn *c, enum conn_kind kind)
{
    c->ops->on_open(c);
    if (kind == CONN_TLS) {
        secure_start(c);
        return;
    }
    int r = mux_h1_start(c);
    if (r)
        close_now(c, r, false);
    else
        c->hooks->on_ready(c);
}

/* Takes over fd and one count of the address. */
static void create(struct listener *from, int fd, const struct ip *peer, uint16_t peer_port)
{
    struct conn_pool *p = from->pool;
    struct conn *c = pool_alloc(sizeof(*c));
    if (!c) {
        sock_close(fd);
        ipcount_drop(&p->per_ip, peer);
        return;
    }
    *c = (struct conn){.from = from,
                       .ops = from->ops,
                       .peer = *peer,
                       .peer_port = peer_port,
                       .opened_ms = loop_now_ms(p->loop),
                       .doing = "accepting"};
    loop_timer_init(&c->timer, on_timer);
    loop_task_init(&c->task, on_task);
    if (link_open(&c->link, p->loop, fd, on_link_ready)) {
        ipcount_drop(&p->per_ip, peer);
        pool_free(c);
        return;
    }
    conn_pool_enter(p, c);
    start(c, from->kind);
}

void accept_take(struct listener *from, int fd, const struct ip *peer, uint16_t peer_port)
{
    uint32_t same_ip;
    if (ipcount_add(&from->pool->per_ip, peer, &same_ip))
        sock_close(fd);
    else
        create(from, fd, peer, peer_port);
}

/* One connection in each wake: the listener is level-triggered and calls again while more wait, so
 * no accept is made that is expected to fail, and new clients do not starve those being served. */
void accept_on_ready(struct loop_io *io, uint32_t events)
{
    struct listener *from = container_of(io, struct listener, io);
    struct conn_pool *p = from->pool;
    struct ip peer;
    uint16_t port;
    int fd = -1;
    uint32_t same_ip = 0;
    (void)events;
    if (p->count >= p->limits.connections && !conn_pool_shed(p)) {
        conn_pool_pause(p);
        return;
    }
    int r = sock_accept(from->io.fd, &fd, &peer, &port);
    if (r) {
        /* Out of descriptors: the oldest idle client gives way to the new one. */
        if (r != ERR_RESET && r != ERR_AGAIN && (r != ERR_CAP || !conn_pool_shed(p)))
            conn_pool_pause(p);
        return;
    }
    if (ipcount_add(&p->per_ip, &peer, &same_ip)) {
        sock_close(fd);
    } else if (p->limits.connections_per_ip && same_ip > p->limits.connections_per_ip) {
        ipcount_drop(&p->per_ip, &peer);
        sock_close(fd);
    } else {
        create(from, fd, &peer, port);
    }
}
