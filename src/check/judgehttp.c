/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One function for each group of rules of finding.def. */
#include "check/judgehttp.h"

#include <stdio.h>

#include "base/text.h"
#include "check/hops.h"
#include "check/webask.h"
#include "wire/csp.h"

#define SHOWN_MAX      120      /* of one text of the peer in evidence */
#define HSTS_SHORT_S   15552000 /* 180 days: what many sites call six months */
#define HSTS_PRELOAD_S 31536000 /* hstspreload.org */
#define CLOCK_SLACK_S  300

/* A text of the peer, fit for a report. */
struct shown {
    char text[SHOWN_MAX];
};

static struct shown show(struct slice s)
{
    struct shown t;
    text_escape(s, t.text, sizeof(t.text));
    return t;
}

static bool is_redirect(const struct facts_hop *hop)
{
    unsigned s = hop->status;
    return s == 301 || s == 302 || s == 303 || s == 307 || s == 308;
}

static bool is_https(const struct facts_hop *hop)
{
    struct hops_url url;
    return !hops_split(hop->url, &url) && url.https;
}

static bool same_host(const struct facts_hop *a, const struct facts_hop *b)
{
    struct hops_url x, y;
    return !hops_split(a->url, &x) && !hops_split(b->url, &y) && slice_eq_nocase(x.host, y.host);
}

/* ---- redirects ---- */

static void judge_walk(struct facts *f, const struct facts_hop *hops, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (is_https(&hops[i - 1]) && !is_https(&hops[i]))
            facts_find(f, "http-redirect-away-from-https", "%s redirects to %s",
                       show(hops[i - 1].url).text, show(hops[i].url).text);
        if (hops[i].status == 0)
            facts_find(f, "http-redirect-broken", "%s redirects to %s, which does not answer",
                       show(hops[i - 1].url).text, show(hops[i].url).text);
    }
    if (n == 0 || !is_redirect(&hops[n - 1]))
        return;
    if (n == FACTS_HOPS_MAX)
        facts_find(f, "http-redirect-loop", "%zu redirects and no end", n);
    else if (hops[n - 1].location.n == 0)
        facts_find(f, "http-redirect-broken", "%s answers %u without Location",
                   show(hops[n - 1].url).text, hops[n - 1].status);
    else
        facts_find(f, "http-redirect-broken",
                   "%s redirects to \"%s\", which is no address of a page",
                   show(hops[n - 1].url).text, show(hops[n - 1].location).text);
}

static void judge_status(struct facts *f)
{
    const struct facts_http *h = &f->http;
    if (h->ran && h->r)
        facts_find(f, "http-failed", "%s", h->fault.what);
    if (h->nhttps && h->https[h->nhttps - 1].status >= 400)
        facts_find(f, "http-status", "status %u at %s", h->https[h->nhttps - 1].status,
                   show(h->https[h->nhttps - 1].url).text);
    judge_walk(f, h->https, h->nhttps);
}

/* ---- port 80 ---- */

/* The first redirect leads to `next`. */
static void judge_first_redirect(struct facts *f, const struct facts_hop *next)
{
    const struct facts_http *h = &f->http;
    const struct facts_hop *last = &h->plain[h->nplain - 1];
    if (!is_https(next) && !is_https(last) && last->status >= 200 && last->status < 300)
        facts_find(f, "http-port80-serves", "the redirects end at %s", show(last->url).text);
    else if (!is_https(next))
        facts_find(f, "http-port80-late-redirect", "%s redirects to %s", show(h->plain[0].url).text,
                   show(next->url).text);
    else if (!same_host(&h->plain[0], next))
        facts_find(f, "http-port80-other-host", "%s redirects to %s", show(h->plain[0].url).text,
                   show(next->url).text);
}

static void judge_port80(struct facts *f)
{
    const struct facts_http *h = &f->http;
    const struct facts_hop *first = &h->plain[0];
    if (!h->plain_tried || h->nplain == 0)
        return;
    if (h->plain_end != PROBE_DONE)
        facts_find(f, "http-port80-closed", "%s", probe_end_words(h->plain_end));
    else if (first->status == 0)
        facts_find(f, "http-port80-closed", "it takes connections and does not speak HTTP");
    else if (is_redirect(first) && h->nplain > 1)
        judge_first_redirect(f, &h->plain[1]);
    else if (first->status < 300)
        facts_find(f, "http-port80-serves", "status %u at %s", first->status,
                   show(first->url).text);
    judge_walk(f, h->plain, h->nplain);
}

static void judge_api(struct facts *f)
{
    const struct facts_http *h = &f->http;
    if (!webask_is_api(f))
        return;
    if (h->plain_serves_api == FACTS_YES)
        facts_find(f, "http-api-plain", "a request for %s with credentials is answered in clear",
                   show(f->target.path).text);
    if (h->plain_redirects_credentials == FACTS_YES)
        facts_find(f, "http-api-redirect", "a request for %s with credentials is redirected",
                   show(f->target.path).text);
}

