/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Set-Cookie as browsers read it: attributes, prefixes, refused cookies, names that give away. */
#include "wire/setcookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void check(const char *what, struct slice got, const char *expected, const char *in)
{
    if (!slice_eq(got, slice_cstr(expected)))
        fail_msg("%s of \"%s\": \"%.*s\", expected \"%s\"", what, in, (int)got.n,
                 (const char *)got.p, expected);
}

static void attributes(void **state)
{
    (void)state;
    static const struct {
        const char *in, *name, *value, *path, *domain;
        bool secure, http_only;
        enum setcookie_same_site site;
        int64_t max_age_s; /* INT64_MIN: none */
    } rows[] = {
        {"a=b", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {" a = b c ; Secure", "a", "b c", "", "", true, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;secure;HTTPONLY", "a", "b", "", "", true, true, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;Secure=no", "a", "b", "", "", true, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;Secured", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;SameSite=Lax", "a", "b", "", "", false, false, SETCOOKIE_SITE_LAX, INT64_MIN},
        {"a=b;samesite = STRICT", "a", "b", "", "", false, false, SETCOOKIE_SITE_STRICT, INT64_MIN},
        {"a=b;SameSite=None", "a", "b", "", "", false, false, SETCOOKIE_SITE_NONE, INT64_MIN},
        {"a=b;SameSite", "a", "b", "", "", false, false, SETCOOKIE_SITE_INVALID, INT64_MIN},
        {"a=b;SameSite=foo", "a", "b", "", "", false, false, SETCOOKIE_SITE_INVALID, INT64_MIN},
        {"a=b;SameSite=Lax;SameSite=None", "a", "b", "", "", false, false, SETCOOKIE_SITE_NONE,
         INT64_MIN},
        {"a=b;Path=/x;Domain=.e.org", "a", "b", "/x", "e.org", false, false, SETCOOKIE_SITE_MISSING,
         INT64_MIN},
        {"a=b;Path=x", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;Path=/y;Path=", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;Max-Age=0", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, 0},
        {"a=b;Max-Age=-5", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, -5},
        {"a=b;Max-Age=60x", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;Max-Age=-", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b;Max-Age=99999999999999999999", "a", "b", "", "", false, false, SETCOOKIE_SITE_MISSING,
         34560000},
        {"=b", "", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"b", "", "b", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=", "a", "", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=\"x;y\"", "a", "\"x", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
        {"a=b=c", "a", "b=c", "", "", false, false, SETCOOKIE_SITE_MISSING, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct setcookie c;
        int r = setcookie_parse(slice_cstr(rows[i].in), &c);
        if (r)
            fail_msg("\"%s\": %s", rows[i].in, err_name(r));
        check("name", c.name, rows[i].name, rows[i].in);
        check("value", c.value, rows[i].value, rows[i].in);
        check("path", c.path, rows[i].path, rows[i].in);
        check("domain", c.domain, rows[i].domain, rows[i].in);
        int64_t age = c.has_max_age ? c.max_age_s : INT64_MIN;
        if (c.secure != rows[i].secure || c.http_only != rows[i].http_only ||
            c.same_site != rows[i].site || age != rows[i].max_age_s)
            fail_msg("\"%s\": secure %d, http_only %d, same_site %d, max_age %lld", rows[i].in,
                     c.secure, c.http_only, (int)c.same_site, (long long)age);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"",       ";Secure", "=",           " = ;Path=/",
                                       "a=\x01", "a\x7f=b", "a=b;Path=/\n"};
    struct setcookie c;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (setcookie_parse(slice_cstr(rows[i]), &c) != ERR_SYNTAX)
            fail_msg("row %zu was taken", i);
    char longer[SETCOOKIE_PAIR_MAX + 2];
    memset(longer, 'x', sizeof(longer));
    longer[1] = '=';
    assert_int_equal(setcookie_parse(slice_of(longer, SETCOOKIE_PAIR_MAX + 1), &c), OK);
    assert_int_equal(setcookie_parse(slice_of(longer, SETCOOKIE_PAIR_MAX + 2), &c), ERR_SYNTAX);
}

static void prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool https, ok;
    } rows[] = {
        {"a=b", false, true},
        {"__Secure-a=b; Secure", true, true},
        {"__Secure-a=b; Secure; Domain=e.org; Path=/x", true, true},
        {"__Secure-a=b", true, false},
        {"__Secure-a=b; Secure", false, false},
        {"__secure-a=b", true, false},
        {"__Host-a=b; Secure; Path=/", true, true},
        {"__host-a=b; Secure; Path=/", true, true},
        {"__Host-a=b; Secure", true, false},
        {"__Host-a=b; Path=/", true, false},
        {"__Host-a=b; Secure; Path=/x", true, false},
        {"__Host-a=b; Secure; Path=/; Domain=e.org", true, false},
        {"__Host-a=b; Secure; Path=/", false, false},
        {"=__Host-a=b; Secure; Path=/", true, false},
        {"__Hosta=b", true, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct setcookie c;
        assert_int_equal(setcookie_parse(slice_cstr(rows[i].in), &c), OK);
        if (setcookie_prefix_ok(&c, rows[i].https) != rows[i].ok)
            fail_msg("\"%s\" over %s: %d", rows[i].in, rows[i].https ? "https" : "http",
                     !rows[i].ok);
    }
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool session, csrf;
    } rows[] = {
        {"PHPSESSID", true, false},  {"JSESSIONID", true, false},  {"session", true, false},
        {"user_login", true, false}, {"XSRF-TOKEN", false, false}, {"csrftoken", false, true},
        {"_CSRF", false, true},      {"theme", false, false},      {"", false, false},
        {"ses", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice name = slice_cstr(rows[i].name);
        if (setcookie_is_session(name) != rows[i].session ||
            setcookie_is_csrf(name) != rows[i].csrf)
            fail_msg("\"%s\": session %d, csrf %d", rows[i].name, setcookie_is_session(name),
                     setcookie_is_csrf(name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(attributes), cmocka_unit_test(refused),
                                       cmocka_unit_test(prefixes), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
