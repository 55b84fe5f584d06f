/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Scores of the HTTP Observatory: every row of its table that we can see, and the two ways to
 * count. */
#include "check/gradeobservatory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "check/webask.h"

enum what {
    CSP,
    CSP_PAGE,
    REPORT_ONLY,
    XFO,
    SNIFF,
    REFERRER,
    REFERRER_PAGE,
    COOP,
    COEP,
    CORP,
    CORS,
    CORS_CREDENTIALS,
    WHATS
};

static struct slice *place(struct facts_http *h, enum what what)
{
    struct slice *const places[WHATS] = {
        [CSP] = &h->csp,
        [CSP_PAGE] = &h->csp_page,
        [REPORT_ONLY] = &h->csp_report_only,
        [XFO] = &h->x_frame_options,
        [SNIFF] = &h->x_content_type_options,
        [REFERRER] = &h->referrer_policy,
        [REFERRER_PAGE] = &h->referrer_page,
        [COOP] = &h->coop,
        [COEP] = &h->coep,
        [CORP] = &h->corp,
        [CORS] = &h->cors_origin,
        [CORS_CREDENTIALS] = &h->cors_credentials,
    };
    return places[what];
}

static void redirect(struct facts_http *h, const char *first, const char *second, const char *third)
{
    const char *const urls[] = {first, second, third};
    for (h->nplain = 0; h->nplain < 3 && urls[h->nplain]; h->nplain++)
        h->plain[h->nplain] = (struct facts_hop){.url = slice_cstr(urls[h->nplain]), .status = 301};
    h->plain[h->nplain - 1].status = 200;
}

#define S "https://www.example.com/"
#define P "http://www.example.com/"

/* 100 points without any bonus: each test gives 0. */
static struct facts *plain_page(void)
{
    const struct facts_target t = {
        .host = SLICE("www.example.com"), .port = 443, .path = SLICE("/")};
    struct facts *f = facts_new(&t, 0);
    assert_non_null(f);
    struct facts_http *h = &f->http;
    h->ran = h->read = h->page_scanned = h->plain_tried = h->cors_tested = true;
    h->plain_end = PROBE_DONE;
    h->https[h->nhttps++] = (struct facts_hop){.url = SLICE(S), .status = 200};
    redirect(h, P, S, NULL);
    h->hsts = (struct facts_hsts){.present = true, .valid = true, .max_age_s = 15552000};
    h->csp = SLICE("default-src 'self' 'unsafe-inline'; script-src 'self'");
    h->x_frame_options = SLICE("DENY");
    h->x_content_type_options = SLICE("nosniff");
    return f;
}

static void expect(struct facts *f, int score, const char *grade, const char *modifier,
                   const char *what)
{
    gradeobservatory_give(f);
    const struct facts_observatory *o = &f->observatory;
    struct slice last = o->nmodifiers ? o->modifiers[0] : SLICE_EMPTY;
    if (!o->given || o->score != score || strcmp(o->grade, grade) != 0 ||
        !slice_eq(last, slice_cstr(modifier)))
        fail_msg("%s: %d %d %s \"" SLICE_F "\", expected %d %s \"%s\"", what, o->given, o->score,
                 o->grade, SLICE_A(last), score, grade, modifier);
    facts_free(f);
}

