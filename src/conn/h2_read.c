/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Everything about a request is checked twice: by the library (RFC 9113 8.3, content-length) and
 * here, where the bounds are ours and an older library knows fewer rules; then reqhead makes the
 * one normal form, so that an HTTP/1 upstream never sees a byte that could end a line
 * (CVE-2026-42926).
 *
 * A head that can be understood but not served is answered on its stream (400, 414, 431, 501); a
 * malformed one is reset. Both are told to on_rejected. */
#include "conn/h2_read.h"

#include <string.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/num.h"
#include "conn/conn_pool.h"
#include "conn/h2_stream.h"
#include "conn/h2_write.h"
#include "conn/reqhead.h"

/* Bytes of one wake, and of one call of the library. */
#define WAKE_BYTES (256 * 1024)
#define FEED_BYTES 65536
/* Attack: one byte in the block stands for kilobytes and a field each (HPACK bomb). A list so many
 * times over the limit is not answered any more. */
#define FLAGRANT 8
/* RFC 9113 6.5.2: what each field counts besides its bytes. */
#define FIELD_OVERHEAD 32
#define LINE_LOG_BYTES 1024

static struct slice slice_of_rcbuf(nghttp2_rcbuf *b)
{
    nghttp2_vec v = nghttp2_rcbuf_get_buf(b);
    return slice_of(v.base, v.len);
}

static bool is_known(enum hdr token)
{
    return token != HDR_OTHER;
}

/* Constants of the library's static table need no copy. */
static int keep(struct h2_stream *s, nghttp2_rcbuf *b, struct slice *ret)
{
    struct slice text = slice_of_rcbuf(b);
    if (nghttp2_rcbuf_is_static(b)) {
        *ret = text;
        return OK;
    }
    return arena_copy(&s->x.arena, text, ret);
}

/* "METHOD path", as far as it was read. */
static void reject(struct mux_h2 *m, int r, uint16_t status)
{
    const struct h2_block *b = &m->block;
    uint8_t line[LINE_LOG_BYTES];
    struct slice method = slice_first(b->method, 64);
    struct slice path = slice_first(b->path, sizeof(line) - 1 - method.n);
    size_t n = 0;
    if (method.n) {
        memcpy(line, method.p, method.n);
        n = method.n;
    }
    if (path.n) {
        line[n++] = ' ';
        memcpy(line + n, path.p, path.n);
        n += path.n;
    }
    m->c->ops->on_rejected(m->c, r, status, slice_of(line, n));
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct mux_h2 *m = user;
    struct h2_block *b = &m->block;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    *b = (struct h2_block){.since_ms = mux_h2_now(m)};
    b->fields = conn_pool_fields(m->c, &b->cap);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        b->s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        b->trailers = true;
        return 0;
    }
    b->s = h2_stream_new(m, frame->hd.stream_id);
    if (!b->s)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    (void)!nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, b->s);
    return 0;
}

/* RFC 9113 8.3: each once, none after a regular field, no others. */
static int add_pseudo(struct h2_block *b, struct slice name, nghttp2_rcbuf *value)
{
    struct slice *slot = NULL;
    if (slice_eq(name, SLICE(":method")))
        slot = &b->method;
    else if (slice_eq(name, SLICE(":path")))
        slot = &b->path;
    else if (slice_eq(name, SLICE(":scheme")))
        slot = &b->scheme;
    else if (slice_eq(name, SLICE(":authority")))
        slot = &b->authority;
    if (!slot || slot->p || b->nfields || b->trailers || !field_value_ok(slice_of_rcbuf(value)))
        return ERR_FRAMING;
    return keep(b->s, value, slot);
}

static bool is_connection_field(const struct field *f)
{
    /* RFC 9113 8.2.2 */
    if (f->token == HDR_TE)
        return !slice_eq_nocase(f->value, SLICE("trailers"));
    return f->token == HDR_CONNECTION || f->token == HDR_KEEP_ALIVE ||
           f->token == HDR_PROXY_CONNECTION || f->token == HDR_TRANSFER_ENCODING ||
           f->token == HDR_UPGRADE;
}

