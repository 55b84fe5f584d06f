/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One function for each test of the Observatory; each gives one row of its score table. */
#include "check/gradeobservatory.h"

#include <stdio.h>

#include "check/hops.h"
#include "check/webask.h"
#include "wire/csp.h"

#define BASE         100
#define BONUS_FROM   90       /* bonuses count where the base without them is at least this */
#define SIX_MONTHS_S 15552000 /* the Observatory's own white lie: 180 days */
#define SCORE_STEP   5

struct result {
    int modifier;
    const char *id;
};

static bool is_https(const struct facts_hop *hop, struct hops_url *ret)
{
    return !hops_split(hop->url, ret) && ret->https;
}

static bool untrusted(const struct facts *f)
{
    return f->nchains && !f->chains[0].trusted;
}

/* ---- HSTS, redirects ---- */

static struct result hsts(const struct facts *f)
{
    const struct facts_hsts *h = &f->http.hsts;
    if (untrusted(f))
        return (struct result){-20, "hsts-invalid-cert"};
    if (!h->present)
        return (struct result){-20, "hsts-not-implemented"};
    if (!h->valid)
        return (struct result){-20, "hsts-header-invalid"};
    if (h->max_age_s < SIX_MONTHS_S)
        return (struct result){-10, "hsts-implemented-max-age-less-than-six-months"};
    return (struct result){0, "hsts-implemented-max-age-at-least-six-months"};
}

static struct result redirection(const struct facts *f)
{
    const struct facts_http *h = &f->http;
    struct hops_url first, next, last;
    if (!h->plain_tried || h->nplain == 0 || h->plain_end != PROBE_DONE || !h->plain[0].status)
        return (struct result){0, "redirection-not-needed-no-http"};
    if (h->nplain == 1)
        return (struct result){-20, "redirection-missing"};
    if (!is_https(&h->plain[h->nplain - 1], &last))
        return (struct result){-20, "redirection-not-to-https"};
    if (untrusted(f))
        return (struct result){-20, "redirection-invalid-cert"};
    if (!is_https(&h->plain[1], &next))
        return (struct result){-10, "redirection-not-to-https-on-initial-redirection"};
    if (!hops_split(h->plain[0].url, &first) && !slice_eq_nocase(first.host, next.host))
        return (struct result){-5, "redirection-off-host-from-http"};
    return (struct result){0, "redirection-to-https"};
}

/* ---- cookies ---- */

static struct result worse(struct result a, struct result b)
{
    return b.modifier < a.modifier ? b : a;
}

static struct result one_cookie(const struct facts_cookie *c, bool guarded)
{
    struct result r = {0, "cookies-secure-with-httponly-sessions"};
    bool none = slice_eq_nocase(c->same_site, SLICE("none"));
    bool known = none || slice_eq_nocase(c->same_site, SLICE("lax")) ||
                 slice_eq_nocase(c->same_site, SLICE("strict"));
    if (!c->secure && guarded)
        r = (struct result){-5, "cookies-without-secure-flag-but-protected-by-hsts"};
    if (!c->secure && c->session && guarded)
        r = (struct result){-10, "cookies-session-without-secure-flag-but-protected-by-hsts"};
    if (!c->secure && !guarded)
        r = (struct result){-20, "cookies-without-secure-flag"};
    if ((c->same_site.n && !known) || (none && !c->secure))
        r = worse(r, (struct result){-20, "cookies-samesite-flag-invalid"});
    if (c->csrf && !c->same_site.n)
        r = worse(r, (struct result){-20, "cookies-anticsrf-without-samesite-flag"});
    if (c->session && !c->http_only)
        r = worse(r, (struct result){-30, "cookies-session-without-httponly-flag"});
    if (c->session && !c->secure && !guarded)
        r = (struct result){-40, "cookies-session-without-secure-flag"};
    return r;
}

static struct result cookies(const struct facts *f, bool guarded)
{
    struct result r = {0, "cookies-not-found"};
    bool all_same_site = true;
    if (f->http.ncookies == 0)
        return r;
    r.id = "cookies-secure-with-httponly-sessions";
    for (size_t i = 0; i < f->http.ncookies; i++) {
        const struct facts_cookie *c = &f->http.cookies[i];
        /* Every site on that host has it and none can change it (http-observatory#282). */
        if (slice_eq(c->name, SLICE("heroku-session-affinity")))
            continue;
        r = worse(r, one_cookie(c, guarded));
        all_same_site &= c->same_site.n > 0;
    }
    if (r.modifier == 0 && all_same_site)
        return (struct result){5, "cookies-secure-with-httponly-sessions-and-samesite"};
    return r;
}

