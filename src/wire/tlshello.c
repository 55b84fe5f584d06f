/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* ClientHello from the wire: records first, then the message, then one small reader per extension
 * that matters. Every read goes through a bounded cursor (base/cur.h). */
#include "wire/tlshello.h"

#include "base/cur.h"
#include "base/err.h"
#include "wire/field.h"

#define RECORD_HANDSHAKE 22
#define RECORD_HEAD      5
#define RECORD_MAX       16384
#define MESSAGE_HEAD     4
#define CLIENT_HELLO     1

bool tlshello_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

bool tlshello_u16_next(struct slice *rest, uint16_t *ret_value)
{
    if (rest->n < 2)
        return false;
    *ret_value = (uint16_t)(rest->p[0] << 8 | rest->p[1]);
    *rest = slice_from(*rest, 2);
    return true;
}

bool tlshello_u16_has(struct slice list, uint16_t value)
{
    uint16_t one;
    while (tlshello_u16_next(&list, &one))
        if (one == value)
            return true;
    return false;
}

/* The next element of a list; false at its end or when it is malformed (cur.bad tells which). */
static bool next_tagged(struct slice *rest, struct cur *c, uint16_t *ret_tag,
                        struct slice *ret_data)
{
    *c = cur_of(*rest);
    if (!rest->n)
        return false;
    uint16_t tag = cur_u16(c);
    struct cur inner = cur_block(c, 2);
    if (c->bad)
        return false;
    *ret_tag = tag;
    *ret_data = slice_of(inner.p, cur_left(&inner));
    *rest = slice_of(c->p, cur_left(c));
    return true;
}

bool tlshello_ext_next(struct slice *rest, uint16_t *ret_type, struct slice *ret_data)
{
    struct cur c;
    return next_tagged(rest, &c, ret_type, ret_data);
}

bool tlshello_share_next(struct slice *rest, uint16_t *ret_group, struct slice *ret_key)
{
    struct cur c;
    return next_tagged(rest, &c, ret_group, ret_key);
}

bool tlshello_alpn_next(struct slice *rest, struct slice *ret_name)
{
    struct cur c = cur_of(*rest);
    if (!rest->n)
        return false;
    struct cur name = cur_block(&c, 1);
    if (c.bad || !cur_left(&name))
        return false;
    *ret_name = slice_of(name.p, cur_left(&name));
    *rest = slice_of(c.p, cur_left(&c));
    return true;
}

bool tlshello_offers_alpn(const struct tlshello *h, struct slice name)
{
    struct slice rest = h->alpn, one;
    while (tlshello_alpn_next(&rest, &one))
        if (slice_eq(one, name))
            return true;
    return false;
}

/* The whole of data as one vector with a length of `width` bytes, not empty, of elements of `unit`
 * bytes. */
static int read_vector(struct slice data, unsigned width, size_t unit, struct slice *ret)
{
    struct cur c = cur_of(data);
    struct cur list = cur_block(&c, width);
    size_t n = cur_left(&list);
    if (c.bad || cur_left(&c) || n == 0 || n % unit)
        return ERR_SYNTAX;
    *ret = slice_of(list.p, n);
    return OK;
}

/* RFC 6066 3: a list with one host_name. A NUL or other odd byte is refused here, since names that
 * hold one have fooled comparisons before. */
static int on_server_name(struct slice data, struct tlshello *h)
{
    struct slice list;
    if (read_vector(data, 2, 1, &list))
        return ERR_SYNTAX;
    struct cur c = cur_of(list);
    uint8_t type = cur_u8(&c);
    struct cur name = cur_block(&c, 2);
    size_t n = cur_left(&name);
    if (c.bad || cur_left(&c) || type != 0 || n == 0 || n > 255)
        return ERR_SYNTAX;
    for (size_t i = 0; i < n; i++) {
        uint8_t ch = slice_lower(name.p[i]);
        if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_' &&
            ch != '.')
            return ERR_SYNTAX;
    }
    h->has_sni = true;
    h->sni = slice_of(name.p, n);
    return OK;
}

/* RFC 7301 3.1 */
static int on_alpn(struct slice data, struct tlshello *h)
{
    struct slice rest, name;
    if (read_vector(data, 2, 1, &rest))
        return ERR_SYNTAX;
    h->has_alpn = true;
    h->alpn = rest;
    while (tlshello_alpn_next(&rest, &name))
        continue;
    return rest.n ? ERR_SYNTAX : OK;
}

