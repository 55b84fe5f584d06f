/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a fuzz target and its two drivers (libFuzzer, replay.c) share. A target checks properties:
 * FUZZ_CHECK stops with the place when one does not hold, in every build. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/slice.h"

#define FUZZ_CHECK(cond)      \
    do {                      \
        if (!(cond))          \
            __builtin_trap(); \
    } while (0)

/* The function that libFuzzer calls; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy with nothing behind it, so that a sanitizer sees every read beyond. Freed with mem_free.
 */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(size);
    FUZZ_CHECK(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

/* True when s is empty or lies in [p, p + n). */
static inline int fuzz_within(struct slice s, const uint8_t *p, size_t n)
{
    return s.n == 0 || (s.p >= p && s.n <= n && (size_t)(s.p - p) <= n - s.n);
}
