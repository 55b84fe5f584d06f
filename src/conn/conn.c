/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The worker's table of connections: how many, which are idle, what they share within one wake, and
 * how all of them end together. Knows nothing of what travels on them. */
#include "conn/conn.h"

#include "base/bug.h"
#include "base/err.h"
#include "base/mem.h"
#include "conn/accept.h"
#include "conn/close.h"
#include "conn/conn_pool.h"
#include "conn/mux.h"
#include "conn/secure.h"
#include "os/rng.h"

/* A head larger than the burst still fits: the engine's arena bounds it. */
#define STAGE_MAX (CONN_STAGE_BYTES + EXCHANGE_ARENA_MAX)
#define PAUSE_MS  100
#define SHED_LOOK 16 /* idle connections looked at, oldest first */

static void resume(struct conn_pool *p)
{
    if (!p->paused)
        return;
    p->paused = false;
    loop_timer_clear(&p->pause_timer);
    LIST_FOREACH (it, &p->listeners) {
        struct listener *from = container_of(it, struct listener, node);
        if (loop_add_level(p->loop, &from->io))
            p->paused = true;
    }
    if (p->paused) {
        p->paused = false;
        conn_pool_pause(p);
    }
}

static void on_pause_over(struct loop_timer *t)
{
    resume(container_of(t, struct conn_pool, pause_timer));
}

static void run_drained(struct loop_task *t)
{
    struct conn_pool *p = container_of(t, struct conn_pool, drained_task);
    if (p->on_drained)
        p->on_drained(p->drained_app);
}

static int take_limits(struct conn_pool *p, const struct conn_limits *limits)
{
    p->limits = *limits;
    if (limits->header_fields <= p->nfields)
        return OK;
    struct field *fields = mem_array(limits->header_fields, sizeof(*fields));
    if (!fields)
        return ERR_NOMEM;
    mem_free(p->fields);
    p->fields = fields;
    p->nfields = limits->header_fields;
    return OK;
}

int conn_pool_new(struct loop *l, const struct conn_limits *limits, struct conn_pool **ret)
{
    struct conn_pool *p = mem_alloc(sizeof(*p));
    if (!p)
        return ERR_NOMEM;
    p->loop = l;
    list_init(&p->busy);
    list_init(&p->idle);
    list_init(&p->listeners);
    loop_timer_init(&p->pause_timer, on_pause_over);
    loop_task_init(&p->drained_task, run_drained);
    buf_init(&p->stage, STAGE_MAX);
    uint64_t seed = 0;
    uint8_t *room;
    int r = rng_bytes(&seed, sizeof(seed));
    if (!r)
        r = take_limits(p, limits);
    if (!r)
        r = ipcount_init(&p->per_ip, limits->connections, seed);
    if (!r)
        r = buf_reserve(&p->stage, CONN_STAGE_BYTES + 4096, &room);
    if (r) {
        conn_pool_free(p);
        return r;
    }
    *ret = p;
    return OK;
}

void conn_pool_limits(struct conn_pool *p, const struct conn_limits *limits)
{
    /* Without memory the old array stays: heads then meet its smaller cap. */
    if (take_limits(p, limits))
        p->limits.header_fields = (uint32_t)p->nfields;
}

uint32_t conn_pool_count(const struct conn_pool *p)
{
    return p->count;
}

struct buf *conn_pool_stage(struct conn *c)
{
    return &c->pool->stage;
}

struct field *conn_pool_fields(struct conn *c, size_t *ret_cap)
{
    *ret_cap = c->pool->limits.header_fields;
    return c->pool->fields;
}

uint64_t conn_pool_exchange_id(struct conn *c)
{
    return ++c->pool->next_exchange_id;
}

void conn_pool_idle(struct conn *c)
{
    if (c->idle)
        return;
    c->idle = true;
    list_remove(&c->node);
    list_push(&c->pool->idle, &c->node);
}

void conn_pool_busy(struct conn *c)
{
    if (!c->idle)
        return;
    c->idle = false;
    list_remove(&c->node);
    list_push(&c->pool->busy, &c->node);
}

void conn_pool_expendable(struct conn *c)
{
    c->idle = true;
    list_remove(&c->node);
    list_push_front(&c->pool->idle, &c->node);
}

void conn_pool_enter(struct conn_pool *p, struct conn *c)
{
    c->pool = p;
    c->id = ++p->next_conn_id;
    c->idle = true;
    list_init(&c->node);
    list_init(&c->waiting);
    list_push(&p->idle, &c->node);
    p->count++;
}