static int add_field(struct h2_block *b, struct slice name, nghttp2_rcbuf *value)
{
    struct field f = {.name = name, .value = slice_of_rcbuf(value), .token = token_of(name)};
    if (!field_name_ok_h2(name) || !field_value_ok(f.value) || is_connection_field(&f))
        return ERR_FRAMING;
    if (b->nfields == b->cap)
        return ERR_HEAD_TOO_LARGE;
    int r = keep(b->s, value, &f.value);
    if (is_known(f.token))
        f.name = token_name(f.token);
    else if (!r)
        r = arena_copy(&b->s->x.arena, name, &f.name);
    if (!r)
        b->fields[b->nfields++] = f;
    return r;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name_buf,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct mux_h2 *m = user;
    struct h2_block *b = &m->block;
    const struct conn_limits *limits = &m->c->pool->limits;
    struct slice name = slice_of_rcbuf(name_buf);
    (void)session;
    (void)frame;
    (void)flags;
    b->bytes += name.n + slice_of_rcbuf(value).n + FIELD_OVERHEAD;
    b->count++;
    if (b->bytes / FLAGRANT > limits->header_bytes || b->count / FLAGRANT > limits->header_fields) {
        mux_h2_terminate(m, ERR_HEAD_TOO_LARGE, NGHTTP2_ENHANCE_YOUR_CALM);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (b->bytes > limits->header_bytes || b->count > limits->header_fields)
        b->r = b->r ? b->r : ERR_HEAD_TOO_LARGE;
    bool pseudo = name.n && name.p[0] == ':';
    if (!b->s || (b->r && !pseudo))
        return 0;
    int r = pseudo ? add_pseudo(b, name, value) : add_field(b, name, value);
    if (r && !b->r)
        b->r = r == ERR_NOMEM ? ERR_HEAD_TOO_LARGE : r; /* the arena's cap */
    return 0;
}

/* The library would only skip a malformed field. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)session;
    (void)frame;
    (void)name;
    (void)value;
    (void)flags;
    (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* The library has reset a stream, or will end the connection, over this frame. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
                            void *user)
{
    struct mux_h2 *m = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    mux_h2_count_reset(m);
    if (frame->hd.type != NGHTTP2_HEADERS || code == NGHTTP2_ERR_REFUSED_STREAM)
        return 0;
    if (s && s == m->block.s) {
        if (!m->block.trailers)
            reject(m, ERR_FRAMING, 0);
        m->block.s = NULL;
    }
    return 0;
}

static int read_length(struct reqhead *h)
{
    struct slice value;
    int r = field_single(h->fields, h->nfields, HDR_CONTENT_LENGTH, &value);
    if (r == ERR_NOT_FOUND)
        return OK;
    if (r || num_parse_u64(value, 0, INT64_MAX, &h->content_length) ||
        (!h->has_body && h->content_length))
        return ERR_FRAMING;
    h->has_length = true;
    return OK;
}

/* From the decoded fields to the request. ERR_FRAMING: malformed (RFC 9113 8.1.1). */
static int make_request(struct mux_h2 *m, bool has_body)
{
    struct h2_block *b = &m->block;
    struct reqhead h = {.version = 20,
                        .method = method_of(b->method),
                        .method_text = b->method,
                        .target = b->path,
                        .scheme = b->scheme,
                        .authority = b->authority,
                        .fields = b->fields,
                        .nfields = b->nfields,
                        .has_body = has_body};
    struct slice expect = SLICE_EMPTY;
    if (b->r)
        return b->r;
    if (!field_name_ok(b->method))
        return ERR_FRAMING;
    if (h.method == METHOD_CONNECT)
        return ERR_NOT_IMPLEMENTED;
    if (!b->scheme.n || !b->path.n)
        return ERR_FRAMING;
    if (!slice_eq(b->scheme, SLICE("https")))
        return ERR_SYNTAX;
    if (b->path.n > m->c->pool->limits.line_bytes)
        return ERR_URI_TOO_LONG;
    int r = field_single(h.fields, h.nfields, HDR_HOST, &h.host);
    if (r != OK && r != ERR_NOT_FOUND)
        return ERR_FRAMING;
    if ((r = read_length(&h)))
        return r;
    if (has_body && field_single(h.fields, h.nfields, HDR_EXPECT, &expect) == OK)
        h.expect_continue = slice_eq_nocase(expect, SLICE("100-continue"));
    return reqhead_fill(&h, &b->s->x.arena, &b->s->x.req);
}

static void refuse(struct mux_h2 *m, struct h2_stream *s, int r)
{
    uint16_t status = r == ERR_FRAMING ? 0 : (uint16_t)err_http(r);
    reject(m, r, status);
    if (status) {
        h2_write_rejection(s, status);
        return;
    }
    mux_h2_count_reset(m);
    h2_stream_reset(s, r, NGHTTP2_PROTOCOL_ERROR);
}

static void begin(struct mux_h2 *m, struct h2_stream *s, bool has_body)
{
    struct conn *c = m->c;
    struct exchange *x = &s->x;
    s->in_ended = !has_body;
    int r = make_request(m, has_body);
    m->block.s = NULL;
    if (r) {
        refuse(m, s, r);
        return;
    }
    x->id = conn_pool_exchange_id(c);
    s->expecting = x->req.expect_continue;
    s->open = true;
    c->requests++;
    c->doing = "serving requests";
    x->ops->on_head(x);
    uint32_t most = c->pool->limits.requests;
    if (most && c->requests >= most)
        mux_h2_start_drain(m);
    if (s->expecting && !x->responded && !s->given_up && h2_write_inform(x, 100, NULL, 0))
        h2_stream_abort(x, ERR_NOMEM);
}

/* The request is whole. */
static void end_body(struct h2_stream *s)
{
    struct exchange *x = &s->x;
    s->in_ended = true;
    if (!s->open || s->given_up)
        return;
    /* RFC 9113 8.1.1; the library checks it too. */
    if (x->req.has_length && x->body_in_bytes != x->req.content_length) {
        mux_h2_count_reset(s->m);
        h2_stream_reset(s, ERR_FRAMING, NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    x->ops->on_body(x, slice_of("", 0), true);
}

static void on_trailers(struct mux_h2 *m, struct h2_stream *s)
{
    struct h2_block *b = &m->block;
    size_t n = 0;
    b->s = NULL;
    if (!s->open || s->given_up)
        return;
    if (b->r) {
        mux_h2_count_reset(m);
        h2_stream_reset(s, b->r, NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    /* RFC 9110 6.5.1: what frames, routes or authenticates has no place behind the body. */
    for (size_t i = 0; i < b->nfields; i++)
        if (!(token_flags(b->fields[i].token) & (TOKEN_NO_TRAILER | TOKEN_HOP)))
            b->fields[n++] = b->fields[i];
    if (n)
        s->x.ops->on_trailers(&s->x, b->fields, n);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct mux_h2 *m = user;
    struct h2_stream *s = NULL;
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.stream_id)
        s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) &&
        m->drain == H2_NOTICED)
        mux_h2_start_drain(m);
    if (!s)
        return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        s->reset_by_peer = true;
        if (s->out != H2_OUT_DONE)
            mux_h2_count_reset(m);
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        begin(m, s, !end);
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS)
        on_trailers(m, s);
    if (end && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
        end_body(s);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t n, void *user)
{
    struct mux_h2 *m = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)flags;
    if (!s || !s->open || s->given_up) {
        /* Answered or given up before its body was read: dropped. Other streams go on, this one
         * gets no more window. */
        (void)!nghttp2_session_consume_connection(session, n);
        return 0;
    }
    s->expecting = false;
    s->unconsumed += n;
    m->unconsumed += n;
    s->body_ms = mux_h2_now(m);
    s->rate_bytes += n;
    s->x.body_in_bytes += n;
    s->x.ops->on_body(&s->x, slice_of(data, n), false);
    return 0;
}

/* Until the block is whole its fields may not stay in the worker's array. */
static int keep_fields(struct mux_h2 *m)
{
    struct h2_block *b = &m->block;
    if (!b->s || b->own)
        return OK;
    struct field *own = arena_alloc(&b->s->x.arena, b->cap * sizeof(*own));
    if (!own)
        return ERR_NOMEM;
    if (b->nfields)
        memcpy(own, b->fields, b->nfields * sizeof(*own));
    b->fields = own;
    b->own = true;
    m->c->doing = "reading a request head";
    return OK;
}

static int feed(struct mux_h2 *m, struct slice in)
{
    if (m->end == OK && h2_guard_scan(&m->guard, in, mux_h2_now(m)))
        mux_h2_terminate(m, ERR_CAP, NGHTTP2_ENHANCE_YOUR_CALM);
    ssize_t n = nghttp2_session_mem_recv(m->session, in.p, in.n);
    if (n == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        m->c->ops->on_rejected(m->c, ERR_SYNTAX, 0, SLICE_EMPTY);
        return ERR_SYNTAX;
    }
    if (n == NGHTTP2_ERR_FLOODED) {
        mux_h2_terminate(m, ERR_CAP, NGHTTP2_ENHANCE_YOUR_CALM);
        n = (ssize_t)in.n;
    }
    if (n < 0)
        return n == NGHTTP2_ERR_NOMEM ? ERR_NOMEM : ERR_BUG;
    link_consume(&m->c->link, (size_t)n);
    return keep_fields(m);
}

int h2_read_step(struct mux_h2 *m)
{
    struct link *k = &m->c->link;
    size_t taken = 0;
    for (;;) {
        struct slice in = slice_first(link_input(k), FEED_BYTES);
        int r = in.n ? OK : link_fill(k);
        if (r)
            return r;
        if (!in.n)
            continue;
        if (taken >= WAKE_BYTES) {
            m->more = true;
            return OK;
        }
        taken += in.n;
        if ((r = feed(m, in)))
            return r;
    }
}

void h2_read_too_slow(struct mux_h2 *m)
{
    reject(m, ERR_TIMEOUT, 0);
    mux_h2_terminate(m, ERR_TIMEOUT, NGHTTP2_ENHANCE_YOUR_CALM);
}

void h2_read_stuck(struct h2_stream *s)
{
    if (s->x.responded) {
        h2_stream_reset(s, ERR_TIMEOUT, NGHTTP2_CANCEL);
        return;
    }
    s->given_up = ERR_TIMEOUT;
    s->x.status = (uint16_t)err_http(ERR_TIMEOUT);
    h2_stream_finish(s, ERR_TIMEOUT);
    h2_write_rejection(s, (uint16_t)err_http(ERR_TIMEOUT));
}

void h2_read_register(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(cb, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(cb, on_invalid_header);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
}
