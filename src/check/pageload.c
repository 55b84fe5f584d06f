/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Tags to addresses, addresses to counts. */
#include "check/pageload.h"

#include <libpsl.h>

#include "base/text.h"
#include "wire/csp.h"
#include "wire/htmlscan.h"

#define ADDRESS_MAX 2048 /* of an address; a longer one is cut: its host stands in front */
#define HOST_MAX    256
#define POLICY_MAX  4096

enum kind { NOTHING, ACTIVE, PASSIVE, SCRIPT, FORM };

struct load {
    struct facts *f;
    struct facts_http *h;
    bool https;        /* the page itself */
    bool base_https;   /* what relative addresses become */
    struct slice host; /* of the page */
    char base_text[HOST_MAX];
    struct slice base_host;
    bool has_base;
};

struct address {
    bool web, https;
    struct slice host;
};

/* ---- addresses ---- */

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq_nocase(slice_first(s, prefix.n), prefix);
}

static bool is_slash(struct slice s, size_t at)
{
    return at < s.n && (s.p[at] == '/' || s.p[at] == '\\');
}

/* Length of "scheme:"; 0: none. */
static size_t scheme_length(struct slice s)
{
    size_t n = 0;
    while (n < s.n && ((s.p[n] | 0x20) >= 'a' && (s.p[n] | 0x20) <= 'z'))
        n++;
    while (n && n < s.n &&
           (((s.p[n] | 0x20) >= 'a' && (s.p[n] | 0x20) <= 'z') ||
            (s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '+' || s.p[n] == '-' || s.p[n] == '.'))
        n++;
    return n && n < s.n && s.p[n] == ':' ? n + 1 : 0;
}

/* Behind the slashes: without user and port. */
static struct slice host_of(struct slice s)
{
    size_t end = 0, at;
    while (end < s.n && !is_slash(s, end) && s.p[end] != '?' && s.p[end] != '#')
        end++;
    s = slice_first(s, end);
    while ((at = slice_find(s, '@')) < s.n)
        s = slice_from(s, at + 1);
    if (s.n && s.p[0] == '[')
        return slice_first(s, slice_find(s, ']') + 1);
    return slice_first(s, slice_find(s, ':'));
}

static struct address resolve(const struct load *l, struct slice s)
{
    size_t n = scheme_length(s);
    bool http = n == 5 && starts_nocase(s, SLICE("http:"));
    bool https = n == 6 && starts_nocase(s, SLICE("https:"));
    if (n && !http && !https)
        return (struct address){0};
    struct slice rest = slice_from(s, n);
    /* "https:x" on an https page is relative (WHATWG URL: special scheme, same as the base). */
    bool relative = n == 0 ? !is_slash(rest, 0) || !is_slash(rest, 1)
                           : https == l->base_https && !is_slash(rest, 0);
    if (relative)
        return (struct address){true, l->base_https, l->base_host};
    while (is_slash(rest, 0))
        rest = slice_from(rest, 1);
    return (struct address){true, n ? https : l->base_https, host_of(rest)};
}

/* Potentially trustworthy without https: this computer (W3C Secure Contexts 3.1). */
static bool is_local(struct slice host)
{
    struct slice local = SLICE(".localhost");
    bool named = host.n >= local.n && slice_eq_nocase(slice_from(host, host.n - local.n), local);
    return named || slice_eq_nocase(host, SLICE("localhost")) || slice_eq(host, SLICE("[::1]")) ||
           slice_starts(host, SLICE("127."));
}

static void lower(struct slice host, char *dst)
{
    size_t n = host.n < HOST_MAX - 1 ? host.n : HOST_MAX - 1;
    for (size_t i = 0; i < n; i++)
        dst[i] = (char)slice_lower(host.p[i]);
    dst[n] = '\0';
}

/* The same registrable domain (public suffix list), or the same host. */
static bool same_site(struct slice a, struct slice b)
{
    char x[HOST_MAX], y[HOST_MAX];
    if (slice_eq_nocase(a, b))
        return true;
    lower(a, x);
    lower(b, y);
    const char *p = psl_registrable_domain(psl_builtin(), x);
    const char *q = psl_registrable_domain(psl_builtin(), y);
    return p && q && strcmp(p, q) == 0;
}

static void keep_example(struct load *l, struct slice address, struct slice *to)
{
    char text[200];
    if (to->n)
        return;
    size_t n = text_escape(address, text, sizeof(text));
    if (arena_copy(&l->f->arena, slice_of(text, n), to))
        *to = SLICE_EMPTY;
}

/* ---- one address ---- */

static void count_script(struct load *l, const struct htmlscan_tag *tag, const struct address *a,
                         struct slice text)
{
    const struct htmlscan_attribute *integrity = htmlscan_attribute(tag, SLICE("integrity"));
    bool guarded = integrity && slice_trim(integrity->value).n;
    bool plain = !a->https && !is_local(a->host);
    bool foreign = !same_site(a->host, l->host);
    l->h->scripts++;
    l->h->scripts_sri += guarded;
    l->h->scripts_http += plain;
    l->h->scripts_http_no_sri += plain && !guarded;
    l->h->scripts_external += foreign;
    l->h->scripts_external_no_sri += foreign && !guarded;
    if (foreign && !guarded)
        keep_example(l, text, &l->h->script_example);
}

static void count(struct load *l, const struct htmlscan_tag *tag, struct slice value,
                  enum kind kind)
{
    char raw[ADDRESS_MAX];
    struct slice text = slice_of(raw, htmlscan_address(value, raw, sizeof(raw)));
    struct address a = resolve(l, text);
    /* A form without an address comes back to the page's own. */
    if (!a.web || (text.n == 0 && kind != SCRIPT))
        return;
    if (kind == SCRIPT)
        count_script(l, tag, &a, text);
    if (!l->https || a.https || is_local(a.host))
        return;
    l->h->forms_http += kind == FORM;
    l->h->mixed_active += kind == ACTIVE || kind == SCRIPT;
    l->h->mixed_passive += kind == PASSIVE;
    keep_example(l, text, kind == FORM ? &l->h->form_example : &l->h->mixed_example);
}

/* "a.png 1x, b.png 2x": addresses end at white space; a comma may stand in one. */
static void count_set(struct load *l, const struct htmlscan_tag *tag, struct slice set)
{
    struct slice part;
    while (slice_next(&set, ',', &part)) {
        size_t n = 0;
        while (n < part.n && part.p[n] > ' ')
            n++;
        count(l, tag, slice_first(part, n), PASSIVE);
    }
}

/* ---- styles ---- */

static struct slice skip_quote(struct slice s)
{
    while (s.n && (s.p[0] <= ' ' || s.p[0] == '"' || s.p[0] == '\''))
        s = slice_from(s, 1);
    return s;
}

/* Addresses in clear: "url(http:..." are images and fonts, what @import names is a sheet. */
static void count_style(struct load *l, struct slice css)
{
    static const struct htmlscan_tag none = {0};
    while (css.n) {
        bool import = starts_nocase(css, SLICE("@import"));
        if (!import && !starts_nocase(css, SLICE("url("))) {
            css = slice_from(css, 1);
            continue;
        }
        css = skip_quote(slice_from(css, import ? 7 : 4));
        if (import && starts_nocase(css, SLICE("url(")))
            css = skip_quote(slice_from(css, 4));
        size_t n = 0;
        while (n < css.n && css.p[n] > ' ' && css.p[n] != '"' && css.p[n] != '\'' &&
               css.p[n] != ')' && css.p[n] != ';')
            n++;
        if (starts_nocase(css, SLICE("http:")))
            count(l, &none, slice_first(css, n), import ? ACTIVE : PASSIVE);
        css = slice_from(css, n);
    }
}

static void on_style(void *ctx, struct slice text)
{
    count_style(ctx, text);
}

/* ---- tags ---- */

static bool has_word(struct slice list, struct slice word)
{
    while (list.n) {
        size_t n = 0;
        while (n < list.n && list.p[n] > ' ')
            n++;
        if (n && slice_eq_nocase(slice_first(list, n), word))
            return true;
        list = slice_from(list, n + 1);
    }
    return false;
}

static struct slice value_of(const struct htmlscan_tag *tag, struct slice name)
{
    const struct htmlscan_attribute *a = htmlscan_attribute(tag, name);
    return a ? a->value : SLICE_EMPTY;
}

static enum kind link_kind(const struct htmlscan_tag *tag)
{
    struct slice rel = value_of(tag, SLICE("rel"));
    if (has_word(rel, SLICE("preload")) &&
        slice_eq_nocase(value_of(tag, SLICE("as")), SLICE("image")))
        return PASSIVE;
    if (has_word(rel, SLICE("stylesheet")) || has_word(rel, SLICE("preload")) ||
        has_word(rel, SLICE("modulepreload")) || has_word(rel, SLICE("manifest")))
        return ACTIVE;
    if (has_word(rel, SLICE("icon")) || has_word(rel, SLICE("apple-touch-icon")))
        return PASSIVE;
    return NOTHING;
}

/* Other types make a script element a block of data that is not fetched (HTML 4.12.1). */
static bool runs(const struct htmlscan_tag *tag)
{
    struct slice type = slice_trim(value_of(tag, SLICE("type")));
    if (type.n == 0 || slice_eq_nocase(type, SLICE("module")))
        return true;
    for (size_t i = 0; i + 6 <= type.n; i++)
        if (slice_eq_nocase(slice_of(type.p + i, 6), SLICE("script")))
            return true;
    return false;
}

static void read_base(struct load *l, const struct htmlscan_tag *tag)
{
    const struct htmlscan_attribute *href = htmlscan_attribute(tag, SLICE("href"));
    char raw[ADDRESS_MAX];
    if (!href || l->has_base)
        return;
    l->has_base = true;
    struct address a = resolve(l, slice_of(raw, htmlscan_address(href->value, raw, sizeof(raw))));
    if (!a.web)
        return;
    lower(a.host, l->base_text);
    l->base_host = slice_cstr(l->base_text);
    l->base_https = a.https;
}

static void append(struct load *l, struct slice *list, struct slice value)
{
    struct slice both;
    if (list->n + value.n > POLICY_MAX || slice_trim(value).n == 0)
        return;
    if (!arena_printf(&l->f->arena, &both, SLICE_F "%s" SLICE_F, SLICE_A(*list),
                      list->n ? ", " : "", SLICE_A(value)))
        *list = both;
}

static void read_meta(struct load *l, const struct htmlscan_tag *tag)
{
    char raw[POLICY_MAX];
    struct slice content = value_of(tag, SLICE("content"));
    content = slice_of(raw, htmlscan_text(content, raw, sizeof(raw)));
    if (slice_eq_nocase(value_of(tag, SLICE("http-equiv")), SLICE("Content-Security-Policy"))) {
        append(l, &l->h->csp_page, content);
        l->h->csp_meta = l->h->csp_page.n > 0;
    } else if (slice_eq_nocase(value_of(tag, SLICE("name")), SLICE("referrer"))) {
        append(l, &l->h->referrer_page, content);
    }
}

static const struct {
    const char *tag, *attribute;
    enum kind kind;
} loads[] = {
    {"iframe", "src", ACTIVE},        {"frame", "src", ACTIVE},     {"embed", "src", ACTIVE},
    {"object", "data", ACTIVE},       {"track", "src", ACTIVE},     {"img", "src", PASSIVE},
    {"input", "src", PASSIVE},        {"source", "src", PASSIVE},   {"audio", "src", PASSIVE},
    {"video", "src", PASSIVE},        {"video", "poster", PASSIVE}, {"image", "href", PASSIVE},
    {"image", "xlink:href", PASSIVE}, {"form", "action", FORM},     {"button", "formaction", FORM},
    {"input", "formaction", FORM},
};

static void on_tag(void *ctx, const struct htmlscan_tag *tag)
{
    struct load *l = ctx;
    const struct htmlscan_attribute *a;
    if (slice_eq_nocase(tag->name, SLICE("base")))
        read_base(l, tag);
    else if (slice_eq_nocase(tag->name, SLICE("meta")))
        read_meta(l, tag);
    else if (slice_eq_nocase(tag->name, SLICE("script"))) {
        if ((a = htmlscan_attribute(tag, SLICE("src"))) && runs(tag))
            count(l, tag, a->value, SCRIPT);
    } else if (slice_eq_nocase(tag->name, SLICE("link"))) {
        enum kind kind = link_kind(tag);
        if (kind && (a = htmlscan_attribute(tag, SLICE("href"))))
            count(l, tag, a->value, kind);
    } else if (slice_eq_nocase(tag->name, SLICE("img")) ||
               slice_eq_nocase(tag->name, SLICE("source"))) {
        if ((a = htmlscan_attribute(tag, SLICE("srcset"))))
            count_set(l, tag, a->value);
    }
    for (size_t i = 0; i < ARRAY_LEN(loads); i++)
        if (slice_eq_nocase(tag->name, slice_cstr(loads[i].tag)) &&
            (a = htmlscan_attribute(tag, slice_cstr(loads[i].attribute))))
            count(l, tag, a->value, loads[i].kind);
    if ((a = htmlscan_attribute(tag, SLICE("style"))))
        count_style(l, a->value);
}

static bool upgrades(const struct facts_http *h)
{
    struct csp policy = {0};
    csp_read(h->csp, false, &policy);
    csp_read(h->csp_page, true, &policy);
    return policy.upgrade;
}

void pageload_scan(struct facts *f, struct slice page, bool https, struct slice host)
{
    struct load l = {.f = f,
                     .h = &f->http,
                     .https = https,
                     .base_https = https,
                     .host = host,
                     .base_host = host};
    const struct htmlscan_ops ops = {&l, on_tag, on_style};
    htmlscan_run(page, &ops);
    f->http.page_scanned = true;
    if (!upgrades(&f->http))
        return;
    f->http.mixed_active = f->http.mixed_passive = f->http.forms_http = 0;
    f->http.scripts_http = f->http.scripts_http_no_sri = 0;
    f->http.mixed_example = f->http.form_example = SLICE_EMPTY;
}
