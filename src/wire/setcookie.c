/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Splitting at semicolons without any quoting, as RFC 6265bis 5.6 has it. */
#include "wire/setcookie.h"

#include "base/err.h"

#define MAX_AGE_MAX_S (400 * 86400) /* RFC 6265bis 5.5 */

/* An optional minus, then digits only; else the attribute is ignored. */
static void max_age(struct setcookie *c, struct slice text)
{
    bool minus = text.n && text.p[0] == '-';
    struct slice digits = slice_from(text, minus);
    int64_t sum = 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return;
        sum = sum * 10 + (digits.p[i] - '0');
        sum = sum > MAX_AGE_MAX_S ? MAX_AGE_MAX_S : sum;
    }
    if (digits.n == 0)
        return;
    c->has_max_age = true;
    c->max_age_s = minus ? -sum : sum;
}

static void same_site(struct setcookie *c, struct slice text)
{
    static const struct {
        struct slice word;
        enum setcookie_same_site is;
    } words[] = {
        {{(const uint8_t *)"none", 4}, SETCOOKIE_SITE_NONE},
        {{(const uint8_t *)"lax", 3}, SETCOOKIE_SITE_LAX},
        {{(const uint8_t *)"strict", 6}, SETCOOKIE_SITE_STRICT},
    };
    c->same_site = SETCOOKIE_SITE_INVALID;
    c->same_site_text = text;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_eq_nocase(text, words[i].word))
            c->same_site = words[i].is;
}

static void attribute(struct setcookie *c, struct slice part)
{
    size_t eq = slice_find(part, '=');
    struct slice name = slice_trim(slice_first(part, eq));
    struct slice value = slice_trim(slice_from(part, eq + 1));
    if (value.n > SETCOOKIE_ATTRIBUTE_MAX)
        return;
    if (slice_eq_nocase(name, SLICE("Secure")))
        c->secure = true;
    else if (slice_eq_nocase(name, SLICE("HttpOnly")))
        c->http_only = true;
    else if (slice_eq_nocase(name, SLICE("Partitioned")))
        c->partitioned = true;
    else if (slice_eq_nocase(name, SLICE("SameSite")))
        same_site(c, value);
    else if (slice_eq_nocase(name, SLICE("Domain")))
        c->domain = value.n && value.p[0] == '.' ? slice_from(value, 1) : value;
    else if (slice_eq_nocase(name, SLICE("Path")))
        c->path = value.n && value.p[0] == '/' ? value : SLICE_EMPTY;
    else if (slice_eq_nocase(name, SLICE("Expires")))
        c->expires = value;
    else if (slice_eq_nocase(name, SLICE("Max-Age")))
        max_age(c, value);
}

int setcookie_parse(struct slice value, struct setcookie *ret)
{
    struct slice part;
    struct setcookie c = {0};
    for (size_t i = 0; i < value.n; i++)
        if ((value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
            return ERR_SYNTAX;
    if (!slice_next(&value, ';', &part))
        return ERR_SYNTAX;
    size_t eq = slice_find(part, '=');
    /* Without "=" all of it is the value of a cookie without a name. */
    c.name = eq < part.n ? slice_trim(slice_first(part, eq)) : SLICE_EMPTY;
    c.value = eq < part.n ? slice_trim(slice_from(part, eq + 1)) : part;
    if (c.name.n + c.value.n == 0 || c.name.n + c.value.n > SETCOOKIE_PAIR_MAX)
        return ERR_SYNTAX;
    while (slice_next(&value, ';', &part))
        attribute(&c, part);
    *ret = c;
    return OK;
}

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq_nocase(slice_first(s, prefix.n), prefix);
}

bool setcookie_prefix_ok(const struct setcookie *c, bool secure_origin)
{
    /* A nameless value that looks like a prefixed cookie is one to servers: browsers refuse it. */
    struct slice name = c->name.n ? c->name : c->value;
    bool host = starts_nocase(name, SLICE("__Host-"));
    if (!host && !starts_nocase(name, SLICE("__Secure-")))
        return true;
    bool ok = c->name.n && c->secure && secure_origin;
    return ok && (!host || (c->domain.n == 0 && slice_eq(c->path, SLICE("/"))));
}

static bool has_word(struct slice name, struct slice word)
{
    for (size_t i = 0; i + word.n <= name.n; i++)
        if (slice_eq_nocase(slice_of(name.p + i, word.n), word))
            return true;
    return false;
}

bool setcookie_is_session(struct slice name)
{
    return has_word(name, SLICE("sess")) || has_word(name, SLICE("login"));
}

bool setcookie_is_csrf(struct slice name)
{
    return has_word(name, SLICE("csrf"));
}
