/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The tour, 3 of 5 (twin: mux_h2.c). Arrives: plaintext bytes of a secured connection, or of a
 * plain port. Leaves: one exchange at a time for the engine, and its answer as bytes for the link,
 * one send per wake. Owner: the connection owns this mux, the mux owns its exchange. Previous stop:
 * secure.c. Next stop: serve/exchange.c, reached through struct exchange_ops; then close.c.
 *
 * This file is the machine: what happens in one wake, how exchanges end, clocks. h1_read.c is the
 * request's side, h1_write.c the answer's, h1_head.c the bytes of heads.
 *
 *   in:   HEAD -> BODY -> DONE -> HEAD ...      HEAD -> DONE -> TUNNEL (101) -> DONE
 *         BODY -> DISCARD -> HEAD (answered before the body was read)
 *   out:  WAIT -> BODY -> DONE -> (next head) WAIT ...
 */
#include "conn/mux_h1.h"
#include "base/bug.h"
#include "base/err.h"
#include "base/pool.h"
#include "conn/close.h"
#include "conn/conn_pool.h"
#include "conn/h1_read.h"
#include "conn/h1_write.h"
#include "conn/mux.h"

/* Work of one wake, so that one connection cannot starve the others. */
#define WAKE_REQUESTS  16
#define WAKE_BYTES     (256 * 1024)
#define RATE_WINDOW_MS 30000

static uint64_t now(const struct mux_h1 *m)
{
    return loop_now_ms(m->c->pool->loop);
}

/* The one place where an exchange ends. */
static void finish(struct mux_h1 *m, int r)
{
    if (!m->open)
        return;
    m->open = false;
    m->x.ops->on_close(&m->x, r);
    arena_done(&m->x.arena);
    if (UNLIKELY(m->trailers.n))
        buf_done(&m->trailers);
    m->answer_left = m->stalled = false;
    m->given_up = OK;
    m->source_failed = false;
    m->idle_ms = now(m);
    m->c->doing = "keeping the connection for a next request";
}

/* Seals and sends what may still leave, without waiting for the outcome. */
static void send_rest(struct mux_h1 *m)
{
    if (h1_write_seal(m) == OK)
        (void)!link_flush(&m->c->link);
}

static void reject(struct mux_h1 *m, int r)
{
    struct conn *c = m->c;
    uint16_t status = (uint16_t)err_http(r);
    if (status && h1_write_rejection(m, status))
        status = 0;
    c->ops->on_rejected(c, r, status, h1_read_line(m));
    /* With the end that close_start queues this is still one send. */
    if (status && h1_write_seal(m) == OK)
        close_start(c, r);
    else
        close_now(c, r, true);
}

static void end_between(struct mux_h1 *m, int r)
{
    struct conn *c = m->c;
    bool asked = m->in == H1_IN_HEAD && m->head_ms;
    if (r == ERR_RESET && !c->link.cut) {
        close_now(c, r, false);
    } else if (r == ERR_EOF || r == ERR_RESET || m->in != H1_IN_HEAD) {
        /* Many clients end without close_notify; what is staged for them still leaves. */
        if (h1_write_seal(m) == OK)
            close_start(c, asked ? ERR_EOF : OK);
        else
            close_now(c, ERR_NOMEM, true);
    } else {
        reject(m, r);
    }
}

/* An answer that has begun must not look whole: no last chunk, fewer bytes than announced, or RST
 * where only the end of the connection tells the end. */
static void cut(struct mux_h1 *m, int r)
{
    struct conn *c = m->c;
    bool reset = m->coding == H1_UNTIL_CLOSE;
    send_rest(m);
    finish(m, r);
    close_now(c, r, reset);
}

static void end_exchange(struct mux_h1 *m, int r)
{
    struct conn *c = m->c;
    bool by_engine = m->given_up != OK;
    if (r == ERR_RESET && !by_engine) {
        finish(m, r);
        close_now(c, r, false);
        return;
    }
    if (!h1_write_recall(m)) {
        cut(m, r);
        return;
    }
    bool silent = (by_engine && !m->source_failed) || r == ERR_ABORTED;
    uint16_t status = silent ? 0 : (uint16_t)err_http(r);
    m->x.body_out_bytes = 0;
    if (status && h1_write_rejection(m, status) == OK)
        m->x.status = status;
    finish(m, r);
    if (h1_write_seal(m) == OK)
        close_start(c, r);
    else
        close_now(c, r, true);
}

/* Ends the connection. ERR_EOF between requests is the normal end. */
static void end(struct mux_h1 *m, int r)
{
    m->running = true;
    if (m->open)
        end_exchange(m, r);
    else
        end_between(m, r);
}

