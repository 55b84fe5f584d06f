/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One copy of the head into the arena, then slices moved over. Knows no socket and no framing; the
 * grammar of targets, hosts and fields is wire's. */
#include "conn/reqhead.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "wire/target.h"

/* Attack: a Connection field with thousands of names, compared with every field. */
#define LISTED_MAX 16

struct listed {
    struct slice names[LISTED_MAX];
    size_t count;
};

/* The block and its copy in the arena. */
struct move {
    struct slice from;
    const uint8_t *to;
};

static struct slice moved(const struct move *m, struct slice s)
{
    uintptr_t at = (uintptr_t)s.p, start = (uintptr_t)m->from.p;
    if (!s.p || at < start || at > start + m->from.n || !m->to)
        return s;
    return slice_of(m->to + (at - start), s.n);
}

/* RFC 9110 7.6.1: what Connection lists is for us alone. */
static int read_connection(const struct reqhead *h, struct listed *l)
{
    for (size_t i = 0; i < h->nfields; i++) {
        if (h->fields[i].token != HDR_CONNECTION)
            continue;
        struct slice rest = h->fields[i].value, item;
        while (field_list_next(&rest, &item)) {
            if (slice_eq_nocase(item, SLICE("close")) || slice_eq_nocase(item, SLICE("keep-alive")))
                continue;
            if (l->count == LISTED_MAX)
                return ERR_SYNTAX;
            l->names[l->count++] = item;
        }
    }
    return OK;
}

static bool is_listed(const struct listed *l, const struct field *f)
{
    if (token_flags(f->token) & TOKEN_FORWARDING)
        return false;
    for (size_t i = 0; i < l->count; i++)
        if (slice_eq_nocase(l->names[i], f->name))
            return true;
    return false;
}

static bool is_aliasing(const struct field *f)
{
    return f->token == HDR_OTHER &&
           (slice_find(f->name, '_') < f->name.n || slice_find(f->name, '.') < f->name.n);
}

static bool is_passed(const struct listed *l, const struct field *f)
{
    return f->token != HDR_HOST && f->token != HDR_CONTENT_LENGTH && f->token != HDR_EXPECT &&
           f->token != HDR_PROXY && !(token_flags(f->token) & TOKEN_HOP) && !is_aliasing(f) &&
           !is_listed(l, f);
}

/* RFC 9113 8.2.2: TE may only say "trailers", all other connection fields make it malformed. */
static bool is_h2_malformed(const struct field *f)
{
    if (f->token == HDR_TE)
        return !slice_eq_nocase(f->value, SLICE("trailers"));
    return f->token == HDR_CONNECTION || f->token == HDR_KEEP_ALIVE ||
           f->token == HDR_TRANSFER_ENCODING || f->token == HDR_UPGRADE ||
           slice_eq_nocase(f->name, SLICE("proxy-connection"));
}

static int join_cookies(struct arena *a, struct request *ret, size_t first)
{
    size_t room = 0, at = 0, kept = first + 1;
    for (size_t i = first; i < ret->nfields; i++)
        if (ret->fields[i].token == HDR_COOKIE)
            room += ret->fields[i].value.n + 2;
    uint8_t *p = arena_alloc(a, room);
    if (!p)
        return ERR_NOMEM;
    for (size_t i = first; i < ret->nfields; i++) {
        struct slice v = ret->fields[i].value;
        if (ret->fields[i].token != HDR_COOKIE) {
            ret->fields[kept++] = ret->fields[i];
            continue;
        }
        if (at) {
            p[at++] = ';';
            p[at++] = ' ';
        }
        if (v.n)
            memcpy(p + at, v.p, v.n);
        at += v.n;
    }
    ret->fields[first].value = slice_of(p, at);
    ret->nfields = kept;
    return OK;
}

static int set_fields(const struct reqhead *h, struct arena *a, const struct move *m,
                      struct request *ret)
{
    struct listed listed = {.count = 0};
    int r = read_connection(h, &listed);
    if (r)
        return r;
    struct field *to = arena_alloc(a, (h->nfields + 1) * sizeof(*to));
    if (!to)
        return ERR_NOMEM;
    size_t n = 0, cookies = 0, first_cookie = 0;
    for (size_t i = 0; i < h->nfields; i++) {
        const struct field *f = &h->fields[i];
        if (h->version == 20 && is_h2_malformed(f))
            return ERR_SYNTAX;
        if (!is_passed(&listed, f))
            continue;
        if (f->token == HDR_COOKIE && cookies++ == 0)
            first_cookie = n;
        to[n++] = (struct field){moved(m, f->name), moved(m, f->value), f->token};
    }
    ret->fields = to;
    ret->nfields = n;
    return h->version == 20 && cookies > 1 ? join_cookies(a, ret, first_cookie) : OK;
}

