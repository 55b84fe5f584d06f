/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The pool: sizes, alignment, LIFO reuse, contents over a resize, large blocks, accounts. */
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void every_size_is_usable_and_aligned(void **state)
{
    (void)state;
    for (size_t n = 0; n < 3 * POOL_MAX; n += n < 600 ? 1 : n / 7) {
        uint8_t *p = pool_alloc(n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(pool_size(p) >= n);
        memset(p, 0xa5, n);
        pool_free(p);
    }
}

static void neighbours_do_not_overlap(void **state)
{
    (void)state;
    uint8_t *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = pool_alloc(i * 37 + 1);
        memset(blocks[i], (int)i, i * 37 + 1);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 37 + 1; k++)
            assert_int_equal(blocks[i][k], (uint8_t)i);
        pool_free(blocks[i]);
    }
}

static void resize_keeps_contents(void **state)
{
    (void)state;
    uint8_t *p = pool_alloc(10);
    memcpy(p, "0123456789", 10);
    for (size_t n = 10; n < 200000; n = n * 3) {
        p = pool_resize(p, n);
        assert_non_null(p);
        assert_memory_equal(p, "0123456789", 10);
    }
    p = pool_resize(p, 10);
    assert_memory_equal(p, "0123456789", 10);
    pool_free(p);
    p = pool_resize(NULL, 5);
    assert_non_null(p);
    pool_free(p);
    pool_free(NULL);
}

static void last_freed_comes_first(void **state)
{
    (void)state;
#if !defined(PORT443_SANITIZED)
    void *a = pool_alloc(1000), *b = pool_alloc(1000);
    pool_free(a);
    pool_free(b);
    assert_ptr_equal(pool_alloc(1000), b);
    assert_ptr_equal(pool_alloc(990), a);
    pool_free(a);
    pool_free(b);
#endif
}

static void accounts_balance(void **state)
{
    (void)state;
    uint64_t before = pool_used_bytes();
    void *a = pool_alloc(100), *b = pool_alloc(POOL_MAX + 1);
    assert_true(pool_used_bytes() >= before + 100 + POOL_MAX + 1);
    assert_true(pool_held_bytes() >= pool_used_bytes());
    pool_free(a);
    pool_free(b);
    assert_int_equal(pool_used_bytes(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_usable_and_aligned),
        cmocka_unit_test(neighbours_do_not_overlap), cmocka_unit_test(resize_keeps_contents),
        cmocka_unit_test(last_freed_comes_first), cmocka_unit_test(accounts_balance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
