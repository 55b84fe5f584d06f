/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What strangers may ask a certificate for. */
#include "cert/demandname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void names(void **state)
{
    static const struct {
        const char *name;
        bool ok;
    } rows[] = {
        {"a.example.com", true},
        {"xn--mller-kva.example", true},
        {"a-b.c1.example", true},
        {"example.com", true},
        {"localhost", false},
        {"", false},
        {".", false},
        {"example.com.", false},
        {".example.com", false},
        {"a..example.com", false},
        {"192.0.2.1", false},
        {"2001:db8::1", false},
        {"*.example.com", false},
        {"A.example.com", false},
        {"a_b.example.com", false},
        {"-a.example.com", false},
        {"a-.example.com", false},
        {"www.www.example.com", false},
        {"www.a.www.example.com", true},
        {"a b.example.com", false},
        {"a\\.example.com", false},
        {"../etc.example.com", false},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (demandname_ok(slice_cstr(rows[i].name)) != rows[i].ok)
            fail_msg("\"%s\": got %d, wanted %d", rows[i].name, !rows[i].ok, rows[i].ok);
}

static void allowed(void **state)
{
    static const struct slice allow[] = {SLICE(".od.example.com"), SLICE("one.example.com")};
    static const struct {
        const char *name;
        bool ok;
    } rows[] = {
        {"a.od.example.com", true},     {"a.b.od.example.com", true},
        {"a.b.c.od.example.com", true}, {"a.b.c.d.od.example.com", false},
        {"od.example.com", false},      {"xod.example.com", false},
        {"one.example.com", true},      {"x.one.example.com", false},
        {"example.com", false},         {"od.example.com.evil.test", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (demandname_allowed(allow, 2, slice_cstr(rows[i].name)) != rows[i].ok)
            fail_msg("\"%s\": got %d, wanted %d", rows[i].name, !rows[i].ok, rows[i].ok);
    assert_false(demandname_allowed(NULL, 0, SLICE("a.example.com")));
}

static void loopback(void **state)
{
    static const struct {
        const char *url;
        bool yes;
    } rows[] = {
        {"http://127.0.0.1:8000/may-i", true},
        {"http://localhost/x", true},
        {"http://[::1]:80/", true},
        {"http://127.0.0.1", true},
        {"http://localhost.evil.test/", false},
        {"http://127.0.0.1.evil.test/", false},
        {"http://192.0.2.1/", false},
        {"https://localhost/", false},
        {"http://", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (demandname_is_loopback(slice_cstr(rows[i].url)) != rows[i].yes)
            fail_msg("\"%s\": got %d, wanted %d", rows[i].url, !rows[i].yes, rows[i].yes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(allowed),
        cmocka_unit_test(loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