/* The answer is complete. OK when the connection goes on, ERR_EOF when it ends. */
static int complete(struct mux_h1 *m)
{
    bool whole = m->in == H1_IN_DONE;
    finish(m, OK);
    if (m->close || m->c->draining)
        return ERR_EOF;
    m->peer_ended = false;
    m->hungry = false;
    m->in = H1_IN_HEAD;
    return whole || h1_read_skip_body(m) ? OK : ERR_EOF;
}

/* ERR_AGAIN: all that can be done now is done. Else the connection ends for that reason. */
static int work(struct mux_h1 *m)
{
    for (;;) {
        int in = h1_read_step(m), out = OK;
        if (in == OK || in == ERR_AGAIN)
            out = h1_write_step(m);
        if (m->given_up)
            return m->given_up;
        if (in != OK && in != ERR_AGAIN)
            return in;
        if (out != OK && out != ERR_AGAIN)
            return out;
        if (m->open && m->out == H1_OUT_DONE && m->in != H1_IN_TUNNEL) {
            in = complete(m);
            if (in)
                return in;
        }
        if (in == ERR_AGAIN && out == ERR_AGAIN)
            return ERR_AGAIN;
        if (m->wake_requests >= WAKE_REQUESTS || m->wake_bytes >= WAKE_BYTES) {
            loop_defer(m->c->pool->loop, &m->c->task);
            return ERR_AGAIN;
        }
    }
}

static void want(uint64_t *due, uint64_t since_ms, uint64_t timeout_ms)
{
    if (timeout_ms && since_ms + timeout_ms < *due)
        *due = since_ms + timeout_ms;
}

static bool is_idle(const struct mux_h1 *m)
{
    return !m->open && m->in == H1_IN_HEAD && !m->head_ms && !m->c->link.out.n;
}

/* A client that came just before the server drains may have its request on the way. */
static uint64_t idle_timeout(const struct mux_h1 *m)
{
    uint64_t timeout_ms = m->c->pool->limits.idle_timeout_ms;
    bool last_chance = m->c->draining && m->c->requests == 0;
    return last_chance && timeout_ms > CONN_POOL_FRESH_MS ? CONN_POOL_FRESH_MS : timeout_ms;
}

/* One deadline for the state at hand; waiting for the engine has none here. */
static void set_timer(struct mux_h1 *m)
{
    struct conn *c = m->c;
    const struct conn_limits *limits = &c->pool->limits;
    uint64_t due = UINT64_MAX;
    if (c->link.out.n)
        want(&due, m->send_ms, limits->send_timeout_ms);
    else if (m->in == H1_IN_HEAD && m->head_ms)
        want(&due, m->head_ms, limits->header_timeout_ms);
    else if (m->in == H1_IN_HEAD && !m->open)
        want(&due, m->idle_ms, idle_timeout(m));
    if (h1_read_wants_body(m) || m->in == H1_IN_DISCARD)
        want(&due, m->body_ms, limits->body_timeout_ms);
    if (h1_read_wants_body(m) && limits->body_min_rate)
        want(&due, m->rate_ms, RATE_WINDOW_MS);
    if (m->in == H1_IN_TUNNEL && m->out == H1_OUT_DONE)
        want(&due, m->body_ms, limits->idle_timeout_ms);
    if (due == UINT64_MAX)
        loop_timer_clear(&c->timer);
    else
        loop_timer_set(c->pool->loop, &c->timer, due > now(m) ? due - now(m) : 0);
}

static void note_sending(struct mux_h1 *m)
{
    struct link *k = &m->c->link;
    if (k->out.n == 0) {
        m->sent_at = UINT64_MAX;
    } else if (m->sent_at != k->sent_bytes) {
        m->sent_at = k->sent_bytes;
        m->send_ms = now(m);
    }
}

/* The end of a wake: one send, and what to wait for. */
static void settle(struct mux_h1 *m)
{
    struct conn *c = m->c;
    int r = h1_write_seal(m);
    if (!r)
        r = link_flush(&c->link);
    if (r && r != ERR_AGAIN) {
        finish(m, r);
        close_now(c, r, true);
        return;
    }
    m->running = false;
    note_sending(m);
    if (m->throttled && r == OK)
        loop_defer(c->pool->loop, &c->task);
    set_timer(m);
    if (is_idle(m))
        conn_pool_idle(c);
}

static void on_ready(struct conn *c)
{
    struct mux_h1 *m = c->mux;
    m->running = true;
    m->throttled = false;
    m->wake_requests = m->wake_bytes = 0;
    conn_pool_busy(c);
    int r = h1_write_take_pending(m);
    if (!r)
        r = m->given_up ? m->given_up : work(m);
    if (r == ERR_AGAIN)
        settle(m);
    else
        end(m, r);
}

