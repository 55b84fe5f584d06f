/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The best of all properties counts: each one alone is a permission. */
#include "cert/caa.h"

#define CRITICAL 128

static const char *const known_tags[] = {"issue",        "issuewild", "iodef",   "contactemail",
                                         "contactphone", "issuemail", "issuevmc"};

static bool is_known(struct slice tag)
{
    for (size_t i = 0; i < ARRAY_LEN(known_tags); i++)
        if (slice_eq_nocase(tag, slice_cstr(known_tags[i])))
            return true;
    return false;
}

bool caa_present(const struct dns_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (records[i].type == DNS_CAA)
            return true;
    return false;
}

static bool has_tag(const struct dns_record *rec, const char *tag)
{
    return rec->type == DNS_CAA && slice_eq_nocase(rec->tag, slice_cstr(tag));
}

static bool one_of(struct slice list, const char *const *methods, size_t n)
{
    struct slice one;
    while (slice_next(&list, ',', &one))
        for (size_t i = 0; i < n; i++)
            if (slice_eq(one, slice_cstr(methods[i])))
                return true;
    return false;
}

static bool is_ours(const struct caa_asked *a, struct slice domain)
{
    for (size_t i = 0; i < a->nidentities; i++)
        if (slice_eq_nocase(domain, a->identities[i]))
            return true;
    return false;
}

/* One issue or issuewild value: domain, then tag=value parts behind semicolons. */
static enum caa_verdict property(struct slice value, const struct caa_asked *a)
{
    struct slice rest = value, part;
    if (!slice_next(&rest, ';', &part) || part.n == 0)
        return CAA_NOBODY;
    if (!a->nidentities)
        return CAA_UNTOLD;
    if (!is_ours(a, part))
        return CAA_OTHERS;
    enum caa_verdict v = CAA_ALLOWED;
    while (slice_next(&rest, ';', &part)) {
        size_t eq = slice_find(part, '=');
        struct slice tag = slice_trim(slice_first(part, eq));
        struct slice said = slice_trim(slice_from(part, eq + 1));
        if (slice_eq_nocase(tag, SLICE("accounturi")) && a->account_url.n &&
            !slice_eq(said, a->account_url))
            return CAA_ACCOUNT;
        if (slice_eq_nocase(tag, SLICE("validationmethods")) &&
            !one_of(said, a->methods, a->nmethods))
            v = CAA_METHODS;
    }
    return v;
}

enum caa_verdict caa_check(const struct dns_record *records, size_t n, const struct caa_asked *a,
                           struct slice *ret_detail)
{
    /* issuewild, when there is any, speaks for wildcards instead of issue (RFC 8659 4.3). */
    const char *tag = "issue";
    *ret_detail = SLICE_EMPTY;
    for (size_t i = 0; i < n; i++) {
        if (records[i].type == DNS_CAA && records[i].flags & CRITICAL &&
            !is_known(records[i].tag)) {
            *ret_detail = records[i].tag;
            return CAA_CRITICAL;
        }
        if (a->wildcard && has_tag(&records[i], "issuewild"))
            tag = "issuewild";
    }
    bool any = false;
    enum caa_verdict best = CAA_CRITICAL;
    for (size_t i = 0; i < n; i++) {
        if (!has_tag(&records[i], tag))
            continue;
        enum caa_verdict v = property(records[i].text, a);
        any = true;
        if (v > best) {
            best = v;
            *ret_detail = records[i].text;
        }
    }
    return any ? best : CAA_ALLOWED;
}
