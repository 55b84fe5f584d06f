/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names of sites: the one normal form, and who certifies them. */
#include "conf/conf.h"

#include "loading.h"

struct row {
    const char *text, *normal; /* NULL: refused */
    enum conf_name_kind kind;
    bool local;
};

static const struct row rows[] = {
    {"example.com", "example.com", CONF_NAME, false},
    {"WWW.Example.COM.", "www.example.com", CONF_NAME, false},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", CONF_NAME, false},
    {"*.Example.com", "*.example.com", CONF_WILDCARD, false},
    {"*.dev.localhost", "*.dev.localhost", CONF_WILDCARD, true},
    {"*.localhost", "*.localhost", CONF_WILDCARD, true},
    {"*.test", "*.test", CONF_WILDCARD, true},
    {"localhost", "localhost", CONF_NAME, true},
    {"app.localhost", "app.localhost", CONF_NAME, true},
    {"notlocalhost", "notlocalhost", CONF_NAME, false},
    {"a.test", "a.test", CONF_NAME, true},
    {"a.internal", "a.internal", CONF_NAME, true},
    {"nas.home.arpa", "nas.home.arpa", CONF_NAME, true},
    {"printer.local", "printer.local", CONF_NAME, false},
    {"192.0.2.1", "192.0.2.1", CONF_IP, false},
    {"192.168.1.10", "192.168.1.10", CONF_IP, true},
    {"127.0.0.1", "127.0.0.1", CONF_IP, true},
    {"[::1]", "::1", CONF_IP, true},
    {"2001:DB8:0::1", "2001:db8::1", CONF_IP, false},
    {"fd00::1", "fd00::1", CONF_IP, true},
    {"1password.example", "1password.example", CONF_NAME, false},
    {"", NULL, CONF_NAME, false},
    {".", NULL, CONF_NAME, false},
    {"a..b", NULL, CONF_NAME, false},
    {".a", NULL, CONF_NAME, false},
    {"a.b..", NULL, CONF_NAME, false},
    {"-a.example", NULL, CONF_NAME, false},
    {"a-.example", NULL, CONF_NAME, false},
    {"a b.example", NULL, CONF_NAME, false},
    {"*", NULL, CONF_NAME, false},
    {"*.", NULL, CONF_NAME, false},
    {"*.com", NULL, CONF_NAME, false},
    {"*a.example.com", NULL, CONF_NAME, false},
    {"*.*.example.com", NULL, CONF_NAME, false},
    {"1.2.3", NULL, CONF_NAME, false},
    {"1.2.3.4.5", NULL, CONF_NAME, false},
    {"a.example:443", NULL, CONF_NAME, false},
    {"a.example/", NULL, CONF_NAME, false},
    {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl.example", NULL, CONF_NAME,
     false},
};

static void names_have_one_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char dst[256];
        struct slice s = SLICE("untouched");
        enum conf_name_kind kind = CONF_NAME;
        const char *why = NULL;
        int r = conf_site_normal(slice_cstr(rows[i].text), dst, &s, &kind, &why);
        if (!rows[i].normal) {
            if (r != ERR_SYNTAX || !why || !slice_eq(s, SLICE("untouched")))
                fail_msg("\"%s\" gave \"%.*s\"", rows[i].text, SLICE_A(s));
            continue;
        }
        if (r || !slice_eq(s, slice_cstr(rows[i].normal)) || kind != rows[i].kind)
            fail_msg("\"%s\": %s \"%.*s\" kind %d, want \"%s\" kind %d", rows[i].text, err_name(r),
                     SLICE_A(s), (int)kind, rows[i].normal, (int)rows[i].kind);
        if (conf_site_is_local(s) != rows[i].local)
            fail_msg("\"%s\": local is %d, want %d", rows[i].text, !rows[i].local, rows[i].local);
    }
}

static void longest_name(void **state)
{
    char text[256], dst[256];
    struct slice s;
    enum conf_name_kind kind;
    const char *why;
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 50 == 49 ? '.' : 'a';
    assert_int_equal(conf_site_normal(slice_of(text, 253), dst, &s, &kind, &why), OK);
    assert_int_equal(s.n, 253);
    text[249] = 'a';
    text[248] = '.';
    assert_int_equal(conf_site_normal(slice_of(text, 254), dst, &s, &kind, &why), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_one_form),
        cmocka_unit_test(longest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