/* RFC 8446 4.2.1 */
static int on_versions(struct slice data, struct tlshello *h)
{
    if (read_vector(data, 1, 2, &h->versions))
        return ERR_SYNTAX;
    struct slice rest = h->versions;
    uint16_t version, max = 0;
    while (tlshello_u16_next(&rest, &version))
        if (version >> 8 == 3 && version > max)
            max = version;
    h->max_version = max;
    return OK;
}

static int on_groups(struct slice data, struct tlshello *h)
{
    return read_vector(data, 2, 2, &h->groups);
}

static int on_points(struct slice data, struct tlshello *h)
{
    return read_vector(data, 1, 1, &h->points);
}

/* RFC 8446 4.2.3: the ecdsa_secp* and EdDSA schemes. */
static int on_sigalgs(struct slice data, struct tlshello *h)
{
    if (read_vector(data, 2, 2, &h->sigalgs))
        return ERR_SYNTAX;
    static const uint16_t schemes[] = {0x0403, 0x0503, 0x0603, 0x0807, 0x0808};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        h->ecdsa |= tlshello_u16_has(h->sigalgs, schemes[i]);
    return OK;
}

/* RFC 8446 4.2.8: may be an empty list (the client wants a HelloRetryRequest). */
static int on_key_share(struct slice data, struct tlshello *h)
{
    struct cur c = cur_of(data);
    struct cur list = cur_block(&c, 2);
    if (c.bad || cur_left(&c))
        return ERR_SYNTAX;
    struct slice rest = slice_of(list.p, cur_left(&list)), key;
    h->key_shares = rest;
    uint16_t group;
    while (tlshello_share_next(&rest, &group, &key))
        if (!key.n)
            return ERR_SYNTAX;
    return rest.n ? ERR_SYNTAX : OK;
}

static int on_ticket(struct slice data, struct tlshello *h)
{
    (void)data;
    h->session_ticket = true;
    return OK;
}

static int on_psk(struct slice data, struct tlshello *h)
{
    (void)data;
    h->psk = true;
    return OK;
}

static int on_early_data(struct slice data, struct tlshello *h)
{
    (void)data;
    h->early_data = true;
    return OK;
}

static int on_ech(struct slice data, struct tlshello *h)
{
    (void)data;
    h->ech = true;
    return OK;
}

static const struct extension {
    uint16_t type;
    int (*read)(struct slice data, struct tlshello *h);
} extensions[] = {
    {0, on_server_name}, {10, on_groups},    {11, on_points},  {13, on_sigalgs},
    {16, on_alpn},       {35, on_ticket},    {41, on_psk},     {42, on_early_data},
    {43, on_versions},   {51, on_key_share}, {0xfe0d, on_ech},
};

static int read_extensions(struct slice rest, struct tlshello *h)
{
    uint16_t type;
    struct slice data;
    unsigned seen = 0;
    h->extensions = rest;
    while (tlshello_ext_next(&rest, &type, &data)) {
        for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
            if (extensions[i].type != type)
                continue;
            /* RFC 8446 4.2: one of a type; two server names would be read in two ways. */
            if (seen >> i & 1 || extensions[i].read(data, h))
                return ERR_SYNTAX;
            seen |= 1u << i;
        }
    }
    return rest.n ? ERR_SYNTAX : OK;
}

static struct slice block(struct cur *c, unsigned width)
{
    struct cur inner = cur_block(c, width);
    return slice_of(inner.p, cur_left(&inner));
}

/* The message, complete and with its head. */
static int read_message(struct slice message, struct tlshello *h)
{
    struct cur c = cur_of(slice_from(message, MESSAGE_HEAD));
    h->message = message;
    h->legacy_version = h->max_version = cur_u16(&c);
    h->random = cur_bytes(&c, 32);
    h->session_id = block(&c, 1);
    h->ciphers = block(&c, 2);
    struct slice compression = block(&c, 1);
    if (c.bad || h->session_id.n > 32 || !h->ciphers.n || h->ciphers.n % 2 || !compression.n)
        return ERR_SYNTAX;
    if (!cur_left(&c))
        return OK; /* RFC 5246 7.4.1.2: no extensions at all */
    struct slice exts = block(&c, 2);
    if (c.bad || cur_left(&c))
        return ERR_SYNTAX;
    return read_extensions(exts, h);
}

