/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Bytes into reserved room: each piece is measured by the slice that is copied, so no separate sum
 * can be wrong. */
#include "conn/h1_head.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "wire/phrase.h"

#define ROOM_BYTES 512 /* all fixed pieces together, with numbers */

static uint8_t *put(uint8_t *p, struct slice s)
{
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static uint8_t *put_number(uint8_t *p, uint64_t v)
{
    return p + num_format(v, (char *)p);
}

int h1_head_fields(struct buf *b, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t *start, *p;
        int r = buf_reserve(b, fields[i].name.n + 2 + fields[i].value.n + 2, &start);
        if (r)
            return r;
        p = put(start, fields[i].name);
        p = put(p, SLICE(": "));
        p = put(p, fields[i].value);
        p = put(p, SLICE("\r\n"));
        buf_commit(b, (size_t)(p - start));
    }
    return OK;
}

static int put_start(struct buf *b, const struct h1_head *h)
{
    uint8_t *start, *p;
    int r = buf_reserve(b, ROOM_BYTES, &start);
    if (r)
        return r;
    p = put(start, SLICE("HTTP/1.1 "));
    p = put_number(p, h->status);
    *p++ = ' ';
    p = put(p, slice_first(slice_cstr(phrase_of(h->status)), 64));
    if (h->date.n) {
        p = put(p, SLICE("\r\nDate: "));
        p = put(p, slice_first(h->date, 64));
    }
    p = put(p, SLICE("\r\n"));
    buf_commit(b, (size_t)(p - start));
    return OK;
}

static int put_end(struct buf *b, const struct h1_head *h)
{
    uint8_t *start, *p;
    int r = buf_reserve(b, ROOM_BYTES + h->upgrade.n, &start);
    if (r)
        return r;
    p = start;
    if (h->length >= 0) {
        p = put(p, SLICE("Content-Length: "));
        p = put_number(p, (uint64_t)h->length);
        p = put(p, SLICE("\r\n"));
    }
    if (h->chunked)
        p = put(p, SLICE("Transfer-Encoding: chunked\r\n"));
    if (h->connection.n) {
        p = put(p, SLICE("Connection: "));
        p = put(p, slice_first(h->connection, 64));
        p = put(p, SLICE("\r\n"));
    }
    if (h->upgrade.n) {
        p = put(p, SLICE("Upgrade: "));
        p = put(p, h->upgrade);
        p = put(p, SLICE("\r\n"));
    }
    p = put(p, SLICE("\r\n"));
    buf_commit(b, (size_t)(p - start));
    return OK;
}

int h1_head_write(struct buf *b, const struct h1_head *h)
{
    size_t before = b->n;
    int r = put_start(b, h);
    if (!r)
        r = h->ready_fields.n ? buf_add(b, h->ready_fields)
                              : h1_head_fields(b, h->fields, h->nfields);
    if (!r)
        r = put_end(b, h);
    if (r)
        b->n = before;
    return r;
}
