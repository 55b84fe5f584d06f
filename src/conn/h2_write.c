/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One burst: the library's frames (heads, acks) are copied behind one another, DATA payloads are
 * pulled to where they will be sent from, everything is sealed at once and sent at once. The
 * engine's word on lengths is checked: a wrong count is cut with RST_STREAM, never papered over. */
#include "conn/h2_write.h"

#include <string.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/num.h"
#include "conn/conn_pool.h"
#include "conn/h2_stream.h"
#include "crypt/session.h"

/* Bursts of CONN_STAGE_BYTES in one wake. */
#define WAKE_BURSTS 4
/* A smaller rest of the staging buffer is not worth a DATA frame of its own. */
#define LEAST_ROOM 2048
/* :status, date, content-length. */
#define OWN_FIELDS 3
/* Heads with fewer fields are laid out on the stack. */
#define STACK_FIELDS 32
/* An engine that says "there is something" and then has nothing, again and again. */
#define PULLS_MAX 16

/* Texts of numbers must live until the library has copied them. */
struct head {
    nghttp2_nv few[STACK_FIELDS + OWN_FIELDS];
    nghttp2_nv *nva;
    size_t n;
    char status[20], length[20];
};

static uint8_t *bytes(struct slice s)
{
    return (uint8_t *)(uintptr_t)s.p; /* the library's arrays are not const; it only reads */
}

static void put(struct head *h, struct slice name, struct slice value, uint8_t flags)
{
    h->nva[h->n++] = (nghttp2_nv){.name = bytes(name),
                                  .namelen = name.n,
                                  .value = bytes(value),
                                  .valuelen = value.n,
                                  .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | flags};
}

/* RFC 9113 8.2: names travel in lower case. */
static int lower_name(struct arena *a, const struct field *f, struct slice *ret)
{
    *ret = token_name(f->token);
    if (f->token != HDR_OTHER)
        return OK;
    uint8_t *p = arena_alloc(a, f->name.n + 1);
    if (!p)
        return ERR_NOMEM;
    for (size_t i = 0; i < f->name.n; i++)
        p[i] = slice_lower(f->name.p[i]);
    *ret = slice_of(p, f->name.n);
    return OK;
}

static int put_fields(struct head *h, struct arena *a, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice name;
        unsigned flags = token_flags(fields[i].token);
        if (flags & TOKEN_HOP)
            continue;
        int r = lower_name(a, &fields[i], &name);
        if (r)
            return r;
        /* RFC 7541 7.1.3: credentials stay out of the compression state. */
        put(h, name, fields[i].value, flags & TOKEN_SECRET ? NGHTTP2_NV_FLAG_NO_INDEX : 0);
    }
    return OK;
}

static int start_head(struct head *h, struct arena *a, uint16_t status, size_t nfields)
{
    h->n = 0;
    h->nva = h->few;
    if (nfields > STACK_FIELDS &&
        !(h->nva = arena_alloc(a, (nfields + OWN_FIELDS) * sizeof(nghttp2_nv))))
        return ERR_NOMEM;
    put(h, SLICE(":status"), slice_of(h->status, num_format(status, h->status)), 0);
    return OK;
}

static void put_length(struct head *h, uint64_t length)
{
    put(h, SLICE("content-length"), slice_of(h->length, num_format(length, h->length)), 0);
}

static int err_of(int code)
{
    return code == 0 ? OK : code == NGHTTP2_ERR_NOMEM ? ERR_NOMEM : ERR_BUG;
}

/* The answer is out. When the request is not whole yet, its rest is dropped for a while, within the
 * stream's window, before RST_STREAM(NO_ERROR) asks to stop (RFC 9113 8.1): clients (curl 7.88)
 * that read answer and reset at once report only the reset. */
static void end_out(struct h2_stream *s)
{
    s->out = H2_OUT_DONE;
    if (s->in_ended)
        return;
    s->send_ms = mux_h2_now(s->m);
    s->m->lingers = true;
    h2_stream_finish(s, s->given_up);
}

static int cut(struct h2_stream *s, int r)
{
    s->given_up = r;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM with INTERNAL_ERROR */
}

/* Asks the engine until it gives bytes, ends, fails or stalls. */
static int pull(struct h2_stream *s, struct pull *p)
{
    int tries = 0;
    while (tries++ < PULLS_MAX) {
        s->stalled = true; /* a resume from inside the call clears it */
        int r = s->x.ops->pull(&s->x, p);
        if (r == ERR_AGAIN && s->stalled)
            return r;
        s->stalled = false;
        if (r && r != ERR_AGAIN)
            return r;
        if (r == OK && (p->n || p->loan.n || p->end))
            return OK;
    }
    return BUG_IF(tries > PULLS_MAX) ? ERR_BUG : OK;
}

