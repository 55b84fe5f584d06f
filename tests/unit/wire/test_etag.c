/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Entity tags: what is one, both comparisons, lists. */
#include "wire/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

static void well_formed(void **state)
{
    (void)state;
    static const struct {
        const char *tag;
        bool ok;
    } rows[] = {
        {"\"a\"", true},    {"\"\"", true},       {"W/\"a\"", true}, {"\"a,\\b\xff\"", true},
        {"", false},        {"\"", false},        {"a", false},      {"w/\"a\"", false},
        {"\"a b\"", false}, {"\"a\"b\"", false},  {"W/", false},     {"W/a", false},
        {"\"a", false},     {"\"a\x7f\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (etag_ok(slice_cstr(rows[i].tag)) != rows[i].ok)
            fail_msg("<%s> is not %d", rows[i].tag, rows[i].ok);
}

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *list, *tag;
        bool strong, weak;
    } rows[] = {
        {"\"a\"", "\"a\"", true, true},
        {"W/\"a\"", "\"a\"", false, true},
        {"\"a\"", "W/\"a\"", false, true},
        {"W/\"a\"", "W/\"a\"", false, true},
        {"\"b\", \"a\"", "\"a\"", true, true},
        {" ,, \"b\" ,\t\"a\" ,", "\"a\"", true, true},
        {"\"x,y\",\"a\"", "\"a\"", true, true},
        {"\"x\\\",\"a\"", "\"a\"", true, true},
        {"\"b\"", "\"a\"", false, false},
        {"\"A\"", "\"a\"", false, false},
        {"*", "\"a\"", true, true},
        {" * ", "\"a\"", true, true},
        {"*", "", false, false},
        {"\"a\"", "", false, false},
        {"", "\"a\"", false, false},
        {"a", "\"a\"", false, false},
        {"x, \"a\"", "\"a\"", false, false},
        {"\"b\" \"a\"", "\"a\"", false, false},
        {"\"a\" x", "\"a\"", false, false},
        {"\"b\", *", "\"a\"", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice list = slice_cstr(rows[i].list), tag = slice_cstr(rows[i].tag);
        if (etag_list_strong(list, tag) != rows[i].strong)
            fail_msg("<%s> strong <%s> is not %d", rows[i].list, rows[i].tag, rows[i].strong);
        if (etag_list_weak(list, tag) != rows[i].weak)
            fail_msg("<%s> weak <%s> is not %d", rows[i].list, rows[i].tag, rows[i].weak);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(well_formed), cmocka_unit_test(lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
