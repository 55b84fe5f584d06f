/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Dates: the three HTTP forms, certificate times, impossible days, and back again over many
 * centuries. */
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

struct row {
    const char *text;
    int r;
    int64_t unix_s;
};

static const struct row http_rows[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", OK, 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", OK, 784111777},
    {"Sun Nov  6 08:49:37 1994", OK, 784111777},
    {"Thu, 01 Jan 1970 00:00:00 GMT", OK, 0},
    {"Sun, 30 Feb 2025 08:49:37 GMT", ERR_SYNTAX, 0},
    {"Sun, 06 Nov 1994 24:49:37 GMT", ERR_SYNTAX, 0},
    {"Sun, 06 Nov 1994 08:49:37 CET", ERR_SYNTAX, 0},
    {"Sun, 00 Nov 1994 08:49:37 GMT", ERR_SYNTAX, 0},
    {"", ERR_SYNTAX, 0},
    {"Sunday", ERR_SYNTAX, 0},
};

static const struct row asn1_rows[] = {
    {"941106084937Z", OK, 784111777},    {"19941106084937Z", OK, 784111777},
    {"20500101000000Z", OK, 2524608000}, {"99991231235959Z", OK, 253402300799},
    {"941306084937Z", ERR_SYNTAX, 0},    {"9411060849Z", ERR_SYNTAX, 0},
};

static const struct row rfc3339_rows[] = {
    {"1994-11-06T08:49:37Z", OK, 784111777},
    {"1994-11-06t08:49:37.123456789z", OK, 784111777},
    {"1994-11-06 09:49:37+01:00", OK, 784111777},
    {"1994-11-06T03:19:37-05:30", OK, 784111777},
    {"2024-02-29T00:00:00Z", OK, 1709164800},
    {"2016-12-31T23:59:60Z", OK, 1483228800},
    {"2023-02-29T00:00:00Z", ERR_SYNTAX, 0},
    {"1994-11-06T08:49:37", ERR_SYNTAX, 0},
    {"1994-11-06T08:49Z", ERR_SYNTAX, 0},
    {"1994-11-06T08:49:37.Z", ERR_SYNTAX, 0},
    {"1994-11-06T24:00:00Z", ERR_SYNTAX, 0},
    {"1994-13-06T08:49:37Z", ERR_SYNTAX, 0},
    {"1994-11-06T08:49:37+1:00", ERR_SYNTAX, 0},
    {"1994-11-06T08:49:37Zx", ERR_SYNTAX, 0},
    {"", ERR_SYNTAX, 0},
};

static void parses(void **state)
{
    (void)state;
    int64_t now = 1795442400; /* November 2026 */
    for (size_t i = 0; i < ARRAY_LEN(http_rows); i++) {
        int64_t t = -1;
        print_message("%s\n", http_rows[i].text);
        assert_int_equal(date_parse_http(slice_cstr(http_rows[i].text), now, &t), http_rows[i].r);
        if (http_rows[i].r == OK)
            assert_int_equal(t, http_rows[i].unix_s);
    }
    for (size_t i = 0; i < ARRAY_LEN(asn1_rows); i++) {
        int64_t t = -1;
        print_message("%s\n", asn1_rows[i].text);
        assert_int_equal(date_parse_asn1(slice_cstr(asn1_rows[i].text), &t), asn1_rows[i].r);
        if (asn1_rows[i].r == OK)
            assert_int_equal(t, asn1_rows[i].unix_s);
    }
    for (size_t i = 0; i < ARRAY_LEN(rfc3339_rows); i++) {
        int64_t t = -1;
        print_message("%s\n", rfc3339_rows[i].text);
        assert_int_equal(date_parse_rfc3339(slice_cstr(rfc3339_rows[i].text), &t),
                         rfc3339_rows[i].r);
        if (rfc3339_rows[i].r == OK)
            assert_int_equal(t, rfc3339_rows[i].unix_s);
    }
}

static void round_trips(void **state)
{
    (void)state;
    char text[DATE_HTTP_BYTES];
    for (int64_t t = 0; t < 253402300800; t += 86400 * 11 + 3607) {
        int64_t back = -1;
        date_format_http(t, text);
        assert_int_equal(date_parse_http(slice_of(text, sizeof(text)), t, &back), OK);
        assert_int_equal(back, t);
    }
}

static void formats(void **state)
{
    (void)state;
    char text[32];
    date_format_rfc3339(784111777123, text);
    assert_memory_equal(text, "1994-11-06T08:49:37.123Z", DATE_RFC3339_BYTES);
    date_format_clf(784111777, text);
    assert_memory_equal(text, "06/Nov/1994:08:49:37 +0000", DATE_CLF_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(round_trips),
                                       cmocka_unit_test(formats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