/* ---- fields ---- */

static struct csp policies(const struct facts *f)
{
    struct csp csp = {0};
    csp_read(f->http.csp, false, &csp);
    csp_read(f->http.csp_page, true, &csp);
    return csp;
}

static struct result csp(const struct facts *f)
{
    struct csp c = policies(f);
    if (c.policies == 0 && f->http.csp.n)
        return (struct result){-25, "csp-header-invalid"};
    if (c.policies == 0 && f->http.csp_report_only.n)
        return (struct result){-25, "csp-not-implemented-but-reporting-enabled"};
    if (c.policies == 0)
        return (struct result){-25, "csp-not-implemented"};
    if (c.twice || c.dynamic_unguarded)
        return (struct result){-25, "csp-header-invalid"};
    if (c.inline_scripts || c.broad_scripts || c.broad_objects)
        return (struct result){-20, "csp-implemented-with-unsafe-inline"};
    if (c.http_active)
        return (struct result){-20, "csp-implemented-with-insecure-scheme"};
    if (c.eval)
        return (struct result){-10, "csp-implemented-with-unsafe-eval"};
    if (c.http_passive)
        return (struct result){-10, "csp-implemented-with-insecure-scheme-in-passive-content-only"};
    if (c.inline_styles)
        return (struct result){0, "csp-implemented-with-unsafe-inline-in-style-src-only"};
    if (c.default_none)
        return (struct result){10, "csp-implemented-with-no-unsafe-default-src-none"};
    return (struct result){5, "csp-implemented-with-no-unsafe"};
}

static struct result framing(const struct facts *f)
{
    struct slice value = f->http.x_frame_options;
    if (policies(f).frame_ancestors)
        return (struct result){5, "x-frame-options-implemented-via-csp"};
    if (slice_eq_nocase(value, SLICE("deny")) || slice_eq_nocase(value, SLICE("sameorigin")))
        return (struct result){0, "x-frame-options-sameorigin-or-deny"};
    if (value.n >= 10 && slice_eq_nocase(slice_first(value, 10), SLICE("allow-from")))
        return (struct result){0, "x-frame-options-allow-from-origin"};
    if (value.n)
        return (struct result){-20, "x-frame-options-header-invalid"};
    return (struct result){-20, "x-frame-options-not-implemented"};
}

static struct result sniffing(const struct facts *f)
{
    struct slice value = f->http.x_content_type_options;
    if (slice_eq_nocase(value, SLICE("nosniff")))
        return (struct result){0, "x-content-type-options-nosniff"};
    if (value.n)
        return (struct result){-5, "x-content-type-options-header-invalid"};
    return (struct result){-5, "x-content-type-options-not-implemented"};
}

static bool one_of(struct slice s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(s, slice_cstr(words[i])))
            return true;
    return false;
}

