/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Buffers: order of bytes through any mix of adding and consuming, caps, storage given back when
 * empty. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static void bytes_keep_their_order(void **state)
{
    (void)state;
    struct buf b;
    uint8_t next_in = 0, next_out = 0, chunk[97];
    buf_init(&b, 100000);
    for (unsigned round = 0; round < 5000; round++) {
        size_t n = (round * 31) % sizeof(chunk);
        for (size_t i = 0; i < n; i++)
            chunk[i] = next_in++;
        assert_int_equal(buf_add(&b, slice_of(chunk, n)), OK);
        size_t take = b.n > 300 ? b.n - (round % 150) : (round * 17) % (b.n + 1);
        for (size_t i = 0; i < take; i++)
            assert_int_equal(buf_slice(&b).p[i], next_out++);
        buf_consume(&b, take);
    }
    buf_done(&b);
}

static void the_cap_holds(void **state)
{
    (void)state;
    struct buf b;
    uint8_t *p;
    buf_init(&b, 10);
    assert_int_equal(buf_add(&b, SLICE("12345678")), OK);
    assert_int_equal(buf_add(&b, SLICE("123")), ERR_CAP);
    assert_int_equal(b.n, 8);
    assert_int_equal(buf_reserve(&b, SIZE_MAX, &p), ERR_CAP);
    assert_int_equal(buf_add(&b, SLICE("90")), OK);
    assert_memory_equal(buf_slice(&b).p, "1234567890", 10);
    buf_done(&b);
}

static void an_empty_buffer_holds_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_int_equal(buf_add(&b, SLICE("abc")), OK);
    assert_non_null(b.p);
    buf_consume(&b, 3);
    assert_null(b.p);
    buf_done(&b);
}

static void printing_grows(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_printf(&b, "%0700d", i), OK);
    assert_int_equal(b.n, 70000);
    assert_memory_equal(buf_slice(&b).p + 69998, "99", 2);
    buf_done(&b);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10 << 20);
    assert_int_equal(buf_add(&b, SLICE("kept")), OK);
    static uint8_t large[1 << 20];
    mem_fail_at(1);
    assert_int_equal(buf_add(&b, slice_of(large, sizeof(large))), ERR_NOMEM);
    mem_fail_at(0);
    assert_int_equal(b.n, 4);
    assert_memory_equal(buf_slice(&b).p, "kept", 4);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_keep_their_order), cmocka_unit_test(the_cap_holds),
        cmocka_unit_test(an_empty_buffer_holds_nothing), cmocka_unit_test(printing_grows),
        cmocka_unit_test(without_memory_nothing_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
