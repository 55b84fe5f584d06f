/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What policies let through, alone and together. Each row names every flag that must be set. */
#include "wire/csp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"

/* One letter for each flag. */
static void flags(const struct csp *c, char *dst)
{
    const struct {
        bool set;
        char letter;
    } rows[] = {
        {c->cut, 'c'},
        {c->twice, '2'},
        {c->dynamic_unguarded, 'd'},
        {c->inline_scripts, 'i'},
        {c->broad_scripts, 'b'},
        {c->broad_objects, 'o'},
        {c->eval, 'e'},
        {c->inline_styles, 's'},
        {c->http_active, 'A'},
        {c->http_passive, 'P'},
        {c->default_none, 'n'},
        {c->frame_ancestors, 'f'},
        {c->frame_any, 'F'},
        {c->upgrade, 'u'},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].set)
            *dst++ = rows[i].letter;
    *dst = '\0';
}

static void policies(void **state)
{
    (void)state;
    static const struct {
        const char *field, *page;
        size_t count;
        const char *flags;
    } rows[] = {
        {"", "", 0, ""},
        {";", "", 0, ""},
        {" , ;;, ", "", 0, ""},
        {"default-src 'none'", "", 1, "n"},
        {"default-src", "", 1, "n"},
        {"default-src 'self'", "", 1, ""},
        {"default-src 'none' 'self'", "", 1, ""},
        {"DEFAULT-SRC 'NONE'", "", 1, "n"},
        {"img-src 'self'", "", 1, "iboes"},
        {"default-src 'self'; script-src 'self' 'unsafe-inline'", "", 1, "i"},
        {"default-src 'self'; script-src 'unsafe-inline' 'nonce-abc'", "", 1, ""},
        {"default-src 'self'; script-src 'unsafe-inline' 'sha256-abc'", "", 1, ""},
        {"default-src 'self'; script-src data:", "", 1, "i"},
        {"default-src 'self'; script-src 'unsafe-eval'", "", 1, "e"},
        {"default-src 'self'; style-src 'unsafe-inline'", "", 1, "s"},
        {"default-src 'self' 'unsafe-inline'", "", 1, "is"},
        {"default-src 'self'; script-src *", "", 1, "b"},
        {"default-src 'self'; script-src https:", "", 1, "b"},
        {"default-src 'self'; object-src https://*", "", 1, "o"},
        {"default-src *", "", 1, "bos"},
        {"script-src 'none'", "", 1, "os"},
        {"script-src 'strict-dynamic' 'nonce-x' https: 'unsafe-inline'; object-src 'none'; "
         "style-src 'self'",
         "", 1, ""},
        {"default-src 'self'; script-src 'strict-dynamic'", "", 1, "d"},
        {"default-src 'self'; img-src http:", "", 1, "P"},
        {"default-src 'self'; media-src http://a.example", "", 1, "P"},
        {"default-src 'self'; script-src http://a.example", "", 1, "A"},
        {"default-src 'self'; frame-src http://a.example", "", 1, "A"},
        {"default-src 'self'; report-uri http://a.example", "", 1, ""},
        {"default-src 'self' http://a.example", "", 1, "AP"},
        {"default-src 'self'; frame-ancestors 'none'", "", 1, "f"},
        {"default-src 'self'; frame-ancestors *", "", 1, "fF"},
        {"default-src 'self'; frame-ancestors https:", "", 1, "fF"},
        {"upgrade-insecure-requests", "", 1, "iboesu"},
        {"default-src 'self'; default-src *", "", 1, "2"},
        {"default-src 'self'; script-src\t'unsafe-inline'", "", 1, "i"},
        /* together: what one forbids, none allows */
        {"img-src 'self', default-src 'self'", "", 2, ""},
        {"script-src 'unsafe-inline', script-src 'self'", "", 2, "os"},
        {"default-src 'none', default-src *", "", 2, "n"},
        {"frame-ancestors *, frame-ancestors 'self'", "", 2, "iboesf"},
        {"default-src 'self' 'unsafe-eval', upgrade-insecure-requests", "", 2, "eu"},
        /* of the page: some directives mean nothing there */
        {"", "default-src 'self'; frame-ancestors 'none'", 1, ""},
        {"", "frame-ancestors 'none'", 0, ""},
        {"", "report-uri /x; sandbox", 0, ""},
        {"img-src 'self'", "default-src 'self'", 2, ""},
        {"frame-ancestors 'none'", "default-src 'none'", 2, "nf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct csp c = {0};
        char got[20];
        csp_read(slice_cstr(rows[i].field), false, &c);
        csp_read(slice_cstr(rows[i].page), true, &c);
        flags(&c, got);
        if (c.policies != rows[i].count || strcmp(got, rows[i].flags) != 0)
            fail_msg("\"%s\" + \"%s\": %zu \"%s\", expected %zu \"%s\"", rows[i].field,
                     rows[i].page, c.policies, got, rows[i].count, rows[i].flags);
    }
}

static void bounds(void **state)
{
    (void)state;
    char text[CSP_DIRECTIVES_MAX * 8 + 16] = "";
    size_t n = 0;
    struct csp c = {0};
    for (unsigned i = 0; i <= CSP_DIRECTIVES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "d%u x;", i);
    csp_read(slice_of(text, n), false, &c);
    assert_true(c.cut);
    c = (struct csp){0};
    for (unsigned i = 0; i <= CSP_POLICIES_MAX; i++)
        csp_read(SLICE("default-src 'self'"), false, &c);
    assert_true(c.cut);
    assert_int_equal(c.policies, CSP_POLICIES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(policies), cmocka_unit_test(bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
