/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The order of conditions in RFC 9110 13.2.2. */
#include "serve/condition.h"

#include "base/date.h"
#include "wire/etag.h"

/* What a request says about conditions; lists may stand in several lines. */
struct asked {
    bool if_match, if_match_true, if_none_match, if_none_match_true;
    const struct field *if_modified, *if_unmodified, *if_range, *range;
};

static void keep_first(const struct field **at, const struct field *f)
{
    if (!*at)
        *at = f;
}

static bool read_asked(const struct request *req, struct slice etag, struct asked *a)
{
    bool any = false;
    for (size_t i = 0; i < req->nfields; i++) {
        const struct field *f = &req->fields[i];
        if (f->token == HDR_IF_NONE_MATCH) {
            a->if_none_match = true;
            a->if_none_match_true |= etag_list_weak(f->value, etag);
        } else if (f->token == HDR_IF_MATCH) {
            a->if_match = true;
            a->if_match_true |= etag_list_strong(f->value, etag);
        } else if (f->token == HDR_IF_MODIFIED_SINCE) {
            keep_first(&a->if_modified, f);
        } else if (f->token == HDR_IF_UNMODIFIED_SINCE) {
            keep_first(&a->if_unmodified, f);
        } else if (f->token == HDR_IF_RANGE) {
            keep_first(&a->if_range, f);
        } else if (f->token == HDR_RANGE) {
            keep_first(&a->range, f);
        } else {
            continue;
        }
        any = true;
    }
    return any;
}

/* If-Range holds a tag (strong comparison) or exactly the date of Last-Modified, which is a strong
 * validator only once the second in which the file changed is over (RFC 9110 8.8.2.2). */
static bool same_as_before(struct slice value, struct slice etag, int64_t modified_s, int64_t now_s)
{
    int64_t date_s;
    if (value.n && (value.p[0] == '"' || value.p[0] == 'W'))
        return etag_ok(value) && etag_eq_strong(value, etag);
    return date_parse_http(value, now_s, &date_s) == OK && date_s == modified_s &&
           modified_s < now_s;
}

enum condition_verdict condition_check(const struct request *req, struct slice etag,
                                       int64_t modified_s, int64_t now_s, struct slice *ret_range)
{
    struct asked a = {0};
    int64_t date_s;
    *ret_range = SLICE_EMPTY;
    if (!read_asked(req, etag, &a))
        return CONDITION_SEND;
    if (a.if_match) {
        if (!a.if_match_true)
            return CONDITION_FAILED;
    } else if (a.if_unmodified && date_parse_http(a.if_unmodified->value, now_s, &date_s) == OK &&
               modified_s > date_s) {
        return CONDITION_FAILED;
    }
    if (a.if_none_match) {
        if (a.if_none_match_true)
            return CONDITION_NOT_MODIFIED;
    } else if (a.if_modified && date_parse_http(a.if_modified->value, now_s, &date_s) == OK &&
               modified_s <= date_s) {
        return CONDITION_NOT_MODIFIED;
    }
    /* RFC 9110 14.2: ranges are defined for GET only. */
    if (a.range && req->method == METHOD_GET &&
        (!a.if_range || same_as_before(a.if_range->value, etag, modified_s, now_s)))
        *ret_range = a.range->value;
    return CONDITION_SEND;
}
