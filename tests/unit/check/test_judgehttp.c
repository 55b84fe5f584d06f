/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Facts by hand, and exactly the findings that must come of them. Each row changes one thing of a
 * site that has none. */
#include "check/judgehttp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "check/webask.h"

#define NOW_S 1794787200

static struct facts_hop hop(const char *url, unsigned status, const char *location)
{
    return (struct facts_hop){.url = slice_cstr(url),
                              .location = slice_cstr(location),
                              .status = (uint16_t)status,
                              .hsts = SLICE("max-age=31536000")};
}

/* A page without faults, with a redirect on port 80. */
static struct facts *good(void)
{
    const struct facts_target t = {.text = SLICE("www.example.com"),
                                   .host = SLICE("www.example.com"),
                                   .port = 443,
                                   .path = SLICE("/")};
    struct facts *f = facts_new(&t, NOW_S);
    assert_non_null(f);
    struct facts_http *h = &f->http;
    h->ran = h->read = h->page_scanned = h->plain_tried = h->cors_tested = true;
    h->plain_end = PROBE_DONE;
    h->https[h->nhttps++] = hop("https://www.example.com/", 200, "");
    h->plain[h->nplain++] = hop("http://www.example.com/", 301, "https://www.example.com/");
    h->plain[h->nplain++] = hop("https://www.example.com/", 200, "");
    h->hsts = (struct facts_hsts){.present = true, .valid = true, .max_age_s = 31536000};
    h->csp = SLICE("default-src 'self'; frame-ancestors 'none'");
    h->x_content_type_options = SLICE("nosniff");
    h->referrer_policy = SLICE("no-referrer");
    h->content_type = SLICE("text/html");
    h->date_s = h->seen_s = NOW_S;
    f->close = FACTS_CLOSE_NOTIFY;
    return f;
}

