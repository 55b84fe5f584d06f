/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The admin socket of the running server: HTTP/1.1 on a unix socket that only its owner (and root)
 * may use, checked by peer credentials; so `port443 status` and `curl --unix-socket` speak the same
 * language. GET /status (JSON)   GET /metrics (Prometheus)   POST /reload   POST /stop   POST
 * /upgrade   POST /reopen   POST /cert (an order for the keeper in JSON; answered by lines of JSON
 * as they come). Runs in the master; bounded in connections, bytes and time, so that a
 * stuck client stops nothing. */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "os/loop.h"

enum admin_verb {
    ADMIN_STATUS,
    ADMIN_METRICS,
    ADMIN_RELOAD,
    ADMIN_STOP,
    ADMIN_UPGRADE,
    ADMIN_REOPEN,
    ADMIN_CERT
};

#define ADMIN_BODY_MAX 32768 /* of a request */

struct admin;
/* One request that waits for its answer; dies with its answer or with the client. */
struct admin_call;

/* Called once per request, from the loop. The answer may come later; the call stays valid until
 * admin_answer (when the client goes away first, admin_answer only frees it). */
struct admin_ops {
    /* body: of ADMIN_CERT; a loan during the call. */
    void (*on_call)(void *ctx, struct admin_call *call, enum admin_verb verb, struct slice body);
    /* The client of a streamed answer went away: admin_stream_end is still owed. */
    void (*on_gone)(void *ctx, struct admin_call *call);
};

/* Binds PATH (mode 0600, replacing a left-over in one step) and starts. ERR_SYS, ERR_PERM. */
int admin_open(struct loop *l, const char *path, const struct admin_ops *ops, void *ctx,
               struct admin **ret, struct fault *f) MUST_USE;
/* Closes; open calls may still be answered (into nothing). Accepts NULL. `unlink_path`: remove the
 * socket file too (not after an upgrade, when it is the successor's). */
void admin_close(struct admin *a, bool unlink_path);
/* Answers and frees the call. content_type constant. */
void admin_answer(struct admin_call *call, uint16_t status, const char *content_type,
                  struct slice body);

/* An answer that comes in parts: begin, any number of parts, end, which frees the call. */
void admin_stream_begin(struct admin_call *call, const char *content_type);
void admin_stream(struct admin_call *call, struct slice text);
void admin_stream_end(struct admin_call *call);

/* admin_answer with {"ok": status is 200, "message": text}. Accepts NULL: nobody asked. */
void admin_say(struct admin_call *call, uint16_t status, const char *text);

/* The other side, for `port443 status|reload|stop`: one blocking request. *ret gets the body.
 * ERR_NOT_FOUND (no server at PATH), ERR_PERM, ERR_TIMEOUT, ERR_SYNTAX. */
int admin_request(const char *path, enum admin_verb verb, uint64_t timeout_ms, uint16_t *ret_status,
                  struct buf *ret, struct fault *f) MUST_USE;
/* An order for the keeper (POST /cert): on_line is called for each line of the answer as it comes.
 * timeout_ms: without any line. OK: the answer came whole (what it says is in its last line).
 * Errors as admin_request. */
int admin_order(const char *path, struct slice json, uint64_t timeout_ms,
                void (*on_line)(void *ctx, struct slice line), void *ctx, struct fault *f) MUST_USE;
