/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Secrets are copies of their own, and replacing one forgets the other. */
#include "crypt/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static void holds_a_copy(void **state)
{
    (void)state;
    uint8_t bytes[] = "hush";
    struct secret s = SECRET_EMPTY;
    assert_int_equal(secret_set(&s, slice_of(bytes, 4)), OK);
    mem_wipe(bytes, sizeof(bytes));
    assert_true(slice_eq(secret_expose(&s), SLICE("hush")));
    assert_int_equal(secret_set(&s, SLICE("other")), OK);
    assert_true(slice_eq(secret_expose(&s), SLICE("other")));
    secret_done(&s);
    assert_int_equal(secret_expose(&s).n, 0);
    secret_done(&s);
}

static void keeps_the_old_one_without_memory(void **state)
{
    (void)state;
    struct secret s = SECRET_EMPTY;
    assert_int_equal(secret_set(&s, SLICE("old")), OK);
    mem_fail_at(1);
    assert_int_equal(secret_set(&s, SLICE("new")), ERR_NOMEM);
    assert_true(slice_eq(secret_expose(&s), SLICE("old")));
    secret_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holds_a_copy),
                                       cmocka_unit_test(keeps_the_old_one_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
