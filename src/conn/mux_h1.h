/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* State of one HTTP/1.1 connection, private to mux_h1.c, h1_read.c and h1_write.c. One exchange at
 * a time: pipelined requests wait as bytes in link.in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conn/conn.h"
#include "wire/chunked.h"
#include "wire/http1.h"

/* The request's side. */
enum h1_in {
    H1_IN_HEAD,    /* between requests, or a head is coming */
    H1_IN_BODY,    /* body bytes go to the engine */
    H1_IN_DONE,    /* the request is whole; the next one waits until this one is answered */
    H1_IN_DISCARD, /* answered before its body was read: the rest is dropped */
    H1_IN_TUNNEL   /* behind a 101: raw bytes */
};

/* The answer's side. */
enum h1_out {
    H1_OUT_WAIT, /* the engine has not answered */
    H1_OUT_BODY, /* body bytes are pulled */
    H1_OUT_DONE
};

/* How the end of a body is told. */
enum h1_coding { H1_LENGTH, H1_CHUNKED, H1_UNTIL_CLOSE };

struct mux_h1 {
    struct conn *c;
    struct exchange x;
    enum h1_in in;
    enum h1_out out;
    bool open;          /* x is between on_head and on_close */
    bool running;       /* inside a wake: heads go to the worker's staging buffer */
    bool close;         /* the connection ends after this answer */
    int given_up;       /* why the engine called exchange_abort; 0 */
    bool source_failed; /* given_up came from pull: its status may be told while nothing has left */

    /* request */
    struct http1_request head;
    struct http1_framing framing;
    struct field *own_fields; /* array in the arena, once a head came in pieces */
    struct chunked chunked;
    uint64_t body_left;    /* of a body with a length */
    uint64_t discard_left; /* how much more of an unread body is worth dropping */
    size_t unconsumed;     /* handed to the engine and not passed on: up to EXCHANGE_WINDOW */
    bool hungry;           /* the input at hand holds no whole head */
    bool throttled;        /* a request waits until the client takes its answers */
    bool peer_ended;       /* half close behind a whole request: it is still answered */
    bool expecting;        /* 100 is owed before the body comes */

    /* answer */
    enum h1_coding coding;
    uint64_t out_left;   /* of a body with a length */
    bool stalled;        /* pull had nothing; exchange_resume ends it */
    bool answer_left;    /* some byte of this answer is beyond recall */
    bool ticket_given;   /* TLS session ticket, in front of the first answer */
    size_t answer_at;    /* where its head starts in the staging buffer or in `pending` */
    struct buf pending;  /* heads made outside a wake */
    struct buf trailers; /* serialised */

    /* clocks, loop_now_ms */
    uint64_t idle_ms; /* since when nothing is asked */
    uint64_t head_ms; /* first byte of the head; 0: none yet */
    uint64_t body_ms; /* last body byte, or last time that we did not want one */
    uint64_t rate_ms; /* start of the rate window */
    uint64_t send_ms; /* last byte that the client took, while some wait */
    uint64_t sent_at; /* link.sent_bytes then */
    uint64_t rate_bytes;
    uint32_t wake_requests, wake_bytes; /* work of this wake */
};
