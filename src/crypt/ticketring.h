/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The keys that encrypt session tickets: the current one makes tickets, the previous one still
 * opens them for one more period. All workers hold the same ring, so that any of them resumes what
 * another began. Who rotates when is the caller's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "crypt/secret.h"

struct ticketring_key {
    uint8_t name[16]; /* in clear in every ticket; random, tells nothing */
    uint8_t aes[32];
    uint8_t hmac[32];
};

/* Embedded; must outlive every tlsctx that was made with it. Changes take effect at once for all of
 * them. All zero: no keys, no tickets. */
struct ticketring {
    struct ticketring_key current, previous;
    bool has_current, has_previous;
};

#define TICKETRING_BYTES (2 + 2 * 80)

/* Keys of an empty ring; the first one made. ERR_TLS without entropy. */
int ticketring_generate(struct ticketring *t) MUST_USE;
/* The current key becomes the previous one (whose tickets die) and a fresh one takes its place.
 * ERR_TLS; the ring is then unchanged. */
int ticketring_rotate(struct ticketring *t) MUST_USE;
/* For sending to the workers, over a socket of our own only: TICKETRING_BYTES. ERR_NOMEM. */
int ticketring_pack(const struct ticketring *t, struct secret *ret) MUST_USE;
/* Takes over what ticketring_pack made; *t is unchanged on ERR_SYNTAX. The caller wipes `bytes`. */
int ticketring_unpack(struct ticketring *t, struct slice bytes) MUST_USE;
/* Forgets all keys. */
void ticketring_wipe(struct ticketring *t);
