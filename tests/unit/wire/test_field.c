/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Field grammar byte by byte, lists with quoted commas, parameters. */
#include "wire/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

static void byte_classes(void **state)
{
    (void)state;
    for (unsigned ch = 0; ch < 256; ch++) {
        uint8_t byte = (uint8_t)ch;
        struct slice s = slice_of(&byte, 1);
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        bool digit = ch >= '0' && ch <= '9';
        bool mark = ch && strchr("!#$%&'*+-.^_`|~", (int)ch) != NULL;
        bool text = (ch > 32 && ch != 127);
        if (field_name_ok(s) != (letter || digit || mark))
            fail_msg("name byte %u", ch);
        if (field_name_ok_h2(s) != ((letter || digit || mark) && !(ch >= 'A' && ch <= 'Z')))
            fail_msg("h2 name byte %u", ch);
        if (field_value_ok(s) != text)
            fail_msg("value byte %u", ch);
    }
    assert_false(field_name_ok(SLICE("")));
    assert_true(field_value_ok(SLICE("")));
    assert_true(field_value_ok(SLICE("a\tb c")));
    assert_false(field_value_ok(SLICE("a ")));
    assert_false(field_value_ok(SLICE("\ta")));
    assert_false(field_value_ok(SLICE("a\r\nb")));
}

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *value, *joined;
    } rows[] = {
        {"a,b", "[a][b]"},
        {" a ,\t, ,b , ", "[a][b]"},
        {"", ""},
        {",,,", ""},
        {"\"a,b\",c", "[\"a,b\"][c]"},
        {"\"a\\\",b\",c", "[\"a\\\",b\"][c]"},
        {"x=\"a,b\";q=1, y", "[x=\"a,b\";q=1][y]"},
        {"\"open, c", "[\"open, c]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice rest = slice_cstr(rows[i].value), item;
        char out[128] = "";
        size_t n = 0;
        while (field_list_next(&rest, &item)) {
            out[n++] = '[';
            memcpy(out + n, item.p, item.n);
            n += item.n;
            out[n++] = ']';
        }
        out[n] = 0;
        assert_string_equal(out, rows[i].joined);
    }
    assert_true(field_list_has(SLICE("gzip, CHUNKED"), SLICE("chunked")));
    assert_false(field_list_has(SLICE("gzip, xchunked"), SLICE("chunked")));
    assert_false(field_list_has(SLICE("\"a,chunked,b\""), SLICE("chunked")));
}

static void parameters(void **state)
{
    (void)state;
    struct slice rest = SLICE(" ; q=0.5 ;B = \"x;y\";c"), name, value;
    assert_true(field_param_next(&rest, &name, &value));
    assert_true(slice_eq(name, SLICE("q")) && slice_eq(value, SLICE("0.5")));
    assert_true(field_param_next(&rest, &name, &value));
    assert_true(slice_eq(name, SLICE("B")) && slice_eq(value, SLICE("x;y")));
    assert_false(field_param_next(&rest, &name, &value));
    rest = SLICE(";a=\"open\\\"");
    assert_false(field_param_next(&rest, &name, &value));
}

static void lookup(void **state)
{
    (void)state;
    const struct field fields[] = {
        {SLICE("X-A"), SLICE("1"), HDR_OTHER},
        {SLICE("Host"), SLICE("h"), HDR_HOST},
        {SLICE("Via"), SLICE("x"), HDR_VIA},
        {SLICE("via"), SLICE("y, Z"), HDR_VIA},
    };
    struct slice value;
    assert_ptr_equal(field_find(fields, 4, HDR_VIA), &fields[2]);
    assert_null(field_find(fields, 4, HDR_DATE));
    assert_ptr_equal(field_find_name(fields, 4, SLICE("x-a")), &fields[0]);
    assert_int_equal(field_count(fields, 4, HDR_VIA), 2);
    assert_int_equal(field_single(fields, 4, HDR_HOST, &value), OK);
    assert_int_equal(field_single(fields, 4, HDR_VIA, &value), ERR_SYNTAX);
    assert_int_equal(field_single(fields, 4, HDR_DATE, &value), ERR_NOT_FOUND);
    assert_true(field_lists_have(fields, 4, HDR_VIA, SLICE("z")));
    assert_false(field_lists_have(fields, 3, HDR_VIA, SLICE("z")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_classes),
        cmocka_unit_test(lists),
        cmocka_unit_test(parameters),
        cmocka_unit_test(lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
