/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The tour, 3 of 5 (twin: mux_h1.c). Arrives: plaintext bytes of a secured connection whose ALPN
 * was h2. Leaves: exchanges for the engine, many at a time, and their answers as frames, gathered
 * and sent once per wake. Owner: the connection owns this mux, the mux owns its streams. Previous
 * stop: secure.c. Next stop: serve/exchange.c, reached through struct exchange_ops; then close.c.
 *
 * This file is the machine: what happens in one wake, clocks, GOAWAY. h2_read.c is the requests'
 * side, h2_write.c the answers', h2_stream.c the life of a stream, h2_guard.c what a client may
 * cost. nghttp2 is the codec; it allocates from the pool, like everything here. */
#include "conn/mux_h2.h"

#include <string.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/pool.h"
#include "conn/close.h"
#include "conn/conn_pool.h"
#include "conn/h2_read.h"
#include "conn/h2_stream.h"
#include "conn/h2_write.h"
#include "conn/mux.h"

#define RATE_WINDOW_MS 30000
/* How often the clocks of open streams are looked at: a part of the shortest limit, within. */
#define TICK_PARTS  4
#define TICK_MAX_MS 5000
/* How long the rest of a request is dropped behind its answer. */
#define LINGER_MS 500
/* PING and SETTINGS acknowledgements that may wait for a client that does not read. */
#define ACKS_MAX 256
/* A compressed block is never much larger than the list; padding and table updates are. */
#define BLOCK_SLACK_BYTES 8192

static void *lib_malloc(size_t n, void *user)
{
    (void)user;
    return pool_alloc(n);
}

static void lib_free(void *p, void *user)
{
    (void)user;
    pool_free(p);
}

static void *lib_calloc(size_t count, size_t size, void *user)
{
    size_t n;
    (void)user;
    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    void *p = pool_alloc(n);
    if (p)
        memset(p, 0, n);
    return p;
}

static void *lib_realloc(void *p, size_t n, void *user)
{
    (void)user;
    return pool_resize(p, n);
}

static nghttp2_mem lib_mem = {NULL, lib_malloc, lib_free, lib_calloc, lib_realloc};

/* Made once for the life of the process: they are the same for every connection. */
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

static int make_tables(void)
{
    if (callbacks && options)
        return OK;
    if ((!callbacks && nghttp2_session_callbacks_new(&callbacks)) ||
        (!options && nghttp2_option_new(&options)))
        return ERR_NOMEM;
    h2_read_register(callbacks);
    h2_write_register(callbacks);
    h2_stream_register(callbacks);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_outbound_ack(options, ACKS_MAX);
    nghttp2_option_set_max_send_header_block_length(options, EXCHANGE_ARENA_MAX);
    return OK;
}

void mux_h2_wake(struct mux_h2 *m)
{
    if (!m->running)
        loop_defer(m->c->link.loop, &m->c->task);
}

void mux_h2_terminate(struct mux_h2 *m, int r, uint32_t code)
{
    if (m->end)
        return;
    m->end = r;
    (void)!nghttp2_session_terminate_session(m->session, code);
    mux_h2_wake(m);
}

void mux_h2_count_reset(struct mux_h2 *m)
{
    if (h2_guard_reset(&m->guard, mux_h2_now(m)))
        mux_h2_terminate(m, ERR_CAP, NGHTTP2_ENHANCE_YOUR_CALM);
}

void mux_h2_start_drain(struct mux_h2 *m)
{
    int r = 0;
    if (m->drain == H2_SERVING) {
        /* RFC 9113 6.8: the ping's answer tells that all streams opened before are here. */
        m->drain = H2_NOTICED;
        m->drain_ms = mux_h2_now(m);
        r = nghttp2_submit_shutdown_notice(m->session);
        if (!r)
            r = nghttp2_submit_ping(m->session, NGHTTP2_FLAG_NONE, NULL);
    } else if (m->drain == H2_NOTICED) {
        m->drain = H2_DRAINING;
        r = nghttp2_submit_goaway(m->session, NGHTTP2_FLAG_NONE,
                                  nghttp2_session_get_last_proc_stream_id(m->session),
                                  NGHTTP2_NO_ERROR, NULL, 0);
    }
    if (r)
        mux_h2_terminate(m, ERR_NOMEM, NGHTTP2_INTERNAL_ERROR);
    mux_h2_wake(m);
}

static bool is_over(const struct mux_h2 *m, uint64_t since_ms, uint64_t timeout_ms)
{
    return timeout_ms && mux_h2_now(m) >= since_ms + timeout_ms;
}

static bool is_idle(const struct mux_h2 *m)
{
    return !m->nstreams && m->drain != H2_NOTICED && !m->c->link.out.n && h2_guard_begun(&m->guard);
}

