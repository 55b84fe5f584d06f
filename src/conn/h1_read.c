/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The body is handed over as loans straight from link.in; it is read from the socket only while the
 * engine has room (EXCHANGE_WINDOW), so TCP's own window slows the client down. */
#include "conn/h1_read.h"

#include <string.h>

#include "base/err.h"
#include "conn/conn_pool.h"
#include "conn/h1_write.h"
#include "conn/mux_h1.h"
#include "conn/reqhead.h"

/* Attack: trailers without end. */
#define TRAILER_BYTES  8192
#define TRAILER_FIELDS 32
#define LINE_LOG_BYTES 1024
#define FIELD_OVERHEAD 32 /* RFC 9113 10.5.1 */

static int fill(struct mux_h1 *m)
{
    struct link *k = &m->c->link;
    size_t had = link_input(k).n;
    uint64_t received = k->received_bytes;
    int r = link_fill(k);
    m->wake_bytes += (uint32_t)(k->received_bytes - received);
    /* The last bytes may come together with the peer's end, which is then told again. */
    if (r == ERR_EOF && link_input(k).n > had)
        r = OK;
    if (r == OK)
        m->hungry = false;
    return r;
}

static uint64_t now(const struct mux_h1 *m)
{
    return loop_now_ms(m->c->pool->loop);
}

/* A head came in pieces: its fields may not stay in the worker's array. */
static int keep_fields(struct mux_h1 *m)
{
    struct http1_head *h = &m->head.head;
    if (m->own_fields || h->count == 0)
        return OK;
    m->own_fields = arena_alloc(&m->x.arena, h->cap * sizeof(*h->fields));
    if (!m->own_fields)
        return ERR_NOMEM;
    memcpy(m->own_fields, h->fields, h->count * sizeof(*h->fields));
    h->fields = m->own_fields;
    return OK;
}

/* As HTTP/2 counts: many tiny fields cost memory too. */
static bool is_too_large(const struct mux_h1 *m)
{
    const struct http1_head *h = &m->head.head;
    size_t sum = 0;
    for (size_t i = 0; i < h->count; i++)
        sum += h->fields[i].name.n + h->fields[i].value.n + FIELD_OVERHEAD;
    return sum > m->c->pool->limits.header_bytes;
}

static int make_request(struct mux_h1 *m, struct slice block)
{
    const struct http1_request *q = &m->head;
    const struct http1_framing *f = &m->framing;
    int r = is_too_large(m) ? ERR_HEAD_TOO_LARGE : http1_request_framing(q, &m->framing);
    if (r)
        return r;
    const struct reqhead h = {.version = (uint8_t)(10 + q->minor),
                              .method = q->method,
                              .method_text = q->method_text,
                              .target = q->target,
                              .host = f->host,
                              .upgrade = f->upgrade,
                              .fields = q->head.fields,
                              .nfields = q->head.count,
                              .has_body = f->body != HTTP1_BODY_NONE,
                              .has_length = f->has_length,
                              .expect_continue = f->expect_continue,
                              .content_length = f->length_bytes,
                              .block = block};
    return reqhead_fill(&h, &m->x.arena, &m->x.req);
}

static int start_body(struct mux_h1 *m)
{
    m->in = H1_IN_DONE;
    m->unconsumed = 0;
    m->body_ms = m->rate_ms = now(m);
    m->rate_bytes = 0;
    m->expecting = m->framing.expect_continue;
    if (m->framing.body == HTTP1_BODY_LENGTH) {
        m->body_left = m->framing.length_bytes;
        m->in = H1_IN_BODY;
    } else if (m->framing.body == HTTP1_BODY_CHUNKED) {
        uint8_t *room = arena_alloc(&m->x.arena, TRAILER_BYTES);
        if (!room)
            return ERR_NOMEM;
        chunked_init(&m->chunked, room, TRAILER_BYTES);
        m->in = H1_IN_BODY;
    }
    return OK;
}

