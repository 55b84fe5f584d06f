/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The grammar is that of CAA's issue value (RFC 8659 4.2): a domain, then tag=value parts. */
#include "cert/dnspersist.h"

#include "base/err.h"
#include "base/num.h"

/* The value behind "tag=", or false. */
static bool parameter(struct slice part, struct slice tag, struct slice *ret)
{
    size_t eq = slice_find(part, '=');
    if (eq == part.n || !slice_eq_nocase(slice_trim(slice_first(part, eq)), tag))
        return false;
    *ret = slice_trim(slice_from(part, eq + 1));
    return true;
}

static struct slice without_dot(struct slice name)
{
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    return name;
}

enum dnspersist_verdict dnspersist_check(struct slice record, const struct dnspersist_asked *a)
{
    struct slice rest = record, part, value;
    bool account = false, expired = false, wildcard = false;
    if (!slice_next(&rest, ';', &part) ||
        !slice_eq_nocase(without_dot(part), without_dot(a->issuer)))
        return DNSPERSIST_FOREIGN;
    while (slice_next(&rest, ';', &part)) {
        uint64_t until_s = 0;
        if (parameter(part, SLICE("accounturi"), &value))
            account = slice_eq(value, a->account_url);
        else if (parameter(part, SLICE("policy"), &value))
            wildcard = slice_eq_nocase(value, SLICE("wildcard"));
        else if (parameter(part, SLICE("persistUntil"), &value))
            expired = num_parse_u64(value, 0, INT64_MAX, &until_s) || until_s <= a->now_s;
    }
    if (!account)
        return DNSPERSIST_ACCOUNT;
    if (expired)
        return DNSPERSIST_EXPIRED;
    return a->wildcard && !wildcard ? DNSPERSIST_NARROW : DNSPERSIST_GOOD;
}

int dnspersist_text(struct slice issuer, struct slice account_url, bool wildcard, struct buf *out)
{
    int r = buf_add(out, issuer);
    if (!r)
        r = buf_add(out, SLICE("; accounturi="));
    if (!r)
        r = buf_add(out, account_url);
    return r || !wildcard ? r : buf_add(out, SLICE("; policy=wildcard"));
}
