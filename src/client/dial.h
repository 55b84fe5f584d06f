/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* From a name to a connected link: resolve, try the addresses (IPv6 and IPv4 in turn, the next one
 * after a failure or DIAL_STAGGER_MS without an answer, RFC 8305 in small), then the TLS handshake.
 * Knows nothing of what will be said on the connection. */
#pragma once

#include <stdint.h>

#include "base/fault.h"
#include "base/slice.h"
#include "os/link.h"
#include "os/loop.h"
#include "os/sock.h"

#define DIAL_STAGGER_MS 250

struct dial;
struct resolver;
struct tlsctx;

/* Where to; slices and pointers must live as long as the dial. */
struct dial_target {
    struct loop *loop;
    struct resolver *res;
    struct slice host;     /* name, IP literal, or the path of a unix socket */
    uint16_t port;         /* 0: unix socket */
    struct tlsctx *tls;    /* NULL: plain */
    struct slice tls_name; /* verified and sent as SNI; empty: host */
    uint32_t timeout_ms;   /* resolve + connect + TLS together */
};

struct dial_ops {
    /* Becomes the link's; while the dial is under way it must call dial_pump. */
    void (*on_ready)(struct link *k);
    /* Comes once, never from inside dial_start. It may call dial_free. */
    void (*on_done)(struct dial *d, int r);
};

/* Starts. `k` (not open, fd -1) is opened by the dial and the caller's from on_done(OK) on; after a
 * failure it is closed. Results: OK, ERR_RESOLVE, ERR_REFUSED, ERR_UNREACHABLE,
 * ERR_UPSTREAM_TIMEOUT, ERR_TLS*, ERR_VERIFY, ERR_EXPIRED, ERR_RESET, ERR_EOF, ERR_CAP (out of
 * descriptors), ERR_SYS, ERR_NOMEM. *ret is owned by the caller. ERR_NOMEM. */
int dial_start(const struct dial_target *to, struct link *k, const struct dial_ops *ops,
               void *owner, struct dial **ret) MUST_USE;
/* The link is ready for something: goes on with the handshake. May free the dial. */
void dial_pump(struct dial *d);
void *dial_owner(const struct dial *d);
/* "192.0.2.1:443", "unix:/path": the address connected to or tried last; "" before. */
const char *dial_address(const struct dial *d);
/* The name servers did not answer: old addresses were used. */
bool dial_stale(const struct dial *d);
/* The story of the failure. */
void dial_fault(const struct dial *d, struct fault *ret);
/* Ends it; a link that is not connected yet is closed. Accepts NULL. */
void dial_free(struct dial *d);
