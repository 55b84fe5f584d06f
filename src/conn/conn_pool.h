/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the parts of conn/ ask of the worker's table of connections (conn.c), private to conn/: the
 * shared scratch memory of one wake, who is idle, and whether accepting goes on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conn/conn.h"
#include "conn/ipcount.h"

/* Most plaintext handed to link_write at once: four TLS records, one send. */
#define CONN_STAGE_BYTES 65536

struct conn_pool {
    struct loop *loop;
    struct conn_limits limits;
    struct list busy, idle; /* all connections; idle ones oldest first */
    struct list listeners;
    struct ipcount per_ip;
    struct buf stage;
    struct field *fields;
    size_t nfields;
    uint32_t count;
    uint64_t next_conn_id, next_exchange_id;
    bool paused; /* listeners are out of the loop until a connection ends or pause_timer */
    struct loop_timer pause_timer;
    bool draining;
    struct loop_task drained_task;
    void (*on_drained)(void *app);
    void *drained_app;
};

/* The worker's staging buffer: heads and body bytes of one burst are gathered here, so that they
 * share records. Empty when a hook begins; must be empty (link_write, buf_reset) when it ends. */
struct buf *conn_pool_stage(struct conn *c);
/* The worker's field array for parsing one head, `*ret_cap` long (limits.header_fields). Valid
 * until the hook returns. */
struct field *conn_pool_fields(struct conn *c, size_t *ret_cap);
/* A new request id. */
uint64_t conn_pool_exchange_id(struct conn *c);
/* Whether any exchange is open: idle connections are shed oldest first. Cheap when nothing changes.
 */
void conn_pool_idle(struct conn *c);
void conn_pool_busy(struct conn *c);
/* Next to be shed: it only waits for the peer's end. */
void conn_pool_expendable(struct conn *c);

/* For accept.c and close.c. Enters a connection whose link is open; takes one out. */
void conn_pool_enter(struct conn_pool *p, struct conn *c);
void conn_pool_leave(struct conn *c);
#define CONN_POOL_FRESH_MS 1000
/* True for a connection that came a moment ago and has asked nothing yet: it is neither shed nor
 * drained before it could. */
bool conn_pool_fresh(const struct conn *c);
/* Closes the oldest idle connection; false when all are busy or fresh. */
bool conn_pool_shed(struct conn_pool *p);
/* Takes the listeners out of the loop for a while: no descriptors or no room. */
void conn_pool_pause(struct conn_pool *p);
