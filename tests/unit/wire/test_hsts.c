/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Strict-Transport-Security: what the grammar of RFC 6797 takes, and what it does not. */
#include "wire/hsts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

static void values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t max_age_s; /* -1: refused */
        bool subdomains, preload;
    } rows[] = {
        {"max-age=31536000", 31536000, false, false},
        {"max-age=0", 0, false, false},
        {"MAX-AGE=5", 5, false, false},
        {"max-age=\"15768000\"", 15768000, false, false},
        {"max-age = 7", 7, false, false},
        {"max-age=1; includeSubDomains", 1, true, false},
        {"includesubdomains;max-age=1;PRELOAD", 1, true, true},
        {"max-age=1; includeSubDomains; preload;", 1, true, true},
        {";;max-age=1;;", 1, false, false},
        {" max-age=1 ; x ; y=z ; q=\"a;b\\\"c\" ", 1, false, false},
        {"max-age=99999999999999999999999999", 3153600000, false, false},
        {"", -1, false, false},
        {";", -1, false, false},
        {"max-age", -1, false, false},
        {"max-age=", -1, false, false},
        {"max-age=\"\"", -1, false, false},
        {"max-age=-1", -1, false, false},
        {"max-age=1.5", -1, false, false},
        {"max-age=1y", -1, false, false},
        {"max-age=31536000, max-age=1", -1, false, false},
        {"max-age=1; max-age=1", -1, false, false},
        {"max-age=1; preload; Preload", -1, false, false},
        {"max-age=1; x=1; X=2", -1, false, false},
        {"max-age=1; includeSubDomains=1", -1, false, false},
        {"max-age=1; preload=yes", -1, false, false},
        {"max-age=1 includeSubDomains", -1, false, false},
        {"max-age=1; q=\"open", -1, false, false},
        {"max-age=1; =x", -1, false, false},
        {"includeSubDomains; preload", -1, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hsts h = {.max_age_s = -2};
        int r = hsts_parse(slice_cstr(rows[i].value), &h);
        if ((r == OK) != (rows[i].max_age_s >= 0))
            fail_msg("\"%s\": %s", rows[i].value, err_name(r));
        if (r) {
            assert_int_equal(h.max_age_s, -2);
            continue;
        }
        if (h.max_age_s != rows[i].max_age_s || h.include_subdomains != rows[i].subdomains ||
            h.preload != rows[i].preload)
            fail_msg("\"%s\": %lld %d %d, expected %lld %d %d", rows[i].value,
                     (long long)h.max_age_s, h.include_subdomains, h.preload,
                     (long long)rows[i].max_age_s, rows[i].subdomains, rows[i].preload);
    }
}

static void too_many(void **state)
{
    (void)state;
    char text[400] = "max-age=1";
    size_t n = 9;
    struct hsts h;
    for (unsigned i = 1; i <= HSTS_DIRECTIVES_MAX; i++) {
        int r = hsts_parse(slice_of(text, n), &h);
        if (r != OK)
            fail_msg("%u directives: %s", i, err_name(r));
        text[n++] = ';';
        for (unsigned k = 0; k <= i / 26; k++)
            text[n++] = (char)('a' + i % 26);
    }
    assert_int_equal(hsts_parse(slice_of(text, n), &h), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
