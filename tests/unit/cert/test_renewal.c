/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* When certificates are renewed: by lifetime, by the CA's window, and what overrules it. */
#include "cert/renewal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY   86400LL
#define BEGIN 1800000000LL /* notBefore of every certificate here */
#define HALF  500000u

static struct certinfo leaf_of(int64_t life_s)
{
    return (struct certinfo){.not_before_s = BEGIN, .not_after_s = BEGIN + life_s};
}

static void expect(const char *what, int64_t got, int64_t wanted)
{
    if (got != wanted)
        fail_msg("%s: got %lld, wanted %lld", what, (long long)got, (long long)wanted);
}

static void by_lifetime(void **state)
{
    static const struct {
        const char *what;
        int64_t life_s;
        uint32_t draw;
        int64_t at_s; /* after notBefore */
    } rows[] = {
        {"90 days, middle", 90 * DAY, HALF, 60 * DAY},
        {"90 days, first", 90 * DAY, 0, 60 * DAY - 90 * DAY / 100},
        {"90 days, last", 90 * DAY, 999999, 60 * DAY + 90 * DAY / 100 - 1},
        {"47 days", 47 * DAY, HALF, 47 * DAY * 2 / 3},
        {"10 days", 10 * DAY, HALF, 10 * DAY * 2 / 3},
        {"160 hours", 160 * 3600, HALF, 80 * 3600},
        {"6 days", 6 * DAY, HALF, 3 * DAY},
        {"an hour", 3600, HALF, 1800},
        {"60 seconds", 60, HALF, 30},
        {"10 seconds", 10, HALF, 5},
        {"nothing", 0, HALF, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct certinfo leaf = leaf_of(rows[i].life_s);
        const struct lineage_meta meta = {.draw = rows[i].draw};
        struct renewal plan;
        renewal_plan(&leaf, &meta, &plan);
        expect(rows[i].what, plan.at_s - BEGIN, rows[i].at_s);
        expect(rows[i].what, plan.why, rows[i].life_s < 10 * DAY ? RENEWAL_HALF : RENEWAL_LIFETIME);
    }
}

static void by_window(void **state)
{
    static const struct {
        const char *what;
        int64_t life_s, issued_s, start_s, end_s, now_s; /* after notBefore */
        int64_t at_s;
        enum renewal_why why;
    } rows[] = {
        {"in its middle", 90 * DAY, 3600, 50 * DAY, 52 * DAY, 2 * DAY, 51 * DAY, RENEWAL_ARI},
        {"a window of seconds", 60, 0, 20, 30, 7, 25, RENEWAL_ARI},
        {"began already", 90 * DAY, 0, 20 * DAY, 40 * DAY, 35 * DAY, 30 * DAY, RENEWAL_ARI},
        {"past, half-way", 90 * DAY, 0, 20 * DAY, 21 * DAY, 30 * DAY, 30 * DAY, RENEWAL_ARI_PAST},
        {"too late", 90 * DAY, 0, 89 * DAY, 91 * DAY, 30 * DAY, 90 * DAY * 19 / 20, RENEWAL_LATE},
        {"too early for its age", 90 * DAY, 3600, 100, 300, 10 * DAY, 10 * DAY, RENEWAL_ARI_PAST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct certinfo leaf = leaf_of(rows[i].life_s);
        struct lineage_meta meta = {.draw = HALF, .issued_s = BEGIN + rows[i].issued_s};
        struct renewal plan;
        bool suspicious = false;
        assert_true(renewal_take_window(&meta, &leaf, BEGIN + rows[i].start_s,
                                        BEGIN + rows[i].end_s, BEGIN + rows[i].now_s, &suspicious));
        renewal_plan(&leaf, &meta, &plan);
        expect(rows[i].what, plan.at_s - BEGIN, rows[i].at_s);
        expect(rows[i].what, plan.why, rows[i].why);
    }
}

/* The time is drawn once for a window, and anew for another one. */
static void a_window_that_stays(void **state)
{
    const struct certinfo leaf = leaf_of(90 * DAY);
    struct lineage_meta meta = {.draw = 250000};
    bool suspicious = false;
    (void)state;
    assert_true(renewal_take_window(&meta, &leaf, BEGIN + 60 * DAY, BEGIN + 64 * DAY, BEGIN + 3600,
                                    &suspicious));
    expect("drawn", meta.ari_chosen_s - BEGIN, 61 * DAY);
    assert_false(renewal_take_window(&meta, &leaf, BEGIN + 60 * DAY, BEGIN + 64 * DAY,
                                     BEGIN + 70 * DAY, &suspicious));
    expect("kept", meta.ari_chosen_s - BEGIN, 61 * DAY);
    assert_true(renewal_take_window(&meta, &leaf, BEGIN + 30 * DAY, BEGIN + 34 * DAY,
                                    BEGIN + 20 * DAY, &suspicious));
    expect("drawn anew", meta.ari_chosen_s - BEGIN, 31 * DAY);
    /* inverted and empty: not believed */
    assert_false(renewal_take_window(&meta, &leaf, BEGIN + 5, BEGIN + 4, BEGIN, &suspicious));
    assert_false(renewal_take_window(&meta, &leaf, BEGIN + 5, BEGIN + 5, BEGIN, &suspicious));
    expect("kept after nonsense", meta.ari_chosen_s - BEGIN, 31 * DAY);
}

static void a_past_window_of_a_young_one(void **state)
{
    const struct certinfo leaf = leaf_of(90 * DAY);
    struct lineage_meta meta = {.draw = HALF, .issued_s = BEGIN + 3600};
    struct renewal plan;
    bool suspicious = false;
    (void)state;
    assert_false(
        renewal_take_window(&meta, &leaf, BEGIN - 9, BEGIN - 3, BEGIN + 4000, &suspicious));
    assert_true(suspicious);
    expect("nothing changed", meta.ari_chosen_s, 0);
    /* a sane answer in between clears it */
    assert_true(renewal_take_window(&meta, &leaf, BEGIN + 60 * DAY, BEGIN + 62 * DAY, BEGIN + 4100,
                                    &suspicious));
    assert_false(suspicious);
    assert_false(
        renewal_take_window(&meta, &leaf, BEGIN - 9, BEGIN - 3, BEGIN + 4200, &suspicious));
    assert_true(renewal_take_window(&meta, &leaf, BEGIN - 9, BEGIN - 3, BEGIN + 4300, &suspicious));
    assert_false(suspicious);
    renewal_plan(&leaf, &meta, &plan);
    expect("not before an hour", plan.at_s - BEGIN, 3600 + 3600);
    expect("why", plan.why, RENEWAL_ARI_PAST);
}

static void revoked(void **state)
{
    const struct certinfo leaf = leaf_of(90 * DAY);
    const struct lineage_meta meta = {.revoked = true, .ari_chosen_s = BEGIN + 60 * DAY};
    struct renewal plan;
    (void)state;
    renewal_plan(&leaf, &meta, &plan);
    expect("at once", plan.at_s, BEGIN);
    expect("why", plan.why, RENEWAL_REVOKED);
    for (int why = RENEWAL_LIFETIME; why <= RENEWAL_FORCED; why++)
        assert_true(renewal_why_text((enum renewal_why)why)[0]);
}

static void polls(void **state)
{
    static const struct {
        int64_t retry_after_s;
        uint32_t draw;
        int64_t wait_s;
    } rows[] = {
        {-1, HALF, 6 * 3600},  {-1, 0, 6 * 3600 * 9 / 10},  {0, HALF, 60},
        {59, HALF, 60},        {3600, HALF, 3600},          {3600, 0, 3240},
        {10 * DAY, HALF, DAY}, {10 * DAY, 0, DAY * 9 / 10}, {INT64_MAX, HALF, DAY},
    };
    static const int64_t errors[] = {60, 60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect("poll", renewal_next_poll(BEGIN, rows[i].retry_after_s, rows[i].draw) - BEGIN,
               rows[i].wait_s);
    for (uint32_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        expect("error", renewal_next_poll_after_error(BEGIN, false, i) - BEGIN, errors[i]);
    expect("many", renewal_next_poll_after_error(BEGIN, false, 4000000000u) - BEGIN, 21600);
    expect("long", renewal_next_poll_after_error(BEGIN, true, 1) - BEGIN, 21600);
}

static void alarms(void **state)
{
    static const struct {
        int64_t life_s, plan_s, now_s;
        enum renewal_alarm alarm;
    } rows[] = {
        {90 * DAY, 60 * DAY, 74 * DAY, RENEWAL_FINE},
        {90 * DAY, 60 * DAY, 75 * DAY, RENEWAL_WARN},
        {90 * DAY, 60 * DAY, 81 * DAY - 1, RENEWAL_WARN},
        {90 * DAY, 60 * DAY, 81 * DAY, RENEWAL_CRITICAL},
        {90 * DAY, 60 * DAY, 90 * DAY, RENEWAL_EXPIRED},
        {60, 30, 44, RENEWAL_FINE},
        {60, 30, 45, RENEWAL_WARN},
        {60, 30, 54, RENEWAL_CRITICAL},
        {6 * DAY, 3 * DAY, 108 * 3600, RENEWAL_WARN},
        {90 * DAY, -BEGIN, 44 * DAY, RENEWAL_FINE}, /* a plan before the certificate */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct certinfo leaf = leaf_of(rows[i].life_s);
        const struct renewal plan = {BEGIN + rows[i].plan_s, RENEWAL_LIFETIME};
        char what[32];
        snprintf(what, sizeof(what), "alarm of row %zu", i);
        expect(what, renewal_alarm(&leaf, &plan, BEGIN + rows[i].now_s), rows[i].alarm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_lifetime),
        cmocka_unit_test(by_window),
        cmocka_unit_test(a_window_that_stays),
        cmocka_unit_test(a_past_window_of_a_young_one),
        cmocka_unit_test(revoked),
        cmocka_unit_test(polls),
        cmocka_unit_test(alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
