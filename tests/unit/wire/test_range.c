/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Range headers against lengths; above all that an answer never grows beyond the file. */
#include "wire/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#include "base/num.h"

static size_t show(const struct range_set *set, char *dst)
{
    size_t n = 0;
    for (size_t i = 0; i < set->count; i++) {
        n += num_format(set->ranges[i].first, dst + n);
        dst[n++] = '-';
        n += num_format(set->ranges[i].last, dst + n);
        dst[n++] = ' ';
    }
    dst[n] = 0;
    return n;
}

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t length;
        int r;
        const char *text;
    } rows[] = {
        {"bytes=0-0", 10, OK, "0-0 "},
        {"bytes=2-", 10, OK, "2-9 "},
        {"Bytes=2-99", 10, OK, "2-9 "},
        {"bytes=-3", 10, OK, "7-9 "},
        {"bytes=-30", 10, OK, "0-9 "},
        {"bytes=0-1, 4-5 ,,-2", 10, OK, "0-1 4-5 8-9 "},
        {"bytes=8-9,0-1", 10, OK, "8-9 0-1 "},
        {"bytes=0-4,2-6", 10, OK, "0-6 "},
        {"bytes=0-4,5-6", 10, OK, "0-6 "},
        {"bytes=5-6,0-4", 10, OK, "0-6 "},
        {"bytes=8-9,0-1,4-4,1-8", 10, OK, "0-9 "},
        {"bytes=8-9,0-1,2-4", 10, OK, "8-9 0-4 "},
        {"bytes=0-,0-,0-,0-", 10, OK, "0-9 "},
        {"bytes=5-,20-30", 10, OK, "5-9 "},
        {"bytes=0-99999999999999999999999", 10, OK, "0-9 "},
        {"bytes=0-18446744073709551615", UINT64_MAX, OK, "0-18446744073709551614 "},
        {"bytes=10-", 10, ERR_RANGE, ""},
        {"bytes=-0", 10, ERR_RANGE, ""},
        {"bytes=0-", 0, ERR_RANGE, ""},
        {"bytes=-5", 0, ERR_RANGE, ""},
        {"bytes=99999999999999999999-", 10, ERR_RANGE, ""},
        {"bytes=", 10, ERR_SYNTAX, ""},
        {"bytes", 10, ERR_SYNTAX, ""},
        {"", 10, ERR_SYNTAX, ""},
        {"bytes=-", 10, ERR_SYNTAX, ""},
        {"bytes=5", 10, ERR_SYNTAX, ""},
        {"bytes=5-4", 10, ERR_SYNTAX, ""},
        {"bytes=a-b", 10, ERR_SYNTAX, ""},
        {"bytes=1-2-3", 10, ERR_SYNTAX, ""},
        {"bytes=--3", 10, ERR_SYNTAX, ""},
        {"bytes=0 - 1", 10, ERR_SYNTAX, ""},
        {"bytes =0-1", 10, ERR_SYNTAX, ""},
        {"lines=0-1", 10, ERR_SYNTAX, ""},
        {"bytes=0-1,x", 10, ERR_SYNTAX, ""},
        {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,"
         "30-30,32-32",
         99, ERR_CAP, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct range_set set = {.count = 0};
        char text[RANGE_MAX * 42 + 1];
        int r = range_parse(slice_cstr(rows[i].value), rows[i].length, &set);
        show(&set, text);
        if (r != rows[i].r || strcmp(text, rows[i].text) != 0)
            fail_msg("<%s> of %lu: %s <%s>, expected %s <%s>", rows[i].value,
                     (unsigned long)rows[i].length, err_name(r), text, err_name(rows[i].r),
                     rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
