/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One request and its answer, whatever HTTP version carries it: the contract between the
 * multiplexers (mux_h1, mux_h2), which own framing and flow control, and the engine above (serve/),
 * which owns meaning. conn/ calls up through exchange_ops only.
 *
 * Life: the mux reads a whole, valid head and calls on_head. The engine answers with
 * exchange_respond once (after any number of 1xx), gives the answer's body through its pull
 * function, receives the request body through on_body and reports what it has passed on with
 * exchange_consumed. Both directions run at the same time. When both have ended, or the client or
 * the engine gave up, on_close comes exactly once; the arena dies after it.
 *
 * Back-pressure: at most EXCHANGE_WINDOW request-body bytes are handed over and not consumed; the
 * answer is pulled only when the client can take it. So an exchange holds bounded memory in both
 * directions. */
#pragma once

#include "base/arena.h"
#include "base/cidr.h"
#include "base/err.h"
#include "base/list.h"
#include "base/slice.h"
#include "wire/field.h"
#include "wire/method.h"

#define EXCHANGE_WINDOW (256 * 1024)
#define EXCHANGE_ARENA_MAX \
    (256 * 1024) /* attack: fields, trailers and rewritten heads without end */

struct conn;
struct exchange;
struct mux_ops;

/* A request head, normalised once; every slice lives in the exchange's arena. */
struct request {
    enum http_method method;
    uint8_t version;      /* 10, 11, 20 */
    bool has_body;        /* body bytes or an explicit zero-length chunked body will follow */
    bool has_length;      /* content_length is known */
    bool expect_continue; /* answer 100 (exchange_continue) before the body is wanted */
    struct slice method_text;
    struct slice target;    /* as received, for the log */
    struct slice host;      /* normal form: lower case, no port, no final dot */
    struct slice authority; /* normal form with the port where one was given */
    struct slice path;      /* canonical: used for matching and for forwarding (wire/target) */
    struct slice query;     /* without '?'; p NULL when there was none, n 0 for an empty one */
    struct slice upgrade;   /* h1 Upgrade value when Connection lists it; else empty */
    uint64_t content_length;
    struct field
        *fields; /* all fields but Host/:authority, Connection, Content-Length, Transfer-Encoding,
                  * Keep-Alive, Upgrade, Expect and fields that Connection lists */
    size_t nfields;
};

/* What the engine answers. Slices must live until exchange_respond returns. */
struct response {
    uint16_t status; /* 200..599, or 101 with `tunnel` */
    const struct field
        *fields; /* no hop-by-hop fields, no Date, Content-Length or framing: the mux adds */
    size_t nfields;
    struct slice
        h1_fields;  /* optional: the same fields, serialised "Name: value\r\n"..., emitted as is by
                     * mux_h1 instead of `fields` (prebuilt heads of cached files) */
    int64_t length; /* body bytes; -1 unknown: chunked on h1.1, until END_STREAM on h2 */
    bool no_body;   /* HEAD, 204, 304: length is only declared (-1: not declared) */
    bool tunnel;    /* 101: raw bytes both ways afterwards (h1 only) */
    bool close;     /* end the connection after this answer */
};

/* One pull of the answer's body. The source either fills dst (at most cap bytes) and sets n, or
 * points `loan` at bytes of its own (at most cap) that stay valid until its next pull or on_close.
 */
struct pull {
    uint8_t *dst;
    size_t cap;
    size_t n;
    struct slice loan;
    bool end;  /* these are the last bytes (n may be 0) */
    bool fast; /* set by the source: whole answer in memory, no need to yield */
};

/* What conn/ asks of the engine. Filled by serve/; one table per kind of listener. */
struct exchange_ops {
    /* The head is complete. May answer at once. Never fails: the engine answers errors itself. */
    void (*on_head)(struct exchange *x);
    /* Body bytes (a loan: copy or pass on before returning); `end` with the last, possibly empty,
     * piece. */
    void (*on_body)(struct exchange *x, struct slice data, bool end);
    /* Trailer fields, before the on_body call with end set. */
    void (*on_trailers)(struct exchange *x, const struct field *fields, size_t n);
    /* Next body bytes of the answer. OK; ERR_AGAIN: nothing now, the engine calls exchange_resume
     * later; anything else: the answer is cut (h1: connection closed without its end, but while
     * nothing of it has left, the error's own status is answered; h2: RST_STREAM). */
    int (*pull)(struct exchange *x, struct pull *p);
    /* The end; r tells why (OK, ERR_ABORTED, ERR_TIMEOUT, ERR_RESET, ...). The engine frees what it
     * holds. */
    void (*on_close)(struct exchange *x, int r);
};

/* Embedded in the mux's own stream struct; the engine keeps its state in the arena behind `app`. */
struct exchange {
    struct conn *c;
    const struct mux_ops *mux;
    const struct exchange_ops *ops;
    void *app; /* the engine's */
    struct arena arena;
    struct request req;
    struct list node;  /* the engine's: which list it stands in (generation, upstream) */
    uint64_t id;       /* request id: unique in this worker's life */
    uint64_t start_ms; /* loop_now_ms at the first byte of the head */
    uint64_t body_in_bytes, body_out_bytes; /* payload, for log and metrics */
    uint64_t head_out_bytes;
    uint32_t stream_id; /* h2; 0 on h1 */
    uint16_t status;    /* final status once answered; 0 before */
    bool responded;
};

/* How a mux answers; implemented by mux_h1.c and mux_h2.c, reached through the wrappers below. */
struct mux_ops {
    int (*respond)(struct exchange *x, const struct response *a);
    int (*inform)(struct exchange *x, uint16_t status, const struct field *fields, size_t n);
    void (*resume)(struct exchange *x);
    void (*consumed)(struct exchange *x, size_t n);
    int (*trailers)(struct exchange *x, const struct field *fields, size_t n);
    void (*abort)(struct exchange *x, int r);
};

/* Queues the head of the final answer; call once. The body follows by ops->pull (not called when
 * no_body or length is 0). OK, ERR_NOMEM, ERR_UPSTREAM_PROTOCOL (a tunnel where none can start); on
 * error call exchange_abort. Nothing is sent before the
 * engine returns to the mux: head and first body bytes leave in one send. */
static inline int exchange_respond(struct exchange *x, const struct response *a)
{
    return x->mux->respond(x, a);
}
/* An interim answer (100, 103); not before HTTP/1.1. */
static inline int exchange_inform(struct exchange *x, uint16_t status, const struct field *fields,
                                  size_t n)
{
    return x->mux->inform(x, status, fields, n);
}
/* After pull answered ERR_AGAIN: there is something to pull now. Safe inside any callback
 * (deferred). */
static inline void exchange_resume(struct exchange *x)
{
    x->mux->resume(x);
}
/* The engine has passed on n body bytes: the client may send as many more. */
static inline void exchange_consumed(struct exchange *x, size_t n)
{
    x->mux->consumed(x, n);
}
/* Trailer fields of the answer; before the pull that sets end returns. */
static inline int exchange_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    return x->mux->trailers(x, fields, n);
}
/* Gives up: before the head was sent, nothing of it leaves; afterwards the answer is cut visibly.
 * on_close follows with r (deferred, not from inside this call). */
static inline void exchange_abort(struct exchange *x, int r)
{
    x->mux->abort(x, r);
}
