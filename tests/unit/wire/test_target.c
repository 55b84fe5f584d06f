/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Targets, canonical paths, host names: one reading for every spelling, refusal of every disguise.
 */
#include "wire/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        enum http_method method;
        int r;
        enum target_form form;
        const char *authority, *path, *query; /* query NULL: none */
    } rows[] = {
        {"/", METHOD_GET, OK, TARGET_ORIGIN, "", "/", NULL},
        {"/a?b?c/d", METHOD_GET, OK, TARGET_ORIGIN, "", "/a", "b?c/d"},
        {"/a?", METHOD_GET, OK, TARGET_ORIGIN, "", "/a", ""},
        {"/a?{\"x\\y\"}", METHOD_GET, OK, TARGET_ORIGIN, "", "/a", "{\"x\\y\"}"},
        {"//evil.example/x", METHOD_GET, OK, TARGET_ORIGIN, "", "//evil.example/x", NULL},
        {"http://a.b/c?d", METHOD_GET, OK, TARGET_ABSOLUTE, "a.b", "/c", "d"},
        {"HTTPS://a.b:1", METHOD_GET, OK, TARGET_ABSOLUTE, "a.b:1", "/", NULL},
        {"http://a.b?q", METHOD_GET, OK, TARGET_ABSOLUTE, "a.b", "/", "q"},
        {"*", METHOD_OPTIONS, OK, TARGET_ASTERISK, "", "*", NULL},
        {"a.b:443", METHOD_CONNECT, OK, TARGET_AUTHORITY, "a.b:443", "", NULL},
        {"*", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"*x", METHOD_OPTIONS, ERR_SYNTAX, 0, 0, 0, 0},
        {"/x", METHOD_CONNECT, ERR_SYNTAX, 0, 0, 0, 0},
        {"http://a.b/", METHOD_CONNECT, ERR_SYNTAX, 0, 0, 0, 0},
        {"a.b:443", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"a", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"ftp://a/", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"http:/a", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"http:///a", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"http://u@a/", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"http://u:p@a/", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"/a#b", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"/a?b#c", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"/a b", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"/a?b c", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"/a\r\nX: y", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"/\xc3\xa4", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
        {"?q", METHOD_GET, ERR_SYNTAX, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct target t = {.form = TARGET_ORIGIN};
        int r = target_parse(slice_cstr(rows[i].raw), rows[i].method, &t);
        if (r != rows[i].r)
            fail_msg("<%s>: %s, expected %s", rows[i].raw, err_name(r), err_name(rows[i].r));
        if (r)
            continue;
        if (t.form != rows[i].form || !slice_eq(t.authority, slice_cstr(rows[i].authority)) ||
            !slice_eq(t.path, slice_cstr(rows[i].path)) || t.has_query != (rows[i].query != NULL) ||
            !slice_eq(t.query, slice_cstr(rows[i].query)))
            fail_msg("<%s>: form %d path %.*s query %.*s", rows[i].raw, t.form, SLICE_A(t.path),
                     SLICE_A(t.query));
    }
}

struct row {
    const char *raw, *path; /* path NULL: ERR_SYNTAX */
};

static const struct row paths[] = {
    {"/", "/"},
    {"/a/b.c", "/a/b.c"},
    {"/a/", "/a/"},
    {"/~u/-_.!$&'()*+,;=:@", "/~u/-_.!$&'()*+,;=:@"},
    {"/%61%7e%2D%5f%2e", "/a~-_."},
    {"/%3a%40%2B%25", "/%3A%40%2B%25"},
    {"/%c3%a4", "/%C3%A4"},
    {"/a%20b", "/a%20b"},
    {"/a|b^c[d]{e}\"<>`", "/a%7Cb%5Ec%5Bd%5D%7Be%7D%22%3C%3E%60"},
    {"/a%2fb", "/a%2Fb"},
    {"/a%252fb", "/a%252fb"},
    {"//a///b//", "//a///b//"},
    /* dot segments */
    {"/.", "/"},
    {"/./", "/"},
    {"/..", "/"},
    {"/../", "/"},
    {"/../../a", "/a"},
    {"/a/.", "/a/"},
    {"/a/..", "/"},
    {"/a/b/..", "/a/"},
    {"/a/b/../c", "/a/c"},
    {"/a/./b", "/a/b"},
    {"/a/../../b", "/b"},
    {"/a/%2e%2E/b", "/b"},
    {"/a/.%2e/b", "/b"},
    {"/a//../b", "/a/b"},
    {"/a/../..//b", "//b"},
    {"/.a/..b/c./d..", "/.a/..b/c./d.."},
    {"/.well-known/x", "/.well-known/x"},
    {"/...", "/..."},
    /* refused */
    {"", NULL},
    {"a", NULL},
    {"*", NULL},
    {"/%", NULL},
    {"/%4", NULL},
    {"/%4g", NULL},
    {"/%u0041", NULL},
    {"/%00", NULL},
    {"/a%0d%0aX", NULL},
    {"/%1f", NULL},
    {"/%7f", NULL},
    {"/a\\b", NULL},
    {"/a%5cb", NULL},
    {"/..%5c..", NULL},
    {"/a b", NULL},
    {"/a\tb", NULL},
    {"/\x7f", NULL},
    {"/\xc3\xa4", NULL},
    {"/a?b", NULL},
    {"/a#b", NULL},
    {"/a/..%2fb", NULL},
    {"/a%2f..", NULL},
    {"/a%2f..%2fb", NULL},
    {"/a%2F%2e%2e%2Fb", NULL},
    {"/%2e%2F", NULL},
    {"/..;/b", NULL},
    {"/a/..;x=y/b", NULL},
    {"/a/.;/b", NULL},
    {"/a/%2e%2e%3b/b", NULL},
    {"/a%2f..;/b", NULL},
};

static void canonical(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        uint8_t dst[256], again[256];
        struct slice raw = slice_cstr(paths[i].raw), path = SLICE_EMPTY, twice;
        int r = target_canonical_path(raw, dst, 3 * raw.n, &path);
        if (r != (paths[i].path ? OK : ERR_SYNTAX))
            fail_msg("<%s>: %s %.*s", paths[i].raw, err_name(r), SLICE_A(path));
        if (r)
            continue;
        if (!slice_eq(path, slice_cstr(paths[i].path)))
            fail_msg("<%s>: <%.*s>, expected <%s>", paths[i].raw, SLICE_A(path), paths[i].path);
        assert_int_equal(target_canonical_path(path, again, sizeof(again), &twice), OK);
        if (!slice_eq(path, twice) && !strstr(paths[i].raw, "%2e"))
            fail_msg("<%s>: not stable: <%.*s>", paths[i].raw, SLICE_A(twice));
    }
    uint8_t dst[8];
    struct slice path;
    assert_int_equal(target_canonical_path(SLICE("/%20%20%20"), dst, sizeof(dst), &path),
                     ERR_URI_TOO_LONG);
    /* The common case is not copied. */
    struct slice raw = SLICE("/index.html");
    assert_int_equal(target_canonical_path(raw, dst, 0, &path), OK);
    assert_ptr_equal(path.p, raw.p);
}

