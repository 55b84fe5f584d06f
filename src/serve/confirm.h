/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Looks at our own HTTPS port with the eyes of a client: after a certificate was put into use, a
 * handshake over loopback tells which one is really served. Runs in the keeper: what comes back are
 * bytes from a worker that may have been taken over. Judges nothing: the engine compares. */
#pragma once

#include "base/cidr.h"
#include "crypt/keystore.h"
#include "os/loop.h"

struct confirm;

struct confirm_host {
    void *ctx;
    /* What a handshake for `name` showed: the leaf's SHA-256; or r, why there was none. */
    void (*on_served)(void *ctx, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                      int r);
};

/* `host` is copied. ERR_NOMEM. */
int confirm_new(struct loop *l, const struct confirm_host *host, struct confirm **ret) MUST_USE;
/* Where we listen: the addresses of the configuration (none: all), and the port as bound. */
void confirm_address(struct confirm *c, const struct ip *listen, size_t n, uint16_t port);
/* A certificate of this name (DNS name, "*.x" or IP literal) and kind is on its way into use;
 * asking twice is asking once. ERR_NOMEM, ERR_CAP: it is not looked at. */
int confirm_add(struct confirm *c, struct slice name, enum key_kind kind) MUST_USE;
/* Everything that was added is in use: the handshakes begin, one after the other. */
void confirm_begin(struct confirm *c);
/* Accepts NULL; no on_served comes any more. */
void confirm_free(struct confirm *c);