/* From the parsed head to the engine; `used` bytes of the input are the head. */
static int begin(struct mux_h1 *m, size_t used)
{
    struct conn *c = m->c;
    struct exchange *x = &m->x;
    int r = make_request(m, slice_first(link_input(&c->link), used));
    if (!r)
        r = start_body(m);
    if (r) {
        m->in = H1_IN_HEAD;
        return r;
    }
    link_consume(&c->link, used);
    x->app = NULL;
    x->id = conn_pool_exchange_id(c);
    x->start_ms = m->head_ms ? m->head_ms : now(m);
    x->body_in_bytes = x->body_out_bytes = x->head_out_bytes = 0;
    x->status = 0;
    x->responded = false;
    list_init(&x->node);
    m->out = H1_OUT_WAIT;
    m->open = true;
    m->head_ms = 0;
    m->own_fields = NULL;
    m->head.head.fields = NULL;
    m->wake_requests++;
    c->requests++;
    c->doing = "serving a request";
    x->ops->on_head(x);
    return m->given_up ? OK : h1_write_continue(m);
}

static int read_head(struct mux_h1 *m)
{
    struct link *k = &m->c->link;
    const struct conn_limits *limits = &m->c->pool->limits;
    const struct http1_limits bounds = {.line_bytes = limits->line_bytes,
                                        .head_bytes = limits->line_bytes + limits->header_bytes};
    size_t used;
    int r;
    if (h1_write_is_full(m)) {
        m->throttled = true;
        return ERR_AGAIN;
    }
    if (m->hungry || !link_input(k).n) {
        r = fill(m);
        return r == ERR_CAP ? ERR_HEAD_TOO_LARGE : r;
    }
    if (!m->head.head.fields) {
        size_t cap;
        struct field *fields = conn_pool_fields(m->c, &cap);
        http1_request_init(&m->head, fields, cap);
    } else if (!m->own_fields) {
        m->head.head.fields = conn_pool_fields(m->c, &m->head.head.cap);
    }
    r = http1_parse_request(link_input(k), &bounds, &m->head, &used);
    if (r == OK)
        return begin(m, used);
    if (r != ERR_AGAIN)
        return r;
    m->hungry = true;
    if (!m->head_ms && http1_request_begun(&m->head, link_input(k))) {
        m->head_ms = now(m);
        m->c->doing = "reading a request head";
    }
    return keep_fields(m) ? ERR_NOMEM : OK;
}

bool h1_read_wants_body(const struct mux_h1 *m)
{
    return m->in == H1_IN_BODY && m->unconsumed < EXCHANGE_WINDOW;
}

static void note_progress(struct mux_h1 *m, size_t n)
{
    m->body_ms = now(m);
    m->rate_bytes += n;
}

static void hand_over(struct mux_h1 *m, struct slice data, bool end)
{
    m->expecting = false;
    m->unconsumed += data.n;
    m->x.body_in_bytes += data.n;
    if (end)
        m->in = H1_IN_DONE;
    m->x.ops->on_body(&m->x, data, end);
}

static int end_chunked(struct mux_h1 *m)
{
    struct field fields[TRAILER_FIELDS];
    size_t n;
    int r = chunked_trailers(&m->chunked, fields, TRAILER_FIELDS, &n);
    if (r)
        return r;
    if (n)
        m->x.ops->on_trailers(&m->x, fields, n);
    hand_over(m, slice_of("", 0), true);
    return OK;
}

static int read_chunked(struct mux_h1 *m, struct slice in)
{
    struct slice data;
    size_t used = 0;
    int r = chunked_feed(&m->chunked, in, &used, &data);
    note_progress(m, used);
    if (r == OK)
        hand_over(m, data, false);
    else if (r == ERR_EOF)
        r = end_chunked(m);
    else if (r == ERR_AGAIN)
        r = OK;
    link_consume(&m->c->link, used);
    return r;
}

