/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The event loop of one process: edge-triggered epoll, coarse timers, deferred tasks.
 * Single-threaded. A descriptor is registered once for its whole life (read, write, hang-up,
 * edge-triggered) and never modified: the owner keeps reading until a short read, then waits for
 * the next edge. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/list.h"
#include "base/slice.h"

#define LOOP_READ  1u
#define LOOP_WRITE 2u
#define LOOP_HUP   4u /* the peer closed its side or the socket failed: read until EOF or error */

struct loop;

/* Embedded in the owner of a descriptor. */
struct loop_io {
    int fd; /* -1 when not registered; owned by whoever embeds this */
    /* `events`: LOOP_* bits that became true. May free the owner after loop_remove. */
    void (*on_ready)(struct loop_io *io, uint32_t events);
};

/* Embedded; work to be done later in the same turn of the loop, before the next wait. */
struct loop_task {
    struct list node; /* self-linked when not queued */
    void (*run)(struct loop_task *t);
};

/* Embedded. Lazy: moving a deadline later only stores it, the wheel re-checks on expiry; so a timer
 * may be set on every request for the price of a store. Resolution LOOP_TICK_MS. */
struct loop_timer {
    struct list node;     /* self-linked when not armed */
    uint64_t deadline_ms; /* of loop_now_ms; 0 when cleared */
    uint64_t slot_ms;     /* when the wheel will look at it */
    void (*on_expire)(struct loop_timer *t);
};

#define LOOP_TICK_MS 20

/* ERR_SYS with the story in f. */
int loop_new(struct loop **ret, struct fault *f) MUST_USE;
void loop_free(struct loop *l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* One turn: waits at most timeout_ms (-1: until the next timer), runs what is ready. For tests. */
void loop_turn(struct loop *l, int timeout_ms);

/* Registers io->fd edge-triggered for everything, for its whole life. ERR_SYS, ERR_NOMEM. */
int loop_add(struct loop *l, struct loop_io *io) MUST_USE;
/* Level-triggered for reading only: listeners, signal descriptors, message sockets. */
int loop_add_level(struct loop *l, struct loop_io *io) MUST_USE;
/* For libraries that do their own I/O (libcurl, c-ares): level-triggered, for LOOP_READ and
 * LOOP_WRITE as `events` says; calling it again changes them. ERR_SYS, ERR_NOMEM. */
int loop_watch(struct loop *l, struct loop_io *io, uint32_t events) MUST_USE;
/* Unregisters (not closes); pending events of this turn are dropped, so io may be freed at once. */
void loop_remove(struct loop *l, struct loop_io *io);
/* As loop_remove, for a descriptor that the caller closes right away and that no other process
 * holds: the kernel unregisters it then, which saves a system call. */
void loop_forget(struct loop *l, struct loop_io *io);

/* Prepares an embedded task; queues nothing. */
void loop_task_init(struct loop_task *t, void (*run)(struct loop_task *t));
/* Queues t once; queueing again before it ran does nothing. A task queued by a task runs in the
 * next turn (which then does not wait): work that yields does not starve the sockets. */
void loop_defer(struct loop *l, struct loop_task *t);
void loop_task_cancel(struct loop_task *t);

/* Prepares an embedded timer; arms nothing. */
void loop_timer_init(struct loop_timer *t, void (*on_expire)(struct loop_timer *t));
/* (Re)arms t to expire delay_ms from now, never early, at most two ticks late under no load. */
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms);
void loop_timer_clear(struct loop_timer *t);

/* Milliseconds of the monotonic clock, read once per turn. */
uint64_t loop_now_ms(const struct loop *l);
/* Wall clock, read once per turn: milliseconds since 1970. */
int64_t loop_unix_ms(const struct loop *l);
/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. Valid for this turn. */
struct slice loop_http_date(struct loop *l);
