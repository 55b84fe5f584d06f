/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Entity tags are compared as bytes; lists are walked without unquoting, since a tag may hold
 * commas and backslashes mean nothing in it. */
#include "wire/etag.h"

#include <stddef.h>

static struct slice opaque(struct slice tag)
{
    return slice_starts(tag, SLICE("W/")) ? slice_from(tag, 2) : tag;
}

/* Length of the tag that s starts with, or 0. etagc = %x21 / %x23-7E / obs-text. */
static size_t tag_length(struct slice s)
{
    size_t i = s.n - opaque(s).n;
    if (i == s.n || s.p[i++] != '"')
        return 0;
    while (i < s.n && s.p[i] != '"') {
        if (s.p[i] <= ' ' || s.p[i] == 127)
            return 0;
        i++;
    }
    return i < s.n ? i + 1 : 0;
}

bool etag_ok(struct slice tag)
{
    return tag.n && tag_length(tag) == tag.n;
}

bool etag_eq_weak(struct slice a, struct slice b)
{
    return etag_ok(a) && slice_eq(opaque(a), opaque(b));
}

bool etag_eq_strong(struct slice a, struct slice b)
{
    return etag_ok(a) && a.p[0] == '"' && slice_eq(a, b);
}

static bool list_holds(struct slice list, struct slice tag, bool (*eq)(struct slice, struct slice))
{
    struct slice s = slice_trim(list);
    if (!tag.n)
        return false;
    if (slice_eq(s, SLICE("*")))
        return true;
    while (s.n) {
        if (s.p[0] == ',') {
            s = slice_trim(slice_from(s, 1));
            continue;
        }
        size_t n = tag_length(s);
        struct slice one = slice_first(s, n);
        s = slice_trim(slice_from(s, n));
        if (!n || (s.n && s.p[0] != ','))
            return false;
        if (eq(one, tag))
            return true;
    }
    return false;
}

bool etag_list_strong(struct slice list, struct slice tag)
{
    return list_holds(list, tag, etag_eq_strong);
}

bool etag_list_weak(struct slice list, struct slice tag)
{
    return list_holds(list, tag, etag_eq_weak);
}
