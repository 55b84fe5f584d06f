/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Directives one by one; a user agent must ignore a field that breaks the grammar, so there is no
 * leniency. */
#include "wire/hsts.h"

#include "base/err.h"
#include "wire/field.h"

#define MAX_AGE_MAX_S INT64_C(3153600000)

struct directive {
    struct slice name, value; /* value without quotes */
    bool has_value;
};

/* Length of the quoted string at the start of s, with both quotes; 0: none. */
static size_t quoted_length(struct slice s)
{
    for (size_t i = 1; s.n && s.p[0] == '"' && i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        i += s.p[i] == '\\';
    }
    return 0;
}

static size_t token_length(struct slice s)
{
    size_t n = 0;
    while (n < s.n && (field_class[s.p[n]] & FIELD_TCHAR))
        n++;
    return n;
}

/* Cuts one directive off; an empty one has an empty name. */
static int take(struct slice *rest, struct directive *d)
{
    struct slice s = slice_trim(*rest);
    size_t n = token_length(s);
    *d = (struct directive){.name = slice_first(s, n)};
    s = slice_trim(slice_from(s, n));
    if (n && s.n && s.p[0] == '=') {
        s = slice_trim(slice_from(s, 1));
        size_t quoted = quoted_length(s), plain = token_length(s);
        d->has_value = true;
        d->value = quoted ? slice_of(s.p + 1, quoted - 2) : slice_first(s, plain);
        if (!quoted && !plain)
            return ERR_SYNTAX;
        s = slice_trim(slice_from(s, quoted ? quoted : plain));
    }
    if (s.n && s.p[0] != ';')
        return ERR_SYNTAX;
    *rest = slice_from(s, 1);
    return OK;
}

/* num_parse_u64 refuses more than 20 digits; a larger number is still a valid one. */
static int delta_seconds(struct slice s, int64_t *ret)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_SYNTAX;
        sum = sum * 10 + (s.p[i] - '0');
        sum = sum > MAX_AGE_MAX_S ? MAX_AGE_MAX_S : sum;
    }
    *ret = sum;
    return s.n ? OK : ERR_SYNTAX;
}

static bool seen_before(const struct slice *names, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(names[i], name))
            return true;
    return false;
}

int hsts_parse(struct slice value, struct hsts *ret)
{
    struct slice names[HSTS_DIRECTIVES_MAX];
    struct hsts h = {0};
    size_t n = 0;
    bool has_max_age = false;
    while (value.n) {
        struct directive d;
        int r = take(&value, &d);
        if (r)
            return r;
        if (d.name.n == 0)
            continue;
        if (n == HSTS_DIRECTIVES_MAX || seen_before(names, n, d.name))
            return ERR_SYNTAX;
        names[n++] = d.name;
        if (slice_eq_nocase(d.name, SLICE("max-age"))) {
            if ((r = delta_seconds(d.value, &h.max_age_s)))
                return r;
            has_max_age = true;
        } else if (slice_eq_nocase(d.name, SLICE("includeSubDomains"))) {
            h.include_subdomains = true;
            r = d.has_value ? ERR_SYNTAX : OK;
        } else if (slice_eq_nocase(d.name, SLICE("preload"))) {
            h.preload = true;
            r = d.has_value ? ERR_SYNTAX : OK;
        }
        if (r)
            return r;
    }
    if (!has_max_age)
        return ERR_SYNTAX;
    *ret = h;
    return OK;
}
