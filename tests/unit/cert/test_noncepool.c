/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Nonces: youngest first, never an old one, never more than a few. */
#include "cert/noncepool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct noncepool p;
static char dst[NONCEPOOL_BYTES + 1];

static const char *take(uint64_t now_ms)
{
    size_t n = noncepool_take(&p, now_ms, dst);
    dst[n] = 0;
    return dst;
}

static void youngest_first_and_few(void **state)
{
    (void)state;
    noncepool_clear(&p);
    for (int i = 0; i < 12; i++) {
        char text[8];
        snprintf(text, sizeof(text), "n%d", i);
        noncepool_put(&p, slice_cstr(text), (uint64_t)i);
    }
    for (int i = 11; i >= 12 - NONCEPOOL_MAX; i--) {
        char want[8];
        snprintf(want, sizeof(want), "n%d", i);
        assert_string_equal(take(20), want);
    }
    assert_string_equal(take(20), "");
}

static void old_ones_are_dropped(void **state)
{
    (void)state;
    noncepool_clear(&p);
    noncepool_put(&p, SLICE("old"), 1000);
    noncepool_put(&p, SLICE("young"), 2000);
    assert_string_equal(take(2000 + NONCEPOOL_AGE_MS), "young");
    assert_string_equal(take(2000 + NONCEPOOL_AGE_MS), "");
    noncepool_put(&p, SLICE("a"), 5000);
    assert_string_equal(take(5000 + NONCEPOOL_AGE_MS + 1), "");
}

static void oversized_ones_are_left_out(void **state)
{
    (void)state;
    static uint8_t big[NONCEPOOL_BYTES + 1] = {'x'};
    noncepool_clear(&p);
    noncepool_put(&p, slice_of(big, sizeof(big)), 0);
    noncepool_put(&p, SLICE_EMPTY, 0);
    assert_string_equal(take(0), "");
    noncepool_put(&p, slice_of(big, NONCEPOOL_BYTES), 0);
    assert_int_equal(noncepool_take(&p, 0, dst), NONCEPOOL_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(youngest_first_and_few),
        cmocka_unit_test(old_ones_are_dropped),
        cmocka_unit_test(oversized_ones_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