/* The flags of a frame with n bytes, and the trailers behind the last one. */
static int close_body(struct h2_stream *s, uint32_t *flags)
{
    if (s->sized && s->out_left)
        return ERR_EOF; /* fewer bytes than were announced */
    s->out = H2_OUT_LAST;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->ntrailers == 0)
        return OK;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return err_of(
        nghttp2_submit_trailer(s->m->session, (int32_t)s->x.stream_id, s->trailers, s->ntrailers));
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                       uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct mux_h2 *m = user;
    struct h2_stream *s = source->ptr;
    struct buf *stage = conn_pool_stage(m->c);
    uint8_t *start;
    (void)session;
    (void)id;
    (void)buf;
    if (!s->open || s->given_up)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t used = stage->n + H2_GUARD_FRAME_HEAD;
    size_t room = used < CONN_STAGE_BYTES ? CONN_STAGE_BYTES - used : 0;
    size_t cap = s->sized && s->out_left < length ? (size_t)s->out_left : length;
    if (room < cap && room < LEAST_ROOM) {
        m->paused = true;
        return NGHTTP2_ERR_PAUSE;
    }
    cap = cap < room ? cap : room;
    if (buf_reserve(stage, H2_GUARD_FRAME_HEAD + cap, &start))
        return cut(s, ERR_NOMEM);
    struct pull p = {.dst = start + H2_GUARD_FRAME_HEAD, .cap = cap, .loan = SLICE_EMPTY};
    int r = pull(s, &p);
    if (r == ERR_AGAIN)
        return NGHTTP2_ERR_DEFERRED;
    size_t n = p.loan.n ? p.loan.n : p.n;
    if (r || s->given_up || BUG_IF(n > cap))
        return cut(s, s->given_up ? s->given_up : r ? r : ERR_BUG);
    s->out_left -= s->sized ? n : 0;
    if (p.end || (s->sized && s->out_left == 0))
        r = close_body(s, flags);
    if (r)
        return cut(s, r);
    m->data_at = start;
    m->data_loan = p.loan;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)n;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user)
{
    struct mux_h2 *m = user;
    struct h2_stream *s = source->ptr;
    (void)session;
    (void)frame;
    memcpy(m->data_at, head, H2_GUARD_FRAME_HEAD);
    if (m->data_loan.n)
        memcpy(m->data_at + H2_GUARD_FRAME_HEAD, m->data_loan.p, length);
    buf_commit(conn_pool_stage(m->c), H2_GUARD_FRAME_HEAD + length);
    s->x.body_out_bytes += length;
    s->send_ms = m->data_ms = mux_h2_now(m);
    if (length)
        h2_guard_sent(&m->guard);
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct mux_h2 *m = user;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR &&
        m->end == OK)
        m->end = ERR_FRAMING; /* the library's verdict */
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!s)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS)
        s->x.head_out_bytes += H2_GUARD_FRAME_HEAD + frame->hd.length;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        end_out(s);
    return 0;
}

