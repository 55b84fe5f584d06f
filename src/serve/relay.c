/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Numbers and addressees only. A worker that was taken over can ask for certificates (the engine
 * has budgets for that) and say that it answers challenges; a keeper can fill tables. Neither makes
 * the master read what they say. */
#include "serve/relay.h"

#include <stdio.h>

#include "base/mem.h"
#include "serve/challenges.h"
#include "serve/master_state.h"
#include "serve/message.h"

#define PUBLISH_BOUND_MS 5000 /* a worker that hangs must not stop every order */
#define ORDER_LINE_MAX   (64 * 1024)
#define HEAD_BYTES       8
#define DEMAND_MAX       512

struct order {
    struct list node;
    uint64_t id;
    struct admin_call *call;
};

static void send_to(struct master *m, struct child *k, enum message type, struct slice payload)
{
    if (k->state != CHILD_READY && k->state != CHILD_STARTING)
        return;
    int r = chan_send_blob(&k->chan, (uint16_t)type, payload);
    if (r)
        EVENT(m->events, EVENT_WARN, "child_unreachable", EV_UINT("pid", k->pid),
              EV_UINT("message", type), EV_CSTR("error", err_name(r)));
}

static void send_number(struct master *m, struct child *k, enum message type, uint64_t number)
{
    struct buf b;
    buf_init(&b, HEAD_BYTES);
    if (!message_u64(&b, number))
        send_to(m, k, type, buf_slice(&b));
    buf_done(&b);
}

/* ---- challenges ---- */

static void tell_keeper(struct master *m)
{
    struct relay *y = &m->relay;
    y->due = false;
    loop_timer_clear(&y->bound);
    send_number(m, &m->keeper, MESSAGE_PUBLISHED, y->version);
}

static void on_bound(struct loop_timer *t)
{
    struct master *m = container_of(t, struct master, relay.bound);
    EVENT(m->events, EVENT_WARN, "challenges_not_taken", EV_UINT("version", m->relay.version));
    tell_keeper(m);
}

/* One that starts was forked with the table; one that has gone answers nothing. */
void relay_look(struct master *m)
{
    struct relay *y = &m->relay;
    bool any = false;
    if (!y->due || m->phase != MASTER_RUNNING)
        return;
    for (uint32_t i = 0; i < m->nworkers; i++) {
        const struct child *k = &m->workers[i];
        any |= k->state == CHILD_READY;
        if (k->state == CHILD_READY && k->published < y->number) {
            if (!y->bound.deadline_ms)
                loop_timer_set(m->loop, &y->bound, PUBLISH_BOUND_MS);
            return;
        }
    }
    if (any)
        tell_keeper(m);
}

void relay_table(struct master *m, struct slice payload)
{
    struct relay *y = &m->relay;
    struct cur c = cur_of(payload);
    uint64_t version = message_next_u64(&c);
    if (c.bad || payload.n > CHALLENGES_TABLE_MAX + HEAD_BYTES) {
        EVENT(m->events, EVENT_ERROR, "challenges_malformed", EV_UINT("bytes", payload.n));
        return;
    }
    y->version = version;
    y->number++;
    buf_reset(&y->table);
    if (message_u64(&y->table, y->number) || buf_add(&y->table, cur_bytes(&c, cur_left(&c)))) {
        EVENT(m->events, EVENT_ERROR, "challenges_malformed", EV_UINT("bytes", payload.n));
        buf_reset(&y->table);
        return;
    }
    for (uint32_t i = 0; i < m->nworkers; i++)
        send_to(m, &m->workers[i], MESSAGE_CHALLENGES, buf_slice(&y->table));
    y->due = true;
    loop_timer_clear(&y->bound); /* workers that start may take their time */
    relay_look(m);
}

void relay_published(struct master *m, struct child *k, struct slice payload)
{
    struct cur c = cur_of(payload);
    uint64_t number = message_next_u64(&c);
    if (c.bad || number > m->relay.number)
        return;
    k->published = number;
    relay_look(m);
}

