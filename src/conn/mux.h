/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The contract between a connection (conn.c, secure.c, close.c) and the multiplexer that runs on it
 * (mux_h1.c, mux_h2.c), private to conn/. A mux owns framing and its exchanges; the connection owns
 * the socket, the one timer, the one task and the place in the worker's table.
 *
 * Every hook may end the connection with close_start or close_now (close.h); `c` and the mux may be
 * gone when those return, so a mux calls them as its last act. Calls of the engine (exchange_ops)
 * never end it: exchange_abort and exchange_resume only mark and defer c->task. */
#pragma once

#include "base/attr.h"

struct conn;

struct conn_mux_ops {
    /* Bytes came, the socket takes bytes again, the peer went, or c->task ran: read, work, one
     * flush. Bounded work per call; then loop_defer(&c->task), which calls this again. */
    void (*on_ready)(struct conn *c);
    /* c->draining was set: end at once when idle, else after what is being done. */
    void (*drain)(struct conn *c);
    /* c->timer came to its deadline. The mux alone sets it (loop_timer_set) from its start on. */
    void (*on_timer)(struct conn *c);
    /* The connection ends: close every exchange with r (on_close) and free c->mux. Sends nothing.
     */
    void (*destroy)(struct conn *c, int r);
};

/* Take over a connection whose handshake is done (or that is plain): set c->state, c->mux and
 * c->hooks. Nothing is read or sent; the caller goes on with on_ready, since link_input may hold
 * the first request. ERR_NOMEM: the caller closes. */
int mux_h1_start(struct conn *c) MUST_USE;
int mux_h2_start(struct conn *c) MUST_USE;
