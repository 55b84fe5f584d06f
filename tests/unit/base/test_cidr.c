/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Addresses and networks: text forms, containment, what counts as private. */
#include "base/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

struct row {
    const char *net, *ip;
    int r;
    bool inside;
};

static const struct row rows[] = {
    {"10.0.0.0/8", "10.255.1.2", OK, true},
    {"10.0.0.0/8", "11.0.0.1", OK, false},
    {"192.168.4.0/22", "192.168.7.255", OK, true},
    {"192.168.4.0/22", "192.168.8.0", OK, false},
    {"0.0.0.0/0", "203.0.113.9", OK, true},
    {"0.0.0.0/0", "2001:db8::1", OK, false},
    {"::/0", "203.0.113.9", OK, true},
    {"2001:db8::/33", "2001:db8:7fff::1", OK, true},
    {"2001:db8::/33", "2001:db8:8000::1", OK, false},
    {"192.0.2.1", "192.0.2.1", OK, true},
    {"10.0.0.1/8", "", ERR_RANGE, false},
    {"10.0.0.0/33", "", ERR_RANGE, false},
    {"10.0.0.0/", "", ERR_SYNTAX, false},
    {"10.0.0/8", "", ERR_SYNTAX, false},
    {"example.com/8", "", ERR_SYNTAX, false},
};

static void networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cidr c;
        struct ip ip;
        print_message("%s %s\n", rows[i].net, rows[i].ip);
        assert_int_equal(cidr_parse(slice_cstr(rows[i].net), &c), rows[i].r);
        if (rows[i].r)
            continue;
        assert_int_equal(cidr_parse_ip(slice_cstr(rows[i].ip), &ip), OK);
        assert_int_equal(cidr_contains(&c, &ip), rows[i].inside);
    }
}

static void texts(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"192.0.2.1", "192.0.2.1"},
                                          {"[2001:DB8:0:0::1]", "2001:db8::1"},
                                          {"::ffff:192.0.2.1", "192.0.2.1"}};
    static const char *const bad[] = {"",          "1.2.3", "1.2.3.4.5", "256.1.1.1",
                                      "[1.2.3.4]", "::1::", "[::1"};
    char text[CIDR_IP_TEXT];
    struct ip ip;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(cidr_parse_ip(slice_cstr(good[i][0]), &ip), OK);
        cidr_format_ip(&ip, text);
        assert_string_equal(text, good[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        print_message("%s\n", bad[i]);
        assert_int_equal(cidr_parse_ip(slice_cstr(bad[i]), &ip), ERR_SYNTAX);
    }
    assert_int_equal(cidr_parse_ip(slice_of("1.2.3.4\0x", 9), &ip), ERR_SYNTAX);
}

static void privates(void **state)
{
    (void)state;
    static const char *const yes[] = {"127.0.0.1",   "10.1.2.3", "172.31.0.1", "192.168.0.1",
                                      "169.254.1.1", "::1",      "fd00::1",    "fe80::1"};
    static const char *const no[] = {"172.32.0.1", "8.8.8.8", "2001:db8::1", "128.0.0.1"};
    struct ip ip;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        assert_int_equal(cidr_parse_ip(slice_cstr(yes[i]), &ip), OK);
        assert_true(cidr_is_private(&ip));
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        assert_int_equal(cidr_parse_ip(slice_cstr(no[i]), &ip), OK);
        assert_false(cidr_is_private(&ip));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks), cmocka_unit_test(texts),
                                       cmocka_unit_test(privates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