void conn_pool_leave(struct conn *c)
{
    struct conn_pool *p = c->pool;
    list_remove(&c->node);
    ipcount_drop(&p->per_ip, &c->peer);
    p->count--;
    if (!p->draining)
        resume(p);
    else if (p->count == 0)
        loop_defer(p->loop, &p->drained_task);
}

/* A client that has just come gets the time to ask; else clients would push each other out before
 * any of them is served. */
bool conn_pool_fresh(const struct conn *c)
{
    return c->requests == 0 && c->state != CONN_CLOSING &&
           loop_now_ms(c->pool->loop) - c->opened_ms < CONN_POOL_FRESH_MS;
}

bool conn_pool_shed(struct conn_pool *p)
{
    int looked = 0;
    LIST_FOREACH (it, &p->idle) {
        struct conn *c = container_of(it, struct conn, node);
        if (!conn_pool_fresh(c)) {
            c->shed = true;
            close_now(c, ERR_CAP, false);
            return true;
        }
        if (++looked == SHED_LOOK)
            break;
    }
    return false;
}

void conn_pool_pause(struct conn_pool *p)
{
    if (p->paused)
        return;
    p->paused = true;
    LIST_FOREACH (it, &p->listeners) {
        loop_remove(p->loop, &container_of(it, struct listener, node)->io);
    }
    loop_timer_set(p->loop, &p->pause_timer, PAUSE_MS);
}

int conn_listen(struct conn_pool *p, struct listener *from)
{
    from->pool = p;
    from->io.on_ready = accept_on_ready;
    list_init(&from->node);
    if (!p->paused) {
        int r = loop_add_level(p->loop, &from->io);
        if (r)
            return r;
    }
    list_push(&p->listeners, &from->node);
    return OK;
}

static void forget_listener(struct list *conns, const struct listener *from)
{
    LIST_FOREACH (it, conns) {
        struct conn *c = container_of(it, struct conn, node);
        if (c->from == from)
            c->from = NULL;
    }
}

static void stop_listening(struct conn_pool *p, struct listener *from)
{
    if (list_empty(&from->node))
        return;
    if (!p->paused)
        loop_remove(p->loop, &from->io);
    list_remove(&from->node);
}

void conn_unlisten(struct conn_pool *p, struct listener *from)
{
    stop_listening(p, from);
    forget_listener(&p->busy, from);
    forget_listener(&p->idle, from);
}

static void drain_one(struct conn *c)
{
    c->draining = true;
    if (c->hooks)
        c->hooks->drain(c);
    else if (c->state == CONN_HELLO && conn_pool_fresh(c))
        loop_timer_set(c->pool->loop, &c->timer,
                       CONN_POOL_FRESH_MS); /* instead of the handshake's */
    else if (c->state == CONN_HELLO && c->link.received_bytes == 0)
        close_start(c, ERR_DRAINING);
}

/* `from` is emptied into a list of its own first: draining moves and ends connections. */
static void drain_list(struct list *from)
{
    struct list todo;
    list_init(&todo);
    list_take(&todo, from);
    struct list *node;
    while ((node = list_pop(&todo))) {
        list_push(from, node);
        drain_one(container_of(node, struct conn, node));
    }
}

void conn_pool_drain(struct conn_pool *p, void (*on_drained)(void *app), void *app)
{
    p->on_drained = on_drained;
    p->drained_app = app;
    p->draining = true;
    struct list *node;
    while ((node = p->listeners.next) != &p->listeners)
        stop_listening(p, container_of(node, struct listener, node));
    loop_timer_clear(&p->pause_timer);
    drain_list(&p->busy);
    drain_list(&p->idle);
    if (p->count == 0)
        loop_defer(p->loop, &p->drained_task);
}

void conn_pool_kill(struct conn_pool *p)
{
    while (!list_empty(&p->idle))
        close_now(container_of(p->idle.next, struct conn, node), ERR_DRAINING, false);
    while (!list_empty(&p->busy))
        close_now(container_of(p->busy.next, struct conn, node), ERR_DRAINING, false);
}

void conn_pool_free(struct conn_pool *p)
{
    if (!p)
        return;
    conn_pool_kill(p);
    struct list *node;
    while ((node = p->listeners.next) != &p->listeners)
        stop_listening(p, container_of(node, struct listener, node));
    loop_timer_clear(&p->pause_timer);
    loop_task_cancel(&p->drained_task);
    ipcount_done(&p->per_ip);
    buf_done(&p->stage);
    mem_free(p->fields);
    mem_free(p);
}

void conn_choose_again(struct conn *c)
{
    if (c->held)
        secure_resume(c);
}
