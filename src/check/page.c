/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Fields, cookies and HSTS of an answer; what its page loads is left to pageload.c. */
#include "check/page.h"

#include "base/date.h"
#include "base/num.h"
#include "check/hops.h"
#include "check/pageload.h"
#include "os/clock.h"
#include "wire/hsts.h"
#include "wire/setcookie.h"

/* All lines of a field, joined as RFC 9110 5.3 allows. */
static struct slice joined(struct facts *f, const struct httpget_result *r, struct slice name)
{
    size_t n = 0, count = 0;
    for (size_t i = 0; i < r->nfields; i++)
        if (slice_eq_nocase(r->fields[i].name, name))
            n += r->fields[i].value.n + (count++ ? 2 : 0);
    uint8_t *text = n ? arena_alloc(&f->arena, n) : NULL;
    if (!text)
        return SLICE_EMPTY;
    size_t at = 0;
    for (size_t i = 0; i < r->nfields; i++) {
        struct slice value = r->fields[i].value;
        if (!slice_eq_nocase(r->fields[i].name, name))
            continue;
        if (at) {
            text[at++] = ',';
            text[at++] = ' ';
        }
        if (value.n)
            memcpy(text + at, value.p, value.n);
        at += value.n;
    }
    return slice_of(text, n);
}

static void read_hsts(struct facts *f, const struct httpget_result *r)
{
    size_t count;
    struct slice value = httpget_field(r, SLICE("strict-transport-security"), &count);
    struct hsts parsed = {0};
    if (count == 0)
        return;
    bool good = !hsts_parse(value, &parsed);
    f->http.hsts = (struct facts_hsts){.present = true,
                                       .valid = good && count == 1,
                                       .include_subdomains = parsed.include_subdomains,
                                       .preload = parsed.preload,
                                       .max_age_s = parsed.max_age_s};
}

/* ---- cookies ---- */

static bool deletes(const struct facts *f, const struct setcookie *c)
{
    int64_t when;
    if (c->has_max_age)
        return c->max_age_s <= 0;
    return c->expires.n && !date_parse_http(c->expires, f->now_s, &when) && when <= f->now_s;
}

static void forget(struct facts_http *h, size_t i)
{
    for (h->ncookies--; i < h->ncookies; i++)
        h->cookies[i] = h->cookies[i + 1];
}

static void read_cookie(struct facts *f, struct slice value, bool https)
{
    struct facts_http *h = &f->http;
    struct setcookie c;
    struct facts_cookie made = {0};
    size_t i = 0;
    if (setcookie_parse(value, &c))
        return;
    while (i < h->ncookies && !slice_eq(h->cookies[i].name, c.name))
        i++;
    if (deletes(f, &c)) {
        if (i < h->ncookies)
            forget(h, i);
        return;
    }
    made.secure = c.secure;
    made.http_only = c.http_only;
    made.session = setcookie_is_session(c.name);
    made.csrf = setcookie_is_csrf(c.name);
    made.host_prefix_ok = setcookie_prefix_ok(&c, https);
    if (i == FACTS_COOKIES_MAX || arena_copy(&f->arena, c.name, &made.name) ||
        arena_copy(&f->arena, c.same_site_text, &made.same_site))
        return;
    h->cookies[i] = made;
    h->ncookies += i == h->ncookies;
}

static void read_cookies(struct facts *f, const struct httpget_result *r, bool https)
{
    for (size_t i = 0; i < r->nfields; i++)
        if (slice_eq_nocase(r->fields[i].name, SLICE("set-cookie")))
            read_cookie(f, r->fields[i].value, https);
}

/* ---- the last answer ---- */

/* A cache hands out an old Date and says how old (RFC 9111 5.1). */
static int64_t read_date(const struct facts *f, const struct httpget_result *r)
{
    int64_t date_s;
    uint64_t age_s = 0;
    if (date_parse_http(httpget_field(r, SLICE("date"), NULL), f->now_s, &date_s))
        return 0;
    if (num_parse_u64(httpget_field(r, SLICE("age"), NULL), 0, UINT32_MAX, &age_s))
        age_s = 0;
    return date_s + (int64_t)age_s;
}

static void read_fields(struct facts *f, const struct httpget_result *r)
{
    static const struct {
        const char *name;
        size_t at;
    } rows[] = {
        {"server", offsetof(struct facts_http, server)},
        {"content-security-policy", offsetof(struct facts_http, csp)},
        {"content-security-policy-report-only", offsetof(struct facts_http, csp_report_only)},
        {"x-frame-options", offsetof(struct facts_http, x_frame_options)},
        {"x-content-type-options", offsetof(struct facts_http, x_content_type_options)},
        {"referrer-policy", offsetof(struct facts_http, referrer_policy)},
        {"cross-origin-opener-policy", offsetof(struct facts_http, coop)},
        {"cross-origin-embedder-policy", offsetof(struct facts_http, coep)},
        {"cross-origin-resource-policy", offsetof(struct facts_http, corp)},
        {"permissions-policy", offsetof(struct facts_http, permissions_policy)},
        {"access-control-allow-origin", offsetof(struct facts_http, cors_origin)},
        {"access-control-allow-credentials", offsetof(struct facts_http, cors_credentials)},
        {"content-type", offsetof(struct facts_http, content_type)},
        {"content-encoding", offsetof(struct facts_http, content_encoding)},
        {"alt-svc", offsetof(struct facts_http, alt_svc)},
    };
    uint8_t *h = (uint8_t *)&f->http;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice value = joined(f, r, slice_cstr(rows[i].name));
        memcpy(h + rows[i].at, &value, sizeof(value));
    }
    f->http.date_s = read_date(f, r);
    f->http.seen_s = clock_unix_ms() / 1000;
    f->http.body_bytes = r->body.n;
}

static bool is_html(const struct facts_http *h, struct slice body)
{
    struct slice type = slice_trim(slice_first(h->content_type, slice_find(h->content_type, ';')));
    if (type.n)
        return slice_eq_nocase(type, SLICE("text/html")) ||
               slice_eq_nocase(type, SLICE("application/xhtml+xml"));
    return slice_trim(body).n && slice_trim(body).p[0] == '<';
}

static bool is_coded(const struct facts_http *h)
{
    return h->content_encoding.n && !slice_eq_nocase(h->content_encoding, SLICE("identity"));
}

void page_read(struct facts *f, const struct httpget_result *r, bool plain, bool main)
{
    struct facts_http *h = &f->http;
    struct hops_url at;
    if (plain || h->nhttps == 0 || r->status == 0)
        return;
    if (hops_split(h->https[h->nhttps - 1].url, &at))
        return;
    if (at.https && slice_eq_nocase(at.host, f->target.host))
        read_hsts(f, r);
    read_cookies(f, r, at.https);
    if (!main)
        return;
    h->read = true;
    read_fields(f, r);
    if (is_html(h, r->body) && !is_coded(h))
        pageload_scan(f, r->body, at.https, at.host);
}
