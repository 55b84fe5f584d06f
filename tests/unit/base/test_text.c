/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Escaping of peer bytes and the nearest word. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"

static void escapes(void **state)
{
    (void)state;
    char dst[64];
    assert_int_equal(text_escape(SLICE("a\n\"\\\xff"), dst, sizeof(dst)), 14);
    assert_string_equal(dst, "a\\x0a\"\\x5c\\xff");
    text_escape_quotes(SLICE("a\"b"), dst, sizeof(dst));
    assert_string_equal(dst, "a\\x22b");
    assert_int_equal(text_escape(SLICE("abcdef"), dst, 4), 3);
    assert_string_equal(dst, "abc");
    assert_int_equal(text_escape(SLICE("ab\n"), dst, 6), 2); /* never half an escape */
    assert_int_equal(text_escape(SLICE("x"), dst, 0), 0);
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(text_distance(SLICE("kitten"), SLICE("sitting")), 3);
    assert_int_equal(text_distance(SLICE("ab"), SLICE("ba")), 1);
    assert_int_equal(text_distance(SLICE("Root"), SLICE("root")), 0);
    assert_int_equal(text_distance(SLICE(""), SLICE("abc")), 3);
    char longer[80];
    memset(longer, 'a', sizeof(longer));
    assert_int_equal(text_distance(slice_of(longer, sizeof(longer)), SLICE("a")), 65);
}

static void nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"root", "proxy", "redirect", "respond", "routes"};
    assert_string_equal(text_nearest(SLICE("rot"), words, ARRAY_LEN(words)), "root");
    assert_string_equal(text_nearest(SLICE("porxy"), words, ARRAY_LEN(words)), "proxy");
    assert_string_equal(text_nearest(SLICE("redirct"), words, ARRAY_LEN(words)), "redirect");
    assert_null(text_nearest(SLICE("banana"), words, ARRAY_LEN(words)));
    assert_null(text_nearest(SLICE("x"), words, ARRAY_LEN(words)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(escapes), cmocka_unit_test(distances),
                                       cmocka_unit_test(nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
