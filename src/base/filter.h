/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The seam between bytes on a socket and bytes of an application: TLS implements it
 * (crypt/session), the link in os/ drives it, so that client connections and upstream connections
 * share one I/O path and neither os/ nor crypt/ knows the other. Sans-I/O: bytes in, bytes out, no
 * descriptors, never blocks. */
#pragma once

#include "base/buf.h"

struct filter_ops {
    /* Takes all of `in` (it may be empty: that starts a client's handshake) and appends what it
     * yields to `plain`, and what must be sent to the peer (handshake flights, alerts) to `out`.
     * OK; ERR_EOF after the peer's orderly end (close_notify) with `plain` still valid; ERR_TLS*,
     * ERR_VERIFY, ERR_NOMEM: the connection is dead once `out` has been sent. */
    int (*open)(void *ctx, struct slice in, struct buf *plain, struct buf *out);
    /* Protects all of `plain` and appends it to `out`. ERR_AGAIN before the handshake is complete.
     */
    int (*seal)(void *ctx, struct slice plain, struct buf *out);
    /* Appends the orderly end (close_notify); no seal may follow. */
    int (*shut)(void *ctx, struct buf *out);
    void (*free)(void *ctx);
};