/* ---- HSTS ---- */

static bool answered_https(const struct facts *f)
{
    return f->http.nhttps && f->http.https[0].status && is_https(&f->http.https[0]);
}

/* What hstspreload.org asks for and is not there; returns the number of bytes. */
static size_t preload_misses(const struct facts *f, char *dst, size_t cap)
{
    const struct facts_http *h = &f->http;
    bool open = h->plain_tried && h->nplain && h->plain_end == PROBE_DONE && h->plain[0].status;
    bool redirects =
        open && h->nplain > 1 && is_https(&h->plain[1]) && same_host(&h->plain[0], &h->plain[1]);
    const struct {
        bool missing;
        const char *words;
    } rows[] = {
        {h->hsts.max_age_s < HSTS_PRELOAD_S, "max-age is less than a year"},
        {!h->hsts.include_subdomains, "includeSubDomains is missing"},
        {open && !redirects, "port 80 does not redirect to https on the same host first"},
        {h->https[0].hsts.n == 0, "the redirecting https answer does not carry the field"},
        {f->nchains && !f->chains[0].trusted, "the certificate is not trusted"},
    };
    size_t n = 0;
    dst[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].missing && n < cap) {
            int added = snprintf(dst + n, cap - n, "%s%s", n ? "; " : "", rows[i].words);
            n += added > 0 ? (size_t)added : 0;
        }
    return n;
}

static struct slice hsts_text(const struct facts_http *h)
{
    for (size_t i = 0; i < h->nhttps; i++)
        if (h->https[i].hsts.n)
            return h->https[i].hsts;
    return SLICE_EMPTY;
}

/* A browser knows no HSTS for addresses (RFC 6797 8.1.1). */
static void judge_hsts(struct facts *f)
{
    const struct facts_http *h = &f->http;
    char misses[300];
    if (!answered_https(f) || f->target.is_ip)
        return;
    bool twice = false;
    for (size_t i = 0; i < h->nhttps; i++)
        twice |= h->https[i].hsts_twice;
    if (!h->hsts.present)
        facts_find(f, "hsts-missing", "no Strict-Transport-Security from %s",
                   show(f->target.host).text);
    else if (!h->hsts.valid)
        facts_find(f, "hsts-invalid", "%s\"%s\"", twice ? "sent twice: " : "",
                   show(hsts_text(h)).text);
    else if (h->hsts.max_age_s == 0)
        facts_find(f, "hsts-off", "max-age=0");
    else if (h->hsts.max_age_s < HSTS_SHORT_S)
        facts_find(f, "hsts-short", "max-age=%lld", (long long)h->hsts.max_age_s);
    if (h->hsts.valid && h->hsts.preload && preload_misses(f, misses, sizeof(misses)))
        facts_find(f, "hsts-preload-not-ready", "%s", misses);
}

/* ---- cookies ---- */

static bool not_secure(const struct facts_cookie *c)
{
    return !c->secure && !c->session;
}

static bool session_not_secure(const struct facts_cookie *c)
{
    return !c->secure && c->session;
}

static bool session_open_to_scripts(const struct facts_cookie *c)
{
    return c->session && !c->http_only;
}

/* None asks for Secure, else browsers drop the cookie. */
static bool no_same_site(const struct facts_cookie *c)
{
    bool none = slice_eq_nocase(c->same_site, SLICE("none"));
    bool known = none || slice_eq_nocase(c->same_site, SLICE("lax")) ||
                 slice_eq_nocase(c->same_site, SLICE("strict"));
    return !known || (none && !c->secure);
}

static bool breaks_prefix(const struct facts_cookie *c)
{
    return !c->host_prefix_ok;
}

/* All cookies that break a rule, in one finding. */
static void judge_each_cookie(struct facts *f, const char *id,
                              bool (*breaks)(const struct facts_cookie *c))
{
    char names[300] = "";
    size_t n = 0, count = 0;
    for (size_t i = 0; i < f->http.ncookies; i++) {
        const struct facts_cookie *c = &f->http.cookies[i];
        if (!breaks(c))
            continue;
        count++;
        struct shown name = show(c->name);
        if (n + strlen(name.text) + 4 < sizeof(names))
            n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", name.text);
    }
    if (count)
        facts_find(f, id, "%zu of %zu: %s", count, f->http.ncookies, names);
}

static void judge_cookies(struct facts *f)
{
    judge_each_cookie(f, "cookie-not-secure", not_secure);
    judge_each_cookie(f, "cookie-session-not-secure", session_not_secure);
    judge_each_cookie(f, "cookie-not-http-only", session_open_to_scripts);
    judge_each_cookie(f, "cookie-same-site", no_same_site);
    judge_each_cookie(f, "cookie-prefix", breaks_prefix);
}

