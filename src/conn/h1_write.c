/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Framing of answers (RFC 9112 6): Content-Length when the engine knows it, chunked on HTTP/1.1,
 * the end of the connection on 1.0. The engine's word on lengths is checked: a wrong count is cut,
 * never papered over. */
#include "conn/h1_write.h"

#include <string.h>

#include "base/bug.h"
#include "base/err.h"
#include "conn/conn_pool.h"
#include "conn/h1_head.h"
#include "conn/mux_h1.h"
#include "crypt/session.h"
#include "os/sock.h"
#include "wire/phrase.h"

/* Size line in front of a pulled chunk ("ffff\r\n": a chunk is below CONN_STAGE_BYTES), CRLF behind
 * it. */
#define SIZE_LINE_BYTES 6
#define CHUNK_ROOM      (SIZE_LINE_BYTES + 2)
/* Less room than this is no room: a source asked for a few bytes costs as much as for many. */
#define PULL_MIN_BYTES 2048
/* A loan above this is sealed where it lies; below, copying it behind the head saves a record. */
#define COPY_MAX_BYTES    16384
#define KEEPALIVE_IDLE_S  60
#define KEEPALIVE_EVERY_S 20

static struct buf *sink(struct mux_h1 *m)
{
    return m->running ? conn_pool_stage(m->c) : &m->pending;
}

bool h1_write_is_full(const struct mux_h1 *m)
{
    return m->c->pool->stage.n + m->c->link.out.n > LINK_OUT_HIGH - PULL_MIN_BYTES;
}

int h1_write_take_pending(struct mux_h1 *m)
{
    if (LIKELY(m->pending.n == 0))
        return OK;
    int r = buf_add(conn_pool_stage(m->c), buf_slice(&m->pending));
    buf_done(&m->pending);
    return r;
}

static int give_ticket(struct mux_h1 *m)
{
    if (m->ticket_given || !m->c->session)
        return OK;
    m->ticket_given = true;
    return session_ticket(m->c->session, &m->c->link.out);
}

int h1_write_seal(struct mux_h1 *m)
{
    struct buf *stage = conn_pool_stage(m->c);
    if (stage->n == 0)
        return OK;
    int r = give_ticket(m);
    if (!r)
        r = link_write(&m->c->link, buf_slice(stage));
    buf_reset(stage);
    if (m->open && m->x.responded)
        m->answer_left = true;
    return r;
}

bool h1_write_recall(struct mux_h1 *m)
{
    struct buf *b = sink(m);
    if (!m->x.responded)
        return true;
    if (m->answer_left || BUG_IF(m->answer_at > b->n))
        return false;
    b->n = m->answer_at;
    return true;
}

/* Whether the connection must end behind this answer. */
static bool must_close(const struct mux_h1 *m, const struct response *a)
{
    const struct conn_limits *limits = &m->c->pool->limits;
    if (a->close || !m->framing.keep_alive || m->c->draining ||
        (limits->requests && m->c->requests >= limits->requests))
        return true;
    /* A refusal in front of a long body: say at once that it need not be sent. */
    return m->in == H1_IN_BODY && a->status >= 300 &&
           (m->expecting || m->framing.body == HTTP1_BODY_CHUNKED ||
            m->body_left > m->c->link.in.n);
}

static void set_coding(struct mux_h1 *m, const struct response *a, struct h1_head *h)
{
    bool bodiless = a->no_body || m->x.req.method == METHOD_HEAD || a->status == 204 ||
                    a->status == 304 || a->length == 0;
    m->out = bodiless ? H1_OUT_DONE : H1_OUT_BODY;
    m->coding = H1_LENGTH;
    m->out_left = a->length > 0 ? (uint64_t)a->length : 0;
    h->length = a->status == 204 ? -1 : a->length;
    if (!bodiless && a->length < 0) {
        bool chunks = m->x.req.version >= 11;
        m->coding = chunks ? H1_CHUNKED : H1_UNTIL_CLOSE;
        h->chunked = chunks;
        m->close |= !chunks;
    }
}

