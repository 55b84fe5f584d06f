/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Range sets: parsed, cut to the length, and merged where they overlap, so that an answer is never
 * longer than the representation. */
#include "wire/range.h"

#include "base/err.h"
#include "base/num.h"
#include "wire/field.h"

/* A position; a number beyond 64 bits is a position behind every end. */
static int position(struct slice s, uint64_t *ret)
{
    int r = num_parse_u64(s, 0, UINT64_MAX, ret);
    if (r == ERR_RANGE)
        *ret = UINT64_MAX;
    return r == ERR_RANGE ? OK : r;
}

/* int-range or suffix-range (RFC 9110 14.1.1). OK, ERR_RANGE when it lies behind the end. */
static int parse_one(struct slice spec, uint64_t length, struct range *ret)
{
    size_t dash = slice_find(spec, '-');
    struct slice left = slice_first(spec, dash), right = slice_from(spec, dash + 1);
    uint64_t a = 0, b = UINT64_MAX;
    if (dash == spec.n || (!left.n && !right.n) || (left.n && position(left, &a)) ||
        (right.n && position(right, &b)) || (left.n && b < a))
        return ERR_SYNTAX;
    if (length == 0 || (left.n ? a >= length : b == 0))
        return ERR_RANGE;
    if (left.n)
        *ret = (struct range){a, b < length ? b : length - 1};
    else
        *ret = (struct range){b < length ? length - b : 0, length - 1};
    return OK;
}

static bool touches(const struct range *a, const struct range *b)
{
    return a->first <= b->last + 1 && b->first <= a->last + 1;
}

/* Adds r; ranges that it touches are taken into it, at the place of the first of them. */
static void add(struct range_set *set, struct range r)
{
    size_t place = set->count, kept = 0;
    bool again = true;
    while (again) {
        again = false;
        kept = 0;
        for (size_t i = 0; i < set->count; i++) {
            struct range *old = &set->ranges[i];
            if (!touches(old, &r)) {
                set->ranges[kept++] = *old;
                continue;
            }
            r.first = old->first < r.first ? old->first : r.first;
            r.last = old->last > r.last ? old->last : r.last;
            place = kept < place ? kept : place;
            again = true; /* it has grown: earlier ones may touch it now */
        }
        set->count = kept;
    }
    place = place < set->count ? place : set->count;
    for (size_t i = set->count; i > place; i--)
        set->ranges[i] = set->ranges[i - 1];
    set->ranges[place] = r;
    set->count++;
}

int range_parse(struct slice value, uint64_t length, struct range_set *ret)
{
    struct range_set set = {.count = 0};
    size_t eq = slice_find(value, '=');
    struct slice rest = slice_from(value, eq + 1), spec;
    size_t seen = 0;
    if (!slice_eq_nocase(slice_first(value, eq), SLICE("bytes")))
        return ERR_SYNTAX;
    while (field_list_next(&rest, &spec)) {
        struct range r;
        int e = parse_one(spec, length, &r);
        if (e == ERR_SYNTAX)
            return e;
        if (++seen > RANGE_MAX)
            return ERR_CAP;
        if (e == OK)
            add(&set, r);
    }
    if (!seen)
        return ERR_SYNTAX;
    if (!set.count)
        return ERR_RANGE;
    *ret = set;
    return OK;
}
