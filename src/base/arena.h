/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Bump allocation with the life of one connection or one exchange: many small pieces, freed at
 * once. Chunks come from the pool, so a warm worker never reaches the general allocator. Every
 * arena has a cap: a peer that makes us remember things (fields, trailers) reaches
 * ERR_HEAD_TOO_LARGE, not our memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    uint8_t *at, *end;
    size_t used_bytes, max_bytes;
};

/* Embedded; allocates nothing yet. */
void arena_init(struct arena *a, size_t max_bytes);
/* Gives every chunk back. The arena is empty and usable again. */
void arena_done(struct arena *a);
/* Uninitialised, 16-byte aligned; NULL at the cap or without memory. Lives until arena_done. */
void *arena_alloc(struct arena *a, size_t n) MUST_USE;
/* Zeroed. */
void *arena_zalloc(struct arena *a, size_t n) MUST_USE;
/* Copies s; *ret is untouched on ERR_NOMEM. An empty s gives an empty non-NULL slice. */
int arena_copy(struct arena *a, struct slice s, struct slice *ret) MUST_USE;
/* NUL-ended copy for libc borders, or NULL. */
char *arena_cstr(struct arena *a, struct slice s) MUST_USE;
/* Formatted text (NUL-ended behind the slice); ERR_NOMEM. */
int arena_printf(struct arena *a, struct slice *ret, const char *fmt, ...)
    PRINTF_LIKE(3, 4) MUST_USE;
