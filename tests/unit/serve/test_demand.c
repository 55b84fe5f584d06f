/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hellos for names without certificate: one question for many of them, and bounds for strangers. */
#include "serve/demand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "serve/bundle_state.h"
#include "serve/kept.h"

#define CONNS 80

struct rig {
    struct worker w;
    struct generation gen;
    struct site site;
    struct conf conf;
    struct conf_site conf_site;
    struct conn conns[CONNS];
    char names[CONNS][32];
    unsigned asked, again;
    int refuse; /* what the way to the keeper says */
    char last[64];
};

static struct rig *rig;

void __wrap_conn_choose_again(struct conn *c);

void __wrap_conn_choose_again(struct conn *c)
{
    assert_true(list_empty(&c->waiting));
    rig->again++;
}

static int ask(void *ctx, struct slice name, struct slice address)
{
    struct rig *g = ctx;
    g->asked++;
    snprintf(g->last, sizeof(g->last), SLICE_F " " SLICE_F, SLICE_A(name), SLICE_A(address));
    return g->refuse;
}

static int make(void **state)
{
    struct rig *g = rig = calloc(1, sizeof(*g));
    assert_int_equal(loop_new(&g->w.loop, NULL), OK);
    g->conf.limits.handshake_timeout_ms = 400;
    g->gen.worker = &g->w;
    g->gen.conf = &g->conf;
    map_init(&g->gen.demanded);
    g->w.now = &g->gen;
    g->w.bundle = bundle_state_make();
    g->conf_site.on_demand = true;
    g->site.conf = &g->conf_site;
    g->site.gen = &g->gen;
    g->w.demand = demand_new(&g->w, ask, g);
    for (size_t i = 0; i < CONNS; i++)
        list_init(&g->conns[i].waiting);
    *state = g;
    return 0;
}

static int unmake(void **state)
{
    struct rig *g = *state;
    demand_free(g->w.demand);
    bundle_unref(g->w.bundle);
    map_done(&g->gen.demanded);
    loop_free(g->w.loop);
    free(g);
    return 0;
}

static int hello(struct rig *g, size_t i, const char *name)
{
    struct tlsctx *ret = NULL;
    struct conn *c = &g->conns[i];
    snprintf(g->names[i], sizeof(g->names[i]), "%s", name);
    c->server_name = slice_cstr(g->names[i]);
    c->opened_ms = loop_now_ms(g->w.loop);
    int r = demand_choose(c, &g->site, &ret);
    assert_null(ret);
    return r;
}

static void one_question_for_many(void **state)
{
    struct rig *g = *state;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(hello(g, i, "a.test"), ERR_AGAIN);
    assert_int_equal(hello(g, 5, "b.test"), ERR_AGAIN);
    print_message("%u questions, the last: %s\n", g->asked, g->last);
    assert_int_equal(g->asked, 2);
    demand_answered(g->w.demand, SLICE("a.test"), true);
    assert_int_equal(g->again, 5);
    demand_answered(g->w.demand, SLICE("a.test"), true);
    demand_answered(g->w.demand, SLICE("c.test"), true);
    assert_int_equal(g->again, 5);
    demand_answered(g->w.demand, SLICE("b.test"), false);
    assert_int_equal(g->again, 6);
}

/* The certificate was dropped since: asked again at once. What was refused is not. */
static void what_was_refused_is_not_asked_again(void **state)
{
    struct rig *g = *state;
    assert_int_equal(hello(g, 0, "a.test"), ERR_AGAIN);
    demand_answered(g->w.demand, SLICE("a.test"), true);
    assert_int_equal(hello(g, 1, "a.test"), ERR_AGAIN);
    assert_int_equal(g->asked, 2);
    demand_answered(g->w.demand, SLICE("a.test"), false);
    assert_int_equal(hello(g, 2, "a.test"), OK); /* the fallback, at once */
    assert_int_equal(g->asked, 2);
}

static void a_silent_keeper_ends_the_wait(void **state)
{
    struct rig *g = *state;
    uint64_t from_ms = loop_now_ms(g->w.loop);
    assert_int_equal(hello(g, 0, "a.test"), ERR_AGAIN);
    for (int i = 0; i < 100 && !g->again; i++)
        loop_turn(g->w.loop, 20);
    uint64_t ms = loop_now_ms(g->w.loop) - from_ms;
    print_message("waited %llu ms\n", (unsigned long long)ms);
    assert_int_equal(g->again, 1);
    assert_true(ms >= 400 && ms < 2000);
    g->conns[1].opened_ms = from_ms; /* choose is called again: too late to wait once more */
    struct tlsctx *ret = NULL;
    g->conns[1].server_name = SLICE("a.test");
    assert_int_equal(demand_choose(&g->conns[1], &g->site, &ret), OK);
}

static void strangers_cannot_fill_it(void **state)
{
    struct rig *g = *state;
    char name[32];
    size_t waiting = 0;
    for (size_t i = 0; i < CONNS; i++)
        waiting += hello(g, i, "a.test") == ERR_AGAIN;
    print_message("%zu of %d wait\n", waiting, CONNS);
    assert_int_equal(waiting, 64);
    assert_int_equal(g->asked, 1);
    demand_answered(g->w.demand, SLICE("a.test"), false);
    assert_int_equal(g->again, 64);
    uint64_t second = loop_now_ms(g->w.loop) / 1000;
    for (size_t i = 0; i < CONNS; i++) {
        snprintf(name, sizeof(name), "n%zu.test", i);
        (void)!hello(g, i, name);
    }
    assert_int_equal(loop_now_ms(g->w.loop) / 1000, second); /* read once per turn */
    print_message("%u questions in a second\n", g->asked);
    assert_int_equal(g->asked, 20);
}

static void no_way_to_the_keeper(void **state)
{
    struct rig *g = *state;
    g->refuse = ERR_CAP;
    assert_int_equal(hello(g, 0, "a.test"), OK);
    assert_int_equal(g->asked, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(one_question_for_many),         CASE(what_was_refused_is_not_asked_again),
        CASE(a_silent_keeper_ends_the_wait), CASE(strangers_cannot_fill_it),
        CASE(no_way_to_the_keeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
