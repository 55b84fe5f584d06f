/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Bounds for strangers: names asked for, hellos that wait, questions a second. Whatever is above
 * them gets the fallback at once, which costs no more than any handshake. */
#include "serve/demand.h"

#include "base/mem.h"
#include "serve/eventlog.h"
#include "serve/generation.h"

#define WAITING_MAX   64
#define WAIT_MS       10000
#define NAMES_MAX     64 /* remembered: asked and not answered, or refused */
#define ASKED_MS      30000
#define REFUSED_MS    60000
#define QUESTIONS_MAX 20 /* a second: names cost a stranger nothing */
#define NAME_BYTES    254

struct asked {
    uint64_t until_ms; /* 0: free */
    bool refused;
    uint8_t n;
    uint8_t name[NAME_BYTES];
};

struct demand {
    struct worker *w;
    int (*ask)(void *ctx, struct slice name, struct slice address);
    void *ctx;
    struct list waiting; /* struct conn.waiting, oldest first */
    struct loop_timer timer;
    struct asked asked[NAMES_MAX];
    size_t next; /* of asked: the oldest is forgotten first */
    uint64_t second;
    unsigned questions; /* in that second */
};

/* Answers everybody who waits for `name`. They are taken out first: each may end
 * on the way and others may come to wait anew. */
static void release(struct demand *d, struct slice name)
{
    struct list all, mine;
    list_init(&all);
    list_init(&mine);
    list_take(&all, &d->waiting);
    struct list *it;
    while ((it = list_pop(&all))) {
        struct conn *c = container_of(it, struct conn, waiting);
        list_push(slice_eq(c->server_name, name) ? &mine : &d->waiting, it);
    }
    while ((it = list_pop(&mine)))
        conn_choose_again(container_of(it, struct conn, waiting));
}

static uint64_t waits_until(const struct demand *d, const struct conn *c)
{
    uint64_t bound_ms = d->w->now->conf->limits.handshake_timeout_ms;
    return c->opened_ms + (bound_ms < WAIT_MS ? bound_ms : WAIT_MS);
}

static void arm(struct demand *d)
{
    uint64_t now_ms = loop_now_ms(d->w->loop), first_ms = UINT64_MAX;
    LIST_FOREACH (it, &d->waiting) {
        uint64_t until_ms = waits_until(d, container_of(it, struct conn, waiting));
        first_ms = until_ms < first_ms ? until_ms : first_ms;
    }
    if (first_ms == UINT64_MAX)
        loop_timer_clear(&d->timer);
    else
        loop_timer_set(d->w->loop, &d->timer, first_ms > now_ms ? first_ms - now_ms : 1);
}

static void on_timer(struct loop_timer *t)
{
    struct demand *d = container_of(t, struct demand, timer);
    uint64_t now_ms = loop_now_ms(d->w->loop);
    struct list due, *it;
    list_init(&due);
    LIST_FOREACH_SAFE (node, &d->waiting) {
        if (waits_until(d, container_of(node, struct conn, waiting)) > now_ms)
            continue;
        list_remove(node);
        list_push(&due, node);
    }
    while ((it = list_pop(&due)))
        conn_choose_again(container_of(it, struct conn, waiting));
    arm(d);
}

struct demand *demand_new(struct worker *w,
                          int (*ask)(void *ctx, struct slice name, struct slice address), void *ctx)
{
    struct demand *d = mem_alloc(sizeof(*d));
    if (!d)
        return NULL;
    d->w = w;
    d->ask = ask;
    d->ctx = ctx;
    list_init(&d->waiting);
    loop_timer_init(&d->timer, on_timer);
    return d;
}

void demand_free(struct demand *d)
{
    if (!d)
        return;
    loop_timer_clear(&d->timer);
    mem_free(d);
}

static struct asked *find(struct demand *d, struct slice name)
{
    uint64_t now_ms = loop_now_ms(d->w->loop);
    for (size_t i = 0; i < NAMES_MAX; i++)
        if (d->asked[i].until_ms > now_ms &&
            slice_eq(slice_of(d->asked[i].name, d->asked[i].n), name))
            return &d->asked[i];
    return NULL;
}

/* Once per name and ASKED_MS, however many ask. */
static int ask(struct demand *d, const struct conn *c)
{
    char peer[CIDR_IP_TEXT];
    uint64_t now_ms = loop_now_ms(d->w->loop);
    struct slice name = c->server_name;
    if (d->second != now_ms / 1000) {
        d->second = now_ms / 1000;
        d->questions = 0;
    }
    if (name.n > NAME_BYTES || ++d->questions > QUESTIONS_MAX)
        return ERR_CAP;
    struct asked *a = &d->asked[d->next++ % NAMES_MAX];
    *a = (struct asked){.until_ms = now_ms + ASKED_MS, .n = (uint8_t)name.n};
    memcpy(a->name, name.p, name.n);
    return d->ask(d->ctx, name, slice_of(peer, cidr_format_ip(&c->peer, peer)));
}

static bool room_to_wait(const struct demand *d)
{
    size_t n = 0;
    LIST_FOREACH (it, &d->waiting)
        n++;
    return n < WAITING_MAX;
}

int demand_choose(struct conn *c, struct site *s, struct tlsctx **ret)
{
    struct demand *d = s->gen->worker->demand;
    struct fault f = {0};
    int r = generation_demanded(s, c->server_name, d->w->bundle, ret, &f);
    if (r == OK)
        return OK;
    if (r != ERR_NOT_FOUND) {
        eventlog_fault(d->w->events, EVENT_ERROR, "certificate_not_used", &f);
        return OK;
    }
    const struct asked *known = find(d, c->server_name);
    bool late = waits_until(d, c) <= loop_now_ms(d->w->loop);
    if (late || (known && known->refused) || !room_to_wait(d) || (!known && ask(d, c)))
        return OK;
    list_push(&d->waiting, &c->waiting);
    arm(d);
    return ERR_AGAIN;
}

void demand_answered(struct demand *d, struct slice name, bool made)
{
    struct asked *a = find(d, name);
    if (a && made)
        a->until_ms = 0;
    if (a && !made) {
        a->refused = true;
        a->until_ms = loop_now_ms(d->w->loop) + REFUSED_MS;
    }
    if (name.n)
        release(d, name);
    arm(d);
}
