/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names to paths and back: no two names at one path, nothing that leads out of the store. */
#include "cert/lineagepath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    bool rsa;
    const char *path; /* NULL: refused */
} rows[] = {
    {"example.org", false, "example.org.ecdsa"},
    {"example.org", true, "example.org.rsa"},
    {"*.example.org", false, "_.example.org.ecdsa"},
    {"_acme.example.org", false, "_acme.example.org.ecdsa"},
    {"x.rsa", false, "x.rsa.ecdsa"},
    {"192.0.2.1", false, "192.0.2.1.ecdsa"},
    {"2001:db8::1", false, "2001-db8--1.ecdsa"},
    {"::1", true, "--1.rsa"},
    {"localhost", false, "localhost.ecdsa"},
    {"", false, NULL},
    {".", false, NULL},
    {"..", false, NULL},
    {"../x", false, NULL},
    {"a/b", false, NULL},
    {"a..b", false, NULL},
    {".a", false, NULL},
    {"a.", false, NULL},
    {"a. b", false, NULL},
    {"-a.b", false, NULL},
    {"Example.org", false, NULL},
    {"a.*.b", false, NULL},
    {"*", false, NULL},
    {"*.", false, NULL},
    {"**.a", false, NULL},
    {"*.*.a", false, NULL},
    {"_.example.org", false, NULL}, /* lies where the wildcard does */
    {"*._.a", false, NULL},
    {"2001-db8--1", false, NULL}, /* lies where the address does */
    {"64-ff9b--1.2.3.4", false, NULL},
    {"2001:DB8::1", false, NULL},
    {"2001:db8:0:0::1", false, NULL},
    {"[::1]", false, NULL},
    {"*.2001:db8::1", false, NULL},
    {"a\nb", false, NULL},
    {"a\xff", false, NULL},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[LINEAGEPATH_ENTRY] = "", name[LINEAGEPATH_ENTRY];
        struct fault f = {0};
        struct lineage_id id = {slice_cstr(rows[i].name), rows[i].rsa}, back;
        int r = lineagepath_encode(&id, path, &f);
        print_message("%s -> %s (%s)\n", rows[i].name, path, err_text(r));
        if (!rows[i].path) {
            assert_int_equal(r, ERR_CONFIG);
            assert_true(f.what[0]);
            continue;
        }
        assert_int_equal(r, OK);
        assert_string_equal(path, rows[i].path);
        assert_true(lineagepath_decode(path, name, &back));
        assert_string_equal(name, rows[i].name);
        assert_true(back.rsa == rows[i].rsa && slice_eq(back.name, id.name));
    }
}

static void embedded_nul(void **state)
{
    (void)state;
    char path[LINEAGEPATH_ENTRY];
    struct lineage_id id = {SLICE("a\0b"), false};
    assert_int_equal(lineagepath_encode(&id, path, NULL), ERR_CONFIG);
}

/* The longest name that has a path, and one more. */
static void length(void **state)
{
    (void)state;
    char text[260], path[LINEAGEPATH_ENTRY], name[LINEAGEPATH_ENTRY];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 50 == 49 ? '.' : 'a';
    struct lineage_id id = {slice_of(text, 249), false}, back;
    assert_int_equal(lineagepath_encode(&id, path, NULL), OK);
    assert_int_equal(strlen(path), 255);
    assert_true(lineagepath_decode(path, name, &back) && back.name.n == 249);
    id.name.n = 251;
    assert_int_equal(lineagepath_encode(&id, path, NULL), ERR_CAP);
    id.rsa = true;
    assert_int_equal(lineagepath_encode(&id, path, NULL), OK);
    id.name.n = 254;
    assert_int_equal(lineagepath_encode(&id, path, NULL), ERR_CONFIG);
}

static void foreign_entries(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "quarantine", "format",    "a.b",         ".ecdsa",         "..ecdsa",
        "A.ecdsa",    "*.a.ecdsa", "a.ecdsa.new", "_..ecdsa",       "_._.a.ecdsa",
        "::1.rsa",    "a..rsa",    "a.rsa~",      "2001-DB8--1.rsa"};
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        char name[LINEAGEPATH_ENTRY];
        struct lineage_id id;
        print_message("%s\n", entries[i]);
        assert_false(lineagepath_decode(entries[i], name, &id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(embedded_nul),
        cmocka_unit_test(length),
        cmocka_unit_test(foreign_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
