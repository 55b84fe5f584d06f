/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What is hashed and in which order: RFC 8945 4.3. The record is walked to by hand, because the
 * signature covers the bytes as they were sent. */
#include "crypt/tsig.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cur.h"
#include "base/err.h"
#include "crypt/digest.h"

#define HEADER_BYTES  12
#define NAME_BYTES    255
#define RECORD_TSIG   250
#define CLASS_ANY     255
#define MESSAGE_BYTES (65535 + 1024)

static const char *const algorithms[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512"};

int tsig_algorithm_parse(struct slice text, enum tsig_algorithm *ret)
{
    if (text.n && text.p[text.n - 1] == '.')
        text.n--;
    if (!text.n)
        text = slice_cstr(algorithms[TSIG_SHA256]);
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
        if (slice_eq_nocase(text, slice_cstr(algorithms[i]))) {
            *ret = (enum tsig_algorithm)i;
            return OK;
        }
    return ERR_NOT_FOUND;
}

const char *tsig_algorithm_text(enum tsig_algorithm a)
{
    return algorithms[a];
}

struct name {
    uint8_t bytes[NAME_BYTES];
    size_t n;
};

/* Canonical wire form: lower case, no compression. */
static int name_read(struct slice text, struct name *ret)
{
    struct slice rest = text, label;
    if (rest.n && rest.p[rest.n - 1] == '.')
        rest.n--;
    ret->n = 0;
    while (slice_next(&rest, '.', &label)) {
        if (label.n == 0 || label.n > 63 || ret->n + label.n + 2 > NAME_BYTES)
            return ERR_SYNTAX;
        ret->bytes[ret->n++] = (uint8_t)label.n;
        for (size_t i = 0; i < label.n; i++)
            ret->bytes[ret->n++] = slice_lower(label.p[i]);
    }
    if (!ret->n)
        return ERR_SYNTAX;
    ret->bytes[ret->n++] = 0;
    return OK;
}

static struct slice name_slice(const struct name *n)
{
    return slice_of(n->bytes, n->n);
}

static int put_uint(struct buf *b, uint64_t v, unsigned width)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
    return buf_add(b, slice_of(bytes, width));
}

/* The record but for its MAC; both hashed and written from this. */
struct variables {
    struct name key, algorithm;
    uint64_t time_s;
    unsigned fudge_s, error;
    struct slice other;
};

static int put_variables(struct buf *b, const struct variables *v)
{
    int r = buf_add(b, name_slice(&v->key));
    if (!r)
        r = put_uint(b, CLASS_ANY, 2);
    if (!r)
        r = put_uint(b, 0, 4);
    if (!r)
        r = buf_add(b, name_slice(&v->algorithm));
    if (!r)
        r = put_uint(b, v->time_s, 6);
    if (!r)
        r = put_uint(b, v->fudge_s, 2);
    if (!r)
        r = put_uint(b, v->error, 2);
    if (!r)
        r = put_uint(b, v->other.n, 2);
    return r ? r : buf_add(b, v->other);
}

static int mac(const struct tsig_key *k, struct slice bytes, struct tsig_mac *ret)
{
    const EVP_MD *md = k->algorithm == TSIG_SHA512   ? EVP_sha512()
                       : k->algorithm == TSIG_SHA384 ? EVP_sha384()
                                                     : EVP_sha256();
    struct slice secret = secret_expose(k->secret);
    unsigned n = 0;
    if (secret.n > INT32_MAX || !HMAC(md, secret.n ? secret.p : (const uint8_t *)"", (int)secret.n,
                                      bytes.p, bytes.n, ret->bytes, &n)) {
        ERR_clear_error();
        return ERR_TLS;
    }
    ret->n = n;
    return OK;
}

