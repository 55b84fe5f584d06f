/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Forwarding fields are rebuilt from what is known: the address of the connection, the host that
 * was asked for, the scheme. A client's own X-Forwarded-* says nothing and is dropped; a trusted
 * proxy's is continued. */
#include "serve/forward.h"

#include "base/err.h"
#include "base/num.h"

/* X-Forwarded-For, -Proto, -Host, -Prefix, X-Real-IP, Forwarded, Via, X-Request-Id. */
#define OURS 8
/* Longest Forwarded element but for the host, which may be quoted byte for byte. */
#define FORWARDED_BYTES (CIDR_IP_TEXT + 48)

struct out {
    struct arena *a;
    struct field *fields;
    size_t n;
    bool proto, host, prefix, id; /* a trusted proxy's is kept */
};

static void put(struct out *o, enum hdr token, struct slice value)
{
    o->fields[o->n++] = (struct field){token_title(token), value, token};
}

/* Fields of the request that go on as they are. Hop-by-hop fields are gone already; they are looked
 * at again because one that slips through splits requests. */
static bool keeps(struct out *o, const struct field *f, bool trusted)
{
    unsigned flags = token_flags(f->token);
    if ((flags & TOKEN_HOP) || f->token == HDR_PROXY || f->token == HDR_EXPECT ||
        f->token == HDR_HOST || f->token == HDR_CONTENT_LENGTH)
        return false;
    if (!(flags & TOKEN_FORWARDING) && f->token != HDR_X_REQUEST_ID)
        return true;
    if (!trusted || f->token == HDR_X_FORWARDED_FOR || f->token == HDR_FORWARDED ||
        f->token == HDR_X_REAL_IP)
        return false;
    o->proto |= f->token == HDR_X_FORWARDED_PROTO;
    o->host |= f->token == HDR_X_FORWARDED_HOST;
    o->prefix |= f->token == HDR_X_FORWARDED_PREFIX;
    o->id |= f->token == HDR_X_REQUEST_ID;
    return true;
}

/* Every line with that token and `own` behind them, as one list. */
static int joined(const struct request *req, enum hdr token, struct slice own, struct arena *a,
                  struct slice *ret)
{
    size_t room = own.n, n = 0;
    for (size_t i = 0; i < req->nfields; i++)
        if (req->fields[i].token == token && req->fields[i].value.n)
            room += req->fields[i].value.n + 2;
    uint8_t *p = arena_alloc(a, room);
    if (!p)
        return ERR_NOMEM;
    for (size_t i = 0; i < req->nfields; i++) {
        struct slice v = req->fields[i].value;
        if (req->fields[i].token != token || !v.n)
            continue;
        memcpy(p + n, v.p, v.n);
        memcpy(p + n + v.n, ", ", 2);
        n += v.n + 2;
    }
    memcpy(p + n, own.p, own.n);
    *ret = slice_of(p, n + own.n);
    return OK;
}

static int address(const struct ip *ip, struct arena *a, struct slice *ret)
{
    char *text = arena_alloc(a, CIDR_IP_TEXT);
    if (!text)
        return ERR_NOMEM;
    *ret = slice_of(text, cidr_format_ip(ip, text));
    return OK;
}

/* X-Forwarded-For, X-Real-IP and Forwarded. */
static int put_client(struct out *o, const struct forward_request *q, bool trusted)
{
    struct slice peer, list, real, element;
    struct forwarded_hop hop = {.client = q->peer, .host = q->req->authority, .https = q->https};
    size_t cap = FORWARDED_BYTES + 2 * hop.host.n;
    uint8_t *dst = arena_alloc(o->a, cap);
    int r = dst ? forwarded_format(&hop, dst, cap, &element) : ERR_NOMEM;
    if (!r)
        r = address(q->peer, o->a, &peer);
    if (r)
        return r;
    list = real = peer;
    if (trusted) {
        struct ip client;
        forwarded_client(q->req->fields, q->req->nfields, q->peer, &q->trust, &client);
        if ((r = address(&client, o->a, &real)) ||
            (r = joined(q->req, HDR_X_FORWARDED_FOR, peer, o->a, &list)) ||
            (r = joined(q->req, HDR_FORWARDED, element, o->a, &element)))
            return r;
    }
    put(o, HDR_X_FORWARDED_FOR, list);
    put(o, HDR_X_REAL_IP, real);
    put(o, HDR_FORWARDED, element);
    return OK;
}

