/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers by hand, and the facts that must come of them. */
#include "check/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

#define NOW_S 1794787200 /* Mon, 16 Nov 2026 00:00:00 GMT */

static struct facts *new_facts(void)
{
    const struct facts_target t = {.text = SLICE("www.example.com"),
                                   .host = SLICE("www.example.com"),
                                   .port = 443,
                                   .path = SLICE("/")};
    struct facts *f = facts_new(&t, NOW_S);
    assert_non_null(f);
    return f;
}

/* One more answer of the https walk. `fields` are "name: value" lines. */
static void answer(struct facts *f, const char *url, const char *fields, const char *body,
                   bool main)
{
    struct field list[20];
    struct slice rest = slice_cstr(fields), line;
    struct httpget_result r = {.status = 200, .fields = list, .body = slice_cstr(body)};
    while (slice_next(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (line.n)
            list[r.nfields++] = (struct field){.name = slice_first(line, colon),
                                               .value = slice_trim(slice_from(line, colon + 1))};
    }
    struct facts_http *h = &f->http;
    h->https[h->nhttps] = (struct facts_hop){.url = slice_cstr(url), .status = 200};
    h->nhttps++;
    page_read(f, &r, false, main);
}

static void expect(const char *what, struct slice got, const char *expected)
{
    if (!slice_eq(got, slice_cstr(expected)))
        fail_msg("%s: \"" SLICE_F "\", expected \"%s\"", what, SLICE_A(got), expected);
}

static void fields(void **state)
{
    (void)state;
    struct facts *f = new_facts();
    answer(f, "https://www.example.com/",
           "Server: x/1\nCONTENT-SECURITY-POLICY: default-src 'self'\n"
           "content-security-policy: img-src *\nX-Frame-Options: DENY\nReferrer-Policy: origin\n"
           "Cross-Origin-Opener-Policy: same-origin\nCross-Origin-Embedder-Policy: require-corp\n"
           "Cross-Origin-Resource-Policy: same-site\nPermissions-Policy: camera=()\n"
           "X-Content-Type-Options: nosniff\nAlt-Svc: h3=\":443\"\nContent-Type: text/plain\n"
           "Date: Mon, 16 Nov 2026 00:00:00 GMT\nAge: 3600",
           "text", true);
    const struct facts_http *h = &f->http;
    assert_true(h->read && !h->page_scanned);
    expect("server", h->server, "x/1");
    expect("csp", h->csp, "default-src 'self', img-src *");
    expect("x_frame_options", h->x_frame_options, "DENY");
    expect("referrer_policy", h->referrer_policy, "origin");
    expect("coop", h->coop, "same-origin");
    expect("coep", h->coep, "require-corp");
    expect("corp", h->corp, "same-site");
    expect("permissions_policy", h->permissions_policy, "camera=()");
    expect("nosniff", h->x_content_type_options, "nosniff");
    expect("alt_svc", h->alt_svc, "h3=\":443\"");
    expect("csp_report_only", h->csp_report_only, "");
    assert_int_equal(h->body_bytes, 4);
    assert_int_equal(h->date_s, 1794787200 + 3600);
    assert_true(h->seen_s > 1700000000);
    facts_free(f);
}

static void hsts(void **state)
{
    (void)state;
    static const struct {
        const char *url, *fields;
        bool present, valid, subdomains, preload;
        int64_t max_age_s;
    } rows[] = {
        {"https://www.example.com/", "", false, false, false, false, 0},
        {"https://WWW.example.com/", "Strict-Transport-Security: max-age=9; preload", true, true,
         false, true, 9},
        {"https://www.example.com/", "Strict-Transport-Security: max-age=9; includeSubDomains",
         true, true, true, false, 9},
        {"https://www.example.com/", "Strict-Transport-Security: max-age", true, false, false,
         false, 0},
        {"https://www.example.com/",
         "Strict-Transport-Security: max-age=9\nStrict-Transport-Security: max-age=9", true, false,
         false, false, 9},
        {"https://www.example.com/", "Strict-Transport-Security:", true, false, false, false, 0},
        {"https://example.com/", "Strict-Transport-Security: max-age=9", false, false, false, false,
         0},
        {"http://www.example.com/", "Strict-Transport-Security: max-age=9", false, false, false,
         false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = new_facts();
        answer(f, rows[i].url, rows[i].fields, "", true);
        const struct facts_hsts *h = &f->http.hsts;
        if (h->present != rows[i].present || h->valid != rows[i].valid ||
            h->include_subdomains != rows[i].subdomains || h->preload != rows[i].preload ||
            h->max_age_s != rows[i].max_age_s)
            fail_msg("row %zu: %d %d %d %d %lld", i, h->present, h->valid, h->include_subdomains,
                     h->preload, (long long)h->max_age_s);
        facts_free(f);
    }
}

static void cookies(void **state)
{
    (void)state;
    struct facts *f = new_facts();
    answer(f, "https://www.example.com/",
           "Set-Cookie: sessionid=1; HttpOnly\nSet-Cookie: gone=1\nSet-Cookie: late=1\n"
           "Set-Cookie: x",
           "", false);
    answer(f, "https://www.example.com/next",
           "Set-Cookie: sessionid=2; Secure; SameSite=Lax\nSet-Cookie: gone=; Max-Age=0\n"
           "Set-Cookie: late=; Expires=Thu, 01 Jan 1970 00:00:00 GMT\n"
           "Set-Cookie: stays=; Expires=Thu, 01 Jan 2099 00:00:00 GMT\n"
           "Set-Cookie: __Host-csrf=3; Path=/",
           "", true);
    const struct facts_http *h = &f->http;
    assert_int_equal(h->ncookies, 4);
    expect("first", h->cookies[0].name, "sessionid");
    expect("its site", h->cookies[0].same_site, "Lax");
    assert_true(h->cookies[0].secure && !h->cookies[0].http_only && h->cookies[0].session);
    expect("second", h->cookies[1].name, "");
    expect("third", h->cookies[2].name, "stays");
    assert_true(h->cookies[2].host_prefix_ok && !h->cookies[2].csrf);
    expect("last", h->cookies[3].name, "__Host-csrf");
    assert_true(h->cookies[3].csrf && !h->cookies[3].host_prefix_ok);
    facts_free(f);
}

/* Which answers are pages that are looked into. */
static void scanned(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *body;
        bool yes;
    } rows[] = {
        {"Content-Type: text/html; charset=utf-8", "", true},
        {"Content-Type: TEXT/HTML", "<p>", true},
        {"Content-Type: application/xhtml+xml", "<p>", true},
        {"Content-Type: application/json", "<p>", false},
        {"", "<!doctype html>", true},
        {"", "{}", false},
        {"Content-Type: text/html\nContent-Encoding: gzip", "\x1f\x8b", false},
        {"Content-Type: text/html\nContent-Encoding: identity", "<p>", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = new_facts();
        answer(f, "https://www.example.com/", rows[i].fields, rows[i].body, true);
        if (f->http.page_scanned != rows[i].yes)
            fail_msg("row %zu: scanned %d", i, f->http.page_scanned);
        facts_free(f);
    }
}

/* active, passive, forms; scripts, with integrity, external, external without, plain, plain
 * without */
struct counts {
    unsigned n[9];
};

static struct counts counts_of(const struct facts_http *h)
{
    return (struct counts){{h->mixed_active, h->mixed_passive, h->forms_http, h->scripts,
                            h->scripts_sri, h->scripts_external, h->scripts_external_no_sri,
                            h->scripts_http, h->scripts_http_no_sri}};
}

static void loads(void **state)
{
    (void)state;
    static const struct {
        const char *page;
        struct counts counts;
        const char *url; /* NULL: https://www.example.com/ */
    } rows[] = {
        {"<img src=/a><img src=https://x.example/>", {{0}}, NULL},
        {"<img src=http://x.example/a.png>", {{0, 1}}, NULL},
        {"<img src=http://x.example/a.png>", {{0}}, "http://www.example.com/"},
        {"<IMG SRC='HTTP://x.example/'>", {{0, 1}}, NULL},
        {"<img src=' h\nttp&#58;//x.example/'>", {{0, 1}}, NULL},
        {"<img src=http:x.example>", {{0, 1}}, NULL},
        {"<img src=http:\\\\x.example>", {{0, 1}}, NULL},
        {"<img src=https:http://x>", {{0}}, NULL},
        {"<img src=//x.example/a>", {{0}}, NULL},
        {"<img src=data:image/png,http://x>", {{0}}, NULL},
        {"<img src=http://localhost/><img src=http://a.localhost:8/>", {{0}}, NULL},
        {"<img src=http://127.0.0.1/><img src=http://[::1]:80/>", {{0}}, NULL},
        {"<img src=http://localhost.example/>", {{0, 1}}, NULL},
        {"<img src=http://u:p@localhost/>", {{0}}, NULL},
        {"<img srcset='http://x/a 1x, /b 2x, http://x/c'>", {{0, 2}}, NULL},
        {"<picture><source srcset=http://x/a></picture>", {{0, 1}}, NULL},
        {"<video src=http://x/a poster=http://x/b><audio src=http://x/c>", {{0, 3}}, NULL},
        {"<iframe src=http://x/></iframe><object data=http://x/><embed src=http://x/>",
         {{3}},
         NULL},
        {"<link rel=stylesheet href=http://x/>", {{1}}, NULL},
        {"<link rel='shortcut icon' href=http://x/>", {{0, 1}}, NULL},
        {"<link rel=canonical href=http://x/><a href=http://x/>", {{0}}, NULL},
        {"<link rel=preload as=image href=http://x/><link rel=preload as=font href=http://x/>",
         {{1, 1}},
         NULL},
        {"<form action=http://x/><button formaction=http://x/>", {{0, 0, 2}}, NULL},
        {"<form action=''><form><form action=/x>", {{0}}, NULL},
        {"<style>@import \"http://x/a\";b{c:url( 'http://x/d' )}</style>", {{1, 1}}, NULL},
        {"<style>@import url(http://x/a);b{c:url(//x/)}</style>", {{1}}, NULL},
        {"<p style='background:url(http://x/)'>", {{0, 1}}, NULL},
        {"<!-- <img src=http://x/> --><noscript><img src=http://x/></noscript>", {{0}}, NULL},
        {"<svg><image href=http://x/ /><image xlink:href=http://x/ /></svg>", {{0, 2}}, NULL},
        /* base */
        {"<base href=http://x.example/><img src=a>", {{0, 1}}, NULL},
        {"<base href=https://x.example/><base href=http://x.example/><img src=a>", {{0}}, NULL},
        {"<base target=_top><base href=http://x.example/><img src=a>", {{0, 1}}, NULL},
        {"<base href=https://x.example/><script src=a></script>", {{0, 0, 0, 1, 0, 1, 1}}, NULL},
        {"<base href=javascript:x><script src=a></script>", {{0, 0, 0, 1}}, NULL},
        /* scripts */
        {"<script>x</script>", {{0}}, NULL},
        {"<script src=/a></script>", {{0, 0, 0, 1}}, NULL},
        {"<script src=a integrity=sha384-x></script>", {{0, 0, 0, 1, 1}}, NULL},
        {"<script src=https://cdn.example.com/></script>", {{0, 0, 0, 1}}, NULL},
        {"<script src=https://example.com/></script>", {{0, 0, 0, 1}}, NULL},
        {"<script src=https://example.org/></script>", {{0, 0, 0, 1, 0, 1, 1}}, NULL},
        {"<script src=//example.org/></script>", {{0, 0, 0, 1, 0, 1, 1}}, NULL},
        {"<script src=https://example.org/ integrity=sha384-x></script>",
         {{0, 0, 0, 1, 1, 1}},
         NULL},
        {"<script src=https://example.org/ integrity=' '></script>", {{0, 0, 0, 1, 0, 1, 1}}, NULL},
        {"<script src=http://example.org/></script>", {{1, 0, 0, 1, 0, 1, 1, 1, 1}}, NULL},
        {"<script src=http://example.org/ integrity=sha384-x></script>",
         {{1, 0, 0, 1, 1, 1, 0, 1}},
         NULL},
        {"<script type=text/template src=http://x/></script>", {{0}}, NULL},
        {"<script type=module src=/a></script><script type=text/JavaScript src=/a></script>",
         {{0, 0, 0, 2}},
         NULL},
        /* a policy that mends everything */
        {"<meta http-equiv=content-security-policy content=upgrade-insecure-requests>"
         "<img src=http://x/><script src=http://x/></script><form action=http://x>",
         {{0, 0, 0, 1, 0, 1, 1}},
         NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = new_facts();
        answer(f, rows[i].url ? rows[i].url : "https://www.example.com/", "Content-Type: text/html",
               rows[i].page, true);
        struct counts got = counts_of(&f->http);
        for (size_t k = 0; k < ARRAY_LEN(got.n); k++)
            if (got.n[k] != rows[i].counts.n[k])
                fail_msg("\"%s\": count %zu is %u, expected %u", rows[i].page, k, got.n[k],
                         rows[i].counts.n[k]);
        facts_free(f);
    }
}

static void policies_of_the_page(void **state)
{
    (void)state;
    struct facts *f = new_facts();
    answer(f, "https://www.example.com/", "Content-Type: text/html",
           "<meta http-equiv=Content-Security-Policy content=\"default-src\n&#39;self&#39;\">"
           "<meta http-equiv=content-security-policy content=' '>"
           "<META HTTP-EQUIV=CONTENT-SECURITY-POLICY CONTENT='img-src *'>"
           "<meta name=referrer content=no-referrer><img src='http://x/\xff\"'>",
           true);
    assert_true(f->http.csp_meta);
    expect("csp_page", f->http.csp_page, "default-src\n'self', img-src *");
    expect("referrer_page", f->http.referrer_page, "no-referrer");
    expect("example", f->http.mixed_example, "http://x/\\xff\"");
    facts_free(f);
}

/* What is not the page's own answer changes nothing but cookies and HSTS. */
static void others(void **state)
{
    (void)state;
    struct facts *f = new_facts();
    const struct field server = {.name = SLICE("server"), .value = SLICE("x")};
    struct httpget_result r = {.status = 200, .fields = &server, .nfields = 1};
    page_read(f, &r, false, true); /* no hop */
    f->http.https[0].url = SLICE("https://www.example.com/");
    f->http.nhttps = 1;
    page_read(f, &r, true, false);
    page_read(f, &r, false, false);
    r.status = 0;
    page_read(f, &r, false, true);
    assert_false(f->http.read);
    assert_int_equal(f->http.server.n, 0);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),  cmocka_unit_test(hsts),  cmocka_unit_test(cookies),
        cmocka_unit_test(scanned), cmocka_unit_test(loads), cmocka_unit_test(policies_of_the_page),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
