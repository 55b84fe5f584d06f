/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Alarms by the fraction of a lifetime, order by urgency, and the three shapes of the rows. */
#include "check/expiry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "check/expiryreport.h"

#define H 3600
#define D (24 * H)

static void judges(void **state)
{
    (void)state;
    static const struct {
        int64_t life_s, age_s;
        enum expiry_state want;
    } rows[] = {
        {90 * D, -1, EXPIRY_NOT_YET},
        {90 * D, 0, EXPIRY_GOOD},
        {90 * D, 60 * D - 1, EXPIRY_GOOD},
        {90 * D, 60 * D, EXPIRY_WARN},
        {90 * D, 81 * D - 1, EXPIRY_WARN},
        {90 * D, 81 * D, EXPIRY_CRITICAL},
        {90 * D, 90 * D, EXPIRY_CRITICAL},
        {90 * D, 90 * D + 1, EXPIRY_EXPIRED},
        {200 * D, 133 * D, EXPIRY_GOOD},
        {200 * D, 134 * D, EXPIRY_WARN},
        {200 * D, 180 * D, EXPIRY_CRITICAL},
        {6 * D, 3 * D, EXPIRY_GOOD},
        {6 * D, 4 * D, EXPIRY_WARN},
        {6 * D, 5 * D - 1, EXPIRY_WARN},
        {6 * D, 5 * D, EXPIRY_CRITICAL}, /* a day, though more than a tenth */
        {12 * H, H, EXPIRY_CRITICAL},
        {0, 0, EXPIRY_CRITICAL},
        {-5, 0, EXPIRY_EXPIRED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum expiry_state got =
            expiry_judge(1000000000, 1000000000 + rows[i].life_s, 1000000000 + rows[i].age_s);
        if (got != rows[i].want)
            fail_msg("row %zu: %s, not %s", i, expiry_state_text(got),
                     expiry_state_text(rows[i].want));
    }
}

static const struct facts_target targets[] = {
    {.text = SLICE("b"), .host = SLICE("b"), .port = 443},
    {.text = SLICE("a\"\\"), .host = SLICE("a"), .port = 443},
    {.text = SLICE("c"), .host = SLICE("c"), .port = 8443},
    {.text = SLICE("d"), .host = SLICE("d"), .port = 443},
};

static void fill(struct expiry_row *rows)
{
    const enum expiry_state states[] = {EXPIRY_GOOD, EXPIRY_GOOD, EXPIRY_UNSEEN, EXPIRY_EXPIRED};
    for (size_t i = 0; i < 4; i++)
        rows[i] = (struct expiry_row){.target = &targets[i],
                                      .state = states[i],
                                      .not_before_s = 1000000000,
                                      .not_after_s = 1000000000 + 90 * D,
                                      .issuer = "Some \"CA\"",
                                      .name_match = true,
                                      .why = "it is down"};
}

static void sorts(void **state)
{
    (void)state;
    struct expiry_row rows[4];
    fill(rows);
    expiry_sort(rows, 4);
    const char *want[] = {"d", "c", "a\"\\", "b"};
    for (size_t i = 0; i < 4; i++)
        if (!slice_eq(rows[i].target->text, slice_cstr(want[i])))
            fail_msg("place %zu: " SLICE_F ", not %s", i, SLICE_A(rows[i].target->text), want[i]);
}

static bool contains(const struct buf *b, const char *text)
{
    struct slice s = buf_slice(b), want = slice_cstr(text);
    for (size_t i = 0; i + want.n <= s.n; i++)
        if (slice_eq(slice_of(s.p + i, want.n), want))
            return true;
    return false;
}

static void writes(void **state)
{
    (void)state;
    static const char *const prometheus[] = {
        "port443_check_not_after_seconds{target=\"b\",issuer=\"Some \\\\x22CA\\\\x22\"} "
        "1007776000\n",
        "port443_check_expiry_alarm{target=\"d\",issuer=\"Some \\\\x22CA\\\\x22\"} 3\n",
        "port443_check_up{target=\"c\",reason=\"it is down\"} 0\n",
    };
    struct expiry_row rows[4];
    struct buf out;
    fill(rows);
    buf_init(&out, 1u << 20);
    assert_int_equal(expiryreport_table(rows, 4, 1000000000 + 80 * D, false, &out), OK);
    assert_true(contains(&out, "good          2001-12-08    10 d  b  (Some \"CA\")\n"));
    assert_true(contains(&out, "c: it is down\n"));
    assert_true(contains(&out, "4 hosts, 1 expired, 1 unseen, 2 good\n"));
    buf_reset(&out);
    assert_int_equal(expiryreport_prometheus(rows, 4, &out), OK);
    for (size_t i = 0; i < ARRAY_LEN(prometheus); i++)
        if (!contains(&out, prometheus[i]))
            fail_msg("<%s> is not in <" SLICE_F ">", prometheus[i], SLICE_A(buf_slice(&out)));
    assert_false(contains(&out, "not_after_seconds{target=\"c\""));
    buf_reset(&out);
    assert_int_equal(expiryreport_json(rows, 4, 1000000000, &out), OK);
    struct slice rest = buf_slice(&out), line;
    size_t lines = 0;
    while (slice_next(&rest, '\n', &line) && line.n) {
        assert_true(json_valid(line));
        lines++;
    }
    assert_int_equal(lines, 4);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judges), cmocka_unit_test(sorts),
                                       cmocka_unit_test(writes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
