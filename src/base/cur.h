/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Cursor over a binary message: each read checks the bound; the first failure makes the cursor bad
 * and every later read returns zero, so a parser reads like its RFC and checks once at the end. */
#pragma once

#include "base/slice.h"

struct cur {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct cur cur_of(struct slice s)
{
    return (struct cur){s.p, s.n ? s.p + s.n : s.p, false}; /* NULL + 0 is undefined in C17 */
}

static inline size_t cur_left(const struct cur *c)
{
    return (size_t)(c->end - c->p);
}

static inline struct slice cur_bytes(struct cur *c, size_t n)
{
    if (c->bad || cur_left(c) < n) {
        c->bad = true;
        c->p = c->end;
        return SLICE_EMPTY;
    }
    struct slice s = {c->p, n};
    c->p += n;
    return s;
}

/* Big-endian number of `width` bytes, 1 to 8. */
static inline uint64_t cur_uint(struct cur *c, unsigned width)
{
    struct slice s = cur_bytes(c, width);
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | s.p[i];
    return v;
}

static inline uint8_t cur_u8(struct cur *c)
{
    return (uint8_t)cur_uint(c, 1);
}

static inline uint16_t cur_u16(struct cur *c)
{
    return (uint16_t)cur_uint(c, 2);
}

static inline uint32_t cur_u24(struct cur *c)
{
    return (uint32_t)cur_uint(c, 3);
}

static inline uint32_t cur_u32(struct cur *c)
{
    return (uint32_t)cur_uint(c, 4);
}

/* A vector with a length prefix of `width` bytes (RFC 8446 3.4), as a cursor of its own; bad when
 * cut. */
static inline struct cur cur_block(struct cur *c, unsigned width)
{
    size_t n = (size_t)cur_uint(c, width);
    struct slice s = cur_bytes(c, n);
    struct cur inner = cur_of(s);
    inner.bad = c->bad;
    return inner;
}
