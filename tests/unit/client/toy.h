/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* An upstream for tests, on the same loop: collects what it is sent and leaves the answer to the
 * test. Knows no HTTP beyond the empty line behind a head. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/list.h"
#include "os/link.h"
#include "os/loop.h"

struct toy_conn {
    struct toy *server;
    struct link link;
    struct list node;
    struct buf seen;    /* bytes not taken by the test yet */
    struct buf dribble; /* sent byte by byte, one each turn of the loop */
    struct loop_task task;
    unsigned index;   /* order of accepting, from 0 */
    unsigned answers; /* for the test's script */
    bool ended;       /* the peer closed */
    bool paused;      /* reads nothing */
};

struct toy {
    struct loop *loop;
    struct loop_io listener;
    uint16_t port;
    unsigned accepted;
    unsigned turned_away; /* connections that ended */
    struct list conns;
    void (*on_accept)(struct toy_conn *c); /* may be NULL */
    int (*wrap)(struct toy_conn *c);       /* sets a filter; may be NULL */
    void (*on_data)(struct toy_conn *c);   /* bytes or the end came */
    size_t expect;                         /* the test's */
};

/* Listens on 127.0.0.1, kernel's port; or on a unix socket. */
void toy_open(struct toy *t, struct loop *l, void (*on_data)(struct toy_conn *c));
void toy_open_unix(struct toy *t, struct loop *l, const char *path,
                   void (*on_data)(struct toy_conn *c));
/* Closes the listener only. */
void toy_stop_listening(struct toy *t);
void toy_done(struct toy *t);
/* Sends. */
void toy_say(struct toy_conn *c, struct slice s);
/* Sends one byte in each turn of the loop from now on. */
void toy_dribble(struct toy_conn *c, struct slice s);
/* FIN, then reading goes on; or all of it, with RST if asked. Frees c. */
void toy_shut(struct toy_conn *c);
void toy_end(struct toy_conn *c, bool reset);
/* Takes a whole head off `seen` into dst (NUL-ended). */
bool toy_head(struct toy_conn *c, char *dst, size_t cap);
/* Reads again after paused. */
void toy_resume(struct toy_conn *c);
