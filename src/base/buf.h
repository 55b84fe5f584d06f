/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Owned, growing byte queue with a cap: bytes are added at the end and consumed at the front.
 * Storage comes from the pool and is given back as soon as the buffer is empty (idle connections
 * hold none). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct buf {
    uint8_t *p;
    size_t off, n, cap; /* live bytes are p[off .. off+n) */
    size_t
        max_bytes; /* every buffer names the attack that its cap stops, where it is initialised */
};

/* Embedded; allocates nothing yet. */
void buf_init(struct buf *b, size_t max_bytes);
/* Gives the storage back; the buffer is empty and usable again. */
void buf_done(struct buf *b);
/* Room for n more bytes at the end; *ret points at it, valid until the next call on b. ERR_CAP,
 * ERR_NOMEM. */
int buf_reserve(struct buf *b, size_t n, uint8_t **ret) MUST_USE;
/* Counts n bytes that were written into reserved room. */
void buf_commit(struct buf *b, size_t n);
/* Appends; all or nothing. ERR_CAP, ERR_NOMEM. */
int buf_add(struct buf *b, struct slice s) MUST_USE;
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* Drops n bytes at the front; frees the storage when the buffer becomes empty. */
void buf_consume(struct buf *b, size_t n);
/* Drops everything but keeps the storage: for a scratch buffer of a worker that is reused every
 * wake. */
void buf_reset(struct buf *b);

/* The live bytes; a loan until the next call that changes b. */
static inline struct slice buf_slice(const struct buf *b)
{
    return b->n ? slice_of(b->p + b->off, b->n) : SLICE_EMPTY;
}
