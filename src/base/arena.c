/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Arena over pool chunks. Oversized requests get a chunk of their own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/pool.h"

#define CHUNK_BYTES 4096

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes;
};

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max_bytes = max_bytes};
}

void arena_done(struct arena *a)
{
    struct arena_chunk *c = a->chunks;
    while (c) {
        struct arena_chunk *next = c->next;
        pool_free(c);
        c = next;
    }
    arena_init(a, a->max_bytes);
}

static void *slow_alloc(struct arena *a, size_t n)
{
    size_t want =
        n + sizeof(struct arena_chunk) > CHUNK_BYTES ? n + sizeof(struct arena_chunk) : CHUNK_BYTES;
    struct arena_chunk *c = pool_alloc(want);
    if (!c)
        return NULL;
    c->next = a->chunks;
    c->bytes = want;
    a->chunks = c;
    uint8_t *start = (uint8_t *)(c + 1);
    if (want > CHUNK_BYTES && a->at)
        return start; /* keep filling the previous chunk */
    a->at = start + n;
    a->end = (uint8_t *)c + want;
    return start;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > a->max_bytes || a->used_bytes > a->max_bytes - n)
        return NULL;
    n = (n + 15) & ~(size_t)15;
    void *p;
    if (LIKELY((size_t)(a->end - a->at) >= n && a->at)) {
        p = a->at;
        a->at += n;
    } else if (!(p = slow_alloc(a, n))) {
        return NULL;
    }
    a->used_bytes += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    if (p)
        memset(p, 0, n);
    return p;
}

int arena_copy(struct arena *a, struct slice s, struct slice *ret)
{
    uint8_t *p = arena_alloc(a, s.n ? s.n : 1);
    if (!p)
        return ERR_NOMEM;
    if (s.n)
        memcpy(p, s.p, s.n);
    *ret = slice_of(p, s.n);
    return OK;
}

char *arena_cstr(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (!p)
        return NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

int arena_printf(struct arena *a, struct slice *ret, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p && (size_t)n < sizeof(small))
        memcpy(p, small, (size_t)n + 1);
    else if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    if (!p)
        return ERR_NOMEM;
    *ret = slice_of(p, (size_t)n);
    return OK;
}
