/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Counting per address: many addresses in few slots, IPv6 by its /64. */
#include "conn/ipcount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/pool.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_int_equal(cidr_parse_ip(slice_cstr(text), &ip), OK);
    return ip;
}

static void counts_by_address(void **state)
{
    (void)state;
    struct ipcount t;
    uint64_t used = pool_used_bytes();
    assert_int_equal(ipcount_init(&t, 10, 12345), OK);
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < 5000; i++) {
            char text[32];
            uint32_t n = 0;
            snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250);
            struct ip ip = ip_of(text);
            assert_int_equal(ipcount_add(&t, &ip, &n), OK);
            assert_int_equal(n, round);
        }
    }
    struct ip ip = ip_of("10.0.7.7");
    uint32_t n;
    ipcount_drop(&t, &ip);
    ipcount_drop(&t, &ip);
    ipcount_drop(&t, &ip);
    assert_int_equal(ipcount_add(&t, &ip, &n), OK);
    assert_int_equal(n, 1);
    ipcount_done(&t);
    assert_int_equal(pool_used_bytes(), used);
}

static void takes_a_64_as_one_client(void **state)
{
    (void)state;
    struct ipcount t;
    struct ip a = ip_of("2001:db8::1"), b = ip_of("2001:db8::ffff:2"), c = ip_of("2001:db8:0:1::1");
    uint32_t n;
    assert_int_equal(ipcount_init(&t, 10, 1), OK);
    assert_int_equal(ipcount_add(&t, &a, &n), OK);
    assert_int_equal(ipcount_add(&t, &b, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(ipcount_add(&t, &c, &n), OK);
    assert_int_equal(n, 1);
    ipcount_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_address),
        cmocka_unit_test(takes_a_64_as_one_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