static uint64_t shortest(uint64_t a, uint64_t b)
{
    return b && b < a ? b : a;
}

/* Idle connections have one exact deadline; others are looked at every tick, so that a busy
 * connection pays nothing for its clocks. */
static void set_timer(struct mux_h2 *m)
{
    struct conn *c = m->c;
    const struct conn_limits *limits = &c->pool->limits;
    uint64_t now_ms = mux_h2_now(m), due;
    if (is_idle(m)) {
        if (!limits->idle_timeout_ms) {
            loop_timer_clear(&c->timer);
            return;
        }
        due = m->idle_ms + limits->idle_timeout_ms;
    } else {
        due = (uint64_t)TICK_MAX_MS * TICK_PARTS;
        due = shortest(due, limits->header_timeout_ms);
        due = shortest(due, limits->body_timeout_ms);
        due = shortest(due, limits->send_timeout_ms) / TICK_PARTS;
        due = now_ms + shortest(due, m->lingers ? LINGER_MS : 0);
        if (c->timer.deadline_ms && c->timer.deadline_ms <= due)
            return;
    }
    loop_timer_set(c->link.loop, &c->timer, due > now_ms ? due - now_ms : 0);
}

static void note_sending(struct mux_h2 *m)
{
    struct link *k = &m->c->link;
    if (k->out.n == 0) {
        m->sent_at = UINT64_MAX;
    } else if (m->sent_at != k->sent_bytes) {
        m->sent_at = k->sent_bytes;
        m->send_ms = mux_h2_now(m);
    }
}

/* The client went, or its bytes make no sense any more. */
static void end_now(struct mux_h2 *m, int r)
{
    struct conn *c = m->c;
    bool busy = m->nstreams > 0;
    if (r == ERR_EOF) {
        h2_stream_free_all(m, ERR_ABORTED);
        close_start(c, busy ? ERR_EOF : OK);
    } else if (r == ERR_RESET) {
        /* Many clients just go after their last answer. */
        close_now(c, busy || !c->link.cut ? ERR_RESET : OK, false);
    } else {
        close_now(c, r, true);
    }
}

static void settle(struct mux_h2 *m)
{
    struct conn *c = m->c;
    m->running = false;
    note_sending(m);
    if (m->more || !list_empty(&m->doomed))
        loop_defer(c->link.loop, &c->task);
    set_timer(m);
    if (is_idle(m)) {
        c->doing = "keeping the connection for a next request";
        conn_pool_idle(c);
    }
}

static void on_ready(struct conn *c)
{
    struct mux_h2 *m = c->mux;
    m->running = true;
    m->more = false;
    conn_pool_busy(c);
    if (c->draining && m->drain == H2_SERVING)
        mux_h2_start_drain(m);
    int in = h2_read_step(m);
    h2_stream_reap(m);
    int out = h2_write_step(m);
    if (in != OK && in != ERR_AGAIN)
        end_now(m, in);
    else if (out != OK && out != ERR_AGAIN)
        end_now(m, out);
    else if (!nghttp2_session_want_read(m->session) && !nghttp2_session_want_write(m->session))
        close_start(c, m->end);
    else
        settle(m);
}

static void drain(struct conn *c)
{
    struct mux_h2 *m = c->mux;
    if (m->nstreams == 0 && !link_input(&c->link).n && !conn_pool_fresh(c))
        (void)!nghttp2_session_terminate_session(m->session, NGHTTP2_NO_ERROR);
    on_ready(c);
}

/* True when the body is slower than the least rate; else a new window starts when it is time. */
static bool is_too_slow(struct h2_stream *s)
{
    uint64_t least = (uint64_t)s->m->c->pool->limits.body_min_rate * (RATE_WINDOW_MS / 1000);
    if (!least || !is_over(s->m, s->rate_ms, RATE_WINDOW_MS))
        return false;
    bool slow = s->rate_bytes < least;
    s->rate_ms = mux_h2_now(s->m);
    s->rate_bytes = 0;
    return slow;
}

/* The library gives window back in halves: above that the client may have to wait for us. */
static bool wants_body(const struct h2_stream *s)
{
    return s->open && !s->in_ended && s->unconsumed <= EXCHANGE_WINDOW / 2 &&
           s->m->unconsumed <= MUX_H2_WINDOW / 2;
}