static int put_record(struct buf *b, const struct variables *v, const struct tsig_mac *m,
                      struct slice id)
{
    int r = buf_add(b, name_slice(&v->key));
    if (!r)
        r = put_uint(b, RECORD_TSIG, 2);
    if (!r)
        r = put_uint(b, CLASS_ANY, 2);
    if (!r)
        r = put_uint(b, 0, 4);
    if (!r)
        r = put_uint(b, v->algorithm.n + 16 + m->n, 2);
    if (!r)
        r = buf_add(b, name_slice(&v->algorithm));
    if (!r)
        r = put_uint(b, v->time_s, 6);
    if (!r)
        r = put_uint(b, v->fudge_s, 2);
    if (!r)
        r = put_uint(b, m->n, 2);
    if (!r)
        r = buf_add(b, slice_of(m->bytes, m->n));
    if (!r)
        r = buf_add(b, id);
    return r ? r : put_uint(b, 0, 4); /* error, other length */
}

static unsigned u16_at(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

int tsig_sign(struct buf *b, const struct tsig_key *k, uint64_t now_s, struct tsig_mac *ret)
{
    struct slice message = buf_slice(b);
    struct variables v = {.time_s = now_s, .fudge_s = TSIG_FUDGE_S};
    uint8_t id[2];
    if (message.n < HEADER_BYTES || name_read(k->name, &v.key) ||
        name_read(slice_cstr(algorithms[k->algorithm]), &v.algorithm))
        return ERR_SYNTAX;
    memcpy(id, message.p, sizeof(id));
    struct buf hashed;
    buf_init(&hashed, MESSAGE_BYTES);
    int r = buf_add(&hashed, message);
    if (!r)
        r = put_variables(&hashed, &v);
    if (!r)
        r = mac(k, buf_slice(&hashed), ret);
    buf_done(&hashed);
    if (!r)
        r = put_record(b, &v, ret, slice_of(id, sizeof(id)));
    if (!r) {
        uint8_t *p = b->p + b->off;
        unsigned additional = u16_at(p + 10) + 1;
        p[10] = (uint8_t)(additional >> 8);
        p[11] = (uint8_t)additional;
    }
    return r;
}

/* ---- the reply ---- */

static void skip_name(struct cur *c)
{
    while (!c->bad) {
        uint8_t n = cur_u8(c);
        if (n >= 0xc0) {
            cur_u8(c);
            return;
        }
        if (n == 0 || n > 63)
            break;
        cur_bytes(c, n);
    }
}

/* A name without compression, folded: RFC 8945 4.2 forbids it for the algorithm; the owner is
 * compared with ours after pointers were followed. */
static void read_name(struct slice message, struct cur *c, struct name *ret)
{
    struct cur at = *c;
    skip_name(c);
    ret->n = 0;
    for (int jumps = 0; !at.bad && jumps < 16;) {
        uint8_t n = cur_u8(&at);
        if (n >= 0xc0) {
            size_t to = (size_t)(n & 0x3f) << 8 | cur_u8(&at);
            at = cur_of(slice_from(message, to));
            jumps++;
            continue;
        }
        struct slice label = cur_bytes(&at, n);
        if (at.bad || n > 63 || ret->n + n + 1u > NAME_BYTES)
            break;
        ret->bytes[ret->n++] = n;
        for (size_t i = 0; i < label.n; i++)
            ret->bytes[ret->n++] = slice_lower(label.p[i]);
        if (n == 0)
            return;
    }
    c->bad = true;
}

struct found {
    struct variables v;
    struct slice mac;
    uint16_t id;
    size_t begin; /* of the record */
    bool present;
};

/* The last record of the additional section, where a TSIG must stand. */
static int find(struct slice message, struct found *f)
{
    if (message.n < HEADER_BYTES)
        return ERR_SYNTAX;
    struct cur c = cur_of(slice_from(message, HEADER_BYTES));
    for (unsigned i = u16_at(message.p + 4); i && !c.bad; i--) {
        skip_name(&c);
        cur_u32(&c);
    }
    unsigned records = u16_at(message.p + 6) + u16_at(message.p + 8) + u16_at(message.p + 10);
    if (!u16_at(message.p + 10))
        return c.bad ? ERR_SYNTAX : OK;
    for (unsigned i = 1; i < records && !c.bad; i++) {
        skip_name(&c);
        cur_bytes(&c, 8);
        cur_block(&c, 2);
    }
    f->begin = (size_t)(c.p - message.p);
    read_name(message, &c, &f->v.key);
    uint16_t type = cur_u16(&c);
    cur_bytes(&c, 6); /* class and TTL: hashed as what they must be */
    struct cur data = cur_block(&c, 2);
    if (c.bad || cur_left(&c))
        return ERR_SYNTAX;
    if (type != RECORD_TSIG)
        return OK;
    read_name(message, &data, &f->v.algorithm);
    f->v.time_s = cur_uint(&data, 6);
    f->v.fudge_s = cur_u16(&data);
    f->mac = cur_bytes(&data, cur_u16(&data));
    f->id = cur_u16(&data);
    f->v.error = cur_u16(&data);
    f->v.other = cur_bytes(&data, cur_u16(&data));
    f->present = true;
    return data.bad || cur_left(&data) ? ERR_SYNTAX : OK;
}

/* The reply as it was before its signature came: RFC 8945 4.3.2. */
static int put_stripped(struct buf *b, struct slice message, const struct found *f)
{
    uint8_t head[HEADER_BYTES];
    memcpy(head, message.p, sizeof(head));
    head[0] = (uint8_t)(f->id >> 8);
    head[1] = (uint8_t)f->id;
    unsigned additional = u16_at(message.p + 10) - 1;
    head[10] = (uint8_t)(additional >> 8);
    head[11] = (uint8_t)additional;
    int r = buf_add(b, slice_of(head, sizeof(head)));
    return r ? r : buf_add(b, slice_of(message.p + HEADER_BYTES, f->begin - HEADER_BYTES));
}

static int expected_mac(struct slice reply, const struct tsig_key *k,
                        const struct tsig_mac *request, const struct found *f, struct tsig_mac *ret)
{
    struct buf hashed;
    buf_init(&hashed, MESSAGE_BYTES);
    int r = put_uint(&hashed, request->n, 2);
    if (!r)
        r = buf_add(&hashed, slice_of(request->bytes, request->n));
    if (!r)
        r = put_stripped(&hashed, reply, f);
    if (!r)
        r = put_variables(&hashed, &f->v);
    if (!r)
        r = mac(k, buf_slice(&hashed), ret);
    buf_done(&hashed);
    return r;
}

int tsig_verify(struct slice reply, const struct tsig_key *k, const struct tsig_mac *request,
                uint64_t now_s, struct tsig_reply *ret)
{
    struct found f = {.present = false};
    struct name key, algorithm;
    struct tsig_mac right;
    *ret = (struct tsig_reply){.present = false};
    int r = find(reply, &f);
    if (r)
        return r;
    ret->present = f.present;
    ret->error = f.v.error;
    ret->server_s = f.v.time_s;
    if (f.v.error == TSIG_BADTIME && f.v.other.n == 6) {
        struct cur c = cur_of(f.v.other);
        ret->server_s = cur_uint(&c, 6);
    }
    if (!f.present || name_read(k->name, &key) ||
        name_read(slice_cstr(algorithms[k->algorithm]), &algorithm) ||
        !slice_eq(name_slice(&f.v.key), name_slice(&key)) ||
        !slice_eq(name_slice(&f.v.algorithm), name_slice(&algorithm)))
        return ERR_VERIFY;
    if ((r = expected_mac(reply, k, request, &f, &right)))
        return r;
    /* Truncated MACs (RFC 8945 5.2.2.1) are not taken: we never ask for them. */
    if (f.mac.n != right.n || !digest_equal(f.mac.p, right.bytes, right.n))
        return ERR_VERIFY;
    uint64_t apart = f.v.time_s > now_s ? f.v.time_s - now_s : now_s - f.v.time_s;
    return f.v.error == TSIG_BADTIME || apart <= f.v.fudge_s ? OK : ERR_EXPIRED;
}
