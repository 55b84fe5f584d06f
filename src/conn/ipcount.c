/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Chained hash table; entries come from the pool and go when their count is zero. */
#include "conn/ipcount.h"

#include <string.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"

struct ipcount_entry {
    struct ipcount_entry *next;
    uint64_t key[2];
    uint32_t count;
};

int ipcount_init(struct ipcount *t, uint32_t capacity, uint64_t seed)
{
    *t = (struct ipcount){.nslots = 64, .seed = seed};
    while (t->nslots < capacity && t->nslots < 1u << 20)
        t->nslots *= 2;
    t->slots = mem_array(t->nslots, sizeof(struct ipcount_entry *));
    return t->slots ? OK : ERR_NOMEM;
}

void ipcount_done(struct ipcount *t)
{
    for (uint32_t i = 0; t->slots && i < t->nslots; i++) {
        while (t->slots[i]) {
            struct ipcount_entry *e = t->slots[i];
            t->slots[i] = e->next;
            pool_free(e);
        }
    }
    mem_free(t->slots);
    t->slots = NULL;
}

static void key_of(const struct ip *ip, uint64_t key[2])
{
    memcpy(key, ip->bytes, sizeof(ip->bytes));
    if (!cidr_is_v4(ip))
        key[1] = 0;
}

static uint64_t mix(uint64_t v)
{
    v ^= v >> 32;
    v *= 0xd6e8feb86659fd93u;
    v ^= v >> 32;
    v *= 0xd6e8feb86659fd93u;
    return v ^ v >> 32;
}

/* The link that points at the entry, or at NULL where it would stand. */
static struct ipcount_entry **find(struct ipcount *t, const uint64_t key[2])
{
    uint64_t hash = mix(mix(t->seed ^ key[0]) ^ key[1]);
    struct ipcount_entry **at = &t->slots[hash & (t->nslots - 1)];
    while (*at && ((*at)->key[0] != key[0] || (*at)->key[1] != key[1]))
        at = &(*at)->next;
    return at;
}

int ipcount_add(struct ipcount *t, const struct ip *ip, uint32_t *ret)
{
    uint64_t key[2];
    key_of(ip, key);
    struct ipcount_entry **at = find(t, key);
    if (!*at) {
        struct ipcount_entry *e = pool_alloc(sizeof(*e));
        if (!e)
            return ERR_NOMEM;
        *e = (struct ipcount_entry){.key = {key[0], key[1]}};
        *at = e;
    }
    *ret = ++(*at)->count;
    return OK;
}

void ipcount_drop(struct ipcount *t, const struct ip *ip)
{
    uint64_t key[2];
    key_of(ip, key);
    struct ipcount_entry **at = find(t, key), *e = *at;
    if (BUG_IF(!e))
        return;
    if (--e->count == 0) {
        *at = e->next;
        pool_free(e);
    }
}
