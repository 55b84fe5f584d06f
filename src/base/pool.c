/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Size classes: 16-byte steps to 256, then eight steps per doubling
 * (TLS objects are large and many: with four, a tenth of an idle connection was rounding). A block
 * is an 8-byte header that holds its class, then the payload; the header sits at 8 mod 16 so that
 * the payload is 16-aligned. Blocks are carved from 256 KB slabs (untouched pages cost nothing).
 * Under a sanitizer every call goes to the general allocator, so that overruns and leaks are seen.
 */
#include "base/pool.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

#define SLAB_BYTES  262144
#define CLASSES     88
#define CLASS_LARGE 0xffffu

struct header {
    uint32_t class_index;
    uint32_t large_bytes_kib; /* of a large block, rounded up */
};

struct free_block {
    struct free_block *next;
};

static _Thread_local struct free_block *free_lists[CLASSES];
static _Thread_local uint8_t *slab_at, *slab_end;
static _Thread_local uint64_t used_bytes, held_bytes;

static unsigned class_of(size_t n)
{
    if (n <= 256)
        return n ? (unsigned)((n - 1) / 16) : 0;
    unsigned log = 63u - (unsigned)__builtin_clzll(n - 1); /* 2^log < n <= 2^(log+1) */
    unsigned eighth = (unsigned)((n - 1) >> (log - 3)) & 7u;
    return 16 + (log - 8) * 8 + eighth;
}

static size_t class_bytes(unsigned class_index)
{
    if (class_index < 16)
        return (class_index + 1) * 16u;
    unsigned log = (class_index - 16) / 8 + 8, eighth = (class_index - 16) % 8;
    return ((size_t)1 << log) + ((size_t)(eighth + 1) << (log - 3));
}

static struct header *header_of(const void *p)
{
    return (struct header *)((uintptr_t)p - sizeof(struct header));
}

static void *large_alloc(size_t n)
{
    if (n > SIZE_MAX / 2)
        return NULL;
    /* mem gives 16-aligned blocks: spend 16 bytes so that the payload is aligned too */
    uint8_t *raw = mem_alloc(n + 16);
    if (!raw)
        return NULL;
    struct header *h = header_of(raw + 16);
    h->class_index = CLASS_LARGE;
    h->large_bytes_kib = (uint32_t)(n / 1024);
    *(size_t *)(void *)raw = n;
    used_bytes += n;
    held_bytes += n;
    return raw + 16;
}

static void *carve(unsigned class_index)
{
    size_t step = class_bytes(class_index) + sizeof(struct header);
    step = (step + 15) & ~(size_t)15;
    if ((size_t)(slab_end - slab_at) < step + sizeof(struct header)) {
        uint8_t *slab = mem_alloc(SLAB_BYTES);
        if (!slab)
            return NULL;
        held_bytes += SLAB_BYTES;
        slab_at = slab + sizeof(struct header);
        slab_end = slab + SLAB_BYTES;
    }
    uint8_t *payload = slab_at + sizeof(struct header);
    header_of(payload)->class_index = class_index;
    slab_at += step;
    return payload;
}

void *pool_alloc(size_t n)
{
#if defined(PORT443_SANITIZED)
    return large_alloc(n);
#endif
    if (n > POOL_MAX)
        return large_alloc(n);
    unsigned class_index = class_of(n);
    struct free_block *hit = free_lists[class_index];
    if (LIKELY(hit != NULL))
        free_lists[class_index] = hit->next;
    else if (!(hit = carve(class_index)))
        return NULL;
    used_bytes += class_bytes(class_index);
    return hit;
}

size_t pool_size(const void *p)
{
    const struct header *h = header_of(p);
    if (h->class_index == CLASS_LARGE)
        return *(const size_t *)(const void *)((const uint8_t *)p - 16);
    return class_bytes(h->class_index);
}

void pool_free(void *p)
{
    if (!p)
        return;
    struct header *h = header_of(p);
    size_t n = pool_size(p);
    used_bytes -= n;
    if (h->class_index == CLASS_LARGE) {
        held_bytes -= n;
        mem_free((uint8_t *)p - 16);
        return;
    }
    struct free_block *block = p;
    block->next = free_lists[h->class_index];
    free_lists[h->class_index] = block;
}

void *pool_resize(void *p, size_t n)
{
    if (!p)
        return pool_alloc(n);
    size_t have = pool_size(p);
    if (n <= have && (have <= 256 || n > have / 2))
        return p;
    void *fresh = pool_alloc(n);
    if (!fresh)
        return n <= have ? p : NULL;
    memcpy(fresh, p, n < have ? n : have);
    pool_free(p);
    return fresh;
}

uint64_t pool_used_bytes(void)
{
    return used_bytes;
}

uint64_t pool_held_bytes(void)
{
    return held_bytes;
}
