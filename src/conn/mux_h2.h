/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* State of one HTTP/2 connection and of its streams, private to mux_h2.c, h2_stream.c, h2_read.c
 * and h2_write.c. The library (nghttp2) owns frames, HPACK and windows; this owns exchanges. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "conn/conn.h"
#include "conn/h2_guard.h"

/* What all streams together may have handed to the engine and not got consumed. */
#define MUX_H2_WINDOW (4 * EXCHANGE_WINDOW)

/* The answer's side of a stream. */
enum h2_out {
    H2_OUT_WAIT, /* the engine has not answered */
    H2_OUT_BODY, /* body bytes are pulled */
    H2_OUT_LAST, /* everything is with the library */
    H2_OUT_DONE  /* END_STREAM is staged */
};

struct h2_stream {
    struct exchange x;
    struct mux_h2 *m;
    struct list node;   /* in m->streams */
    struct list doomed; /* in m->doomed: the engine called exchange_abort */
    enum h2_out out;
    bool open;          /* x is between on_head and on_close */
    bool in_ended;      /* END_STREAM came */
    bool reset_by_peer; /* RST_STREAM came */
    bool stalled;       /* pull had nothing; exchange_resume ends it */
    bool expecting;     /* 100 is owed before the body comes */
    bool sized;         /* out_left counts */
    int given_up;       /* why the exchange is cut by our side; 0 */
    uint64_t out_left;  /* of an answer with a length */
    size_t unconsumed;  /* handed to the engine and not passed on */
    nghttp2_nv *trailers;
    size_t ntrailers;
    uint64_t body_ms; /* last body byte, or last time that we did not want one */
    uint64_t rate_ms; /* start of the rate window */
    uint64_t rate_bytes;
    uint64_t send_ms; /* last body byte that could leave; end of an early answer */
};

/* The one header block that a connection can be in the middle of (RFC 9113 4.3). */
struct h2_block {
    struct h2_stream *s; /* NULL: none, or one that is not wanted */
    bool trailers;
    bool own;             /* `fields` is in the arena: the block came in pieces */
    int r;                /* first error */
    struct field *fields; /* of the worker, or own */
    size_t nfields, cap;
    size_t bytes, count; /* decoded: with 32 for each field, pseudo-fields too */
    struct slice method, scheme, authority, path;
    uint64_t since_ms;
};

enum h2_drain { H2_SERVING, H2_NOTICED /* GOAWAY without a last stream is out */, H2_DRAINING };

struct mux_h2 {
    struct conn *c;
    nghttp2_session *session;
    struct list streams, doomed;
    uint32_t nstreams;
    enum h2_drain drain;
    bool running;      /* inside a wake */
    bool paused;       /* the staging buffer is full, frames wait */
    bool lingers;      /* some stream was answered before its request was whole */
    bool more;         /* this wake ended before the work did */
    bool ticket_given; /* TLS session ticket, in front of the first answer */
    int end;           /* why the connection ends, once that is decided */
    struct h2_guard guard;
    struct h2_block block;
    size_t unconsumed; /* sum over the streams */
    /* body bytes between the library's question and its frame header */
    uint8_t *data_at;
    struct slice data_loan;
    /* clocks, loop_now_ms */
    uint64_t idle_ms; /* since when no stream is open */
    uint64_t send_ms; /* last byte that the client took, while some wait */
    uint64_t sent_at; /* link.sent_bytes then */
    uint64_t data_ms; /* last body byte staged on any stream */
    uint64_t drain_ms;
};

/* Queues GOAWAY with an HTTP/2 error code; the connection ends for r once it was sent. Safe in any
 * callback; the first call counts. */
void mux_h2_terminate(struct mux_h2 *m, int r, uint32_t code);
/* Counts a reset that the client did or provoked; ends the connection when there are too many. */
void mux_h2_count_reset(struct mux_h2 *m);
/* Asks for a wake, unless one is going on. */
void mux_h2_wake(struct mux_h2 *m);
/* Announces the end (GOAWAY); streams that are open, or opened before the client reads it, are
 * still served. */
void mux_h2_start_drain(struct mux_h2 *m);

static inline uint64_t mux_h2_now(const struct mux_h2 *m)
{
    return loop_now_ms(m->c->link.loop);
}