static void expect_findings(const struct facts *f, const char *expected, const char *what)
{
    char got[600] = "";
    size_t n = 0;
    for (size_t i = 0; i < f->nfindings && n < sizeof(got); i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", i ? " " : "", f->findings[i].id);
    if (strcmp(got, expected) != 0)
        fail_msg("%s: \"%s\", expected \"%s\"", what, got, expected);
}

/* ---- redirects and port 80 ---- */

struct walk_row {
    const char *what;
    struct {
        const char *url;
        unsigned status;
        const char *location;
    } hops[4];
    const char *findings;
};

static size_t walk(struct facts_hop *to, const struct walk_row *row)
{
    size_t n = 0;
    for (; n < ARRAY_LEN(row->hops) && row->hops[n].url; n++)
        to[n] = hop(row->hops[n].url, row->hops[n].status,
                    row->hops[n].location ? row->hops[n].location : "");
    return n;
}

#define S "https://www.example.com/"
#define P "http://www.example.com/"

static void https_walks(void **state)
{
    (void)state;
    static const struct walk_row rows[] = {
        {"fine", {{S, 200, NULL}}, ""},
        {"redirect", {{S, 302, "/x"}, {S "x", 200, NULL}}, ""},
        {"not found", {{S, 404, NULL}}, "http-status"},
        {"to an error", {{S, 302, "/x"}, {S "x", 500, NULL}}, "http-status"},
        {"to http", {{S, 302, P}, {P, 200, NULL}}, "http-redirect-away-from-https"},
        {"to http and back",
         {{S, 302, P}, {P, 302, S "y"}, {S "y", 200, NULL}},
         "http-redirect-away-from-https"},
        {"to nobody",
         {{S, 302, "https://x.example/"}, {"https://x.example/", 0, NULL}},
         "http-redirect-broken"},
        {"no Location", {{S, 302, NULL}}, "http-redirect-broken"},
        {"odd Location", {{S, 308, "mailto:x"}}, "http-redirect-broken"},
        {"not modified", {{S, 304, NULL}}, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = good();
        f->http.nhttps = walk(f->http.https, &rows[i]);
        judgehttp_all(f);
        expect_findings(f, rows[i].findings, rows[i].what);
        facts_free(f);
    }
}

static void plain_walks(void **state)
{
    (void)state;
    static const struct walk_row rows[] = {
        {"redirect", {{P, 308, S}, {S, 200, NULL}}, ""},
        {"refused", {{P, 403, NULL}}, ""},
        {"serves", {{P, 200, NULL}}, "http-port80-serves"},
        {"late", {{P, 301, P "x"}, {P "x", 301, S}, {S, 200, NULL}}, "http-port80-late-redirect"},
        {"never", {{P, 301, P "x"}, {P "x", 200, NULL}}, "http-port80-serves"},
        {"never, refused", {{P, 301, P "x"}, {P "x", 403, NULL}}, "http-port80-late-redirect"},
        {"other host",
         {{P, 301, "https://example.com/"}, {"https://example.com/", 200, NULL}},
         "http-port80-other-host"},
        {"other case", {{P, 301, S}, {"https://WWW.EXAMPLE.COM/", 200, NULL}}, ""},
        {"back to http",
         {{P, 301, S}, {S, 301, P}, {P, 200, NULL}},
         "http-redirect-away-from-https"},
        {"silent", {{P, 0, NULL}}, "http-port80-closed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = good();
        f->http.nplain = walk(f->http.plain, &rows[i]);
        judgehttp_all(f);
        expect_findings(f, rows[i].findings, rows[i].what);
        facts_free(f);
    }
    struct facts *f = good();
    f->http.nplain = 1;
    f->http.plain[0] = hop(P, 0, "");
    f->http.plain_end = PROBE_REFUSED;
    judgehttp_all(f);
    expect_findings(f, "http-port80-closed", "refused");
    facts_free(f);
    f = good();
    f->http.plain_tried = false;
    f->http.plain[0].status = 200;
    judgehttp_all(f);
    expect_findings(f, "", "not tried");
    facts_free(f);
}

static void loops(void **state)
{
    (void)state;
    struct facts *f = good();
    for (f->http.nhttps = 0; f->http.nhttps < FACTS_HOPS_MAX; f->http.nhttps++)
        f->http.https[f->http.nhttps] = hop(S, 302, S);
    judgehttp_all(f);
    expect_findings(f, "http-redirect-loop", "loop");
    facts_free(f);
}

/* ---- one thing changed ---- */

static void failed(struct facts *f)
{
    f->http.r = ERR_RESET;
    fault_set(&f->http.fault, ERR_RESET, "cut");
}

static void hsts_none(struct facts *f)
{
    f->http.hsts = (struct facts_hsts){0};
}

static void hsts_none_address(struct facts *f)
{
    f->http.hsts = (struct facts_hsts){0};
    f->target.is_ip = true;
}

static void hsts_bad(struct facts *f)
{
    f->http.hsts.valid = false;
}

static void hsts_zero(struct facts *f)
{
    f->http.hsts.max_age_s = 0;
}

static void hsts_short(struct facts *f)
{
    f->http.hsts.max_age_s = 15551999;
}

static void hsts_long_enough(struct facts *f)
{
    f->http.hsts.max_age_s = 15552000;
}

static void preload_ready(struct facts *f)
{
    f->http.hsts.preload = f->http.hsts.include_subdomains = true;
}

static void preload_not_below(struct facts *f)
{
    f->http.hsts.preload = true;
}

static void preload_short(struct facts *f)
{
    preload_ready(f);
    f->http.hsts.max_age_s = 31535999;
}

static void preload_first_without(struct facts *f)
{
    preload_ready(f);
    f->http.https[1] = f->http.https[0];
    f->http.https[0] = hop(S, 302, S);
    f->http.https[0].hsts = SLICE_EMPTY;
    f->http.nhttps = 2;
}

static void preload_port80_closed(struct facts *f)
{
    preload_ready(f);
    f->http.plain_end = PROBE_REFUSED;
}

static void cookie(struct facts *f, const char *name, bool secure, bool http_only, const char *site)
{
    f->http.cookies[f->http.ncookies++] = (struct facts_cookie){.name = slice_cstr(name),
                                                                .same_site = slice_cstr(site),
                                                                .secure = secure,
                                                                .http_only = http_only,
                                                                .host_prefix_ok = true};
}

static void cookie_fine(struct facts *f)
{
    cookie(f, "a", true, false, "lax");
    cookie(f, "b", true, true, "None");
}

static void cookie_plain(struct facts *f)
{
    cookie(f, "a", false, false, "lax");
}

static void cookie_session(struct facts *f)
{
    cookie(f, "sess", false, false, "Strict");
    f->http.cookies[0].session = true;
}

static void cookie_site_missing(struct facts *f)
{
    cookie(f, "a", true, true, "");
}

static void cookie_site_unknown(struct facts *f)
{
    cookie(f, "a", true, true, "maybe");
}

static void cookie_site_none(struct facts *f)
{
    cookie(f, "a", false, true, "none");
}

static void cookie_prefix(struct facts *f)
{
    cookie(f, "__Host-a", true, true, "lax");
    f->http.cookies[0].host_prefix_ok = false;
}

static void csp_none(struct facts *f)
{
    f->http.csp = SLICE_EMPTY;
    f->http.x_frame_options = SLICE("sameorigin");
}

static void csp_of_page(struct facts *f)
{
    csp_none(f);
    f->http.csp_page = SLICE("default-src 'self'");
}

static void csp_unsafe(struct facts *f)
{
    f->http.csp = SLICE("default-src 'unsafe-inline'; frame-ancestors 'self'");
}

static void csp_twice(struct facts *f)
{
    f->http.csp = SLICE("default-src 'self'; default-src *; frame-ancestors 'self'");
}

static void frames_open(struct facts *f)
{
    f->http.csp = SLICE("default-src 'self'");
}

static void frames_any(struct facts *f)
{
    f->http.csp = SLICE("default-src 'self'; frame-ancestors *");
    f->http.x_frame_options = SLICE("DENY"); /* overruled by the policy */
}

static void sniff(struct facts *f)
{
    f->http.x_content_type_options = SLICE("sniff");
}

static void referrer(struct facts *f)
{
    f->http.referrer_policy = SLICE_EMPTY;
}

static void referrer_of_page(struct facts *f)
{
    f->http.referrer_policy = SLICE_EMPTY;
    f->http.referrer_page = SLICE("origin");
}

static void not_a_page(struct facts *f)
{
    f->http.csp = f->http.referrer_policy = SLICE_EMPTY;
    f->http.content_type = SLICE("image/png");
    f->http.page_scanned = false;
}

static void not_read(struct facts *f)
{
    f->http.csp = f->http.referrer_policy = f->http.x_content_type_options = SLICE_EMPTY;
    f->http.date_s = 1;
    f->http.read = f->http.page_scanned = false;
}

static void cors_open(struct facts *f)
{
    f->http.cors_origin = SLICE(WEBASK_ORIGIN);
    f->http.cors_credentials = SLICE("true");
}

static void cors_no_credentials(struct facts *f)
{
    f->http.cors_origin = SLICE(WEBASK_ORIGIN);
}

static void cors_star(struct facts *f)
{
    f->http.cors_origin = SLICE("*");
    f->http.cors_credentials = SLICE("true");
}

static void cors_untested(struct facts *f)
{
    cors_open(f);
    f->http.cors_tested = false;
}

static void mixed(struct facts *f)
{
    f->http.mixed_active = 1;
    f->http.mixed_passive = 2;
    f->http.mixed_example = SLICE("http://x/");
}

static void form(struct facts *f)
{
    f->http.forms_http = 1;
}

static void no_sri(struct facts *f)
{
    f->http.scripts = f->http.scripts_external = 2;
    f->http.scripts_external_no_sri = 1;
}

static void clock_behind(struct facts *f)
{
    f->http.date_s -= 301;
}

static void clock_near(struct facts *f)
{
    f->http.date_s += 300;
}

static void close_fin(struct facts *f)
{
    f->close = FACTS_CLOSE_FIN;
}

static void close_reset(struct facts *f)
{
    f->close = FACTS_CLOSE_RESET;
}

static void close_silent(struct facts *f)
{
    f->close = FACTS_CLOSE_SILENT;
}

static void api_by_path(struct facts *f)
{
    f->target.path = SLICE("/api/things");
    f->http.plain_serves_api = FACTS_YES;
    f->http.plain_redirects_credentials = FACTS_NO;
}

static void api_redirect(struct facts *f)
{
    f->target.api = true;
    f->http.plain_serves_api = FACTS_NO;
    f->http.plain_redirects_credentials = FACTS_YES;
}

static void no_api(struct facts *f)
{
    f->http.plain_serves_api = f->http.plain_redirects_credentials = FACTS_YES;
}

static void changes(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        void (*change)(struct facts *f);
        const char *findings;
    } rows[] = {
        {"failed", failed, "http-failed"},
        {"no hsts", hsts_none, "hsts-missing"},
        {"no hsts of an address", hsts_none_address, ""},
        {"bad hsts", hsts_bad, "hsts-invalid"},
        {"hsts off", hsts_zero, "hsts-off"},
        {"short hsts", hsts_short, "hsts-short"},
        {"hsts of six months", hsts_long_enough, ""},
        {"preload", preload_ready, ""},
        {"preload without subdomains", preload_not_below, "hsts-preload-not-ready"},
        {"preload for less than a year", preload_short, "hsts-preload-not-ready"},
        {"preload, not on the redirect", preload_first_without, "hsts-preload-not-ready"},
        {"preload, port 80 closed", preload_port80_closed, "http-port80-closed"},
        {"good cookies", cookie_fine, ""},
        {"cookie", cookie_plain, "cookie-not-secure"},
        {"session", cookie_session, "cookie-session-not-secure cookie-not-http-only"},
        {"no site", cookie_site_missing, "cookie-same-site"},
        {"unknown site", cookie_site_unknown, "cookie-same-site"},
        {"site none, not secure", cookie_site_none, "cookie-not-secure cookie-same-site"},
        {"prefix", cookie_prefix, "cookie-prefix"},
        {"no policy", csp_none, "header-csp-missing"},
        {"policy of the page", csp_of_page, ""},
        {"unsafe policy", csp_unsafe, "header-csp-unsafe"},
        {"directive twice", csp_twice, "header-csp-invalid"},
        {"frames", frames_open, "header-framing"},
        {"any frames", frames_any, "header-framing"},
        {"sniff", sniff, "header-nosniff"},
        {"referrer", referrer, "header-referrer"},
        {"referrer of the page", referrer_of_page, ""},
        {"not a page", not_a_page, ""},
        {"not read", not_read, ""},
        {"cors", cors_open, "header-cors-open"},
        {"cors without credentials", cors_no_credentials, ""},
        {"cors for all", cors_star, ""},
        {"cors not tested", cors_untested, ""},
        {"mixed", mixed, "page-mixed-active page-mixed-passive"},
        {"form", form, "page-form-http"},
        {"no integrity", no_sri, "page-no-sri"},
        {"clock behind", clock_behind, "http-clock"},
        {"clock near", clock_near, ""},
        {"fin", close_fin, "close-no-notify"},
        {"reset", close_reset, "close-reset"},
        {"silent", close_silent, "close-silent"},
        {"api", api_by_path, "http-api-plain"},
        {"api redirect", api_redirect, "http-api-redirect"},
        {"no api", no_api, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = good();
        rows[i].change(f);
        judgehttp_all(f);
        expect_findings(f, rows[i].findings, rows[i].what);
        facts_free(f);
    }
}

/* Nothing was looked at: nothing is said. */
static void nothing(void **state)
{
    (void)state;
    const struct facts_target t = {.host = SLICE("a"), .port = 443, .path = SLICE("/")};
    struct facts *f = facts_new(&t, NOW_S);
    judgehttp_all(f);
    expect_findings(f, "", "nothing");
    facts_free(f);
}

/* Evidence is printable whatever the peer wrote. */
static void evidence(void **state)
{
    (void)state;
    struct facts *f = good();
    cookie(f, "\x1b[31mx\xff", false, true, "lax");
    cookie(f, "y", false, true, "lax");
    judgehttp_all(f);
    expect_findings(f, "cookie-not-secure", "names");
    assert_true(slice_eq(f->findings[0].evidence, SLICE("2 of 2: \\x1b[31mx\\xff, y")));
    facts_free(f);
}

static void apis(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type;
        bool yes;
    } rows[] = {
        {"/", "", false},
        {"/", "application/json", true},
        {"/", "application/problem+json; charset=utf-8", true},
        {"/", "text/html", false},
        {"/api", "", true},
        {"/API/x?y", "", true},
        {"/v1", "", true},
        {"/x/v23/y", "", true},
        {"/v", "", false},
        {"/v1234", "", false},
        {"/v1x", "", false},
        {"/apis", "", false},
        {"/x?/api", "", false},
        {"/graphql", "", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = good();
        f->target.path = slice_cstr(rows[i].path);
        f->http.content_type = slice_cstr(rows[i].type);
        if (webask_is_api(f) != rows[i].yes)
            fail_msg("%s of \"%s\": %d", rows[i].path, rows[i].type, !rows[i].yes);
        facts_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(https_walks), cmocka_unit_test(plain_walks), cmocka_unit_test(loops),
        cmocka_unit_test(changes),     cmocka_unit_test(nothing),     cmocka_unit_test(evidence),
        cmocka_unit_test(apis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
