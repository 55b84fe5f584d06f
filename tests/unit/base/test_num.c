/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Strict numbers: what is accepted, what is refused and with which error. */
#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

typedef int (*parser)(struct slice, uint64_t, uint64_t, uint64_t *);

struct row {
    parser parse;
    const char *text;
    uint64_t max;
    int r;
    uint64_t value;
};

static const struct row rows[] = {
    {num_parse_u64, "0", 10, OK, 0},
    {num_parse_u64, "10", 10, OK, 10},
    {num_parse_u64, "11", 10, ERR_RANGE, 0},
    {num_parse_u64, "", 10, ERR_SYNTAX, 0},
    {num_parse_u64, "80abc", 100, ERR_SYNTAX, 0},
    {num_parse_u64, "-1", 100, ERR_SYNTAX, 0},
    {num_parse_u64, "+1", 100, ERR_SYNTAX, 0},
    {num_parse_u64, " 1", 100, ERR_SYNTAX, 0},
    {num_parse_u64, "18446744073709551615", UINT64_MAX, OK, UINT64_MAX},
    {num_parse_u64, "18446744073709551616", UINT64_MAX, ERR_RANGE, 0},
    {num_parse_u64, "99999999999999999999999", UINT64_MAX, ERR_RANGE, 0},
    {num_parse_hex, "fF", 255, OK, 255},
    {num_parse_hex, "0x1", 255, ERR_SYNTAX, 0},
    {num_parse_hex, "10000000000000000", UINT64_MAX, ERR_RANGE, 0},
    {num_parse_bytes, "64k", UINT64_MAX, OK, 65536},
    {num_parse_bytes, "1MB", UINT64_MAX, OK, 1048576},
    {num_parse_bytes, "2g", UINT64_MAX, OK, 2147483648u},
    {num_parse_bytes, "12", UINT64_MAX, OK, 12},
    {num_parse_bytes, "k", UINT64_MAX, ERR_SYNTAX, 0},
    {num_parse_bytes, "1x", UINT64_MAX, ERR_SYNTAX, 0},
    {num_parse_bytes, "99999999999999999t", UINT64_MAX, ERR_RANGE, 0},
    {num_parse_ms, "0", UINT64_MAX, OK, 0},
    {num_parse_ms, "500ms", UINT64_MAX, OK, 500},
    {num_parse_ms, "30s", UINT64_MAX, OK, 30000},
    {num_parse_ms, "7d", UINT64_MAX, OK, 604800000},
    {num_parse_ms, "30", UINT64_MAX, ERR_SYNTAX, 0},
    {num_parse_ms, "30 s", UINT64_MAX, ERR_SYNTAX, 0},
};

static void parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = 77;
        int r = rows[i].parse(slice_cstr(rows[i].text), 0, rows[i].max, &value);
        print_message("%s -> %s %llu\n", rows[i].text, err_name(r), (unsigned long long)value);
        assert_int_equal(r, rows[i].r);
        assert_int_equal(value, r ? 77 : rows[i].value);
    }
}

static void formats(void **state)
{
    (void)state;
    char text[20];
    assert_int_equal(num_format(0, text), 1);
    assert_memory_equal(text, "0", 1);
    assert_int_equal(num_format(UINT64_MAX, text), 20);
    assert_memory_equal(text, "18446744073709551615", 20);
    assert_int_equal(num_format_hex(0xbeef, text), 4);
    assert_memory_equal(text, "beef", 4);
    assert_int_equal(num_format_hex(UINT64_MAX, text), 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(formats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
