/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A clock that is wrong by more than a day: no certificate is old by it. Answers of the CA are made
 * by hand, and so is the difference that its Date shows. */
#include "cert/keepca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cert/certclock.h"
#include "cert/keepname.h"
#include "cert/keeporder.h"
#include "crypt/localca.h"

#define NAME  SLICE("www.example.com")
#define DAY_S 86400

static bool known;
static int64_t skew_s;

bool __wrap_acmeca_skew(const struct acmeca *ca, int64_t *ret_s);

bool __wrap_acmeca_skew(const struct acmeca *ca, int64_t *ret_s)
{
    (void)ca;
    *ret_s = skew_s;
    return known;
}

struct rig {
    char dir[64];
    struct loop *loop;
    struct certkeep *keep;
    struct certhost host;
    char events[4096]; /* "NAME:LEVEL " */
    struct keepname *n;
};

static void on_certificate(void *ctx, const struct certhost_pair *p)
{
    (void)ctx;
    (void)p;
}

static void on_trouble(void *ctx, const struct fault *f)
{
    (void)ctx;
    fail_msg("%s", f->what);
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    struct rig *g = ctx;
    size_t used = strlen(g->events);
    (void)fields;
    (void)n;
    snprintf(g->events + used, sizeof(g->events) - used, "%s:%d ", name, (int)level);
}

/* In use for age_s, valid for life_s. */
static void give(struct rig *g, int64_t age_s, int64_t life_s)
{
    const struct slice names[] = {NAME};
    struct lineage_loaded fresh = {0};
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &fresh.pair.key, NULL), OK);
    const struct localca_leaf leaf = {.names = names,
                                      .nnames = 1,
                                      .key = fresh.pair.key,
                                      .now_s = certclock_now_s(g->loop) - age_s,
                                      .lifetime_s = life_s};
    assert_int_equal(localca_selfsigned(&leaf, &fresh.pair.chain, NULL), OK);
    keepname_take(g->n, &fresh);
}

static int make(void **state)
{
    const struct slice name = NAME;
    const struct certkeep_name w = {&name, 1, false};
    const struct certkeep_settings s = {.directories = {SLICE("https://127.0.0.1:1/one")},
                                        .ndirectories = 1,
                                        .keys = CERTKEEP_ECDSA,
                                        .challenges = CERTKEEP_HTTP01};
    struct rig *g = calloc(1, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-keepca-XXXXXX");
    g->host = (struct certhost){
        .ctx = g, .on_certificate = on_certificate, .on_event = on_event, .on_trouble = on_trouble};
    *state = g;
    known = false;
    skew_s = 0;
    if (!mkdtemp(g->dir) || loop_new(&g->loop, NULL) ||
        certkeep_open(g->loop, g->dir, &g->host, &g->keep, NULL) ||
        certkeep_want(g->keep, &s, &w, 1, NULL) || keepca_open(&g->keep->cas[0], NULL))
        return 1;
    g->n = keepname_find(g->keep, NAME, false);
    return g->n == NULL;
}

static int unmake(void **state)
{
    struct rig *g = *state;
    char command[128];
    certkeep_close(g->keep);
    loop_free(g->loop);
    snprintf(command, sizeof(command), "rm -rf %s", g->dir);
    int r = system(command);
    free(g);
    return r;
}

/* The directory comes, with a Date that shows this difference. */
static void answer(struct rig *g, int64_t by_s)
{
    const struct acmeca_answer a = {.r = OK, .retry_after_s = -1};
    assert_int_equal(g->n->stage, KEEP_DIRECTORY);
    acmeca_cancel(&g->n->ready);
    known = true;
    skew_s = by_s;
    g->n->ready.on_done(&g->n->ready, &a);
}

static bool told(const struct rig *g, const char *event)
{
    return strstr(g->events, event) != NULL;
}

static void what_is_old(void **state)
{
    static const struct {
        const char *what;
        int64_t skew_s;
        bool judged;
    } rows[] = {
        {"right", 0, true},
        {"an hour ahead", 3600, true},
        {"a day ahead", DAY_S, true},
        {"more than that", DAY_S + 1, false},
        {"a day behind", -DAY_S, true},
        {"years behind", -9000LL * DAY_S, false},
    };
    struct rig *g = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        keeporder_stop(g->n);
        g->events[0] = 0;
        g->keep->cas[0].skew_told_s = 0;
        known = false;
        give(g, 91 * DAY_S, 90 * DAY_S);
        keepname_look(g->n);
        if (told(g, "expiring")) /* the CA is asked first */
            fail_msg("%s: %s", rows[i].what, g->events);
        answer(g, rows[i].skew_s);
        keepname_look(g->n);
        bool ordering = g->n->stage == KEEP_ORDER, alarm = told(g, "certificate_expir");
        if (ordering != rows[i].judged || alarm != rows[i].judged)
            fail_msg("%s: ordering %d, alarm %d; %s", rows[i].what, ordering, alarm, g->events);
        if (told(g, "clock_skew:3") == rows[i].judged)
            fail_msg("%s: %s", rows[i].what, g->events);
        if (!rows[i].judged) {
            int64_t at_s = keepname_next_s(g->n), now_s = certclock_now_s(g->loop);
            assert_true(told(g, "order_held_back"));
            assert_int_equal(g->n->job.failures, 0);
            if (at_s <= now_s || at_s > now_s + 3601)
                fail_msg("%s: looks again in %lld s", rows[i].what, (long long)(at_s - now_s));
        }
    }
}

