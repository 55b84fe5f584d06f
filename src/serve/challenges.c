/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of challenge answers. Entries point into one copy of the packed bytes; contexts of
 * tls-alpn-01 are made in the worker, so that no key travels. */
#include "serve/challenges.h"

#include "base/mem.h"
#include "crypt/alpncert.h"
#include "serve/message.h"

struct entry {
    enum certhost_answer_kind kind;
    struct slice name, token, content, digest;
    struct tlsctx *ctx; /* ALPN01, once it was asked for */
};

struct challenges {
    char *bytes;
    struct entry *entries;
    size_t count;
};

int challenges_pack(struct buf *out, const struct certhost_answer *answers, size_t n)
{
    int r = n > CHALLENGES_MAX ? ERR_CAP : OK;
    for (size_t i = 0; !r && i < n; i++) {
        const struct certhost_answer *a = &answers[i];
        uint8_t kind = (uint8_t)a->kind;
        r = buf_add(out, slice_of(&kind, 1));
        if (!r)
            r = message_text(out, a->name);
        if (!r)
            r = message_text(out, a->token);
        if (!r)
            r = message_text(out, a->content);
        if (!r)
            r = buf_add(out, slice_of(a->digest, sizeof(a->digest)));
    }
    return r;
}

struct challenges *challenges_new(void)
{
    return mem_alloc(sizeof(struct challenges));
}

static void clear(struct challenges *c)
{
    for (size_t i = 0; i < c->count; i++)
        tlsctx_unref(c->entries[i].ctx);
    mem_free(c->entries);
    mem_free(c->bytes);
    *c = (struct challenges){.count = 0};
}

void challenges_free(struct challenges *c)
{
    if (!c)
        return;
    clear(c);
    mem_free(c);
}

/* base64url, and "." between the two parts of a key authorization. What passes here is sent to
 * anybody who asks. */
static bool is_token(struct slice s, bool dot)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = slice_lower(s.p[i]);
        bool good = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' ||
                    ch == '_' || (dot && ch == '.');
        if (!good)
            return false;
    }
    return s.n > 0 && s.n <= CHALLENGES_CONTENT_MAX;
}

static int read_entry(struct cur *c, struct entry *ret)
{
    unsigned kind = cur_u8(c);
    *ret = (struct entry){.kind = (enum certhost_answer_kind)kind};
    ret->name = message_next(c);
    ret->token = message_next(c);
    ret->content = message_next(c);
    ret->digest = cur_bytes(c, 32);
    if (c->bad || kind > CERTHOST_ALPN01)
        return ERR_SYNTAX;
    if (kind == CERTHOST_HTTP01)
        return is_token(ret->token, false) && is_token(ret->content, true) ? OK : ERR_SYNTAX;
    return ret->name.n > 0 && ret->name.n <= 255 ? OK : ERR_SYNTAX;
}

int challenges_replace(struct challenges *c, struct slice packed)
{
    struct challenges fresh = {.count = 0};
    struct entry probe;
    struct cur all = cur_of(packed);
    size_t n = 0;
    int r = OK;
    for (; !r && cur_left(&all); n++)
        r = n == CHALLENGES_MAX ? ERR_CAP : read_entry(&all, &probe);
    if (r)
        return r;
    if (n) {
        fresh.bytes = mem_dup(packed.p, packed.n);
        fresh.entries = mem_array(n, sizeof(*fresh.entries));
        if (!fresh.bytes || !fresh.entries) {
            clear(&fresh);
            return ERR_NOMEM;
        }
    }
    all = cur_of(slice_of(fresh.bytes, n ? packed.n : 0));
    for (; !r && fresh.count < n; fresh.count++)
        r = read_entry(&all, &fresh.entries[fresh.count]);
    clear(c);
    *c = fresh;
    return r;
}

size_t challenges_count(const struct challenges *c)
{
    return c->count;
}

bool challenges_http(const struct challenges *c, struct slice token, struct slice *ret)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->entries[i];
        if (e->kind != CERTHOST_HTTP01 || !slice_eq(e->token, token))
            continue;
        *ret = e->content;
        return true;
    }
    return false;
}

/* A context that can do nothing else: one protocol, one certificate, no tickets. */
static int make_context(struct entry *e, int64_t now_s, struct fault *f)
{
    static const struct slice alpn[] = {SLICE("acme-tls/1")};
    struct tlsctx_identity identity = {.key = NULL};
    const struct tlsctx_server opts = {
        .identities = &identity, .nidentities = 1, .alpn = alpn, .nalpn = ARRAY_LEN(alpn)};
    int r = alpncert_make(e->name, e->digest.p, now_s, &identity.key, &identity.chain, f);
    if (r)
        return r;
    r = tlsctx_server_new(&opts, &e->ctx, f);
    keystore_unref(identity.key);
    certinfo_unref(identity.chain);
    return r;
}

int challenges_alpn(struct challenges *c, struct slice server_name, int64_t now_s,
                    struct tlsctx **ret, struct fault *f)
{
    char asked[256];
    for (size_t i = 0; i < c->count; i++) {
        struct entry *e = &c->entries[i];
        if (e->kind != CERTHOST_ALPN01 ||
            !slice_eq(alpncert_server_name(e->name, asked), server_name))
            continue;
        int r = e->ctx ? OK : make_context(e, now_s, f);
        if (!r)
            *ret = e->ctx;
        return r;
    }
    return ERR_NOT_FOUND;
}
