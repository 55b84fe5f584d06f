/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Plain connections take body bytes straight into the link's output; under TLS the pieces of one
 * turn are gathered first, so that they share a record. */
#include "client/fetchsend.h"

#include "base/bug.h"
#include "base/err.h"
#include "base/num.h"
#include "client/fetchstate.h"

#define HEAD_BYTES 1024

static int add_line(struct buf *b, struct slice name, struct slice value)
{
    uint8_t *p;
    size_t n = name.n + value.n + 4;
    int r = buf_reserve(b, n, &p);
    if (r)
        return r;
    memcpy(p, name.p, name.n);
    p += name.n;
    memcpy(p, ": ", 2);
    p += 2;
    if (value.n)
        memcpy(p, value.p, value.n);
    p += value.n;
    memcpy(p, "\r\n", 2);
    buf_commit(b, n);
    return OK;
}

static int add_request_line(struct buf *b, const struct fetch_request *q)
{
    struct slice version = SLICE(" HTTP/1.1\r\n");
    uint8_t *p;
    size_t n = q->method.n + 1 + q->target.n + version.n;
    int r = buf_reserve(b, n > HEAD_BYTES ? n : HEAD_BYTES, &p);
    if (r)
        return r;
    memcpy(p, q->method.p, q->method.n);
    p += q->method.n;
    *p++ = ' ';
    memcpy(p, q->target.p, q->target.n);
    memcpy(p + q->target.n, version.p, version.n);
    buf_commit(b, n);
    return OK;
}

/* RFC 9112 6: exactly one of Content-Length and Transfer-Encoding, made here, never passed on. */
static int add_framing(struct fetch *f, const struct fetch_request *q)
{
    char digits[20];
    if (!q->has_body) {
        f->request_framing = FETCH_NONE;
        f->request_done = true;
        /* RFC 9110 8.6: methods that expect content say that there is none. */
        if (f->method == METHOD_POST || f->method == METHOD_PUT || f->method == METHOD_PATCH)
            return add_line(&f->pending, SLICE("Content-Length"), SLICE("0"));
        return OK;
    }
    if (q->length < 0) {
        f->request_framing = FETCH_CHUNKED;
        return add_line(&f->pending, SLICE("Transfer-Encoding"), SLICE("chunked"));
    }
    f->request_framing = FETCH_LENGTH;
    f->request_left = (uint64_t)q->length;
    f->request_done = q->length == 0;
    return add_line(&f->pending, SLICE("Content-Length"),
                    slice_of(digits, num_format((uint64_t)q->length, digits)));
}

static bool ours(enum hdr token)
{
    return token == HDR_HOST || token == HDR_CONTENT_LENGTH || token == HDR_TRANSFER_ENCODING ||
           token == HDR_CONNECTION || token == HDR_UPGRADE;
}

static int add_connection(struct fetch *f, const struct fetch_request *q)
{
    if (q->upgrade.n) {
        f->upgrade = true;
        int r = add_line(&f->pending, SLICE("Connection"), SLICE("upgrade"));
        return r ? r : add_line(&f->pending, SLICE("Upgrade"), q->upgrade);
    }
    if (!upstream_pool(f->u)->idle_max)
        return add_line(&f->pending, SLICE("Connection"), SLICE("close"));
    return OK;
}

int fetchsend_head(struct fetch *f, const struct fetch_request *q)
{
    struct buf *b = &f->pending;
    int r = add_request_line(b, q);
    if (!r)
        r = add_line(b, SLICE("Host"), q->host);
    for (size_t i = 0; !r && i < q->nfields; i++)
        if (!ours(q->fields[i].token))
            r = add_line(b, q->fields[i].name, q->fields[i].value);
    if (!r)
        r = add_connection(f, q);
    if (!r)
        r = add_framing(f, q);
    return r ? r : buf_add(b, SLICE("\r\n"));
}

static int put(struct fetch *f, struct slice s)
{
    bool direct = f->stage != FETCH_CONNECT && !f->uc->link.filter;
    return direct ? link_write(&f->uc->link, s) : buf_add(&f->pending, s);
}

int fetchsend_queue(struct fetch *f)
{
    if (!f->pending.n)
        return OK;
    int r = link_write(&f->uc->link, buf_slice(&f->pending));
    buf_done(&f->pending);
    return r;
}

static int put_chunk(struct fetch *f, struct slice data)
{
    char head[CHUNKED_HEAD_BYTES];
    int r = put(f, slice_of(head, chunked_head(head, data.n)));
    if (!r)
        r = put(f, data);
    return r ? r : put(f, CHUNKED_CRLF);
}

static int put_last_chunk(struct fetch *f)
{
    if (!f->trailer.n)
        return put(f, CHUNKED_LAST);
    int r = put(f, CHUNKED_ZERO);
    if (!r)
        r = put(f, buf_slice(&f->trailer));
    buf_done(&f->trailer);
    return r ? r : put(f, CHUNKED_CRLF);
}

int fetchsend_body(struct fetch *f, struct slice data, bool end)
{
    int r = OK;
    if (f->request_done) /* the declared bytes are all there: only the bare end may follow */
        return data.n ? ERR_FRAMING : OK;
    if (f->request_framing == FETCH_LENGTH) {
        if (data.n > f->request_left || (end && data.n < f->request_left))
            return ERR_FRAMING;
        f->request_left -= data.n;
        end = f->request_left == 0;
    }
    if (data.n)
        r = f->request_framing == FETCH_CHUNKED ? put_chunk(f, data) : put(f, data);
    if (!r && end && f->request_framing == FETCH_CHUNKED)
        r = put_last_chunk(f);
    if (r)
        return r;
    f->request_done = end;
    f->passed += data.n;
    f->unsent += data.n;
    return OK;
}

int fetchsend_trailers(struct fetch *f, const struct field *fields, size_t n)
{
    int r = OK;
    if (f->request_framing != FETCH_CHUNKED || f->request_done)
        return OK; /* nowhere to put them: RFC 9110 6.5.1 lets them be dropped */
    for (size_t i = 0; !r && i < n; i++)
        if (!(token_flags(fields[i].token) & (TOKEN_NO_TRAILER | TOKEN_HOP)))
            r = add_line(&f->trailer, fields[i].name, fields[i].value);
    return r;
}

bool fetchsend_flush(struct fetch *f, size_t *ret_sent)
{
    struct link *k = &f->uc->link;
    uint64_t before = k->sent_bytes;
    int r = fetchsend_queue(f);
    if (!r && f->request_framing == FETCH_RAW && f->request_done && !k->shut)
        r = link_shut(k, true);
    int flushed = link_flush(k);
    if (r || (flushed && flushed != ERR_AGAIN))
        f->deaf = true;
    /* What is still queued holds framing and record heads too: body bytes are reported late rather
     * than early. */
    *ret_sent = f->unsent > k->out.n ? f->unsent - k->out.n : 0;
    f->unsent -= *ret_sent;
    return k->sent_bytes != before;
}
