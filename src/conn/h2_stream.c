/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A stream lives from on_begin_headers to the library's on_stream_close; its exchange lives inside
 * that, from on_head to on_close. So a stream counts against the cap of concurrent streams until
 * the engine's work has ended (CVE-2023-44487). */
#include "conn/h2_stream.h"

#include "base/bug.h"
#include "base/err.h"
#include "base/pool.h"
#include "conn/conn_pool.h"
#include "conn/h2_write.h"

static const struct mux_ops ops = {.respond = h2_write_respond,
                                   .inform = h2_write_inform,
                                   .resume = h2_stream_resume,
                                   .consumed = h2_stream_consumed,
                                   .trailers = h2_write_trailers,
                                   .abort = h2_stream_abort};

struct h2_stream *h2_stream_new(struct mux_h2 *m, int32_t id)
{
    struct h2_stream *s = pool_alloc(sizeof(*s));
    if (!s)
        return NULL;
    uint64_t now_ms = mux_h2_now(m);
    *s = (struct h2_stream){.m = m,
                            .body_ms = now_ms,
                            .rate_ms = now_ms,
                            .send_ms = now_ms,
                            .x = {.c = m->c,
                                  .mux = &ops,
                                  .ops = m->c->ops->exchange,
                                  .start_ms = now_ms,
                                  .stream_id = (uint32_t)id}};
    arena_init(&s->x.arena, EXCHANGE_ARENA_MAX);
    list_init(&s->x.node);
    list_init(&s->doomed);
    list_init(&s->node);
    list_push(&m->streams, &s->node);
    m->nstreams++;
    return s;
}

void h2_stream_finish(struct h2_stream *s, int r)
{
    struct mux_h2 *m = s->m;
    if (!s->open)
        return;
    s->open = false;
    list_remove(&s->doomed);
    s->x.ops->on_close(&s->x, r);
    /* What the engine never passed on is lost; the connection's window is not. */
    if (s->unconsumed) {
        (void)!nghttp2_session_consume_connection(m->session, s->unconsumed);
        m->unconsumed -= s->unconsumed;
        s->unconsumed = 0;
    }
}

void h2_stream_reset(struct h2_stream *s, int r, uint32_t code)
{
    struct mux_h2 *m = s->m;
    if (!s->given_up)
        s->given_up = r;
    if (nghttp2_submit_rst_stream(m->session, NGHTTP2_FLAG_NONE, (int32_t)s->x.stream_id, code))
        mux_h2_terminate(m, ERR_NOMEM, NGHTTP2_INTERNAL_ERROR);
    h2_stream_finish(s, r);
}

static void free_stream(struct h2_stream *s)
{
    struct mux_h2 *m = s->m;
    if (m->block.s == s)
        m->block.s = NULL;
    list_remove(&s->node);
    list_remove(&s->doomed);
    arena_done(&s->x.arena);
    pool_free(s);
    if (--m->nstreams == 0)
        m->idle_ms = mux_h2_now(m);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct mux_h2 *m = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    if (!s)
        return 0;
    int r = OK;
    if (s->given_up) {
        r = s->given_up;
    } else if (s->out != H2_OUT_DONE) {
        r = s->reset_by_peer ? ERR_ABORTED : ERR_FRAMING;
        /* The client's framing was wrong (a body that is not as long as content-length said). */
        if (s->open && !s->reset_by_peer && code != NGHTTP2_NO_ERROR)
            mux_h2_count_reset(m);
    }
    h2_stream_finish(s, r);
    (void)!nghttp2_session_set_stream_user_data(session, id, NULL);
    free_stream(s);
    return 0;
}

static uint32_t code_of(int r)
{
    switch (r) {
    case ERR_ABORTED:
    case ERR_TIMEOUT:
    case ERR_BODY_TOO_LARGE:
        return NGHTTP2_CANCEL;
    default:
        return NGHTTP2_INTERNAL_ERROR;
    }
}

void h2_stream_reap(struct mux_h2 *m)
{
    struct list *node;
    while ((node = list_pop(&m->doomed))) {
        struct h2_stream *s = container_of(node, struct h2_stream, doomed);
        h2_stream_reset(s, s->given_up, code_of(s->given_up));
    }
}

void h2_stream_free_all(struct mux_h2 *m, int r)
{
    /* All exchanges end before any stream goes: the end of one may make the engine touch another.
     */
    LIST_FOREACH (it, &m->streams) {
        h2_stream_finish(container_of(it, struct h2_stream, node), r);
    }
    while (!list_empty(&m->streams))
        free_stream(container_of(m->streams.next, struct h2_stream, node));
}

void h2_stream_resume(struct exchange *x)
{
    struct h2_stream *s = container_of(x, struct h2_stream, x);
    if (!s->stalled)
        return;
    s->stalled = false;
    s->send_ms = mux_h2_now(s->m);
    /* Refused while the library is inside this stream's own pull, which looks at `stalled`. */
    (void)!nghttp2_session_resume_data(s->m->session, (int32_t)x->stream_id);
    mux_h2_wake(s->m);
}

void h2_stream_consumed(struct exchange *x, size_t n)
{
    struct h2_stream *s = container_of(x, struct h2_stream, x);
    struct mux_h2 *m = s->m;
    if (BUG_IF(n > s->unconsumed))
        n = s->unconsumed;
    if (n == 0)
        return;
    s->unconsumed -= n;
    m->unconsumed -= n;
    s->body_ms = mux_h2_now(m);
    if (nghttp2_session_consume(m->session, (int32_t)x->stream_id, n))
        mux_h2_terminate(m, ERR_NOMEM, NGHTTP2_INTERNAL_ERROR);
    if (!m->running && nghttp2_session_want_write(m->session))
        mux_h2_wake(m);
}

void h2_stream_abort(struct exchange *x, int r)
{
    struct h2_stream *s = container_of(x, struct h2_stream, x);
    if (!s->open || s->given_up)
        return;
    s->given_up = r == OK || r == ERR_AGAIN ? ERR_ABORTED : r;
    list_push(&s->m->doomed, &s->doomed);
    mux_h2_wake(s->m);
}

void h2_stream_register(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
}
