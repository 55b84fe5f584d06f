/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Who the client is, for every mix of trust and lies; what we say about it. */
#include "wire/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

static struct ip ip(const char *text)
{
    struct ip value;
    assert_int_equal(cidr_parse_ip(slice_cstr(text), &value), OK);
    return value;
}

static void clients(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *first, *second; /* two lines of X-Forwarded-For */
        const char *client;
    } rows[] = {
        {"203.0.113.9", NULL, NULL, "203.0.113.9"},
        {"203.0.113.9", "1.1.1.1", NULL, "203.0.113.9"},
        {"10.0.0.1", NULL, NULL, "10.0.0.1"},
        {"10.0.0.1", "1.1.1.1", NULL, "1.1.1.1"},
        {"10.0.0.1", "6.6.6.6, 1.1.1.1", NULL, "1.1.1.1"},
        {"10.0.0.1", "6.6.6.6,1.1.1.1 , 10.0.0.2", NULL, "1.1.1.1"},
        {"10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", "6.6.6.6", "1.1.1.1", "1.1.1.1"},
        {"10.0.0.1", "6.6.6.6", "1.1.1.1, 10.9.9.9", "1.1.1.1"},
        {"10.0.0.1", "6.6.6.6, unknown", NULL, "10.0.0.1"},
        {"10.0.0.1", "6.6.6.6, 10.0.0.7,", NULL, "10.0.0.1"},
        {"10.0.0.1", "6.6.6.6, x, 10.0.0.7", NULL, "10.0.0.7"},
        {"10.0.0.1", "1.1.1.1:4711", NULL, "1.1.1.1"},
        {"10.0.0.1", "1.1.1.1:47x", NULL, "10.0.0.1"},
        {"10.0.0.1", "[2001:db8::1]:4711", NULL, "2001:db8::1"},
        {"10.0.0.1", "[2001:db8::1]", NULL, "2001:db8::1"},
        {"10.0.0.1", "2001:db8::1", NULL, "2001:db8::1"},
        {"10.0.0.1", ":", NULL, "10.0.0.1"},
        {"10.0.0.1", "", NULL, "10.0.0.1"},
        {"fd00::1", "1.1.1.1", NULL, "1.1.1.1"},
    };
    struct cidr nets[2];
    assert_int_equal(cidr_parse(SLICE("10.0.0.0/8"), &nets[0]), OK);
    assert_int_equal(cidr_parse(SLICE("fd00::/8"), &nets[1]), OK);
    const struct forwarded_trust trust = {nets, 2}, nobody = {NULL, 0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct field fields[] = {
            {SLICE("x"), slice_cstr(rows[i].first),
             rows[i].first ? HDR_X_FORWARDED_FOR : HDR_OTHER},
            {SLICE("y"), SLICE("9.9.9.9"), HDR_X_REAL_IP},
            {SLICE("z"), slice_cstr(rows[i].second),
             rows[i].second ? HDR_X_FORWARDED_FOR : HDR_OTHER},
        };
        struct ip peer = ip(rows[i].peer), expected = ip(rows[i].client), got;
        char text[CIDR_IP_TEXT];
        forwarded_client(fields, 3, &peer, &trust, &got);
        if (memcmp(&got, &expected, sizeof(got)) != 0) {
            cidr_format_ip(&got, text);
            fail_msg("row %zu: %s, expected %s", i, text, rows[i].client);
        }
        forwarded_client(fields, 3, &peer, &nobody, &got);
        assert_memory_equal(&got, &peer, sizeof(got));
    }
}

static void writes(void **state)
{
    (void)state;
    static const struct {
        const char *ip, *host, *text;
        bool https;
    } rows[] = {
        {"192.0.2.1", "a.b", "for=192.0.2.1;host=a.b;proto=https", true},
        {"192.0.2.1", "", "for=192.0.2.1;proto=http", false},
        {"2001:db8::1", "a.b:8", "for=\"[2001:db8::1]\";host=\"a.b:8\";proto=https", true},
        {"::1", "a\"b\\", "for=\"[::1]\";host=\"a\\\"b\\\\\";proto=http", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ip client = ip(rows[i].ip);
        struct forwarded_hop hop = {&client, slice_cstr(rows[i].host), rows[i].https};
        uint8_t dst[128];
        struct slice s = SLICE_EMPTY;
        size_t n = strlen(rows[i].text);
        int r = forwarded_format(&hop, dst, n, &s);
        if (r || !slice_eq(s, slice_cstr(rows[i].text)))
            fail_msg("<%s>: %s <%.*s>", rows[i].text, err_name(r), SLICE_A(s));
        assert_int_equal(forwarded_format(&hop, dst, n - 1, &s), ERR_CAP);
    }
    uint8_t dst[16];
    struct slice s;
    assert_int_equal(forwarded_via(1, 1, SLICE("port443"), dst, sizeof(dst), &s), OK);
    assert_true(slice_eq(s, SLICE("1.1 port443")));
    assert_int_equal(forwarded_via(2, 0, SLICE("e"), dst, sizeof(dst), &s), OK);
    assert_true(slice_eq(s, SLICE("2 e")));
    assert_int_equal(forwarded_via(1, 0, SLICE("e"), dst, 4, &s), ERR_CAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clients), cmocka_unit_test(writes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
