/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Compiler attributes used by every header, and the one macro that goes from a member to its owner.
 */
#pragma once

#include <stddef.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED            __attribute__((unused))
#define LIKELY(x)         __builtin_expect(!!(x), 1)
#define UNLIKELY(x)       __builtin_expect(!!(x), 0)

/* The struct of type T whose member m is at p. */
#define container_of(p, T, m) ((T *)(void *)((char *)(p)-offsetof(T, m)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A call whose failure changes nothing for the caller (a notice to somebody who may be gone). */
#define BEST_EFFORT(call) \
    do {                  \
        if (call) {       \
        }                 \
    } while (0)
