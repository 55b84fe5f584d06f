/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Each policy gives its own answers; then what allows something is combined with "and", what
 * forbids or asks for something with "or". */
#include "wire/csp.h"

#include "base/attr.h"

struct directive {
    struct slice name, value;
};

struct policy {
    struct directive directives[CSP_DIRECTIVES_MAX];
    size_t n;
};

static bool is_space(uint8_t ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f';
}

/* Cuts the next word off; false at the end. */
static bool next_word(struct slice *rest, struct slice *word)
{
    size_t from = 0, to;
    while (from < rest->n && is_space(rest->p[from]))
        from++;
    for (to = from; to < rest->n && !is_space(rest->p[to]);)
        to++;
    *word = slice_first(slice_from(*rest, from), to - from);
    *rest = slice_from(*rest, to);
    return word->n > 0;
}

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq_nocase(slice_first(s, prefix.n), prefix);
}

static const struct directive *find(const struct policy *p, struct slice name)
{
    for (size_t i = 0; i < p->n; i++)
        if (slice_eq_nocase(p->directives[i].name, name))
            return &p->directives[i];
    return NULL;
}

/* HTML 4.2.5.3: these mean nothing in a page. */
static bool for_fields_only(struct slice name)
{
    return slice_eq_nocase(name, SLICE("frame-ancestors")) ||
           slice_eq_nocase(name, SLICE("report-uri")) || slice_eq_nocase(name, SLICE("sandbox"));
}

static void read_policy(struct slice text, bool page, struct policy *p, struct csp *all)
{
    struct slice part;
    p->n = 0;
    while (slice_next(&text, ';', &part)) {
        struct directive d = {.value = part};
        if (!next_word(&d.value, &d.name) || (page && for_fields_only(d.name)))
            continue;
        if (find(p, d.name))
            all->twice = true;
        else if (p->n == CSP_DIRECTIVES_MAX)
            all->cut = true;
        else
            p->directives[p->n++] = d;
    }
}

/* ---- sources ---- */

static bool is_broad(struct slice source)
{
    static const char *const words[] = {
        "*", "http:", "https:", "ftp:", "http://*", "https://*", "http://*.*", "https://*.*"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_eq_nocase(source, slice_cstr(words[i])))
            return true;
    return false;
}

static bool is_nonce_or_hash(struct slice source)
{
    return starts_nocase(source, SLICE("'nonce-")) || starts_nocase(source, SLICE("'sha256-")) ||
           starts_nocase(source, SLICE("'sha384-")) || starts_nocase(source, SLICE("'sha512-"));
}

static bool is_plain(struct slice source)
{
    return starts_nocase(source, SLICE("http:")) || starts_nocase(source, SLICE("ftp:"));
}

struct sources {
    bool any_rule, broad, unsafe_inline, data, eval, guarded, dynamic, plain, none;
};

/* The rule `name`, or the default one, or none at all. */
static struct sources look(const struct policy *p, struct slice name)
{
    const struct directive *d = find(p, name);
    struct sources s = {0};
    struct slice rest, word;
    size_t count = 0;
    if (!d)
        d = find(p, SLICE("default-src"));
    if (!d)
        return s;
    s.any_rule = true;
    for (rest = d->value; next_word(&rest, &word); count++) {
        s.none |= slice_eq_nocase(word, SLICE("'none'"));
        s.broad |= is_broad(word);
        s.unsafe_inline |= slice_eq_nocase(word, SLICE("'unsafe-inline'"));
        s.data |= slice_eq_nocase(word, SLICE("data:"));
        s.eval |= slice_eq_nocase(word, SLICE("'unsafe-eval'"));
        s.guarded |= is_nonce_or_hash(word);
        s.dynamic |= slice_eq_nocase(word, SLICE("'strict-dynamic'"));
        s.plain |= is_plain(word);
    }
    s.none = count == 0 || (s.none && count == 1);
    return s;
}

/* http: in any rule that governs neither images nor media (nor where data may be sent home). */
static bool plain_active(const struct policy *p, const struct sources *script)
{
    bool hit = script->plain && !(script->dynamic && script->guarded);
    for (size_t i = 0; i < p->n; i++) {
        struct slice name = p->directives[i].name, rest = p->directives[i].value, word;
        if (slice_eq_nocase(name, SLICE("img-src")) || slice_eq_nocase(name, SLICE("media-src")) ||
            slice_eq_nocase(name, SLICE("script-src")) || starts_nocase(name, SLICE("report-")))
            continue;
        while (next_word(&rest, &word))
            hit |= is_plain(word);
    }
    return hit;
}

static bool frames_any(const struct directive *d)
{
    struct slice rest = d->value, word;
    bool any = false;
    while (next_word(&rest, &word))
        any |= is_broad(word);
    return any;
}

/* ---- together ---- */

static struct csp read_one(const struct policy *p)
{
    struct sources script = look(p, SLICE("script-src")), style = look(p, SLICE("style-src")),
                   object = look(p, SLICE("object-src")), image = look(p, SLICE("img-src")),
                   media = look(p, SLICE("media-src"));
    const struct directive *frames = find(p, SLICE("frame-ancestors"));
    bool strict = script.dynamic && script.guarded;
    return (struct csp){
        .dynamic_unguarded = script.dynamic && !script.guarded,
        .inline_scripts =
            !script.any_rule || (script.unsafe_inline && !script.guarded) || script.data,
        .broad_scripts = !script.any_rule || (script.broad && !strict),
        .broad_objects = !object.any_rule || object.broad,
        .eval = !script.any_rule || script.eval || style.eval,
        .inline_styles =
            !style.any_rule || (style.unsafe_inline && !style.guarded) || style.data || style.broad,
        .http_active = plain_active(p, &script),
        .http_passive = image.plain || media.plain,
        .default_none = find(p, SLICE("default-src")) && look(p, SLICE("default-src")).none,
        .frame_ancestors = frames != NULL,
        .frame_any = frames && frames_any(frames),
        .upgrade = find(p, SLICE("upgrade-insecure-requests")) != NULL,
    };
}

static void add(struct csp *all, const struct csp *one)
{
    bool first = all->policies++ == 0;
    all->dynamic_unguarded |= one->dynamic_unguarded;
    all->inline_scripts = one->inline_scripts && (first || all->inline_scripts);
    all->broad_scripts = one->broad_scripts && (first || all->broad_scripts);
    all->broad_objects = one->broad_objects && (first || all->broad_objects);
    all->eval = one->eval && (first || all->eval);
    all->inline_styles = one->inline_styles && (first || all->inline_styles);
    all->http_active = one->http_active && (first || all->http_active);
    all->http_passive = one->http_passive && (first || all->http_passive);
    all->default_none |= one->default_none;
    if (one->frame_ancestors)
        all->frame_any = one->frame_any && (!all->frame_ancestors || all->frame_any);
    all->frame_ancestors |= one->frame_ancestors;
    all->upgrade |= one->upgrade;
}

void csp_read(struct slice list, bool page, struct csp *ret)
{
    struct slice text;
    struct policy p;
    while (slice_next(&list, ',', &text)) {
        read_policy(text, page, &p, ret);
        if (p.n && ret->policies == CSP_POLICIES_MAX)
            ret->cut = true;
        else if (p.n) {
            struct csp one = read_one(&p);
            add(ret, &one);
        }
    }
}
