/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The keeper hears that a table of challenges is in use when every worker that answers requests has
 * said so, or when one of them hangs for too long. The children are the other ends of channels;
 * time runs faster. */
#include "serve/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "serve/master_state.h"
#include "serve/message.h"

#define WORKERS  2
#define HASTE    20 /* every timer is divided by this (the linker wraps loop_timer_set) */
#define BOUND_MS (5000 / HASTE)

void __real_loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms);
void __wrap_loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms);

void __wrap_loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms)
{
    __real_loop_timer_set(l, t, delay_ms / HASTE);
}

/* A child's end: what it was told last. */
struct end {
    struct chan chan;
    unsigned tables, published, demands, refusals;
    uint64_t number; /* of the last table, or version of the last MESSAGE_PUBLISHED */
    size_t bytes;
};

struct rig {
    struct master m;
    struct child workers[WORKERS];
    struct end ends[WORKERS], keeper;
};

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct end *e = container_of(c, struct end, chan);
    struct cur in = cur_of(payload);
    (void)fds, (void)nfds;
    e->tables += type == MESSAGE_CHALLENGES;
    e->published += type == MESSAGE_PUBLISHED;
    e->demands += type == MESSAGE_DEMAND;
    e->refusals += type == MESSAGE_DEMAND_DONE;
    e->number = message_next_u64(&in);
    e->bytes = cur_left(&in);
}

static void nothing(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    (void)c, (void)type, (void)payload, (void)fds, (void)nfds;
}

static void on_closed(struct chan *c)
{
    (void)c;
}

static void turn(struct rig *g)
{
    for (int i = 0; i < 20; i++)
        loop_turn(g->m.loop, 0);
}

static void join(struct rig *g, struct child *k, struct end *e)
{
    int fds[2];
    k->m = &g->m;
    k->state = CHILD_READY;
    k->chan.on_message = nothing;
    e->chan.on_message = on_message;
    k->chan.on_closed = e->chan.on_closed = on_closed;
    assert_int_equal(chan_pair(fds), OK);
    assert_int_equal(chan_init(&k->chan, g->m.loop, fds[0]), OK);
    assert_int_equal(chan_init(&e->chan, g->m.loop, fds[1]), OK);
}

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    struct master *m = &g->m;
    m->phase = MASTER_RUNNING;
    m->workers = g->workers;
    m->nworkers = WORKERS;
    m->keeper.keeper = true;
    assert_int_equal(loop_new(&m->loop, NULL), OK);
    relay_init(m);
    for (uint32_t i = 0; i < WORKERS; i++)
        join(g, &g->workers[i], &g->ends[i]);
    join(g, &m->keeper, &g->keeper);
    *state = g;
    return 0;
}

static int unmake(void **state)
{
    struct rig *g = *state;
    relay_done(&g->m);
    for (uint32_t i = 0; i < WORKERS; i++) {
        chan_done(&g->workers[i].chan);
        chan_done(&g->ends[i].chan);
    }
    chan_done(&g->m.keeper.chan);
    chan_done(&g->keeper.chan);
    loop_free(g->m.loop);
    free(g);
    return 0;
}

/* From the keeper: its version, then bytes that nobody reads here. */
static void table(struct rig *g, uint64_t version)
{
    struct buf b;
    buf_init(&b, 64);
    assert_int_equal(message_u64(&b, version), OK);
    assert_int_equal(buf_add(&b, SLICE("answers")), OK);
    relay_table(&g->m, buf_slice(&b));
    buf_done(&b);
    turn(g);
}

/* From a worker: it answers by this table. */
static void taken(struct rig *g, uint32_t worker, uint64_t number)
{
    struct buf b;
    buf_init(&b, 8);
    assert_int_equal(message_u64(&b, number), OK);
    relay_published(&g->m, &g->workers[worker], buf_slice(&b));
    buf_done(&b);
    turn(g);
}

static void all_workers_have_it(void **state)
{
    struct rig *g = *state;
    table(g, 77);
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_int_equal(g->ends[i].tables, 1);
        assert_int_equal(g->ends[i].number, 1); /* ours: keepers count from the beginning */
        assert_int_equal(g->ends[i].bytes, 7);
    }
    taken(g, 0, 1);
    assert_int_equal(g->keeper.published, 0);
    taken(g, 1, 1);
    assert_int_equal(g->keeper.published, 1);
    assert_int_equal(g->keeper.number, 77);
    taken(g, 1, 1);
    assert_int_equal(g->keeper.published, 1); /* once */
}