static int put_id(struct out *o, uint64_t id)
{
    char hex[16];
    char *text = arena_alloc(o->a, sizeof(hex));
    if (!text)
        return ERR_NOMEM;
    size_t n = num_format_hex(id, hex);
    memset(text, '0', sizeof(hex) - n);
    memcpy(text + sizeof(hex) - n, hex, n);
    put(o, HDR_X_REQUEST_ID, slice_of(text, sizeof(hex)));
    return OK;
}

static struct slice via(uint8_t version)
{
    return version == 20   ? SLICE("2 port443")
           : version == 10 ? SLICE("1.0 port443")
                           : SLICE("1.1 port443");
}

int forward_fields(const struct forward_request *q, struct arena *a, struct field **ret,
                   size_t *ret_n)
{
    const struct request *req = q->req;
    bool trusted = forwarded_trusts(&q->trust, q->peer);
    struct out o = {.a = a};
    o.fields = arena_alloc(a, (req->nfields + OURS) * sizeof(*o.fields));
    if (!o.fields)
        return ERR_NOMEM;
    for (size_t i = 0; i < req->nfields; i++)
        if (req->fields[i].token == HDR_OTHER || keeps(&o, &req->fields[i], trusted))
            o.fields[o.n++] = req->fields[i];
    int r = put_client(&o, q, trusted);
    if (!r && !o.id)
        r = put_id(&o, q->id);
    if (r)
        return r;
    if (!o.proto)
        put(&o, HDR_X_FORWARDED_PROTO, q->https ? SLICE("https") : SLICE("http"));
    if (!o.host && req->authority.n)
        put(&o, HDR_X_FORWARDED_HOST, req->authority);
    if (!o.prefix && q->prefix.n)
        put(&o, HDR_X_FORWARDED_PREFIX, q->prefix);
    put(&o, HDR_VIA, via(req->version));
    *ret = o.fields;
    *ret_n = o.n;
    return OK;
}

unsigned forward_hops(const struct request *req)
{
    unsigned n = 0;
    for (size_t i = 0; i < req->nfields; i++) {
        struct slice rest = req->fields[i].value, item;
        if (req->fields[i].token != HDR_VIA)
            continue;
        while (field_list_next(&rest, &item))
            n += slice_ends(item, SLICE(" port443"));
    }
    return n;
}

int forward_target(struct slice path, struct slice query, struct arena *a, struct slice *ret)
{
    if (!query.p) {
        *ret = path;
        return OK;
    }
    uint8_t *p = arena_alloc(a, path.n + 1 + query.n);
    if (!p)
        return ERR_NOMEM;
    memcpy(p, path.p, path.n);
    p[path.n] = '?';
    if (query.n)
        memcpy(p + path.n + 1, query.p, query.n);
    *ret = slice_of(p, path.n + 1 + query.n);
    return OK;
}

struct slice forward_host(struct slice name)
{
    struct slice own = SLICE_EMPTY;
    if (slice_starts(name, SLICE("http://"))) {
        name = slice_from(name, 7);
        own = SLICE(":80");
    } else if (slice_starts(name, SLICE("https://"))) {
        name = slice_from(name, 8);
        own = SLICE(":443");
    } else {
        return SLICE("localhost");
    }
    if (slice_ends(name, own))
        name.n -= own.n;
    return name;
}

struct slice forward_upgrade(struct slice upgrade)
{
    struct slice item;
    while (field_list_next(&upgrade, &item)) {
        struct slice product = slice_first(item, slice_find(item, '/'));
        if (field_name_ok(product) && !slice_eq_nocase(product, SLICE("h2c")) &&
            !slice_eq_nocase(product, SLICE("h2")) && !slice_eq_nocase(product, SLICE("http")) &&
            !slice_eq_nocase(product, SLICE("tls")))
            return item;
    }
    return SLICE_EMPTY;
}

bool forward_answers(const struct field *f)
{
    return f->token == HDR_OTHER ||
           (f->token != HDR_DATE && f->token != HDR_ALT_SVC && f->token != HDR_CONTENT_LENGTH &&
            !(token_flags(f->token) & TOKEN_HOP));
}

size_t forward_trailers(const struct field *fields, size_t n, struct field *dst)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!(token_flags(fields[i].token) & (TOKEN_NO_TRAILER | TOKEN_HOP)))
            dst[kept++] = fields[i];
    return kept;
}
