/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Arenas: alignment, caps, oversized pieces, texts. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"

static void pieces_are_apart_and_aligned(void **state)
{
    (void)state;
    struct arena a;
    uint8_t *pieces[300];
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < 300; i++) {
        size_t n = i % 10 == 9 ? 6000 : i;
        pieces[i] = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, n);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < (i % 10 == 9 ? 6000 : i); k++)
            assert_int_equal(pieces[i][k], (uint8_t)i);
    arena_done(&a);
}

static void the_cap_holds(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1000);
    assert_non_null(arena_alloc(&a, 900));
    assert_null(arena_alloc(&a, 200));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 64));
    arena_done(&a);
    assert_non_null(arena_alloc(&a, 900));
    arena_done(&a);
}

static void texts(void **state)
{
    (void)state;
    struct arena a;
    struct slice s;
    arena_init(&a, 100000);
    assert_int_equal(arena_printf(&a, &s, "%s-%d", "x", 7), OK);
    assert_int_equal(s.n, 3);
    assert_string_equal((const char *)s.p, "x-7");
    assert_int_equal(arena_printf(&a, &s, "%01000d", 5), OK);
    assert_int_equal(s.n, 1000);
    assert_int_equal(s.p[999], '5');
    assert_string_equal(arena_cstr(&a, SLICE("abc")), "abc");
    assert_int_equal(arena_copy(&a, SLICE_EMPTY, &s), OK);
    assert_non_null(s.p);
    arena_done(&a);
}

static void done_gives_everything_back(void **state)
{
    (void)state;
    struct arena a;
    uint64_t before = pool_used_bytes();
    arena_init(&a, 1 << 20);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_zalloc(&a, 777));
    arena_done(&a);
    assert_int_equal(pool_used_bytes(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_are_apart_and_aligned),
                                       cmocka_unit_test(the_cap_holds), cmocka_unit_test(texts),
                                       cmocka_unit_test(done_gives_everything_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
