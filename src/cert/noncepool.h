/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Replay nonces of one CA that were not used yet (RFC 8555 6.5). Few and young: CAs forget old
 * ones, and each refusal costs a round trip. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define NONCEPOOL_MAX    8
#define NONCEPOOL_BYTES  512
#define NONCEPOOL_AGE_MS (2 * 60 * 1000)

struct noncepool {
    struct {
        uint64_t at_ms;
        size_t n;
        char bytes[NONCEPOOL_BYTES];
    } nonces[NONCEPOOL_MAX]; /* oldest first */
    size_t count;
};

/* Keeps it in the place of the oldest when there is no room. Empty and oversized ones are left out.
 */
void noncepool_put(struct noncepool *p, struct slice nonce, uint64_t now_ms);
/* The youngest into dst (NONCEPOOL_BYTES); 0: there is none that is young enough. */
size_t noncepool_take(struct noncepool *p, uint64_t now_ms, char *dst);
void noncepool_clear(struct noncepool *p);