static int read_body(struct mux_h1 *m)
{
    struct link *k = &m->c->link;
    size_t room = EXCHANGE_WINDOW - m->unconsumed;
    struct slice in = link_input(k);
    if (room == 0) {
        m->body_ms = m->rate_ms = now(m); /* it is not the client who is slow */
        m->rate_bytes = 0;
        return ERR_AGAIN;
    }
    if (in.n == 0) {
        int r = fill(m);
        return r == ERR_EOF ? ERR_ABORTED : r;
    }
    in = slice_first(in, room);
    if (m->framing.body == HTTP1_BODY_CHUNKED)
        return read_chunked(m, in);
    in = slice_first(in, m->body_left < in.n ? (size_t)m->body_left : in.n);
    m->body_left -= in.n;
    note_progress(m, in.n);
    hand_over(m, in, m->body_left == 0);
    link_consume(k, in.n);
    return OK;
}

/* The request is whole. What comes now is the next one and can wait, but for the peer's end. */
static int watch(struct mux_h1 *m)
{
    if (m->peer_ended || !(m->c->link.ready & LOOP_HUP))
        return ERR_AGAIN;
    int r = fill(m);
    if (r == ERR_EOF)
        m->peer_ended = true;
    return r == ERR_EOF || r == ERR_CAP ? ERR_AGAIN : r;
}

bool h1_read_skip_body(struct mux_h1 *m)
{
    /* A client that expects 100 and gets an answer may send the body or not: nobody knows where the
     * next request would start. */
    if (m->expecting ||
        (m->framing.body == HTTP1_BODY_LENGTH && m->body_left > H1_READ_DISCARD_BYTES))
        return false;
    m->discard_left = H1_READ_DISCARD_BYTES;
    m->chunked.trailer = NULL; /* its room went with the arena */
    m->in = H1_IN_DISCARD;
    return true;
}

static int discard(struct mux_h1 *m)
{
    struct link *k = &m->c->link;
    struct slice in = slice_first(link_input(k), (size_t)m->discard_left), data;
    if (m->discard_left == 0)
        return ERR_EOF;
    if (in.n == 0)
        return fill(m);
    size_t used = m->body_left < in.n ? (size_t)m->body_left : in.n;
    int r = OK;
    if (m->framing.body == HTTP1_BODY_CHUNKED)
        r = chunked_feed(&m->chunked, in, &used, &data);
    else if ((m->body_left -= used) == 0)
        r = ERR_EOF;
    m->discard_left -= used;
    note_progress(m, used);
    link_consume(k, used);
    if (r == ERR_EOF) {
        m->in = H1_IN_HEAD;
        return OK;
    }
    return r == OK || r == ERR_AGAIN ? OK : ERR_EOF;
}

static int read_tunnel(struct mux_h1 *m)
{
    struct link *k = &m->c->link;
    struct slice in = slice_first(link_input(k), EXCHANGE_WINDOW - m->unconsumed);
    if (m->unconsumed >= EXCHANGE_WINDOW)
        return ERR_AGAIN;
    if (in.n) {
        note_progress(m, in.n);
        hand_over(m, in, false);
        link_consume(k, in.n);
        return OK;
    }
    int r = fill(m);
    if (r != ERR_EOF)
        return r;
    hand_over(m, slice_of("", 0), true);
    return OK;
}

int h1_read_step(struct mux_h1 *m)
{
    switch (m->in) {
    case H1_IN_HEAD:
        return read_head(m);
    case H1_IN_BODY:
        return read_body(m);
    case H1_IN_DONE:
        return watch(m);
    case H1_IN_DISCARD:
        return discard(m);
    case H1_IN_TUNNEL:
        return read_tunnel(m);
    }
    return ERR_BUG;
}

struct slice h1_read_line(const struct mux_h1 *m)
{
    struct slice in = slice_first(link_input(&m->c->link), LINE_LOG_BYTES);
    while (in.n && (in.p[0] == '\r' || in.p[0] == '\n'))
        in = slice_from(in, 1);
    return slice_first(in, slice_find(slice_first(in, slice_find(in, '\n')), '\r'));
}