/* Whole length of the message that starts with these MESSAGE_HEAD bytes. */
static int message_length(const uint8_t *head, size_t *ret)
{
    size_t n = (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (head[0] != CLIENT_HELLO)
        return ERR_SYNTAX;
    if (n > TLSHELLO_MAX_BYTES)
        return ERR_CAP;
    *ret = n + MESSAGE_HEAD;
    return OK;
}

int tlshello_parse(struct slice message, struct tlshello *ret)
{
    struct tlshello h = {.other = TLSHELLO_OTHER};
    size_t n;
    if (message.n < MESSAGE_HEAD)
        return ERR_AGAIN;
    int r = message_length(message.p, &n);
    if (r)
        return r;
    if (message.n < n)
        return ERR_AGAIN;
    if (message.n > n || read_message(message, &h))
        return ERR_SYNTAX;
    *ret = h;
    return OK;
}

/* What the first bytes are when they are no handshake record. Decided by as few bytes as possible.
 */
static int classify(struct slice in, struct tlshello *ret)
{
    uint8_t first = in.p[0];
    if (first & 0x80) {
        if (in.n < 3)
            return ERR_AGAIN;
        ret->other = in.p[2] == CLIENT_HELLO ? TLSHELLO_SSLV2 : TLSHELLO_OTHER;
        return ERR_NOT_TLS;
    }
    if (first == RECORD_HANDSHAKE && (in.n < 2 || in.p[1] == 3))
        return OK;
    ret->other = first >= 'A' && first <= 'Z' ? TLSHELLO_HTTP : TLSHELLO_OTHER;
    return ERR_NOT_TLS;
}

/* Where the records' bytes stand while they are walked. */
struct walk {
    struct cur c;
    uint8_t head[MESSAGE_HEAD];
    size_t got, want; /* message bytes seen; whole length once the head is known, else 0 */
};

/* One record; its payload in *ret. ERR_AGAIN when it is cut. */
static int walk_record(struct walk *w, struct slice *ret)
{
    if (cur_left(&w->c) < RECORD_HEAD)
        return ERR_AGAIN;
    uint8_t type = cur_u8(&w->c), major = cur_u8(&w->c);
    (void)cur_u8(&w->c);
    size_t n = cur_u16(&w->c);
    if (type != RECORD_HANDSHAKE || major != 3 || n == 0 || n > RECORD_MAX)
        return ERR_SYNTAX;
    size_t here = cur_left(&w->c) < n ? cur_left(&w->c) : n;
    for (size_t i = 0; i < here && w->got + i < MESSAGE_HEAD; i++)
        w->head[w->got + i] = w->c.p[i];
    if (!w->want && w->got + here >= MESSAGE_HEAD) {
        int r = message_length(w->head, &w->want);
        if (r)
            return r;
    }
    if (w->want && w->got + n > w->want)
        return ERR_SYNTAX; /* RFC 8446 5.1: nothing may follow the hello in its record */
    w->got += here;
    *ret = cur_bytes(&w->c, here);
    return here < n ? ERR_AGAIN : OK;
}

/* Walks to the end of the message; its only record, or how many there are. */
static int walk_all(struct slice in, struct slice *ret_first, size_t *ret_records)
{
    struct walk w = {.c = cur_of(in)};
    struct slice payload;
    for (size_t i = 0; i < TLSHELLO_MAX_RECORDS; i++) {
        int r = walk_record(&w, &payload);
        if (r)
            return r;
        if (i == 0)
            *ret_first = payload;
        if (w.got == w.want) {
            *ret_records = i + 1;
            return OK;
        }
    }
    return ERR_CAP;
}

static struct slice join(struct slice in, size_t records, uint8_t *scratch)
{
    struct cur c = cur_of(in);
    size_t n = 0;
    for (size_t i = 0; i < records; i++) {
        (void)cur_bytes(&c, RECORD_HEAD - 2);
        struct slice payload = block(&c, 2);
        if (c.bad || n + payload.n > TLSHELLO_MAX_BYTES + MESSAGE_HEAD)
            return SLICE_EMPTY;
        memcpy(scratch + n, payload.p, payload.n);
        n += payload.n;
    }
    return slice_of(scratch, n);
}

int tlshello_read(struct slice in, uint8_t *scratch, struct tlshello *ret)
{
    struct slice message = SLICE_EMPTY;
    size_t records = 0;
    if (!in.n)
        return ERR_AGAIN;
    int r = classify(in, ret);
    if (r || (r = walk_all(in, &message, &records)))
        return r;
    if (records > 1)
        message = join(in, records, scratch);
    if ((r = tlshello_parse(message, ret)))
        return r == ERR_AGAIN ? ERR_SYNTAX : r;
    ret->record_version = (uint16_t)(in.p[1] << 8 | in.p[2]);
    return OK;
}
