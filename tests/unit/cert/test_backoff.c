/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Classes of failure, and the time of the next attempt. */
#include "cert/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY  86400LL
#define NOW  1800000000LL
#define HALF 500000u

static void classes(void **state)
{
    static const struct {
        int r;
        const char *type;
        unsigned status;
        enum backoff_class class;
    } rows[] = {
        {ERR_ACME, "connection", 400, BACKOFF_VALIDATION},
        {ERR_ACME, "dns", 400, BACKOFF_VALIDATION},
        {ERR_ACME, "tls", 400, BACKOFF_VALIDATION},
        {ERR_ACME, "unauthorized", 403, BACKOFF_VALIDATION},
        {ERR_ACME, "incorrectResponse", 0, BACKOFF_VALIDATION},
        {ERR_ACME, "connection", 429, BACKOFF_RATE},
        {ERR_ACME, "rateLimited", 429, BACKOFF_RATE},
        {ERR_ACME, "rateLimited", 503, BACKOFF_RATE},
        {ERR_ACME, "", 429, BACKOFF_RATE},
        {ERR_ACME, "", 503, BACKOFF_NETWORK},
        {ERR_ACME, "", 500, BACKOFF_NETWORK},
        {ERR_ACME, "serverInternal", 500, BACKOFF_NETWORK},
        {ERR_ACME, "badNonce", 400, BACKOFF_NETWORK},
        {ERR_ACME, "accountDoesNotExist", 400, BACKOFF_NETWORK},
        {ERR_ACME, "alreadyReplaced", 409, BACKOFF_NETWORK},
        {ERR_ACME, "caa", 403, BACKOFF_PERMANENT},
        {ERR_ACME, "rejectedIdentifier", 400, BACKOFF_PERMANENT},
        {ERR_ACME, "invalidProfile", 400, BACKOFF_PERMANENT},
        {ERR_ACME, "userActionRequired", 403, BACKOFF_PERMANENT},
        {ERR_ACME, "externalAccountRequired", 403, BACKOFF_PERMANENT},
        {ERR_ACME, "malformed", 400, BACKOFF_PERMANENT},
        {ERR_ACME, "malformed", 0, BACKOFF_PERMANENT},
        {ERR_ACME, "neverHeardOf", 404, BACKOFF_PERMANENT},
        {ERR_ACME, "neverHeardOf", 502, BACKOFF_NETWORK},
        {ERR_ACME, NULL, 0, BACKOFF_NETWORK},
        {ERR_TIMEOUT, NULL, 0, BACKOFF_NETWORK},
        {ERR_RESOLVE, NULL, 0, BACKOFF_NETWORK},
        {ERR_VERIFY, NULL, 0, BACKOFF_NETWORK},
        {ERR_SYNTAX, NULL, 0, BACKOFF_NETWORK},
        {ERR_SYS, NULL, 0, BACKOFF_LOCAL},
        {ERR_NOMEM, NULL, 0, BACKOFF_LOCAL},
        {ERR_HOOK, NULL, 0, BACKOFF_LOCAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct acmeobj_problem p = {.type = slice_cstr(rows[i].type),
                                          .status = rows[i].status};
        enum backoff_class got = backoff_class_of(rows[i].r, rows[i].type ? &p : NULL);
        if (got != rows[i].class)
            fail_msg("row %zu (%s %u): got %s, wanted %s", i, rows[i].type ? rows[i].type : "-",
                     rows[i].status, backoff_class_text(got), backoff_class_text(rows[i].class));
    }
}

static void compounds(void **state)
{
    const struct acmeobj_problem sub[] = {{.type = SLICE("dns"), .status = 400},
                                          {.type = SLICE("caa"), .status = 403}};
    struct acmeobj_problem p = {.type = SLICE("compound"), .status = 400, .sub = sub, .nsub = 1};
    (void)state;
    assert_int_equal(backoff_class_of(ERR_ACME, &p), BACKOFF_VALIDATION);
    p.nsub = 2;
    assert_int_equal(backoff_class_of(ERR_ACME, &p), BACKOFF_PERMANENT);
    p.nsub = 0;
    assert_int_equal(backoff_class_of(ERR_ACME, &p), BACKOFF_PERMANENT);
}

static void schedule(void **state)
{
#define N BACKOFF_NETWORK
#define V BACKOFF_VALIDATION
#define R BACKOFF_RATE
#define P BACKOFF_PERMANENT
#define L BACKOFF_LOCAL
    static const struct {
        const char *what;
        enum backoff_class class;
        uint32_t failures;
        int64_t failing_s, retry_after_s, left_s, life_s;
        uint32_t draw;
        int64_t wait_s;
    } rows[] = {
        {"first", N, 1, 0, -1, 0, 0, HALF, 60},
        {"second", N, 2, 60, -1, 0, 0, HALF, 120},
        {"sixth", N, 6, 60, -1, 0, 0, HALF, 1920},
        {"seventh", N, 7, 60, -1, 0, 0, HALF, 3600},
        {"many", N, 4000000000u, 60, -1, 0, 0, HALF, 3600},
        {"none at all", N, 0, 0, -1, 0, 0, HALF, 60},
        {"earliest", N, 3, 0, -1, 0, 0, 0, 180},
        {"latest", N, 3, 0, -1, 0, 0, 999999, 299},
        {"never under a minute", N, 1, 0, -1, 0, 0, 0, 60},
        {"validation", V, 1, 0, -1, 0, 0, HALF, 60},
        {"validation, second", V, 2, 0, -1, 0, 0, HALF, 600},
        {"validation, third", V, 3, 0, -1, 0, 0, HALF, 6000},
        {"validation, fourth", V, 4, 0, -1, 0, 0, HALF, 21600},
        {"rate", R, 1, 0, -1, 0, 0, HALF, 3600},
        {"rate, third", R, 3, 0, -1, 0, 0, HALF, 4 * 3600},
        {"rate, ninth", R, 9, 0, -1, 0, 0, HALF, DAY},
        {"permanent", P, 1, 0, -1, 0, 0, HALF, DAY},
        {"local", L, 1, 0, -1, 0, 0, HALF, 300},
        {"local, fifth", L, 5, 0, -1, 0, 0, HALF, 3600},
        {"a week of it", N, 5, 7 * DAY, -1, 0, 0, HALF, DAY},
        {"a week less a second", N, 5, 7 * DAY - 1, -1, 0, 0, HALF, 960},
        /* Retry-After */
        {"shorter", N, 7, 0, 90, 0, 0, 0, 90},
        {"longer", N, 1, 0, 5 * 3600, 0, 0, 0, 5 * 3600},
        {"longer than what is left", R, 1, 0, 40 * 3600, DAY, 90 * DAY, HALF, 40 * 3600},
        {"overrules daily", P, 1, 0, 600, 0, 0, HALF, 600},
        {"at once", N, 1, 0, 0, 0, 0, HALF, 1},
        {"at once for ever", N, 4, 0, 0, 0, 0, HALF, 60},
        {"a year", R, 1, 0, 365 * DAY, 0, 0, HALF, 8 * DAY},
        /* what is left of life */
        {"160 hours, 10 left", P, 1, 0, -1, 36000, 160 * 3600, HALF, 3600},
        {"47 days, permanent", P, 1, 0, -1, 15 * DAY, 47 * DAY, HALF, DAY},
        {"6 days, a minute left", N, 3, 0, -1, 60, 6 * DAY, HALF, 60},
        {"60 seconds, 30 left", N, 1, 0, -1, 30, 60, HALF, 3},
        {"60 seconds, 1 left", N, 9, 0, -1, 1, 60, HALF, 1},
        {"an hour, 10 minutes left", L, 1, 0, -1, 600, 3600, HALF, 60},
        {"an hour, 2 minutes left", L, 1, 0, -1, 120, 3600, HALF, 36},
        {"a week of it, 160 hours", N, 9, 8 * DAY, -1, DAY, 160 * 3600, HALF, 8640},
        {"expired", N, 3, 0, -1, 0, 90 * DAY, HALF, 240},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct backoff_input in = {.class = rows[i].class,
                                         .failures = rows[i].failures,
                                         .now_s = NOW,
                                         .first_failure_s = NOW - rows[i].failing_s,
                                         .retry_after_s = rows[i].retry_after_s,
                                         .left_s = rows[i].left_s,
                                         .life_s = rows[i].life_s,
                                         .draw = rows[i].draw};
        int64_t got = backoff_next(&in) - NOW;
        if (got != rows[i].wait_s)
            fail_msg("%s: got %lld s, wanted %lld s", rows[i].what, (long long)got,
                     (long long)rows[i].wait_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),
        cmocka_unit_test(compounds),
        cmocka_unit_test(schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
