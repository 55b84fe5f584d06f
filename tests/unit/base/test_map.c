/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The hash table: many keys, replacement, absent keys, no memory. */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

static void many_keys(void **state)
{
    (void)state;
    struct map m;
    static int values[5000];
    char key[16];
    map_init(&m);
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(key, sizeof(key), "key-%d", i);
        assert_int_equal(map_put(&m, slice_of(key, (size_t)n), &values[i]), OK);
    }
    assert_int_equal(m.count, 5000);
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(key, sizeof(key), "key-%d", i);
        assert_ptr_equal(map_get(&m, slice_of(key, (size_t)n)), &values[i]);
    }
    assert_null(map_get(&m, SLICE("key-5000")));
    assert_null(map_get(&m, SLICE("")));
    map_done(&m);
}

static void replacing(void **state)
{
    (void)state;
    struct map m;
    int a, b;
    map_init(&m);
    assert_null(map_get(&m, SLICE("k")));
    assert_int_equal(map_put(&m, SLICE("k"), &a), OK);
    assert_int_equal(map_put(&m, SLICE("k"), &b), OK);
    assert_int_equal(m.count, 1);
    assert_ptr_equal(map_get(&m, SLICE("k")), &b);
    map_done(&m);
}

static void without_memory(void **state)
{
    (void)state;
    struct map m;
    int a;
    map_init(&m);
    for (uint64_t k = 1; k <= 2; k++) {
        mem_fail_at(k);
        assert_int_equal(map_put(&m, SLICE("k"), &a), ERR_NOMEM);
        mem_fail_at(0);
        map_done(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_keys), cmocka_unit_test(replacing),
                                       cmocka_unit_test(without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