static void nothing(void **state)
{
    (void)state;
    expect(plain_page(), 100, "A+", "", "nothing");
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        enum what what;
        const char *value;
        int score;
        const char *grade, *modifier;
    } rows[] = {
        {CSP, "", 75, "B", "-25 csp-not-implemented"},
        {CSP, ";", 75, "B", "-25 csp-header-invalid"},
        {CSP, "default-src 'self'; default-src *", 75, "B", "-25 csp-header-invalid"},
        {CSP, "default-src 'self'; script-src 'strict-dynamic'", 75, "B", "-25 csp-header-invalid"},
        {CSP, "default-src 'unsafe-inline'", 80, "B+", "-20 csp-implemented-with-unsafe-inline"},
        {CSP, "img-src 'self'", 80, "B+", "-20 csp-implemented-with-unsafe-inline"},
        {CSP, "default-src 'self'; object-src *", 80, "B+",
         "-20 csp-implemented-with-unsafe-inline"},
        {CSP, "default-src 'self'; frame-src http://x", 80, "B+",
         "-20 csp-implemented-with-insecure-scheme"},
        {CSP, "default-src 'self'; script-src 'unsafe-eval'", 90, "A",
         "-10 csp-implemented-with-unsafe-eval"},
        {CSP, "default-src 'self'; img-src http://x", 90, "A",
         "-10 csp-implemented-with-insecure-scheme-in-passive-content-only"},
        {CSP, "default-src 'self'", 105, "A+", "+5 csp-implemented-with-no-unsafe"},
        {CSP, "default-src 'none'; script-src 'self'", 110, "A+",
         "+10 csp-implemented-with-no-unsafe-default-src-none"},
        {XFO, "", 80, "B+", "-20 x-frame-options-not-implemented"},
        {XFO, "ALLOWALL", 80, "B+", "-20 x-frame-options-header-invalid"},
        {XFO, "allow-from https://x", 100, "A+", ""},
        {XFO, "SameOrigin", 100, "A+", ""},
        {SNIFF, "", 95, "A", "-5 x-content-type-options-not-implemented"},
        {SNIFF, "x", 95, "A", "-5 x-content-type-options-header-invalid"},
        {REFERRER, "same-origin", 105, "A+", "+5 referrer-policy-private"},
        {REFERRER, "no-referrer, unsafe-url", 95, "A", "-5 referrer-policy-unsafe"},
        {REFERRER, "unsafe-url, strict-origin, new-word", 105, "A+", "+5 referrer-policy-private"},
        {REFERRER, "x", 95, "A", "-5 referrer-policy-header-invalid"},
        {REFERRER_PAGE, "no-referrer", 105, "A+", "+5 referrer-policy-private"},
        {COOP, "same-origin; report-to=\"x\"", 110, "A+", "+10 coop-implemented-strictly"},
        {COOP, "unsafe-none", 100, "A+", ""},
        {COOP, "x", 95, "A", "-5 coop-header-invalid"},
        {COEP, "require-corp", 110, "A+", "+10 coep-implemented-strictly"},
        {COEP, "x", 95, "A", "-5 coep-header-invalid"},
        {CORP, "same-site", 110, "A+", "+10 corp-implemented-strictly"},
        {CORP, "cross-origin", 100, "A+", ""},
        {CORP, "x", 95, "A", "-5 corp-header-invalid"},
        {CORS, "*", 100, "A+", ""},
        {CORS, WEBASK_ORIGIN, 100, "A+", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = plain_page();
        *place(&f->http, rows[i].what) = slice_cstr(rows[i].value);
        expect(f, rows[i].score, rows[i].grade, rows[i].modifier, rows[i].value);
    }
    struct facts *f = plain_page();
    f->http.csp = SLICE_EMPTY;
    f->http.csp_report_only = SLICE("default-src 'self'");
    expect(f, 75, "B", "-25 csp-not-implemented-but-reporting-enabled", "report only");
    f = plain_page();
    f->http.cors_origin = SLICE(WEBASK_ORIGIN);
    f->http.cors_credentials = SLICE("true");
    expect(f, 50, "C", "-50 cross-origin-resource-sharing-implemented-with-universal-access",
           "cors");
    f = plain_page();
    f->http.csp = SLICE("default-src 'unsafe-inline'; frame-ancestors 'self'");
    f->http.x_frame_options = SLICE_EMPTY;
    expect(f, 80, "B+", "-20 csp-implemented-with-unsafe-inline", "frame-ancestors is enough");
}