static void drain(struct conn *c)
{
    struct mux_h1 *m = c->mux;
    if (m->open || m->in != H1_IN_HEAD || m->head_ms || link_input(&c->link).n)
        return;
    if (conn_pool_fresh(c))
        set_timer(m);
    else
        close_start(c, OK);
}

static bool is_over(const struct mux_h1 *m, uint64_t since_ms, uint64_t timeout_ms)
{
    return timeout_ms && now(m) >= since_ms + timeout_ms;
}

/* True when the upload is slower than the least rate; else a new window starts when it is time. */
static bool is_too_slow(struct mux_h1 *m)
{
    if (!is_over(m, m->rate_ms, RATE_WINDOW_MS))
        return false;
    uint64_t least = (uint64_t)m->c->pool->limits.body_min_rate * (RATE_WINDOW_MS / 1000);
    bool slow = m->rate_bytes < least;
    m->rate_ms = now(m);
    m->rate_bytes = 0;
    return slow;
}

static void on_timer(struct conn *c)
{
    struct mux_h1 *m = c->mux;
    const struct conn_limits *limits = &c->pool->limits;
    bool wants_body = h1_read_wants_body(m);
    if (c->link.out.n && is_over(m, m->send_ms, limits->send_timeout_ms)) {
        finish(m, ERR_TIMEOUT);
        close_now(c, ERR_TIMEOUT, true);
    } else if (m->in == H1_IN_HEAD && m->head_ms) {
        if (is_over(m, m->head_ms, limits->header_timeout_ms))
            end(m, ERR_TIMEOUT);
        else
            set_timer(m);
    } else if (is_idle(m) && is_over(m, m->idle_ms, idle_timeout(m))) {
        close_start(c, OK);
    } else if ((wants_body &&
                (is_over(m, m->body_ms, limits->body_timeout_ms) || is_too_slow(m))) ||
               (m->in == H1_IN_DISCARD && is_over(m, m->body_ms, limits->body_timeout_ms)) ||
               (m->in == H1_IN_TUNNEL && m->out == H1_OUT_DONE &&
                is_over(m, m->body_ms, limits->idle_timeout_ms))) {
        end(m, ERR_TIMEOUT);
    } else {
        set_timer(m);
    }
}

static void destroy(struct conn *c, int r)
{
    struct mux_h1 *m = c->mux;
    finish(m, r);
    if (m->running)
        buf_reset(conn_pool_stage(c));
    arena_done(&m->x.arena);
    buf_done(&m->pending);
    buf_done(&m->trailers);
    c->mux = NULL;
    pool_free(m);
}

static void resume(struct exchange *x)
{
    struct mux_h1 *m = container_of(x, struct mux_h1, x);
    m->stalled = false;
    if (!m->running)
        loop_defer(m->c->pool->loop, &m->c->task);
}

static void consumed(struct exchange *x, size_t n)
{
    struct mux_h1 *m = container_of(x, struct mux_h1, x);
    if (BUG_IF(n > m->unconsumed))
        n = m->unconsumed;
    bool was_full = m->unconsumed >= EXCHANGE_WINDOW;
    m->unconsumed -= n;
    if (was_full && n) {
        m->body_ms = m->rate_ms = now(m);
        m->rate_bytes = 0;
        loop_defer(m->c->pool->loop, &m->c->task);
    }
}

static void give_up(struct exchange *x, int r)
{
    struct mux_h1 *m = container_of(x, struct mux_h1, x);
    m->given_up = r == OK || r == ERR_AGAIN ? ERR_ABORTED : r;
    if (!m->running)
        loop_defer(m->c->pool->loop, &m->c->task);
}

static const struct mux_ops ops = {.respond = h1_write_respond,
                                   .inform = h1_write_inform,
                                   .resume = resume,
                                   .consumed = consumed,
                                   .trailers = h1_write_trailers,
                                   .abort = give_up};

static const struct conn_mux_ops hooks = {
    .on_ready = on_ready, .drain = drain, .on_timer = on_timer, .destroy = destroy};

int mux_h1_start(struct conn *c)
{
    struct mux_h1 *m = pool_alloc(sizeof(*m));
    if (!m)
        return ERR_NOMEM;
    *m = (struct mux_h1){.c = c,
                         .x = {.c = c, .mux = &ops, .ops = c->ops->exchange},
                         .idle_ms = loop_now_ms(c->pool->loop),
                         .sent_at = UINT64_MAX};
    arena_init(&m->x.arena, EXCHANGE_ARENA_MAX);
    buf_init(&m->pending, EXCHANGE_ARENA_MAX); /* attack: an upstream's endless heads */
    buf_init(&m->trailers, EXCHANGE_ARENA_MAX);
    c->mux = m;
    c->hooks = &hooks;
    c->state = CONN_H1;
    c->doing = "waiting for a request";
    return OK;
}
