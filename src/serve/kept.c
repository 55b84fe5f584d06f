/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A pair is one item of the bundle, so that certificate and key never part: texts source, chain and
 * key behind each other. */
#include "serve/kept.h"

#include <stdio.h>

#include "base/mem.h"
#include "serve/message.h"

#define PATH_BYTES 300
#define PREFIX     "kept:" /* no path of a file begins so */
#define PAIR_MAX   (768 * 1024)

static struct slice path_of(char dst[PATH_BYTES], struct slice name, enum kept_slot slot)
{
    int n = snprintf(dst, PATH_BYTES, PREFIX "%c:" SLICE_F, slot == KEPT_RSA ? 'r' : 'e',
                     SLICE_A(name));
    return slice_of(dst, (size_t)n < PATH_BYTES ? (size_t)n : PATH_BYTES - 1);
}

static bool is_temporary(const struct kept_pair *p)
{
    return slice_eq(p->source, SLICE("temporary"));
}

static bool read_pair(struct slice bytes, enum kept_slot slot, struct kept_pair *ret)
{
    struct cur c = cur_of(bytes);
    ret->slot = slot;
    ret->source = message_next(&c);
    ret->chain = message_next(&c);
    ret->key = message_next(&c);
    return !c.bad && cur_left(&c) == 0;
}

static int write_pair(struct buf *out, const struct kept_pair *p)
{
    int r = message_text(out, p->source);
    if (!r)
        r = message_text(out, p->chain);
    return r ? r : message_text(out, p->key);
}

static bool get(const struct bundle *b, struct slice name, enum kept_slot slot,
                struct kept_pair *ret)
{
    char path[PATH_BYTES];
    struct slice bytes;
    return bundle_file(b, path_of(path, name, slot), &bytes) && read_pair(bytes, slot, ret);
}

enum kept_slot kept_slot_of(enum key_kind kind)
{
    return kind == KEY_RSA ? KEPT_RSA : KEPT_ECDSA;
}

size_t kept_pairs(const struct bundle *b, struct slice name, struct kept_pair ret[KEPT_SLOTS])
{
    size_t n = 0;
    for (enum kept_slot slot = 0; slot < KEPT_SLOTS; slot++)
        n += get(b, name, slot, &ret[n]);
    if (n == 2 && is_temporary(&ret[0]) && !is_temporary(&ret[1]))
        ret[0] = ret[1];
    else if (n == 2 && is_temporary(&ret[1]) == is_temporary(&ret[0]))
        return 2;
    return n ? 1 : 0;
}

bool kept_has(const struct bundle *b, struct slice name, const struct kept_pair *p)
{
    struct kept_pair old;
    return !b || (get(b, name, p->slot, &old) && slice_eq(old.source, p->source) &&
                  slice_eq(old.chain, p->chain) && slice_eq(old.key, p->key));
}

int kept_put(struct bundle *b, struct slice name, const struct kept_pair *p)
{
    char path[PATH_BYTES];
    struct kept_pair other;
    struct buf bytes;
    buf_init(&bytes, PAIR_MAX);
    int r = write_pair(&bytes, p);
    if (!r)
        r = bundle_put(b, path_of(path, name, p->slot), buf_slice(&bytes));
    if (bytes.p)
        mem_wipe(bytes.p, bytes.cap);
    buf_done(&bytes);
    enum kept_slot beside = p->slot == KEPT_RSA ? KEPT_ECDSA : KEPT_RSA;
    if (!r && !is_temporary(p) && get(b, name, beside, &other) && is_temporary(&other))
        kept_remove(b, name, beside, false);
    return r;
}

bool kept_may_go(const struct conf *conf, struct slice name)
{
    for (size_t i = 0; i < conf->nsites; i++)
        if (slice_eq(conf->sites[i].name, name))
            return false;
    return true;
}

void kept_remove(struct bundle *b, struct slice name, enum kept_slot slot, bool last)
{
    char path[PATH_BYTES];
    struct kept_pair other;
    if (last || get(b, name, slot == KEPT_RSA ? KEPT_ECDSA : KEPT_RSA, &other))
        bundle_drop(b, path_of(path, name, slot));
}

/* ---- from one configuration to the next ---- */

static bool below(struct slice wildcard, struct slice name)
{
    return slice_eq(slice_from(name, slice_find(name, '.')), slice_from(wildcard, 1));
}

static bool site_uses(const struct conf_site *s, struct slice name)
{
    if (s->tls.certs.count)
        return false;
    if (slice_eq(s->name, name))
        return true;
    bool uses = s->on_demand && below(s->name, name);
    for (size_t i = 0; s->on_demand && i < s->aliases.count; i++)
        uses |= below(s->aliases.items[i], name);
    return uses;
}

struct inheriting {
    struct bundle *to;
    const struct conf *conf;
    int r;
};

static void inherit_one(void *ctx, struct slice path, struct slice bytes)
{
    struct inheriting *h = ctx;
    struct slice name = slice_from(path, sizeof(PREFIX) + 1);
    bool uses = false;
    if (!slice_starts(path, SLICE(PREFIX)))
        return;
    for (size_t i = 0; i < h->conf->nsites; i++)
        uses |= site_uses(&h->conf->sites[i], name);
    if (uses && !h->r)
        h->r = bundle_put(h->to, path, bytes);
}

int kept_inherit(struct bundle *to, const struct bundle *from, const struct conf *conf)
{
    struct inheriting h = {.to = to, .conf = conf};
    bundle_each(from, inherit_one, &h);
    return h.r;
}

/* ---- over a channel ---- */

int kept_pack(struct buf *out, struct slice name, const struct kept_pair *p)
{
    uint8_t slot = (uint8_t)p->slot;
    int r = message_text(out, name);
    if (!r)
        r = buf_add(out, slice_of(&slot, 1));
    return r ? r : write_pair(out, p);
}

int kept_unpack(struct slice payload, struct slice *ret_name, struct kept_pair *ret)
{
    struct cur c = cur_of(payload);
    *ret_name = message_next(&c);
    unsigned slot = cur_u8(&c);
    if (c.bad || slot >= KEPT_SLOTS || ret_name->n == 0 || ret_name->n > 255)
        return ERR_SYNTAX;
    return read_pair(cur_bytes(&c, cur_left(&c)), (enum kept_slot)slot, ret) ? OK : ERR_SYNTAX;
}