/* ---- certificates on demand ---- */

void relay_demand(struct master *m, struct slice payload)
{
    if (payload.n <= DEMAND_MAX)
        send_to(m, &m->keeper, MESSAGE_DEMAND, payload);
}

void relay_demand_done(struct master *m, struct slice payload)
{
    for (uint32_t i = 0; i < m->nworkers; i++)
        send_to(m, &m->workers[i], MESSAGE_DEMAND_DONE, payload);
}

/* ---- orders ---- */

static struct slice refusal(const char *why, char dst[256])
{
    int n = snprintf(dst, 256, "{\"ok\":false,\"message\":\"%s\"}\n", why);
    return slice_of(dst, (size_t)n);
}

static void end_order(struct order *o, const char *why)
{
    char text[256];
    if (why)
        admin_stream(o->call, refusal(why, text));
    admin_stream_end(o->call);
    list_remove(&o->node);
    mem_free(o);
}

void relay_command(struct master *m, struct admin_call *call, struct slice text)
{
    char why[256];
    struct buf b;
    struct order *o = m->keeper.state == CHILD_READY ? mem_alloc(sizeof(*o)) : NULL;
    admin_stream_begin(call, "application/x-ndjson");
    if (!o) {
        admin_stream(call, refusal("the keeper is not running; the event log says why", why));
        admin_stream_end(call);
        return;
    }
    *o = (struct order){.id = ++m->relay.next_id, .call = call};
    list_push(&m->relay.orders, &o->node);
    buf_init(&b, HEAD_BYTES + ORDER_LINE_MAX);
    int r = message_u64(&b, o->id);
    if (!r)
        r = buf_add(&b, text);
    if (!r)
        send_to(m, &m->keeper, MESSAGE_COMMAND, buf_slice(&b));
    else
        end_order(o, "the order is too long");
    buf_done(&b);
}

static struct order *find(struct master *m, uint64_t id, const struct admin_call *call)
{
    LIST_FOREACH (it, &m->relay.orders) {
        struct order *o = container_of(it, struct order, node);
        if (call ? o->call == call : o->id == id)
            return o;
    }
    return NULL;
}

void relay_line(struct master *m, struct slice payload, bool last)
{
    struct cur c = cur_of(payload);
    uint64_t id = message_next_u64(&c);
    struct slice line = cur_bytes(&c, cur_left(&c));
    struct order *o = c.bad ? NULL : find(m, id, NULL);
    if (!o)
        return; /* the operator has gone */
    admin_stream(o->call, line);
    admin_stream(o->call, SLICE("\n"));
    if (last)
        end_order(o, NULL);
}

void relay_cancel(struct master *m, struct admin_call *call)
{
    struct order *o = find(m, 0, call);
    if (!o)
        return;
    send_number(m, &m->keeper, MESSAGE_COMMAND_CANCEL, o->id);
    end_order(o, NULL);
}

/* ---- children and the end ---- */

static void end_orders(struct master *m, const char *why)
{
    LIST_FOREACH_SAFE (it, &m->relay.orders)
        end_order(container_of(it, struct order, node), why);
}

void relay_lost(struct master *m, struct child *k)
{
    if (k->keeper) {
        m->relay.due = false;
        loop_timer_clear(&m->relay.bound);
        end_orders(m, "the keeper has ended; the event log says why");
    } else {
        relay_look(m);
    }
}

void relay_init(struct master *m)
{
    loop_timer_init(&m->relay.bound, on_bound);
    list_init(&m->relay.orders);
    buf_init(&m->relay.table, CHALLENGES_TABLE_MAX + HEAD_BYTES);
}

void relay_done(struct master *m)
{
    if (!m->relay.orders.next)
        return; /* never opened */
    end_orders(m, "the server is stopping");
    loop_timer_clear(&m->relay.bound);
    buf_done(&m->relay.table);
}