/* The last known word counts; those of the page come last. */
static struct result referrer(const struct facts *f)
{
    static const char *const good[] = {"no-referrer", "same-origin", "strict-origin",
                                       "strict-origin-when-cross-origin"};
    static const char *const bad[] = {"origin", "origin-when-cross-origin", "unsafe-url",
                                      "no-referrer-when-downgrade"};
    struct slice lists[] = {f->http.referrer_policy, f->http.referrer_page}, word;
    struct result r = {-5, "referrer-policy-header-invalid"};
    if (!lists[0].n && !lists[1].n)
        return (struct result){0, "referrer-policy-not-implemented"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        while (slice_next(&lists[i], ',', &word)) {
            if (one_of(word, good, ARRAY_LEN(good)))
                r = (struct result){5, "referrer-policy-private"};
            else if (one_of(word, bad, ARRAY_LEN(bad)))
                r = (struct result){-5, "referrer-policy-unsafe"};
        }
    return r;
}

static struct result cors(const struct facts *f)
{
    const struct facts_http *h = &f->http;
    if (h->cors_origin.n == 0)
        return (struct result){0, "cross-origin-resource-sharing-not-implemented"};
    if (slice_eq(h->cors_origin, SLICE("*")))
        return (struct result){0, "cross-origin-resource-sharing-implemented-with-public-access"};
    if (h->cors_tested && slice_eq_nocase(h->cors_origin, SLICE(WEBASK_ORIGIN)) &&
        slice_eq_nocase(h->cors_credentials, SLICE("true")))
        return (struct result){-50,
                               "cross-origin-resource-sharing-implemented-with-universal-access"};
    return (struct result){0, "cross-origin-resource-sharing-implemented-with-restricted-access"};
}

/* The three isolation policies: a word that isolates earns, a word that does not is neutral. */
struct isolation {
    const char *strict[2], *loose[2], *ids[4]; /* not there, invalid, loose, strict */
};

static struct result isolated(struct slice value, const struct isolation *rule)
{
    struct slice word = slice_trim(slice_first(value, slice_find(value, ';')));
    if (value.n == 0)
        return (struct result){0, rule->ids[0]};
    for (size_t i = 0; i < 2; i++) {
        if (rule->strict[i] && slice_eq_nocase(word, slice_cstr(rule->strict[i])))
            return (struct result){10, rule->ids[3]};
        if (rule->loose[i] && slice_eq_nocase(word, slice_cstr(rule->loose[i])))
            return (struct result){0, rule->ids[2]};
    }
    return (struct result){-5, rule->ids[1]};
}

static const struct isolation coop_rule = {{"same-origin", "noopener-allow-popups"},
                                           {"same-origin-allow-popups", "unsafe-none"},
                                           {"coop-not-implemented", "coop-header-invalid",
                                            "coop-implemented-loosely",
                                            "coop-implemented-strictly"}};
static const struct isolation coep_rule = {{"require-corp", "credentialless"},
                                           {"unsafe-none", NULL},
                                           {"coep-not-implemented", "coep-header-invalid",
                                            "coep-implemented-loosely",
                                            "coep-implemented-strictly"}};
static const struct isolation corp_rule = {{"same-origin", "same-site"},
                                           {"cross-origin", NULL},
                                           {"corp-not-implemented", "corp-header-invalid",
                                            "corp-implemented-with-cross-origin",
                                            "corp-implemented-strictly"}};

static struct result integrity(const struct facts *f)
{
    const struct facts_http *h = &f->http;
    if (!h->page_scanned)
        return (struct result){0, "sri-not-implemented-response-not-html"};
    if (h->scripts == 0)
        return (struct result){0, "sri-not-implemented-but-no-scripts-loaded"};
    if (h->scripts_http_no_sri)
        return (struct result){-50, "sri-not-implemented-and-external-scripts-not-loaded-securely"};
    if (h->scripts_http)
        return (struct result){-20, "sri-implemented-but-external-scripts-not-loaded-securely"};
    if (h->scripts_external_no_sri)
        return (struct result){-5, "sri-not-implemented-but-external-scripts-loaded-securely"};
    if (h->scripts_external)
        return (struct result){5, "sri-implemented-and-external-scripts-loaded-securely"};
    if (h->scripts_sri)
        return (struct result){5, "sri-implemented-and-all-scripts-loaded-securely"};
    return (struct result){0, "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"};
}

/* ---- the score ---- */

static const char *letter(int score)
{
    static const struct {
        int from;
        const char *grade;
    } rows[] = {{100, "A+"}, {90, "A"}, {85, "A-"}, {80, "B+"}, {70, "B"}, {65, "B-"},
                {60, "C+"},  {50, "C"}, {45, "C-"}, {40, "D+"}, {30, "D"}, {25, "D-"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (score >= rows[i].from)
            return rows[i].grade;
    return "F";
}

static bool can_be_given(const struct facts *f)
{
    const struct facts_http *h = &f->http;
    struct hops_url url;
    if (!h->ran || h->r || !h->read || h->nhttps == 0 || !is_https(&h->https[0], &url))
        return false;
    unsigned status = h->https[h->nhttps - 1].status;
    bool plain_known = h->plain_tried || f->target.port != 443;
    return status >= 200 && status < 300 && plain_known;
}

void gradeobservatory_give(struct facts *f)
{
    struct facts_observatory *o = &f->observatory;
    struct result strict = hsts(f);
    const struct result results[] = {
        csp(f),
        cookies(f, strict.modifier == 0),
        cors(f),
        redirection(f),
        referrer(f),
        strict,
        integrity(f),
        sniffing(f),
        framing(f),
        isolated(f->http.coop, &coop_rule),
        isolated(f->http.coep, &coep_rule),
        isolated(f->http.corp, &corp_rule),
    };
    int base = BASE, bonus = 0;
    if (!can_be_given(f))
        return;
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        *(results[i].modifier < 0 ? &base : &bonus) += results[i].modifier;
        if (results[i].modifier && o->nmodifiers < ARRAY_LEN(o->modifiers) &&
            !arena_printf(&f->arena, &o->modifiers[o->nmodifiers], "%+d %s", results[i].modifier,
                          results[i].id))
            o->nmodifiers++;
    }
    o->score = base >= BONUS_FROM ? base + bonus : base;
    o->score = o->score < 0 ? 0 : o->score;
    o->given = true;
    snprintf(o->grade, sizeof(o->grade), "%s", letter(o->score - o->score % SCORE_STEP));
}
