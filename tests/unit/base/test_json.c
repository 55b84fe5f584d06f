/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The JSON writer: commas, nesting, escapes, bytes that are not UTF-8, errors of the buffer. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"

static void assert_text(const struct buf *b, const char *expected)
{
    print_message("%.*s\n", (int)b->n, (const char *)buf_slice(b).p);
    assert_int_equal(b->n, strlen(expected));
    assert_memory_equal(buf_slice(b).p, expected, b->n);
}

static void structure(void **state)
{
    (void)state;
    struct buf b;
    struct json j;
    buf_init(&b, 4096);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_array(&j, "empty");
    json_end(&j, ']');
    json_array(&j, "list");
    json_uint(&j, NULL, UINT64_MAX);
    json_int(&j, NULL, INT64_MIN);
    json_bool(&j, NULL, true);
    json_cstr(&j, NULL, NULL);
    json_object(&j, NULL);
    json_end(&j, '}');
    json_end(&j, ']');
    json_milli(&j, "ms", 12034);
    json_raw(&j, "raw", SLICE("{\"a\":1}"));
    json_end(&j, '}');
    assert_int_equal(j.r, OK);
    assert_text(&b,
                "{\"empty\":[],\"list\":[18446744073709551615,-9223372036854775808,true,null,{}],"
                "\"ms\":12.034,\"raw\":{\"a\":1}}");
    buf_done(&b);
}

struct row {
    const char *text, *expected;
};

static void escapes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"plain", "\"plain\""},
        {"a\"b\\c\nd\te", "\"a\\\"b\\\\c\\nd\\u0009e\""},
        {"\x7f\x01", "\"\\u007f\\u0001\""},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
        {"\xff\xfe", "\"\\ufffd\\ufffd\""},
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},            /* overlong slash */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* surrogate */
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
        {"cut\xe2\x82", "\"cut\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        struct json j;
        buf_init(&b, 4096);
        json_init(&j, &b);
        json_text(&j, NULL, slice_cstr(rows[i].text));
        assert_text(&b, rows[i].expected);
        buf_done(&b);
    }
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    struct buf b;
    struct json j;
    buf_init(&b, 8);
    json_init(&j, &b);
    json_cstr(&j, NULL, "much too long");
    assert_int_equal(j.r, ERR_CAP);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(structure), cmocka_unit_test(escapes),
                                       cmocka_unit_test(a_full_buffer_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
