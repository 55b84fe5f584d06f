/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The bucket of failed validations and the breaker: neither a crash loop nor a clock gets around
 * them. */
#include "cert/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1800000000LL
#define DAY 86400LL

static const struct slice ca = SLICE("https://ca.test/dir"), other_ca = SLICE("https://b.test/dir");
static const struct slice both[] = {SLICE("a.example.com"), SLICE("b.example.com")};

struct rig {
    char dir[64];
    struct budget *b;
};

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-budget-XXXXXX");
    *state = g;
    return !mkdtemp(g->dir);
}

static int unmake(void **state)
{
    struct rig *g = *state;
    char command[128];
    budget_close(g->b);
    snprintf(command, sizeof(command), "rm -rf %s", g->dir);
    int r = system(command);
    free(g);
    return r;
}

static void reopen(struct rig *g, int64_t now_s)
{
    budget_close(g->b);
    assert_int_equal(budget_open(g->dir, now_s, &g->b, NULL), OK);
}

static void a_bucket(void **state)
{
    struct rig *g = *state;
    int64_t at_s = 0;
    reopen(g, NOW);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(budget_ask(g->b, ca, both, 2, NOW, &at_s), OK);
        budget_spend(g->b, ca, both[0], NOW);
    }
    assert_int_equal(budget_fill(g->b, ca, both[0], NOW), 0);
    assert_int_equal(budget_fill(g->b, ca, both[1], NOW), 4000);
    assert_int_equal(budget_fill(g->b, other_ca, both[0], NOW), 4000);
    assert_int_equal(budget_ask(g->b, ca, both, 2, NOW, &at_s), ERR_CAP);
    assert_int_equal(at_s - NOW, 900);
    assert_int_equal(budget_ask(g->b, ca, both, 2, NOW + 600, &at_s), ERR_CAP);
    assert_int_equal(at_s - NOW, 900);
    assert_int_equal(budget_ask(g->b, ca, both, 2, NOW + 900, &at_s), OK);
    assert_int_equal(budget_ask(g->b, ca, both + 1, 1, NOW, &at_s), OK);
    assert_int_equal(budget_ask(g->b, other_ca, both, 2, NOW, &at_s), OK);
    assert_int_equal(budget_fill(g->b, ca, both[0], NOW + 1800), 2000);
    assert_int_equal(budget_fill(g->b, ca, both[0], NOW + 100 * DAY), 4000);
    /* a clock that was put back gives nothing away */
    assert_int_equal(budget_fill(g->b, ca, both[0], NOW - 100 * DAY), 0);
    budget_spend(g->b, ca, both[0], NOW);
    assert_int_equal(budget_fill(g->b, ca, both[0], NOW), 0);
}

static void it_outlives_a_crash(void **state)
{
    struct rig *g = *state;
    struct stat st;
    char path[128];
    int64_t at_s;
    for (int i = 0; i < 4; i++) {
        reopen(g, NOW + i);
        budget_spend(g->b, ca, both[0], NOW + i);
    }
    reopen(g, NOW + 4);
    assert_true(budget_fill(g->b, ca, both[0], NOW + 4) < 10);
    assert_int_equal(budget_ask(g->b, ca, both, 1, NOW + 4, &at_s), ERR_CAP);
    snprintf(path, sizeof(path), "%s/budget.json", g->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void nonsense_is_an_empty_hour(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"format\":1}",
        "{\"format\":1,\"buckets\":[{}]}",
        "{\"format\":1,\"buckets\":[{\"directory\":\"x\",\"name\":\"y\",\"tokens\":9000,\"at\":1}]"
        "}",
        "{\"format\":1,\"buckets\":[{\"directory\":1,\"name\":\"y\",\"tokens\":9,\"at\":1}]}"};
    struct rig *g = *state;
    char path[128];
    int64_t at_s;
    snprintf(path, sizeof(path), "%s/budget.json", g->dir);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILE *file = fopen(path, "w");
        fputs(texts[i], file);
        fclose(file);
        reopen(g, NOW);
        if (budget_fill(g->b, ca, both[0], NOW) != 0)
            fail_msg("text %zu: %u thousandths, wanted 0", i, budget_fill(g->b, ca, both[0], NOW));
        assert_int_equal(budget_ask(g->b, ca, both, 2, NOW, &at_s), ERR_CAP);
        assert_int_equal(at_s - NOW, 900);
        assert_int_equal(budget_fill(g->b, ca, both[0], NOW + 3600), 4000);
    }
}

static void a_store_that_takes_nothing(void **state)
{
    struct rig *g = *state;
    assert_int_equal(budget_open("/proc/1/none", NOW, &g->b, NULL), OK);
    budget_spend(g->b, ca, both[0], NOW);
    assert_int_equal(budget_fill(g->b, ca, both[0], NOW), 3000);
}

static void breaker(void **state)
{
    static const struct {
        const char *what;
        int64_t ago_s[8]; /* of the issues; 0: none */
        int64_t life_s, wait_s;
    } rows[] = {
        {"none yet", {0}, 0, 0},
        {"one", {5}, 90 * DAY, 0},
        {"two in a minute", {5, 60}, 90 * DAY, DAY - 60},
        {"two in a day", {5, DAY - 1}, 90 * DAY, 1},
        {"two in a day and a second", {5, DAY}, 90 * DAY, 0},
        {"two, no certificate", {5, 60}, 0, DAY - 60},
        {"three in a week", {DAY, 2 * DAY, 6 * DAY}, 90 * DAY, 0},
        {"four in a week", {DAY, 2 * DAY, 3 * DAY, 4 * DAY}, 90 * DAY, 3 * DAY},
        {"four in more than a week", {DAY, 2 * DAY, 3 * DAY, 7 * DAY}, 90 * DAY, 0},
        {"160 hours, as planned", {288000, 576000, 864000, 1152000}, 160 * 3600, 0},
        {"160 hours, loop", {5, 60}, 160 * 3600, DAY - 60},
        {"a day, as planned", {43200, 86400, 129600, 172800}, DAY, 0},
        {"a minute, as planned", {29, 58, 87, 116, 145, 174, 203, 232}, 60, 0},
        {"a minute, loop", {1, 2, 3, 4}, 60, 86},
        {"ten seconds, as planned", {5, 10, 15, 20, 25, 30, 35, 40}, 10, 0},
        {"from a clock that was ahead", {-9 * DAY, -9 * DAY}, 90 * DAY, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct job j = {0};
        int64_t at_s = NOW;
        for (size_t n = 0; n < 8; n++)
            j.issues_s[n] = rows[i].ago_s[n] ? NOW - rows[i].ago_s[n] : 0;
        int r = budget_breaker(&j, rows[i].life_s, NOW, &at_s);
        if (at_s - NOW != rows[i].wait_s || r != (rows[i].wait_s ? ERR_CAP : OK))
            fail_msg("%s: %s and %lld s, wanted %lld s", rows[i].what, err_name(r),
                     (long long)(at_s - NOW), (long long)rows[i].wait_s);
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(a_bucket),
        CASE(it_outlives_a_crash),
        CASE(nonsense_is_an_empty_hour),
        CASE(a_store_that_takes_nothing),
        CASE(breaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
