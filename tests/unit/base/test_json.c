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

static void the_check(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"{}", true},
        {" [ ] \r\n", true},
        {"{\"a\":1,\"b\":[true,false,null,{}],\"c\":{\"d\":\"e\"}}", true},
        {"\"\"", true},
        {"-0.5e+10", true},
        {"[0,-1,10,1E5,1e-2]", true},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00Ff\xc3\xa9\"", true},
        {"[[1],[2,[3]]]", true},
        {"", false},
        {"  ", false},
        {"{", false},
        {"}", false},
        {"[", false},
        {"{}}", false},
        {"{},{}", false},
        {"{} {}", false},
        {"{]", false},
        {"[}", false},
        {"[1,]", false},
        {"[,1]", false},
        {"[1 2]", false},
        {"{\"a\"}", false},
        {"{\"a\":}", false},
        {"{\"a\":1,}", false},
        {"{,}", false},
        {"{a:1}", false},
        {"{1:1}", false},
        {"{\"a\":1]", false},
        {"{\"a\" 1}", false},
        {"01", false},
        {"+1", false},
        {"1.", false},
        {".5", false},
        {"-", false},
        {"1e", false},
        {"0x1", false},
        {"NaN", false},
        {"tru", false},
        {"truely", false},
        {"'a'", false},
        {"\"a", false},
        {"\"\n\"", false},
        {"\"\\x\"", false},
        {"\"\\u12g4\"", false},
        {"\"\\u12\"", false},
        {"\"\\", false},
        {"\"\xff\"", false},
        {"{\"a\":1},\"pid\":0,\"b\":{\"c\":1}", false},
        {"\xef\xbb\xbf{}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (json_valid(slice_cstr(rows[i].text)) != rows[i].valid)
            fail_msg("row %zu, %s: want %d", i, rows[i].text, rows[i].valid);
    assert_false(json_valid(slice_of("1\0", 2)));
}

static void the_check_is_bounded(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH + 2];
    for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        if (json_valid(slice_of(text, 2 * depth)) != (depth == JSON_DEPTH))
            fail_msg("depth %zu", depth);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(structure), cmocka_unit_test(escapes),
                                       cmocka_unit_test(a_full_buffer_is_told),
                                       cmocka_unit_test(the_check),
                                       cmocka_unit_test(the_check_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
