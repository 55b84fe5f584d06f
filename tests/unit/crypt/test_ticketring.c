/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Rotation keeps one old key; what is packed for another process comes back the same. */
#include "crypt/ticketring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void rotates(void **state)
{
    (void)state;
    struct ticketring t = {0};
    assert_int_equal(ticketring_generate(&t), OK);
    assert_true(t.has_current && !t.has_previous);
    struct ticketring_key first = t.current;
    assert_int_equal(ticketring_rotate(&t), OK);
    assert_true(t.has_current && t.has_previous);
    assert_memory_equal(&t.previous, &first, sizeof(first));
    assert_memory_not_equal(&t.current, &first, sizeof(first));
    ticketring_wipe(&t);
    struct ticketring zero = {0};
    assert_memory_equal(&t, &zero, sizeof(t));
}

static void travels(void **state)
{
    (void)state;
    struct ticketring t = {0}, u = {0};
    struct secret s = SECRET_EMPTY;
    assert_int_equal(ticketring_generate(&t), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ticketring_pack(&t, &s), OK);
        assert_int_equal(secret_expose(&s).n, TICKETRING_BYTES);
        assert_int_equal(ticketring_unpack(&u, secret_expose(&s)), OK);
        assert_memory_equal(&t, &u, sizeof(t));
        assert_int_equal(ticketring_rotate(&t), OK);
    }
    struct slice packed = secret_expose(&s);
    assert_int_equal(ticketring_unpack(&u, slice_first(packed, packed.n - 1)), ERR_SYNTAX);
    s.p[0] = 2;
    struct ticketring before = u;
    assert_int_equal(ticketring_unpack(&u, packed), ERR_SYNTAX);
    assert_memory_equal(&before, &u, sizeof(u));
    secret_done(&s);
    assert_null(s.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rotates), cmocka_unit_test(travels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