static void hsts_and_redirects(void **state)
{
    (void)state;
    static const struct {
        const char *what, *urls[3];
        struct facts_hsts hsts;
        int score;
        const char *modifier;
    } rows[] = {
        {"no hsts", {P, S, NULL}, {0}, 80, "-20 hsts-not-implemented"},
        {"bad hsts", {P, S, NULL}, {.present = true}, 80, "-20 hsts-header-invalid"},
        {"short hsts",
         {P, S, NULL},
         {.present = true, .valid = true, .max_age_s = 15551999},
         90,
         "-10 hsts-implemented-max-age-less-than-six-months"},
        {"none",
         {P, NULL, NULL},
         {true, true, false, false, 15552000},
         80,
         "-20 redirection-missing"},
        {"never",
         {P, P "x", NULL},
         {true, true, false, false, 15552000},
         80,
         "-20 redirection-not-to-https"},
        {"late",
         {P, P "x", S},
         {true, true, false, false, 15552000},
         90,
         "-10 redirection-not-to-https-on-initial-redirection"},
        {"elsewhere",
         {P, "https://example.com/", NULL},
         {true, true, false, false, 15552000},
         95,
         "-5 redirection-off-host-from-http"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = plain_page();
        f->http.hsts = rows[i].hsts;
        redirect(&f->http, rows[i].urls[0], rows[i].urls[1], rows[i].urls[2]);
        expect(f, rows[i].score, rows[i].score >= 90 ? "A" : "B+", rows[i].modifier, rows[i].what);
    }
    struct facts *f = plain_page();
    f->http.plain_end = PROBE_REFUSED;
    expect(f, 100, "A+", "", "port 80 closed");
    f = plain_page();
    f->nchains = 1;
    expect(f, 60, "C+", "-20 redirection-invalid-cert", "untrusted");
}

static void cookies(void **state)
{
    (void)state;
    static const struct {
        struct facts_cookie cookie;
        bool hsts;
        int score;
        const char *modifier;
    } rows[] = {
        {{.same_site = {(const uint8_t *)"Lax", 3}, .secure = true},
         true,
         105,
         "+5 cookies-secure-with-httponly-sessions-and-samesite"},
        {{.secure = true}, true, 100, ""},
        {{.secure = false}, true, 95, "-5 cookies-without-secure-flag-but-protected-by-hsts"},
        {{.session = true, .http_only = true},
         true,
         90,
         "-10 cookies-session-without-secure-flag-but-protected-by-hsts"},
        {{.secure = false}, false, 60, "-20 cookies-without-secure-flag"},
        {{.same_site = {(const uint8_t *)"x", 1}, .secure = true},
         true,
         80,
         "-20 cookies-samesite-flag-invalid"},
        {{.same_site = {(const uint8_t *)"none", 4}},
         true,
         80,
         "-20 cookies-samesite-flag-invalid"},
        {{.csrf = true, .secure = true}, true, 80, "-20 cookies-anticsrf-without-samesite-flag"},
        {{.session = true, .secure = true}, true, 70, "-30 cookies-session-without-httponly-flag"},
        {{.session = true}, false, 40, "-40 cookies-session-without-secure-flag"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = plain_page();
        f->http.cookies[f->http.ncookies++] = rows[i].cookie;
        f->http.hsts.present = rows[i].hsts;
        gradeobservatory_give(f);
        const struct facts_observatory *o = &f->observatory;
        struct slice got = o->nmodifiers ? o->modifiers[0] : SLICE_EMPTY;
        if (o->score != rows[i].score || !slice_eq(got, slice_cstr(rows[i].modifier)))
            fail_msg("row %zu: %d \"" SLICE_F "\", expected %d \"%s\"", i, o->score, SLICE_A(got),
                     rows[i].score, rows[i].modifier);
        facts_free(f);
    }
    struct facts *f = plain_page();
    f->http.cookies[f->http.ncookies++] =
        (struct facts_cookie){.name = SLICE("heroku-session-affinity"), .session = true};
    gradeobservatory_give(f);
    assert_true(f->observatory.score >= 100);
    facts_free(f);
}

static void scripts(void **state)
{
    (void)state;
    static const struct {
        unsigned all, sri, external, external_no_sri, plain, plain_no_sri;
        int score;
        const char *grade, *modifier;
    } rows[] = {
        {1, 0, 0, 0, 0, 0, 100, "A+", ""},
        {1, 1, 0, 0, 0, 0, 105, "A+", "+5 sri-implemented-and-all-scripts-loaded-securely"},
        {1, 1, 1, 0, 0, 0, 105, "A+", "+5 sri-implemented-and-external-scripts-loaded-securely"},
        {2, 1, 2, 1, 0, 0, 95, "A", "-5 sri-not-implemented-but-external-scripts-loaded-securely"},
        {1, 1, 1, 0, 1, 0, 80, "B+",
         "-20 sri-implemented-but-external-scripts-not-loaded-securely"},
        {1, 0, 1, 1, 1, 1, 50, "C",
         "-50 sri-not-implemented-and-external-scripts-not-loaded-securely"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = plain_page();
        f->http.scripts = rows[i].all;
        f->http.scripts_sri = rows[i].sri;
        f->http.scripts_external = rows[i].external;
        f->http.scripts_external_no_sri = rows[i].external_no_sri;
        f->http.scripts_http = rows[i].plain;
        f->http.scripts_http_no_sri = rows[i].plain_no_sri;
        expect(f, rows[i].score, rows[i].grade, rows[i].modifier, "scripts");
    }
}

/* Bonuses count from 90 on, and a score does not fall below 0. */
static void counting(void **state)
{
    (void)state;
    struct facts *f = plain_page();
    f->http.coop = SLICE("same-origin");
    f->http.x_content_type_options = SLICE_EMPTY;
    gradeobservatory_give(f);
    assert_int_equal(f->observatory.score, 105);
    facts_free(f);
    f = plain_page();
    f->http.coop = SLICE("same-origin");
    f->http.hsts.max_age_s = 1;
    gradeobservatory_give(f);
    assert_int_equal(f->observatory.score, 90 + 10);
    facts_free(f);
    f = plain_page();
    f->http.coop = SLICE("same-origin");
    f->http.x_frame_options = SLICE_EMPTY;
    gradeobservatory_give(f);
    assert_int_equal(f->observatory.score, 80);
    assert_int_equal(f->observatory.nmodifiers, 2);
    facts_free(f);
    f = plain_page();
    f->http.hsts.present = false;
    f->http.csp = f->http.x_frame_options = SLICE_EMPTY;
    f->http.scripts = f->http.scripts_http = f->http.scripts_http_no_sri = 1;
    gradeobservatory_give(f);
    assert_int_equal(f->observatory.score, 0);
    assert_string_equal(f->observatory.grade, "F");
    facts_free(f);
}

static void refused(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        struct facts *f = plain_page();
        f->http.ran = i != 0;
        f->http.r = i == 6 ? ERR_RESET : OK;
        f->http.read = i != 1;
        f->http.https[0].status = i == 2 ? 404 : 200;
        f->http.plain_tried = i != 3;
        if (i == 4)
            f->http.https[0].url = SLICE(P);
        if (i == 5)
            f->http.nhttps = 0;
        gradeobservatory_give(f);
        if (f->observatory.given)
            fail_msg("row %d: a grade was given", i);
        facts_free(f);
    }
    struct facts *f = plain_page();
    f->target.port = 8443;
    f->http.plain_tried = false;
    expect(f, 100, "A+", "", "another port has no port 80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing), cmocka_unit_test(texts),   cmocka_unit_test(hsts_and_redirects),
        cmocka_unit_test(cookies), cmocka_unit_test(scripts), cmocka_unit_test(counting),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