/* "name" or "name:port", IPv6 in brackets. */
static int set_authority(const struct target_host *host, struct arena *a, struct request *ret)
{
    bool v6 = host->kind == TARGET_IPV6;
    if (!v6 && !host->has_port) {
        ret->authority = ret->host;
        return OK;
    }
    char *p = arena_alloc(a, host->name.n + 2 + 1 + 20);
    if (!p)
        return ERR_NOMEM;
    size_t n = 0;
    if (v6)
        p[n++] = '[';
    memcpy(p + n, host->name.p, host->name.n);
    n += host->name.n;
    if (v6)
        p[n++] = ']';
    if (host->has_port) {
        p[n++] = ':';
        n += num_format(host->port, p + n);
    }
    ret->authority = slice_of(p, n);
    return OK;
}

static int set_host(const struct reqhead *h, struct slice target_authority, struct arena *a,
                    struct request *ret)
{
    struct slice said = target_authority.n ? target_authority : h->authority;
    if (!said.n)
        said = h->host;
    ret->host = ret->authority = slice_of("", 0);
    if (!said.n)
        return h->version == 10 ? OK : ERR_SYNTAX;
    uint8_t *dst = arena_alloc(a, TARGET_HOST_BYTES);
    if (!dst)
        return ERR_NOMEM;
    struct target_host host, other;
    int r = target_normal_host(said, dst, &host);
    if (r)
        return r;
    if (said.p != h->host.p && h->host.n) {
        uint8_t scratch[TARGET_HOST_BYTES];
        if ((r = target_normal_host(h->host, scratch, &other)))
            return r;
        if (!slice_eq(host.name, other.name) ||
            (host.has_port && other.has_port && host.port != other.port))
            return ERR_SYNTAX;
    }
    ret->host = host.name;
    return set_authority(&host, a, ret);
}

static int set_path(const struct reqhead *h, const struct target *t, struct arena *a,
                    const struct move *m, struct request *ret)
{
    if (h->version == 20 && t->form == TARGET_ABSOLUTE)
        return ERR_SYNTAX;
    ret->query = SLICE_EMPTY;
    if (t->has_query)
        ret->query = t->query.n ? moved(m, t->query) : slice_of("", 0);
    ret->path = t->path;
    if (t->form == TARGET_ASTERISK) {
        ret->path = SLICE("*");
        return OK;
    }
    /* A path that is canonical already (nearly all) needs no room. */
    int r = target_canonical_path(t->path, NULL, 0, &ret->path);
    if (r == ERR_URI_TOO_LONG) {
        uint8_t *dst = arena_alloc(a, 3 * t->path.n);
        if (!dst)
            return ERR_NOMEM;
        r = target_canonical_path(t->path, dst, 3 * t->path.n, &ret->path);
    }
    if (!r)
        ret->path = moved(m, ret->path);
    return r;
}

int reqhead_fill(const struct reqhead *h, struct arena *a, struct request *ret)
{
    struct move m = {.from = h->block};
    struct slice copy = SLICE_EMPTY;
    struct target t;
    int r;
    if (h->method == METHOD_CONNECT)
        return ERR_NOT_IMPLEMENTED;
    if (h->scheme.n && !slice_eq_nocase(h->scheme, SLICE("https")) &&
        !slice_eq_nocase(h->scheme, SLICE("http")))
        return ERR_SYNTAX;
    if ((r = target_parse(h->target, h->method, &t)))
        return r;
    if (h->block.n && (r = arena_copy(a, h->block, &copy)))
        return r;
    m.to = copy.p;
    if ((r = set_host(h, t.authority, a, ret)) || (r = set_path(h, &t, a, &m, ret)) ||
        (r = set_fields(h, a, &m, ret)))
        return r;
    ret->method = h->method;
    ret->version = h->version;
    ret->has_body = h->has_body;
    ret->has_length = h->has_length;
    ret->expect_continue = h->expect_continue;
    ret->content_length = h->content_length;
    ret->method_text = moved(&m, h->method_text);
    ret->target = moved(&m, h->target);
    ret->upgrade =
        field_list_has(h->upgrade, SLICE("h2c")) ? slice_of("", 0) : moved(&m, h->upgrade);
    return OK;
}