static int set_tunnel(struct mux_h1 *m, const struct response *a, struct h1_head *h)
{
    /* An upstream that switches protocols in the middle of a request body, or on 1.0. */
    if (m->in != H1_IN_DONE || m->x.req.version < 11)
        return ERR_UPSTREAM_PROTOCOL;
    /* Nothing else tells that the peer of a silent tunnel is gone; without it, it just stays. */
    (void)!sock_keepalive(m->c->link.io.fd, KEEPALIVE_IDLE_S, KEEPALIVE_EVERY_S);
    m->out = H1_OUT_BODY;
    m->in = H1_IN_TUNNEL;
    m->coding = H1_UNTIL_CLOSE;
    m->close = true;
    h->connection = SLICE("Upgrade");
    if (!field_find(a->fields, a->nfields, HDR_UPGRADE))
        h->upgrade = m->x.req.upgrade;
    return OK;
}

int h1_write_respond(struct exchange *x, const struct response *a)
{
    struct mux_h1 *m = container_of(x, struct mux_h1, x);
    struct h1_head h = {.status = a->status,
                        .date = loop_http_date(m->c->pool->loop),
                        .fields = a->fields,
                        .nfields = a->nfields,
                        .ready_fields = a->h1_fields,
                        .length = -1};
    if (BUG_IF(!m->open || x->responded))
        return ERR_BUG;
    m->close |= must_close(m, a);
    int r = OK;
    if (a->tunnel)
        r = set_tunnel(m, a, &h);
    else
        set_coding(m, a, &h);
    if (!h.connection.n && m->close)
        h.connection = SLICE("close");
    else if (!h.connection.n && x->req.version == 10)
        h.connection = SLICE("keep-alive");
    m->answer_at = sink(m)->n;
    if (!r)
        r = h1_head_write(sink(m), &h);
    if (r)
        return r;
    x->head_out_bytes = sink(m)->n - m->answer_at;
    x->status = a->status;
    x->responded = true;
    m->stalled = false;
    if (!m->running)
        loop_defer(m->c->pool->loop, &m->c->task);
    return OK;
}

int h1_write_inform(struct exchange *x, uint16_t status, const struct field *fields, size_t n)
{
    struct mux_h1 *m = container_of(x, struct mux_h1, x);
    const struct h1_head h = {.status = status, .fields = fields, .nfields = n, .length = -1};
    if (BUG_IF(!m->open || x->responded || status < 100 || status > 199 || status == 101))
        return ERR_BUG;
    if (x->req.version < 11)
        return OK;
    int r = h1_head_write(sink(m), &h);
    if (!r && status == 100)
        m->expecting = false;
    if (!r && !m->running)
        loop_defer(m->c->pool->loop, &m->c->task);
    return r;
}

int h1_write_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    struct mux_h1 *m = container_of(x, struct mux_h1, x);
    if (m->coding != H1_CHUNKED || m->out == H1_OUT_DONE)
        return OK;
    return h1_head_fields(&m->trailers, fields, n);
}

int h1_write_continue(struct mux_h1 *m)
{
    /* RFC 9110 10.1.1: not needed once body bytes have come. */
    if (!m->expecting || m->x.responded || m->in != H1_IN_BODY || link_input(&m->c->link).n)
        return OK;
    return h1_write_inform(&m->x, 100, NULL, 0);
}

int h1_write_rejection(struct mux_h1 *m, uint16_t status)
{
    static const struct field fields[] = {
        {SLICE("Content-Type"), SLICE("text/plain; charset=utf-8"), HDR_CONTENT_TYPE}};
    struct buf *stage = conn_pool_stage(m->c);
    struct slice phrase = slice_cstr(phrase_of(status));
    const struct h1_head h = {.status = status,
                              .date = loop_http_date(m->c->pool->loop),
                              .fields = fields,
                              .nfields = ARRAY_LEN(fields),
                              .connection = SLICE("close"),
                              .length = (int64_t)phrase.n + 5};
    int r = h1_head_write(stage, &h);
    return r ? r : buf_printf(stage, "%u " SLICE_F "\n", (unsigned)status, SLICE_A(phrase));
}

/* Space for the next pull, or ERR_AGAIN when the client takes nothing. */
static int make_room(struct mux_h1 *m)
{
    struct link *k = &m->c->link;
    if (!h1_write_is_full(m))
        return OK;
    int r = h1_write_seal(m);
    if (!r)
        r = link_flush(k);
    if (r && r != ERR_AGAIN)
        return r;
    return link_full(k) ? ERR_AGAIN : OK;
}