static void once_a_day(void **state)
{
    struct rig *g = *state;
    give(g, 91 * DAY_S, 90 * DAY_S);
    for (int i = 0; i < 3; i++) {
        keepname_look(g->n);
        answer(g, 400LL * DAY_S);
        g->n->wait_until_s = 0;
    }
    char *first = strstr(g->events, "clock_skew");
    assert_non_null(first);
    assert_null(strstr(first + 1, "clock_skew"));
}

static void mended(void **state)
{
    struct rig *g = *state;
    give(g, 91 * DAY_S, 90 * DAY_S);
    keepname_look(g->n);
    answer(g, 400LL * DAY_S);
    assert_true(keepname_attempt_s(g->n) > certclock_now_s(g->loop));
    g->n->wait_until_s += 400LL * DAY_S; /* as if the clock had gone back since */
    known = false;
    assert_true(keepname_attempt_s(g->n) <= certclock_now_s(g->loop));
    keepname_look(g->n);
    answer(g, 1);
    assert_int_equal(g->n->stage, KEEP_ORDER);
}

/* Trouble that no clock is part of does not wait for one. */
static void what_is_no_question_of_age(void **state)
{
    struct rig *g = *state;
    give(g, 10, 90 * DAY_S);
    keepname_look(g->n);
    assert_int_equal(g->n->stage, KEEP_IDLE);
    g->n->forced = true;
    keepname_look(g->n);
    answer(g, 400LL * DAY_S);
    assert_int_equal(g->n->stage, KEEP_ORDER);
    keeporder_stop(g->n);
    g->n->forced = false;
    g->n->meta.revoked = true;
    keepname_replan(g->n);
    keepname_look(g->n);
    answer(g, 400LL * DAY_S);
    assert_int_equal(g->n->stage, KEEP_ORDER);
}

static void one_ca_that_agrees(void **state)
{
    struct rig *g = *state;
    assert_int_equal(keepca_clock(g->keep), KEEPCA_CLOCK_UNKNOWN);
    known = true;
    skew_s = 2 * DAY_S;
    assert_int_equal(keepca_clock(g->keep), KEEPCA_CLOCK_WRONG);
    skew_s = -2;
    assert_int_equal(keepca_clock(g->keep), KEEPCA_CLOCK_RIGHT);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(what_is_old),        CASE(once_a_day), CASE(mended), CASE(what_is_no_question_of_age),
        CASE(one_ca_that_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