static void check_stream(struct h2_stream *s)
{
    struct mux_h2 *m = s->m;
    const struct conn_limits *limits = &m->c->pool->limits;
    if (s->out == H2_OUT_DONE && !s->in_ended) {
        m->lingers = true;
        if (is_over(m, s->send_ms, LINGER_MS))
            h2_stream_reset(s, s->given_up, NGHTTP2_NO_ERROR);
        return;
    }
    if (!wants_body(s)) {
        s->rate_ms = mux_h2_now(m);
        s->rate_bytes = 0;
    } else if (is_over(m, s->body_ms, limits->body_timeout_ms) || is_too_slow(s)) {
        h2_read_stuck(s);
        return;
    }
    /* Attack: a window of zero that keeps the answer and all behind it in memory. */
    if (s->open && s->out == H2_OUT_BODY && !s->stalled && !m->c->link.out.n &&
        is_over(m, s->send_ms, limits->send_timeout_ms) &&
        nghttp2_session_get_stream_remote_window_size(m->session, (int32_t)s->x.stream_id) <= 0) {
        mux_h2_count_reset(m);
        h2_stream_reset(s, ERR_TIMEOUT, NGHTTP2_CANCEL);
    }
}

/* True when some answer has waited too long for the client's windows. */
static bool is_sending_late(const struct mux_h2 *m, uint64_t limit_ms)
{
    LIST_FOREACH (it, &m->streams) {
        const struct h2_stream *s = container_of(it, struct h2_stream, node);
        if (s->open && s->out == H2_OUT_BODY && !s->stalled && is_over(m, s->send_ms, limit_ms))
            return true;
    }
    return false;
}

static bool is_client_stuck(const struct mux_h2 *m)
{
    uint64_t limit_ms = m->c->pool->limits.send_timeout_ms;
    if (m->c->link.out.n)
        return is_over(m, m->send_ms, limit_ms);
    return nghttp2_session_get_remote_window_size(m->session) <= 0 &&
           is_over(m, m->data_ms, limit_ms) && is_sending_late(m, limit_ms);
}

static void on_timer(struct conn *c)
{
    struct mux_h2 *m = c->mux;
    const struct conn_limits *limits = &c->pool->limits;
    if (is_client_stuck(m)) {
        close_now(c, ERR_TIMEOUT, true);
        return;
    }
    if (is_idle(m) && is_over(m, m->idle_ms, limits->idle_timeout_ms))
        (void)!nghttp2_session_terminate_session(m->session, NGHTTP2_NO_ERROR);
    else if (!h2_guard_begun(&m->guard) && is_over(m, m->idle_ms, limits->header_timeout_ms))
        mux_h2_terminate(m, ERR_TIMEOUT, NGHTTP2_SETTINGS_TIMEOUT);
    if (m->block.s && is_over(m, m->block.since_ms, limits->header_timeout_ms))
        h2_read_too_slow(m);
    if (m->drain == H2_NOTICED && is_over(m, m->drain_ms, limits->header_timeout_ms))
        mux_h2_start_drain(m);
    m->running = true;
    m->lingers = false;
    LIST_FOREACH (it, &m->streams) {
        check_stream(container_of(it, struct h2_stream, node));
    }
    on_ready(c);
}

static void destroy(struct conn *c, int r)
{
    struct mux_h2 *m = c->mux;
    m->end = m->end ? m->end : r;
    h2_stream_free_all(m, r);
    if (m->running)
        buf_reset(conn_pool_stage(c));
    nghttp2_session_del(m->session);
    c->mux = NULL;
    pool_free(m);
}

static const struct conn_mux_ops hooks = {
    .on_ready = on_ready, .drain = drain, .on_timer = on_timer, .destroy = destroy};

static int greet(struct mux_h2 *m)
{
    const struct conn_limits *limits = &m->c->pool->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->h2_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, EXCHANGE_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->header_bytes},
    };
    if (nghttp2_submit_settings(m->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings)) ||
        nghttp2_session_set_local_window_size(m->session, NGHTTP2_FLAG_NONE, 0, MUX_H2_WINDOW))
        return ERR_NOMEM;
    return OK;
}

int mux_h2_start(struct conn *c)
{
    struct mux_h2 *m = pool_alloc(sizeof(*m));
    if (!m)
        return ERR_NOMEM;
    uint64_t now_ms = loop_now_ms(c->link.loop);
    *m = (struct mux_h2){.c = c, .idle_ms = now_ms, .data_ms = now_ms, .sent_at = UINT64_MAX};
    list_init(&m->streams);
    list_init(&m->doomed);
    h2_guard_init(&m->guard, c->pool->limits.header_bytes + BLOCK_SLACK_BYTES, now_ms);
    int r = make_tables();
    if (!r && nghttp2_session_server_new3(&m->session, callbacks, m, options, &lib_mem))
        r = ERR_NOMEM;
    if (!r)
        r = greet(m);
    if (r) {
        nghttp2_session_del(m->session);
        pool_free(m);
        return r;
    }
    c->mux = m;
    c->hooks = &hooks;
    c->state = CONN_H2;
    c->doing = "waiting for a request";
    return OK;
}
