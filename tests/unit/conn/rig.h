/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A worker's loop with one plain listener on loopback, a toy engine that answers by path, and raw
 * client sockets. Everything runs in one thread: the client's waits turn the loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conn/conn.h"
#include "os/loop.h"

#define RIG_BODY_HELD (EXCHANGE_WINDOW * 2)

/* State of one exchange of the toy engine; in its arena. */
struct rig_app {
    uint64_t left; /* answer bytes to give */
    uint64_t at;   /* bytes given */
    unsigned mode; /* see rig.c */
    bool body_ended, tunnel;
    struct buf held; /* request body to echo */
};

struct rig {
    struct loop *loop;
    struct conn_pool *pool;
    struct conn_limits limits;
    struct listener listener;
    struct conn_ops ops;
    uint16_t port;
    /* what the engine saw */
    unsigned opened, closed, secured, heads, ended, rejected, trailers, drained;
    int close_r, end_r, reject_r;
    uint16_t reject_status;
    char reject_line[128];
    struct request seen; /* shallow: for numbers only */
    char seen_host[128], seen_path[256], seen_field[256];
    uint64_t body_bytes;
    bool hold_consumed;       /* /sink: report nothing as consumed */
    struct exchange *waiting; /* the exchange of /wait */
};

void rig_init(struct rig *g);
/* Starts the listener; change g->limits or g->ops before. */
void rig_start(struct rig *g, enum conn_kind kind);
void rig_done(struct rig *g);
/* A connected, non-blocking client socket; rcvbuf 0: the default. */
int rig_connect(struct rig *g, int rcvbuf);
/* Sends all of s, turning the loop while the socket takes nothing. */
void rig_send(struct rig *g, int fd, struct slice s);
/* Turns the loop until the peer's end, an error (returned as ERR_RESET; ERR_EOF at the end), or
 * until `until` is found at the end of what came (OK); ERR_TIMEOUT after two seconds. */
int rig_recv(struct rig *g, int fd, struct buf *got, struct slice until);
/* Turns the loop until *counter is at least n; fails the test after two seconds. */
void rig_wait(struct rig *g, const unsigned *counter, unsigned n);
/* Turns the loop for about ms. */
void rig_pass(struct rig *g, unsigned ms);
/* One request on a fresh connection, everything until the end in *got (initialised here). */
int rig_ask(struct rig *g, struct slice request, struct buf *got);
/* NUL-ended copy of what was got, for printing and searching; static. */
const char *rig_text(const struct buf *got);
