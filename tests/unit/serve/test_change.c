/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reloads as the master sees them: either every worker runs the new configuration or none does,
 * whatever dies, refuses or answers late. The workers here are the other ends of their channels. */
#include "serve/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"
#include "serve/kept.h"
#include "serve/master_state.h"
#include "serve/message.h"

#define WORKERS 2

/* A worker's end: counts what it is told. */
struct end {
    struct chan chan;
    unsigned bundles, files, certificates;
};

struct rig {
    struct master m;
    struct master_options o;
    const char *words[2];
    struct child workers[WORKERS];
    struct end ends[WORKERS];
};

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct end *e = container_of(c, struct end, chan);
    (void)payload, (void)fds, (void)nfds;
    e->bundles += type == MESSAGE_BUNDLE + PARCEL_END;
    e->files += type == MESSAGE_FILES_CHANGED;
    e->certificates += type == MESSAGE_CERTIFICATE;
}

static void on_closed(struct chan *c)
{
    (void)c;
}

static void nothing(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    (void)c, (void)type, (void)payload, (void)fds, (void)nfds;
}

static void on_file(void *ctx, const char *path)
{
    (void)ctx, (void)path;
}

static void turn(struct rig *g)
{
    for (int i = 0; i < 20; i++)
        loop_turn(g->m.loop, 0);
}

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    struct conf_faults faults;
    struct master *m = &g->m;
    g->words[0] = "localhost=/tmp";
    g->words[1] = "two.localhost=/tmp";
    g->o.source = (struct bundle_source){.words = g->words, .nwords = 1};
    m->o = &g->o;
    m->phase = MASTER_RUNNING;
    m->config = 1;
    m->workers = g->workers;
    m->nworkers = WORKERS;
    assert_int_equal(loop_new(&m->loop, NULL), OK);
    assert_int_equal(metrics_new(WORKERS, &m->metrics), OK);
    assert_int_equal(filewatch_new(m->loop, on_file, m, &m->watch), OK);
    assert_int_equal(bundle_collect(&g->o.source, &m->bundle, &m->conf, &faults), OK);
    const struct kept_pair pair = {
        .source = SLICE("local"), .chain = SLICE("c"), .key = SLICE("k")};
    assert_int_equal(kept_put(m->bundle, SLICE("localhost"), &pair), OK);
    change_init(&m->change);
    for (uint32_t i = 0; i < WORKERS; i++) {
        int fds[2];
        struct child *k = &g->workers[i];
        *k = (struct child){.m = m, .index = i, .state = CHILD_READY, .config = 1};
        k->chan.on_message = nothing;
        k->chan.on_closed = on_closed;
        g->ends[i].chan.on_message = on_message;
        g->ends[i].chan.on_closed = on_closed;
        assert_int_equal(chan_pair(fds), OK);
        assert_int_equal(chan_init(&k->chan, m->loop, fds[0]), OK);
        assert_int_equal(chan_init(&g->ends[i].chan, m->loop, fds[1]), OK);
    }
    *state = g;
    return 0;
}

static int unmake(void **state)
{
    struct rig *g = *state;
    change_cancel(&g->m);
    for (uint32_t i = 0; i < WORKERS; i++) {
        chan_done(&g->workers[i].chan);
        chan_done(&g->ends[i].chan);
    }
    filewatch_free(g->m.watch);
    metrics_free(g->m.metrics);
    bundle_unref(g->m.bundle);
    conf_free(g->m.conf);
    loop_free(g->m.loop);
    free(g);
    return 0;
}

static void all_have_it_then_it_is_in_use(void **state)
{
    struct rig *g = *state;
    struct bundle *old = g->m.bundle;
    change_begin(&g->m, NULL);
    turn(g);
    assert_int_equal(g->ends[0].bundles, 1);
    assert_int_equal(g->ends[1].bundles, 1);
    change_done(&g->m, &g->workers[0]);
    assert_ptr_equal(g->m.bundle, old);
    change_done(&g->m, &g->workers[1]);
    assert_ptr_not_equal(g->m.bundle, old);
    assert_true(g->m.reload_ok);
    turn(g);
    assert_int_equal(g->ends[0].bundles + g->ends[1].bundles, 2);
}

static void one_refuses_and_the_other_goes_back(void **state)
{
    struct rig *g = *state;
    struct bundle *old = g->m.bundle;
    change_begin(&g->m, NULL);
    change_done(&g->m, &g->workers[0]);
    change_failed(&g->m, &g->workers[1], SLICE("no"));
    turn(g);
    assert_ptr_equal(g->m.bundle, old);
    assert_false(g->m.reload_ok);
    assert_null(g->m.change.bundle);
    assert_int_equal(g->ends[0].bundles, 2); /* the new one, then the old one again */
}

