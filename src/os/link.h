/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One stream socket with an optional filter (TLS) on it: the only code that reads and writes client
 * and upstream connections. Arrives: readiness from the loop. Leaves: application bytes for the
 * owner (a mux or an upstream exchange) and one send per wake. An idle link holds no buffer: `in`
 * and `out` give their storage back when empty, ciphertext is received into one block that all
 * links of the loop share.
 *
 * Owner's pattern, in on_ready:
 *     while ((r = link_fill(k)) == OK) { use link_input(k), link_consume(k, n); bounded: else defer
 * }
 *     ... link_write(k, ...) any number of times ...
 *     link_flush(k)                       one send
 */
#pragma once

#include "base/buf.h"
#include "base/filter.h"
#include "os/loop.h"

/* Most bytes one link_fill takes from the socket. */
#define LINK_RECV_BYTES 65536
/* Unconsumed input: a peer that pipelines without reading answers stops here (link_fill: ERR_CAP).
 */
#define LINK_IN_MAX (256 * 1024)
/* Unsent output: producers stop at LINK_OUT_HIGH; the cap is one burst above it. */
#define LINK_OUT_HIGH (64 * 1024)
#define LINK_OUT_MAX  (1024 * 1024)

struct link {
    struct loop_io io;
    struct loop *loop;
    const struct filter_ops *filter;     /* NULL: plain text */
    void *filter_ctx;                    /* owned by the link */
    struct buf in;                       /* application bytes that the owner has not consumed */
    struct buf out;                      /* bytes (sealed) that the socket has not taken */
    uint64_t received_bytes, sent_bytes; /* on the wire */
    uint8_t ready;                       /* LOOP_* edges seen and not used up */
    bool eof;                            /* the peer's orderly end was read */
    bool cut;                            /* the socket ended before the filter's orderly end */
    bool shut;                           /* our end was queued */
    bool half_close;                     /* SHUT_WR is to follow the last byte */
    bool wr_closed;                      /* SHUT_WR was done */
    bool wr_broken;                      /* a send failed; what the peer sent before may be read */
    int broken;                          /* first error, sticky */
    /* Called after `ready` was updated. May call link_close and free the owner. */
    void (*on_ready)(struct link *k);
};

/* Takes ownership of the connected (or connecting), non-blocking fd and registers it. On error fd
 * is closed. ERR_SYS, ERR_NOMEM. */
int link_open(struct link *k, struct loop *l, int fd, void (*on_ready)(struct link *k)) MUST_USE;
/* Puts a filter on top; owns ctx from now on, also on error. Input that was read raw is run through
 * it; an empty input starts a client's handshake. Errors as filter open. */
int link_set_filter(struct link *k, const struct filter_ops *ops, void *ctx) MUST_USE;
/* One recv (never one that is expected to fail: after a short read it answers ERR_AGAIN until the
 * next edge). OK: `in` may have grown (TLS may have used up the bytes itself: then it has not).
 * ERR_AGAIN; ERR_EOF (orderly end of the peer; `in` may still hold bytes); ERR_RESET
 * (also when a socket under a filter ends without the filter's orderly end: truncation; then
 * writing still works); ERR_CAP (consume first); filter errors (link_flush still sends the alert).
 */
int link_fill(struct link *k) MUST_USE;
/* Application bytes waiting; a loan until the next call on k. */
static inline struct slice link_input(const struct link *k)
{
    return buf_slice(&k->in);
}
/* Drops n bytes of link_input. */
void link_consume(struct link *k, size_t n);
/* Seals and queues; sends nothing. ERR_CAP (a bug of the producer: mind link_full), ERR_NOMEM,
 * ERR_RESET. */
int link_write(struct link *k, struct slice plain) MUST_USE;
/* Sends what is queued, in one call where the socket takes it. OK: all gone. ERR_AGAIN: on_ready
 * will come with LOOP_WRITE. ERR_RESET: nothing can be sent any more, link_fill still gives what
 * the peer sent before. */
int link_flush(struct link *k) MUST_USE;
/* True when producers should stop until the next LOOP_WRITE. */
static inline bool link_full(const struct link *k)
{
    return k->out.n >= LINK_OUT_HIGH;
}
/* Queues our orderly end (close_notify) behind what is queued; link_flush then also does SHUT_WR
 * when `half_close` is set. Nothing may be written afterwards. */
int link_shut(struct link *k, bool half_close) MUST_USE;
/* Unregisters, closes the socket, frees filter and buffers. With `reset` the peer gets RST (used
 * when giving up on hostile peers). Idempotent. */
void link_close(struct link *k, bool reset);
