/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The engine's settings as a value: copied whole, compared whole, so that a reload which changes
 * nothing disturbs no order under way. */
#include "cert/keepset.h"

#include "base/mem.h"

#define TEXT(field) offsetof(struct certkeep_settings, field)

static const size_t texts[] = {
    TEXT(staging),         TEXT(email),         TEXT(ca_pem),    TEXT(profile),
    TEXT(preferred_chain), TEXT(eab_kid),       TEXT(eab_key),   TEXT(resolvers),
    TEXT(dns_server),      TEXT(dns_zone),      TEXT(tsig_name), TEXT(tsig_algorithm),
    TEXT(tsig_secret),     TEXT(on_demand_ask),
};

static struct slice *text_at(struct certkeep_settings *s, size_t i)
{
    return (struct slice *)(void *)((char *)s + texts[i]);
}

static struct slice text_of(const struct certkeep_settings *s, size_t i)
{
    return *(const struct slice *)(const void *)((const char *)s + texts[i]);
}

static int copy_list(struct arena *a, const struct slice *from, size_t n, struct slice *to)
{
    int r = OK;
    for (size_t i = 0; !r && i < n; i++)
        r = arena_copy(a, from[i], &to[i]);
    return r;
}

int keepset_copy(const struct certkeep_settings *s, struct arena *a, struct certkeep_settings *ret)
{
    struct slice *allow = arena_zalloc(a, (s->nallow + 1) * sizeof(*allow));
    *ret = *s;
    if (!allow)
        return ERR_NOMEM;
    ret->on_demand_allow = allow;
    int r = copy_list(a, s->on_demand_allow, s->nallow, allow);
    if (!r)
        r = copy_list(a, s->directories, s->ndirectories, ret->directories);
    for (size_t i = 0; !r && i < ARRAY_LEN(texts); i++)
        r = arena_copy(a, text_of(s, i), text_at(ret, i));
    return r;
}

static bool lists_same(const struct slice *a, size_t na, const struct slice *b, size_t nb)
{
    for (size_t i = 0; na == nb && i < na; i++)
        if (!slice_eq(a[i], b[i]))
            return false;
    return na == nb;
}

bool keepset_same(const struct certkeep_settings *a, const struct certkeep_settings *b)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!slice_eq(text_of(a, i), text_of(b, i)))
            return false;
    return lists_same(a->directories, a->ndirectories, b->directories, b->ndirectories) &&
           lists_same(a->on_demand_allow, a->nallow, b->on_demand_allow, b->nallow) &&
           a->challenges == b->challenges && a->keys == b->keys && a->reuse_key == b->reuse_key &&
           a->preflight == b->preflight && a->propagation_timeout_ms == b->propagation_timeout_ms &&
           a->hook_timeout_ms == b->hook_timeout_ms &&
           a->dns_hook_timeout_ms == b->dns_hook_timeout_ms && a->hooks == b->hooks &&
           a->http_port == b->http_port && a->https_port == b->https_port &&
           a->on_demand == b->on_demand;
}

void keepset_wipe(struct certkeep_settings *s)
{
    mem_wipe((void *)(uintptr_t)s->eab_key.p, s->eab_key.n);
    mem_wipe((void *)(uintptr_t)s->tsig_secret.p, s->tsig_secret.n);
    s->eab_key = s->tsig_secret = SLICE_EMPTY;
}