/* Puts the size line right in front of data that was pulled to `start` + SIZE_LINE_BYTES. */
static int stage_chunk(struct buf *stage, uint8_t *start, size_t n)
{
    char line[CHUNKED_HEAD_BYTES];
    size_t line_n = chunked_head(line, n);
    if (BUG_IF(line_n > SIZE_LINE_BYTES))
        return ERR_BUG;
    if (line_n < SIZE_LINE_BYTES)
        memmove(start + line_n, start + SIZE_LINE_BYTES, n);
    memcpy(start, line, line_n);
    buf_commit(stage, line_n + n);
    return buf_add(stage, CHUNKED_CRLF);
}

static int stage_loan(struct mux_h1 *m, struct slice loan)
{
    struct buf *stage = conn_pool_stage(m->c);
    char line[CHUNKED_HEAD_BYTES];
    int r = OK;
    if (m->coding == H1_CHUNKED)
        r = buf_add(stage, slice_of(line, chunked_head(line, loan.n)));
    if (!r && loan.n <= COPY_MAX_BYTES)
        r = buf_add(stage, loan);
    else if (!r && !(r = h1_write_seal(m)))
        r = link_write(&m->c->link, loan);
    if (!r && m->coding == H1_CHUNKED)
        r = buf_add(stage, CHUNKED_CRLF);
    return r;
}

static int stage_pulled(struct mux_h1 *m, const struct pull *p, uint8_t *start)
{
    struct buf *stage = conn_pool_stage(m->c);
    if (p->loan.n)
        return stage_loan(m, p->loan);
    if (p->n == 0)
        return OK;
    if (m->coding == H1_CHUNKED)
        return stage_chunk(stage, start, p->n);
    buf_commit(stage, p->n);
    return OK;
}

static int end_body(struct mux_h1 *m)
{
    struct buf *stage = conn_pool_stage(m->c);
    int r = OK;
    if (m->coding == H1_LENGTH && m->out_left) {
        m->given_up = ERR_EOF; /* fewer bytes than were announced */
        return OK;
    }
    if (m->coding == H1_CHUNKED && m->trailers.n == 0) {
        r = buf_add(stage, CHUNKED_LAST);
    } else if (m->coding == H1_CHUNKED) {
        if (!(r = buf_add(stage, CHUNKED_ZERO)) && !(r = buf_add(stage, buf_slice(&m->trailers))))
            r = buf_add(stage, SLICE("\r\n"));
        buf_done(&m->trailers);
    }
    m->out = H1_OUT_DONE;
    /* A tunnel passes on each end by itself; the peer may go on sending. */
    if (m->x.status == 101 && !r && !(r = h1_write_seal(m)))
        r = link_shut(&m->c->link, true);
    return r;
}

static int pull(struct mux_h1 *m)
{
    struct buf *stage = conn_pool_stage(m->c);
    size_t lead = m->coding == H1_CHUNKED ? SIZE_LINE_BYTES : 0;
    size_t around = m->coding == H1_CHUNKED ? CHUNK_ROOM : 0;
    size_t cap = CONN_STAGE_BYTES - stage->n;
    cap = cap > around ? cap - around : 1;
    uint8_t *start;
    int r = buf_reserve(stage, cap + around, &start);
    if (r)
        return r;
    if (m->coding == H1_LENGTH && m->out_left < cap)
        cap = (size_t)m->out_left;
    struct pull p = {.dst = start + lead, .cap = cap, .loan = SLICE_EMPTY};
    m->stalled = true; /* a resume from inside the call clears it */
    r = m->x.ops->pull(&m->x, &p);
    if (r == ERR_AGAIN)
        return m->stalled ? ERR_AGAIN : OK;
    m->stalled = false;
    size_t n = p.loan.n ? p.loan.n : p.n;
    if (r || BUG_IF(n > cap)) {
        m->given_up = r ? r : ERR_BUG;
        m->source_failed = true;
        return OK;
    }
    m->out_left -= m->coding == H1_LENGTH ? n : 0;
    m->x.body_out_bytes += n;
    m->wake_bytes += (uint32_t)n;
    r = stage_pulled(m, &p, start);
    if (!r && (p.end || (m->coding == H1_LENGTH && m->out_left == 0)))
        r = end_body(m);
    return r;
}

int h1_write_step(struct mux_h1 *m)
{
    if (m->out != H1_OUT_BODY || m->stalled)
        return ERR_AGAIN;
    int r = make_room(m);
    return r ? r : pull(m);
}