static void a_dead_channel_refuses_at_once(void **state)
{
    struct rig *g = *state;
    chan_done(&g->workers[1].chan);
    change_begin(&g->m, NULL);
    assert_non_null(g->m.change.bundle); /* the first one's answer is due */
    change_done(&g->m, &g->workers[0]);
    assert_null(g->m.change.bundle);
    assert_false(g->m.reload_ok);
    turn(g);
    assert_int_equal(g->ends[0].bundles, 2);
}

static void every_channel_dead(void **state)
{
    struct rig *g = *state;
    chan_done(&g->workers[0].chan);
    chan_done(&g->workers[1].chan);
    change_begin(&g->m, NULL);
    assert_null(g->m.change.bundle);
    assert_false(g->m.reload_ok);
}

static void a_worker_that_dies_refuses_at_once(void **state)
{
    struct rig *g = *state;
    change_begin(&g->m, NULL);
    change_done(&g->m, &g->workers[0]);
    change_lost(&g->m, &g->workers[0]); /* it has answered: its death says nothing */
    assert_non_null(g->m.change.bundle);
    g->workers[1].state = CHILD_ENDING;
    change_lost(&g->m, &g->workers[1]);
    assert_null(g->m.change.bundle);
    assert_string_equal(g->m.change.failure, "a worker died during the reload");
}

static void a_late_answer_belongs_to_the_change_before(void **state)
{
    struct rig *g = *state;
    change_begin(&g->m, NULL);
    change_failed(&g->m, &g->workers[0], SLICE("no"));
    change_done(&g->m, &g->workers[1]); /* refused: both are sent the old one again */
    assert_null(g->m.change.bundle);
    change_begin(&g->m, NULL);
    for (uint32_t i = 0; i < WORKERS; i++)
        change_done(&g->m, &g->workers[i]); /* about the old one */
    assert_non_null(g->m.change.bundle);
    for (uint32_t i = 0; i < WORKERS; i++)
        change_done(&g->m, &g->workers[i]);
    assert_null(g->m.change.bundle);
    assert_true(g->m.reload_ok);
}

static void a_worker_that_was_starting_catches_up(void **state)
{
    struct rig *g = *state;
    g->workers[1].state = CHILD_STARTING;
    change_begin(&g->m, NULL);
    change_done(&g->m, &g->workers[0]);
    assert_true(g->m.reload_ok && !g->m.change.bundle);
    turn(g);
    assert_int_equal(g->ends[1].bundles, 0);
    g->workers[1].state = CHILD_READY;
    change_catch_up(&g->m, &g->workers[1]);
    change_catch_up(&g->m, &g->workers[1]);
    turn(g);
    assert_int_equal(g->ends[1].bundles, 1);
}

static void a_second_one_is_refused(void **state)
{
    struct rig *g = *state;
    change_begin(&g->m, NULL);
    struct bundle *first = g->m.change.bundle;
    change_begin(&g->m, NULL);
    assert_ptr_equal(g->m.change.bundle, first);
    assert_int_equal(g->m.reload_failures, 0);
}

static void a_new_name_waits_for_its_certificate(void **state)
{
    struct rig *g = *state;
    struct buf b;
    g->o.source.nwords = 2;
    change_begin(&g->m, NULL);
    turn(g);
    assert_int_equal(g->ends[0].bundles, 0);
    buf_init(&b, 4096);
    const struct kept_pair pair = {
        .source = SLICE("local"), .chain = SLICE("chain"), .key = SLICE("key")};
    assert_int_equal(kept_pack(&b, SLICE("two.localhost"), &pair), OK);
    change_certificate(&g->m, buf_slice(&b));
    change_certificate(&g->m, buf_slice(&b)); /* the same again: nobody is told twice */
    turn(g);
    assert_int_equal(g->ends[0].bundles, 1);
    assert_int_equal(g->ends[0].certificates, 1);
    change_certificate(&g->m, slice_first(buf_slice(&b), 9));
    turn(g);
    assert_int_equal(g->ends[0].certificates, 1);
    buf_done(&b);
}

static void metrics_listen_cannot_change(void **state)
{
    struct rig *g = *state;
    g->m.conf->metrics.listen.port = 9;
    change_begin(&g->m, NULL);
    assert_false(g->m.reload_ok);
    assert_null(g->m.change.bundle);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(all_have_it_then_it_is_in_use),
        CASE(one_refuses_and_the_other_goes_back),
        CASE(a_dead_channel_refuses_at_once),
        CASE(every_channel_dead),
        CASE(a_worker_that_dies_refuses_at_once),
        CASE(a_late_answer_belongs_to_the_change_before),
        CASE(a_worker_that_was_starting_catches_up),
        CASE(a_second_one_is_refused),
        CASE(a_new_name_waits_for_its_certificate),
        CASE(metrics_listen_cannot_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
