/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One HTTP/1.1 request to an upstream over a pooled or fresh connection. Pull in one direction,
 * push with credit in the other: the answer is read only when the owner asks for it, the request
 * body is queued only up to LINK_OUT_HIGH. Used by the proxy, health checks and tunnels. */
#pragma once

#include "base/arena.h"
#include "client/upstream.h"
#include "wire/field.h"

struct fetch;

struct fetch_head {
    uint16_t status;
    struct slice reason;
    const struct field
        *fields; /* without hop-by-hop and framing fields; live in the owner's arena */
    size_t nfields;
    int64_t length; /* body bytes, -1 unknown */
    bool no_body;
    bool tunnel;          /* 101: raw bytes from here on */
    struct slice upgrade; /* of a 101 */
};

/* What the fetch tells its owner. Never called from inside fetch_start. */
struct fetch_ops {
    /* Interim answer (103 and other 1xx but 101). */
    void (*on_inform)(struct fetch *f, uint16_t status, const struct field *fields, size_t n);
    /* The final head; fetch_read may be called from now on. */
    void (*on_head)(struct fetch *f, const struct fetch_head *h);
    /* There may be something to fetch_read after it answered ERR_AGAIN. */
    void (*on_readable)(struct fetch *f);
    /* n bytes given to fetch_write have reached the socket. */
    void (*on_sent)(struct fetch *f, size_t n);
    /* It failed: ERR_RESOLVE, ERR_REFUSED, ERR_UNREACHABLE, ERR_TLS, ERR_VERIFY,
     * ERR_UPSTREAM_TIMEOUT, ERR_UPSTREAM_PROTOCOL, ERR_RESET, ERR_EOF (closed before a whole
     * answer). The fetch is over; why is in fetch_fault, whether it may be replayed in
     * fetch_replayable. */
    void (*on_fail)(struct fetch *f, int r);
};

struct fetch_request {
    struct slice method, target, host; /* written as they are: already canonical */
    const struct field *fields; /* end-to-end fields and ours; the fetch adds Host and framing */
    size_t nfields;
    int64_t length; /* request body: 0 none, -1 unknown (chunked) */
    bool has_body;
    struct slice upgrade; /* "websocket": sent as Connection: upgrade + Upgrade */
    uint32_t timeout_ms;  /* no byte in either direction for so long while the upstream is
                           * waited for: ERR_UPSTREAM_TIMEOUT; 0: never */
};

/* Starts: takes an idle connection or dials. The head is queued at once on an idle connection, so
 * that it leaves together with body bytes written in the same turn (one send). `a` is the owner's
 * arena (answer fields land there); request slices are only read during the call. *ret is owned by
 * the caller until fetch_free. ERR_NOMEM. */
int fetch_start(struct upstream *u, struct arena *a, const struct fetch_request *q,
                const struct fetch_ops *ops, void *owner, struct fetch **ret) MUST_USE;
void *fetch_owner(const struct fetch *f);
/* True once the connection stands, also after a failure: before that no byte has reached the
 * upstream, so that another one may be tried with the same request. */
bool fetch_connected(const struct fetch *f);
/* Replaces fetch_request.timeout_ms from now on: a tunnel may be silent for longer than an answer.
 */
void fetch_timeout(struct fetch *f, uint32_t timeout_ms);
/* Request body bytes; `end` with the last (possibly empty) piece. Queued; on_sent tells when they
 * are gone. ERR_RESET once the upstream has closed its reading side (the answer may still be read).
 */
int fetch_write(struct fetch *f, struct slice data, bool end) MUST_USE;
/* Trailer fields of a chunked request body, before the fetch_write with end. */
int fetch_trailers(struct fetch *f, const struct field *fields, size_t n) MUST_USE;
/* Next piece of the answer's body, at most cap bytes: a loan until the next fetch_read or
 * fetch_free. *ret_end with the last piece (which may be empty). OK; ERR_AGAIN: on_readable will
 * come; ERR_EOF: cut short; ERR_UPSTREAM_PROTOCOL, ERR_RESET, ERR_UPSTREAM_TIMEOUT. */
int fetch_read(struct fetch *f, size_t cap, struct slice *ret, bool *ret_end) MUST_USE;
/* Trailers of the answer, valid after the end; n 0 when there were none. */
const struct field *fetch_answer_trailers(const struct fetch *f, size_t *ret_n);
/* True when it failed on a reused connection before a byte of an answer came: it was stale, and a
 * request that is safe (idempotent method, no body passed on yet) may be sent once more. */
bool fetch_replayable(const struct fetch *f);
void fetch_fault(const struct fetch *f, struct fault *ret);
/* The upstream's address that was used ("10.0.0.1:8080"), "" before; milliseconds until connected
 * and until the head, for the log. */
const char *fetch_address(const struct fetch *f);
void fetch_times(const struct fetch *f, uint32_t *ret_connect_ms, uint32_t *ret_head_ms);
/* Ends it: a connection whose answer and request are complete goes back to the pool, any other is
 * closed (an upstream connection with an unknown position is never reused). Accepts NULL. */
void fetch_free(struct fetch *f);
