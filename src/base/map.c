/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Open addressing with linear probing, at most 3/4 full, no removal. */
#include "base/map.h"

#include "base/err.h"
#include "base/mem.h"

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        mem_free((void *)(uintptr_t)m->entries[i].key.p);
    mem_free(m->entries);
    map_init(m);
}

static uint64_t hash(struct slice key)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ key.p[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

static struct map_entry *slot(const struct map *m, struct slice key)
{
    size_t i = (size_t)hash(key) & (m->cap - 1);
    while (m->entries[i].key.p && !slice_eq(m->entries[i].key, key))
        i = (i + 1) & (m->cap - 1);
    return &m->entries[i];
}

static int grow(struct map *m)
{
    struct map bigger = {.cap = m->cap ? m->cap * 2 : 16, .count = m->count};
    bigger.entries = mem_array(bigger.cap, sizeof(*bigger.entries));
    if (!bigger.entries)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->cap; i++)
        if (m->entries[i].key.p)
            *slot(&bigger, m->entries[i].key) = m->entries[i];
    mem_free(m->entries);
    *m = bigger;
    return OK;
}

int map_put(struct map *m, struct slice key, void *value)
{
    if ((m->count + 1) * 4 > m->cap * 3) {
        int r = grow(m);
        if (r)
            return r;
    }
    struct map_entry *e = slot(m, key);
    if (!e->key.p) {
        char *copy = mem_dup(key.p, key.n);
        if (!copy)
            return ERR_NOMEM;
        e->key = slice_of(copy, key.n);
        m->count++;
    }
    e->value = value;
    return OK;
}

void *map_get(const struct map *m, struct slice key)
{
    if (m->count == 0)
        return NULL;
    return slot(m, key)->value;
}
