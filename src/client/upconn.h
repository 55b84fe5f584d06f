/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Connections to one upstream address: dialled, in use by one fetch, or idle in a pool that hands
 * out the most recently used first. An idle connection is never probed: a read event on it means
 * that it ended (or that the upstream talks unasked), and it is closed. Knows nothing of HTTP. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "client/dial.h"
#include "os/link.h"
#include "os/loop.h"

struct upconn;

/* How a connection tells who uses it. */
struct upconn_ops {
    /* The dial is over: OK, or an error of dial_start (why is in upconn_fault); then only
     * upconn_close may follow. Never from inside upconn_take. */
    void (*on_open)(struct upconn *uc, int r);
    /* The link became ready. */
    void (*on_ready)(struct upconn *uc);
};

/* Embedded in the upstream. */
struct upconn_pool {
    struct dial_target to;
    uint32_t idle_max, idle_timeout_ms;
    struct list idle; /* newest first */
    uint32_t idle_count;
    struct loop_timer timer; /* for the oldest idle one */
    uint64_t connects, reuses;
};

struct upconn {
    struct link link;
    struct upconn_pool *pool;
    const struct upconn_ops *ops; /* NULL while idle */
    void *owner;
    struct dial *dial; /* NULL once open */
    struct list node;
    uint64_t idle_since_ms;
    bool reused;
    bool stale_name; /* dialled with addresses that the name servers did not confirm */
    char address[SOCK_ADDR_TEXT];
};

/* `to` is copied; what it points at must outlive the pool. */
void upconn_pool_init(struct upconn_pool *p, const struct dial_target *to, uint32_t idle_max,
                      uint32_t idle_timeout_ms);
/* Closes the idle ones; none may be in use. */
void upconn_pool_done(struct upconn_pool *p);
/* An idle connection, usable at once (dial NULL), or a new one that is being dialled (on_open will
 * come). It must go back with upconn_give or upconn_close. ERR_NOMEM. */
int upconn_take(struct upconn_pool *p, const struct upconn_ops *ops, void *owner,
                struct upconn **ret) MUST_USE;
/* Back to the pool, or closed when it cannot be kept: nothing may be unsent or half read. */
void upconn_give(struct upconn *uc);
/* Closes and frees it, open or still dialling. Accepts NULL. */
void upconn_close(struct upconn *uc);
/* Why the dial failed. */
void upconn_fault(const struct upconn *uc, struct fault *ret);