/* ---- fields ---- */

static void judge_csp(struct facts *f)
{
    const struct facts_http *h = &f->http;
    struct csp csp = {0};
    csp_read(h->csp, false, &csp);
    csp_read(h->csp_page, true, &csp);
    if (csp.policies == 0)
        facts_find(f, "header-csp-missing", "%s",
                   h->csp_report_only.n ? "a policy is only reported on, not enforced"
                   : h->csp.n           ? "the field is there and holds no directive"
                                        : "neither a field nor a meta element");
    else if (csp.inline_scripts || csp.eval || csp.broad_scripts)
        facts_find(f, "header-csp-unsafe", "scripts: %s%s%s", csp.inline_scripts ? "inline, " : "",
                   csp.eval ? "evaluated, " : "",
                   csp.broad_scripts ? "from any host" : "from the hosts it names");
    if (csp.twice || csp.dynamic_unguarded)
        facts_find(f, "header-csp-invalid", "%s",
                   csp.twice ? "a directive is there twice: the second is ignored"
                             : "'strict-dynamic' without a nonce or hash: no script runs");
    bool frames = csp.frame_ancestors
                      ? !csp.frame_any
                      : slice_eq_nocase(h->x_frame_options, SLICE("DENY")) ||
                            slice_eq_nocase(h->x_frame_options, SLICE("SAMEORIGIN"));
    if (!frames)
        facts_find(f, "header-framing", "X-Frame-Options: %s, frame-ancestors: %s",
                   h->x_frame_options.n ? show(h->x_frame_options).text : "none",
                   csp.frame_ancestors ? "any site" : "none");
}

static void judge_fields(struct facts *f)
{
    const struct facts_http *h = &f->http;
    if (!h->read)
        return;
    struct slice sniff =
        slice_first(h->x_content_type_options, slice_find(h->x_content_type_options, ','));
    if (h->content_type.n && !slice_eq_nocase(slice_trim(sniff), SLICE("nosniff")))
        facts_find(f, "header-nosniff", "X-Content-Type-Options: %s",
                   h->x_content_type_options.n ? show(h->x_content_type_options).text : "none");
    if (h->cors_tested && slice_eq_nocase(h->cors_origin, SLICE(WEBASK_ORIGIN)) &&
        slice_eq_nocase(h->cors_credentials, SLICE("true")))
        facts_find(f, "header-cors-open",
                   "an invented origin (%s) is allowed to read with credentials", WEBASK_ORIGIN);
    if (!h->page_scanned)
        return;
    judge_csp(f);
    if (h->referrer_policy.n == 0 && h->referrer_page.n == 0)
        facts_find(f, "header-referrer", "neither a field nor a meta element");
}

static void judge_page(struct facts *f)
{
    const struct facts_http *h = &f->http;
    if (h->mixed_active)
        facts_find(f, "page-mixed-active", "%u, among them %s", h->mixed_active,
                   show(h->mixed_example).text);
    if (h->mixed_passive)
        facts_find(f, "page-mixed-passive", "%u, among them %s", h->mixed_passive,
                   show(h->mixed_example).text);
    if (h->forms_http)
        facts_find(f, "page-form-http", "%u, among them %s", h->forms_http,
                   show(h->form_example).text);
    if (h->scripts_external_no_sri)
        facts_find(f, "page-no-sri", "%u of %u, among them %s", h->scripts_external_no_sri,
                   h->scripts_external, show(h->script_example).text);
}

/* ---- the rest ---- */

static void judge_clock(struct facts *f)
{
    int64_t ahead_s = f->http.date_s - f->http.seen_s;
    if (!f->http.read || !f->http.date_s)
        return;
    if (ahead_s > CLOCK_SLACK_S || ahead_s < -CLOCK_SLACK_S)
        facts_find(f, "http-clock", "%lld seconds %s of this computer",
                   (long long)(ahead_s < 0 ? -ahead_s : ahead_s), ahead_s < 0 ? "behind" : "ahead");
}

static void judge_close(struct facts *f)
{
    if (!f->http.ran || f->http.r)
        return;
    if (f->close == FACTS_CLOSE_FIN)
        facts_find(f, "close-no-notify", "TCP ends and TLS did not");
    else if (f->close == FACTS_CLOSE_RESET)
        facts_find(f, "close-reset", "reset behind the answer");
    else if (f->close == FACTS_CLOSE_SILENT)
        facts_find(f, "close-silent", "no end behind the answer");
}

void judgehttp_all(struct facts *f)
{
    judge_status(f);
    judge_port80(f);
    judge_api(f);
    judge_hsts(f);
    judge_cookies(f);
    judge_fields(f);
    judge_page(f);
    judge_clock(f);
    judge_close(f);
}