static void files(void **state)
{
    (void)state;
    static const struct {
        const char *path, *file;
        int r;
    } rows[] = {
        {"/", "", OK},
        {"//", "", OK},
        {"/a/b", "a/b", OK},
        {"/a/", "a/", OK},
        {"//a//b//", "a/b/", OK},
        {"/a%20b%25/%C3%A4", "a b%/\xc3\xa4", OK},
        {"/a%2Fb", NULL, ERR_NOT_FOUND},
        {"/a%00", NULL, ERR_NOT_FOUND},
        {"/%", NULL, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t dst[64];
        struct slice path = slice_cstr(rows[i].path), file = SLICE_EMPTY;
        int r = target_file_path(path, dst, path.n, &file);
        if (r != rows[i].r || (!r && !slice_eq(file, slice_cstr(rows[i].file))))
            fail_msg("<%s>: %s <%.*s>", rows[i].path, err_name(r), SLICE_A(file));
    }
    uint8_t dst[2];
    struct slice file;
    assert_int_equal(target_file_path(SLICE("/abc"), dst, 2, &file), ERR_URI_TOO_LONG);
}

static void prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *path, *prefix;
        bool covers;
    } rows[] = {
        {"/", "/", true},
        {"/a", "/", true},
        {"/api", "/api", true},
        {"/api/", "/api", true},
        {"/api/x", "/api", true},
        {"/api/x", "/api/", true},
        {"/api", "/api/", true},
        {"/apis", "/api", false},
        {"/ap", "/api", false},
        {"/", "/api", false},
        {"/API", "/api", false},
        {"//api/x", "/api", true},
        {"/a//b/c", "/a/b", true},
        {"/a/b/c", "/a//b", true},
        {"/a%3Ab/c", "/a:b", true},
        {"/a:b", "/a%3Ab", true},
        {"/a%2Fb", "/a/b", false},
        {"/a%2Fb", "/a", false},
        {"/a%2Fb/c", "/a%2Fb", true},
        {"/static../x", "/static", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (target_segment_prefix(slice_cstr(rows[i].path), slice_cstr(rows[i].prefix)) !=
            rows[i].covers)
            fail_msg("%s under %s: not %d", rows[i].path, rows[i].prefix, rows[i].covers);
}

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host, *name; /* name NULL: ERR_SYNTAX */
        enum target_host_kind kind;
        unsigned port;
    } rows[] = {
        {"Example.COM", "example.com", TARGET_NAME, 0},
        {"example.com.", "example.com", TARGET_NAME, 0},
        {"example.com.:443", "example.com", TARGET_NAME, 443},
        {"a_b-c.x:65535", "a_b-c.x", TARGET_NAME, 65535},
        {"localhost", "localhost", TARGET_NAME, 0},
        {"xn--bcher-kva.example", "xn--bcher-kva.example", TARGET_NAME, 0},
        {L63 ".x", L63 ".x", TARGET_NAME, 0},
        {"192.0.2.1:80", "192.0.2.1", TARGET_IPV4, 80},
        {"[2001:DB8:0::1]:8443", "2001:db8::1", TARGET_IPV6, 8443},
        {"[::1]", "::1", TARGET_IPV6, 0},
        {"[::ffff:192.0.2.1]", "192.0.2.1", TARGET_IPV4, 0},
        {"", NULL, 0, 0},
        {".", NULL, 0, 0},
        {".a", NULL, 0, 0},
        {"a..b", NULL, 0, 0},
        {"a.b..", NULL, 0, 0},
        {L63 "x.x", NULL, 0, 0},
        {L63 "." L63 "." L63 "." L63, NULL, 0, 0},
        {"a b", NULL, 0, 0},
        {"a,b", NULL, 0, 0},
        {"a/b", NULL, 0, 0},
        {"a@b", NULL, 0, 0},
        {"a%2eb", NULL, 0, 0},
        {"*.a", NULL, 0, 0},
        {"b\xc3\xbc.de", NULL, 0, 0},
        {"a\x01", NULL, 0, 0},
        {":80", NULL, 0, 0},
        {"a:", NULL, 0, 0},
        {"a:0", NULL, 0, 0},
        {"a:65536", NULL, 0, 0},
        {"a:+80", NULL, 0, 0},
        {"a:80:80", NULL, 0, 0},
        {"a:80a", NULL, 0, 0},
        {"::1", NULL, 0, 0},
        {"[::1", NULL, 0, 0},
        {"[::1]x", NULL, 0, 0},
        {"[::1]:", NULL, 0, 0},
        {"[a.b]", NULL, 0, 0},
        {"[192.0.2.1]", NULL, 0, 0},
        {"[fe80::1%25eth0]", NULL, 0, 0},
        {"[]", NULL, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t dst[TARGET_HOST_BYTES];
        struct target_host h = {.kind = TARGET_NAME};
        int r = target_normal_host(slice_cstr(rows[i].host), dst, &h);
        if (r != (rows[i].name ? OK : ERR_SYNTAX))
            fail_msg("<%s>: %s <%.*s>", rows[i].host, err_name(r), SLICE_A(h.name));
        if (!r && (!slice_eq(h.name, slice_cstr(rows[i].name)) || h.kind != rows[i].kind ||
                   h.port != rows[i].port || h.has_port != (rows[i].port != 0)))
            fail_msg("<%s>: <%.*s> kind %d port %u", rows[i].host, SLICE_A(h.name), h.kind, h.port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),  cmocka_unit_test(canonical), cmocka_unit_test(files),
        cmocka_unit_test(prefixes), cmocka_unit_test(hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