static void one_that_hangs_is_not_waited_for_long(void **state)
{
    struct rig *g = *state;
    uint64_t from_ms = loop_now_ms(g->m.loop);
    table(g, 3);
    taken(g, 0, 1);
    for (int i = 0; i < 200 && !g->keeper.published; i++)
        loop_turn(g->m.loop, 20);
    uint64_t ms = loop_now_ms(g->m.loop) - from_ms;
    print_message("told after %llu ms\n", (unsigned long long)ms);
    assert_int_equal(g->keeper.number, 3);
    assert_true(ms >= BOUND_MS && ms < 10 * BOUND_MS);
    taken(g, 1, 1); /* at last */
    assert_int_equal(g->keeper.published, 1);
}

static void one_that_dies_answers_nothing(void **state)
{
    struct rig *g = *state;
    table(g, 4);
    taken(g, 0, 1);
    g->workers[1].state = CHILD_ENDING;
    relay_lost(&g->m, &g->workers[1]);
    turn(g);
    assert_int_equal(g->keeper.published, 1);
}

/* It was forked before the table and becomes ready behind it: it answers requests by then. */
static void one_that_starts_counts_when_it_is_ready(void **state)
{
    struct rig *g = *state;
    g->workers[1].state = CHILD_STARTING;
    table(g, 5);
    assert_int_equal(g->ends[1].tables, 1);
    g->workers[1].state = CHILD_READY;
    relay_look(&g->m);
    taken(g, 0, 1);
    assert_int_equal(g->keeper.published, 0);
    taken(g, 1, 1);
    assert_int_equal(g->keeper.published, 1);
}

/* One that still starts was forked with the table or has it in its channel. */
static void one_that_starts_is_not_waited_for(void **state)
{
    struct rig *g = *state;
    g->workers[1].state = CHILD_STARTING;
    table(g, 6);
    taken(g, 0, 1);
    assert_int_equal(g->keeper.published, 1);
}

static void nobody_answers_while_all_start(void **state)
{
    struct rig *g = *state;
    g->workers[0].state = g->workers[1].state = CHILD_STARTING;
    g->m.phase = MASTER_STARTING;
    table(g, 8);
    assert_int_equal(g->keeper.published, 0);
    g->workers[0].state = g->workers[1].state = CHILD_READY;
    g->workers[0].published = g->workers[1].published = g->m.relay.number;
    relay_look(&g->m);
    turn(g);
    assert_int_equal(g->keeper.published, 0);
    g->m.phase = MASTER_RUNNING;
    relay_look(&g->m);
    turn(g);
    assert_int_equal(g->keeper.number, 8);
    assert_int_equal(g->keeper.published, 1);
}

static void the_newest_table_counts(void **state)
{
    struct rig *g = *state;
    table(g, 9);
    taken(g, 0, 1);
    table(g, 10);
    taken(g, 1, 1);  /* about the one before */
    taken(g, 0, 99); /* of a worker in foreign hands */
    assert_int_equal(g->keeper.published, 0);
    taken(g, 0, 2);
    taken(g, 1, 2);
    assert_int_equal(g->keeper.published, 1);
    assert_int_equal(g->keeper.number, 10);
}

static void a_broken_table_goes_nowhere(void **state)
{
    struct rig *g = *state;
    relay_table(&g->m, SLICE("short"));
    turn(g);
    assert_int_equal(g->ends[0].tables, 0);
    assert_int_equal(g->m.relay.number, 0);
}

/* Another keeper begins with its own versions; what the last one waited for is void. */
static void a_keeper_that_dies_hears_nothing(void **state)
{
    struct rig *g = *state;
    table(g, 11);
    relay_lost(&g->m, &g->m.keeper);
    taken(g, 0, 1);
    taken(g, 1, 1);
    assert_int_equal(g->keeper.published, 0);
    table(g, 1);
    taken(g, 0, 2);
    taken(g, 1, 2);
    assert_int_equal(g->keeper.number, 1);
}

static void demands_pass(void **state)
{
    static uint8_t large[513];
    struct rig *g = *state;
    relay_demand(&g->m, SLICE("a name and an address"));
    relay_demand(&g->m, slice_of(large, sizeof(large)));
    relay_demand_done(&g->m, SLICE("a name"));
    turn(g);
    assert_int_equal(g->keeper.demands, 1);
    assert_int_equal(g->ends[0].refusals + g->ends[1].refusals, 2);
    g->m.keeper.state = CHILD_NONE;
    relay_demand(&g->m, SLICE("nobody is there"));
    turn(g);
    assert_int_equal(g->keeper.demands, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(all_workers_have_it),
        CASE(one_that_hangs_is_not_waited_for_long),
        CASE(one_that_dies_answers_nothing),
        CASE(one_that_starts_counts_when_it_is_ready),
        CASE(one_that_starts_is_not_waited_for),
        CASE(nobody_answers_while_all_start),
        CASE(the_newest_table_counts),
        CASE(a_broken_table_goes_nowhere),
        CASE(a_keeper_that_dies_hears_nothing),
        CASE(demands_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
