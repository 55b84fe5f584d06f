/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Byte queue over pool blocks. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/pool.h"

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max_bytes = max_bytes};
}

void buf_done(struct buf *b)
{
    pool_free(b->p);
    buf_init(b, b->max_bytes);
}

int buf_reserve(struct buf *b, size_t n, uint8_t **ret)
{
    if (n > b->max_bytes || b->n > b->max_bytes - n)
        return ERR_CAP;
    if (b->cap - b->off - b->n < n || !b->p) {
        if (b->off && b->cap - b->n >= n && b->off >= b->n) {
            memcpy(b->p, b->p + b->off, b->n);
            b->off = 0;
        } else {
            size_t want = b->n + n < 256 ? 256 : b->n + n;
            if (b->cap && want < b->cap * 2)
                want = b->cap * 2;
            uint8_t *p = pool_alloc(want);
            if (!p)
                return ERR_NOMEM;
            if (b->n)
                memcpy(p, b->p + b->off, b->n);
            pool_free(b->p);
            b->p = p;
            b->off = 0;
            b->cap = pool_size(p);
        }
    }
    *ret = b->p + b->off + b->n;
    return OK;
}

void buf_commit(struct buf *b, size_t n)
{
    if (BUG_IF(n > b->cap - b->off - b->n))
        return;
    b->n += n;
}

int buf_add(struct buf *b, struct slice s)
{
    uint8_t *p;
    if (s.n == 0)
        return OK;
    int r = buf_reserve(b, s.n, &p);
    if (r)
        return r;
    memcpy(p, s.p, s.n);
    b->n += s.n;
    return OK;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char small[512];
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    int r = n < 0 ? ERR_BUG : OK;
    if (!r && (size_t)n < sizeof(small)) {
        r = buf_add(b, slice_of(small, (size_t)n));
    } else if (!r) {
        uint8_t *p;
        r = buf_reserve(b, (size_t)n + 1, &p);
        if (!r) {
            vsnprintf((char *)p, (size_t)n + 1, fmt, again);
            b->n += (size_t)n;
        }
    }
    va_end(again);
    return r;
}

void buf_consume(struct buf *b, size_t n)
{
    if (BUG_IF(n > b->n))
        n = b->n;
    b->off += n;
    b->n -= n;
    if (b->n == 0)
        buf_done(b);
}

void buf_reset(struct buf *b)
{
    b->off = b->n = 0;
}
