/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The tour, 5 of 5. Arrives: a connection with nothing more to answer, or one that failed. Leaves:
 * our last bytes with close_notify in the same send, FIN, and at last the descriptor and all
 * memory. Owner: the pool's table until the last line here. Previous stop: serve/exchange.c through
 * the mux, or any earlier stop that failed. Next stop: none.
 *
 * A socket that is closed with unread input sends RST, which can destroy the answer on its way. So
 * the peer's bytes are read and dropped until it ends too, bounded in time and bytes. */
#include "conn/close.h"

#include "base/err.h"
#include "base/fault.h"
#include "base/pool.h"
#include "conn/conn.h"
#include "conn/conn_pool.h"
#include "conn/mux.h"
#include "crypt/session.h"

static void end_mux(struct conn *c, int r)
{
    const struct conn_mux_ops *hooks = c->hooks;
    c->hooks = NULL;
    if (hooks)
        hooks->destroy(c, r);
    loop_task_cancel(&c->task);
}

static void release(struct conn *c, bool reset)
{
    struct fault story;
    bool tls_failed = c->session && err_alert(c->end) && c->end != ERR_ABORTED;
    conn_pool_leave(c);
    if (tls_failed)
        session_fault(c->session, &story);
    c->ops->on_close(c, c->end, tls_failed ? &story : NULL);
    loop_timer_clear(&c->timer);
    loop_task_cancel(&c->task);
    c->session = NULL;
    link_close(&c->link, reset);
    pool_free((void *)(uintptr_t)c->server_name.p);
    pool_free(c);
}

void close_now(struct conn *c, int r, bool reset)
{
    if (c->state != CONN_CLOSING) {
        end_mux(c, r);
        c->state = CONN_CLOSING;
        c->end = r;
    }
    release(c, reset);
}

void close_start(struct conn *c, int r)
{
    const struct conn_limits *limits = &c->pool->limits;
    end_mux(c, r);
    c->state = CONN_CLOSING;
    c->end = r;
    c->doing = "closing";
    c->linger_bytes = c->link.received_bytes + CLOSE_DISCARD_BYTES;
    conn_pool_expendable(c);
    /* An end that cannot be sealed leaves the FIN, which is all that is left to say. */
    int sealed = link_shut(&c->link, true);
    if (sealed && !c->end)
        c->end = sealed;
    loop_timer_set(c->pool->loop, &c->timer, limits->send_timeout_ms);
    close_on_ready(c);
}

/* Reads and drops. ERR_AGAIN: the peer may send more; else it has ended or gone too far. */
static int discard(struct conn *c)
{
    struct link *k = &c->link;
    int r;
    do {
        link_consume(k, link_input(k).n);
        r = link_fill(k);
        if (r == OK && k->received_bytes > c->linger_bytes)
            r = ERR_CAP;
    } while (r == OK);
    return r;
}

void close_on_ready(struct conn *c)
{
    struct link *k = &c->link;
    bool was_sent = k->wr_closed;
    uint64_t sent = k->sent_bytes;
    int r = link_flush(k);
    if (r != OK && r != ERR_AGAIN) {
        release(c, false);
        return;
    }
    if (r == OK && !was_sent)
        loop_timer_set(c->pool->loop, &c->timer, c->pool->limits.linger_timeout_ms);
    else if (k->sent_bytes != sent)
        loop_timer_set(c->pool->loop, &c->timer, c->pool->limits.send_timeout_ms);
    int peer = discard(c);
    if (peer != ERR_AGAIN && (r == OK || peer == ERR_CAP))
        release(c, false);
}