/* A head that the library refuses to send (too large) must not leave the client waiting. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int code,
                             void *user)
{
    (void)user;
    if (frame->hd.type != NGHTTP2_HEADERS || code == NGHTTP2_ERR_STREAM_CLOSING ||
        code == NGHTTP2_ERR_STREAM_CLOSED)
        return 0;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (s && s->open && !s->given_up)
        h2_stream_abort(&s->x, ERR_CAP);
    return 0;
}

static bool is_bodiless(const struct exchange *x, const struct response *a)
{
    return a->no_body || x->req.method == METHOD_HEAD || a->status == 204 || a->status == 304 ||
           a->length == 0;
}

int h2_write_respond(struct exchange *x, const struct response *a)
{
    struct h2_stream *s = container_of(x, struct h2_stream, x);
    struct mux_h2 *m = s->m;
    struct head h;
    if (BUG_IF(!s->open || x->responded || a->tunnel))
        return ERR_BUG;
    if (s->given_up)
        return ERR_ABORTED;
    int r = start_head(&h, &x->arena, a->status, a->nfields);
    if (!r)
        r = put_fields(&h, &x->arena, a->fields, a->nfields);
    if (r)
        return r;
    put(&h, SLICE("date"), loop_http_date(m->c->link.loop), 0);
    if (a->length >= 0 && a->status != 204)
        put_length(&h, (uint64_t)a->length);
    const nghttp2_data_provider body = {.source = {.ptr = s}, .read_callback = on_read};
    bool bodiless = is_bodiless(x, a);
    r = err_of(nghttp2_submit_response(m->session, (int32_t)x->stream_id, h.nva, h.n,
                                       bodiless ? NULL : &body));
    if (r)
        return r;
    s->sized = !bodiless && a->length > 0;
    s->out_left = s->sized ? (uint64_t)a->length : 0;
    s->out = bodiless ? H2_OUT_LAST : H2_OUT_BODY;
    s->expecting = false;
    s->send_ms = mux_h2_now(m);
    x->status = a->status;
    x->responded = true;
    if (a->close)
        mux_h2_start_drain(m);
    mux_h2_wake(m);
    return OK;
}

int h2_write_inform(struct exchange *x, uint16_t status, const struct field *fields, size_t n)
{
    struct h2_stream *s = container_of(x, struct h2_stream, x);
    struct head h;
    if (BUG_IF(!s->open || x->responded || status < 100 || status > 199 || status == 101))
        return ERR_BUG;
    int r = start_head(&h, &x->arena, status, n);
    if (!r)
        r = put_fields(&h, &x->arena, fields, n);
    if (!r && nghttp2_submit_headers(s->m->session, NGHTTP2_FLAG_NONE, (int32_t)x->stream_id, NULL,
                                     h.nva, h.n, NULL) < 0)
        r = ERR_NOMEM;
    if (r)
        return r;
    if (status == 100)
        s->expecting = false;
    mux_h2_wake(s->m);
    return OK;
}

int h2_write_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    struct h2_stream *s = container_of(x, struct h2_stream, x);
    struct head h = {.n = 0};
    if (s->out != H2_OUT_BODY || n == 0)
        return OK;
    nghttp2_nv *nva = arena_alloc(&x->arena, (s->ntrailers + n) * sizeof(*nva));
    if (!nva)
        return ERR_NOMEM;
    if (s->ntrailers)
        memcpy(nva, s->trailers, s->ntrailers * sizeof(*nva));
    h.nva = nva;
    h.n = s->ntrailers;
    int r = put_fields(&h, &x->arena, fields, n);
    /* The values are the caller's; the library copies them only with the last body byte. */
    for (size_t i = s->ntrailers; !r && i < h.n; i++) {
        struct slice copy;
        r = arena_copy(&x->arena, slice_of(nva[i].value, nva[i].valuelen), &copy);
        if (!r)
            nva[i].value = bytes(copy);
    }
    if (r)
        return r;
    s->trailers = nva;
    s->ntrailers = h.n;
    return OK;
}

void h2_write_rejection(struct h2_stream *s, uint16_t status)
{
    struct mux_h2 *m = s->m;
    struct head h;
    int r = start_head(&h, &s->x.arena, status, 0);
    put(&h, SLICE("date"), loop_http_date(m->c->link.loop), 0);
    put_length(&h, 0);
    if (!r)
        r = err_of(nghttp2_submit_response(m->session, (int32_t)s->x.stream_id, h.nva, h.n, NULL));
    if (r)
        mux_h2_terminate(m, r, NGHTTP2_INTERNAL_ERROR);
    s->out = H2_OUT_LAST;
}

/* Frames until there are none or the staging buffer is full. */
static int stage_frames(struct mux_h2 *m)
{
    struct buf *stage = conn_pool_stage(m->c);
    m->paused = false;
    while (stage->n < CONN_STAGE_BYTES - LEAST_ROOM) {
        const uint8_t *p;
        ssize_t n = nghttp2_session_mem_send(m->session, &p);
        if (n < 0)
            return n == NGHTTP2_ERR_NOMEM ? ERR_NOMEM : ERR_BUG;
        if (n == 0)
            return OK;
        int r = buf_add(stage, slice_of(p, (size_t)n));
        if (r)
            return r;
    }
    m->paused = true;
    return OK;
}

static int seal(struct mux_h2 *m)
{
    struct conn *c = m->c;
    struct buf *stage = conn_pool_stage(c);
    int r = OK;
    if (stage->n == 0)
        return OK;
    if (!m->ticket_given && c->session && c->requests) {
        m->ticket_given = true;
        r = session_ticket(c->session, &c->link.out);
    }
    if (!r)
        r = link_write(&c->link, buf_slice(stage));
    buf_reset(stage);
    return r;
}

int h2_write_step(struct mux_h2 *m)
{
    struct link *k = &m->c->link;
    for (int i = 0; i < WAKE_BURSTS; i++) {
        int r = link_full(k) ? link_flush(k) : OK;
        if (r)
            return r;
        r = stage_frames(m);
        if (!r)
            r = seal(m);
        if (!r)
            r = link_flush(k);
        if (r || !m->paused)
            return r;
    }
    m->more = true;
    return OK;
}

void h2_write_register(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_send);
}
