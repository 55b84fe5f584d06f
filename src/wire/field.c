/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Field grammar (RFC 9110 5.5, 5.6) by one table of byte classes, and walks over lists and
 * parameters. */
#include "wire/field.h"

#include "base/attr.h"
#include "base/err.h"

/* Sums of enum field_class_bit, sixteen bytes a row. */
// clang-format off
const uint8_t field_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 7, 6, 7, 7, 7, 7, 7, 6, 6, 7, 7, 6, 7, 7, 6,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 6, 6, 6,
    6, 31, 31, 31, 31, 31, 31, 23, 23, 23, 23, 23, 23, 23, 23, 23,
    23, 23, 23, 23, 23, 23, 23, 23, 23, 23, 23, 6, 6, 6, 7, 7,
    7, 15, 15, 15, 15, 15, 15, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 7, 6, 7, 0,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
};
// clang-format on

const struct field *field_find(const struct field *fields, size_t count, enum hdr token)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].token == token)
            return &fields[i];
    return NULL;
}

const struct field *field_find_name(const struct field *fields, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq_nocase(fields[i].name, name))
            return &fields[i];
    return NULL;
}

size_t field_count(const struct field *fields, size_t count, enum hdr token)
{
    size_t hits = 0;
    for (size_t i = 0; i < count; i++)
        hits += fields[i].token == token;
    return hits;
}

int field_single(const struct field *fields, size_t count, enum hdr token, struct slice *ret)
{
    const struct field *found = field_find(fields, count, token);
    if (!found)
        return ERR_NOT_FOUND;
    size_t behind = (size_t)(fields + count - found) - 1;
    if (field_find(found + 1, behind, token))
        return ERR_SYNTAX;
    *ret = found->value;
    return OK;
}

/* True when every byte of s has a bit of `want` and none of `refuse`. */
static bool all_of(struct slice s, unsigned want, unsigned refuse)
{
    unsigned bad = 0;
    for (size_t i = 0; i < s.n; i++)
        bad |= (field_class[s.p[i]] & (want | refuse)) ^ want;
    return bad == 0;
}

bool field_name_ok(struct slice name)
{
    return name.n > 0 && all_of(name, FIELD_TCHAR, 0);
}

bool field_name_ok_h2(struct slice name)
{
    return name.n > 0 && all_of(name, FIELD_TCHAR, FIELD_UPPER);
}

bool field_value_ok(struct slice value)
{
    return slice_trim(value).n == value.n && all_of(value, FIELD_VALUE, 0);
}

/* Index behind the quoted string that starts at s.p[i]; more than s.n when it never ends. */
static size_t skip_quoted(struct slice s, size_t i)
{
    for (i++; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return s.n + 1;
}

/* Index of the first `sep` outside quoted strings, or s.n. */
static size_t find_unquoted(struct slice s, uint8_t sep)
{
    size_t i = 0;
    while (i < s.n && s.p[i] != sep)
        i = s.p[i] == '"' ? skip_quoted(s, i) : i + 1;
    return i < s.n ? i : s.n;
}

bool field_list_next(struct slice *rest, struct slice *item)
{
    while (rest->n) {
        size_t at = find_unquoted(*rest, ',');
        *item = slice_trim(slice_first(*rest, at));
        *rest = slice_from(*rest, at + 1);
        if (item->n)
            return true;
    }
    return false;
}

bool field_list_has(struct slice value, struct slice item)
{
    struct slice one;
    while (field_list_next(&value, &one))
        if (slice_eq_nocase(one, item))
            return true;
    return false;
}

bool field_lists_have(const struct field *fields, size_t count, enum hdr token, struct slice item)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].token == token && field_list_has(fields[i].value, item))
            return true;
    return false;
}

bool field_param_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice s = slice_trim(*rest);
    if (!s.n || s.p[0] != ';')
        return false;
    s = slice_from(s, 1);
    size_t end = find_unquoted(s, ';');
    struct slice one = slice_trim(slice_first(s, end));
    size_t eq = slice_find(one, '=');
    struct slice left = slice_trim(slice_first(one, eq));
    struct slice right = slice_trim(slice_from(one, eq + 1));
    if (eq == one.n || !field_name_ok(left))
        return false;
    if (right.n >= 2 && right.p[0] == '"' && skip_quoted(right, 0) == right.n)
        right = slice_of(right.p + 1, right.n - 2);
    else if (!field_name_ok(right))
        return false;
    *name = left;
    *value = right;
    *rest = slice_from(s, end);
    return true;
}
