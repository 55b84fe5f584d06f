/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Field values that clients write: lists, ranges, entity tags, codings, forwarding, dates, media
 * types by name. Line by line: the first is the kind of tag or address that is compared with. */
#include "base/date.h"
#include "base/err.h"
#include "fuzz.h"
#include "wire/coding.h"
#include "wire/etag.h"
#include "wire/field.h"
#include "wire/forwarded.h"
#include "wire/mime.h"
#include "wire/range.h"

static void ranges(struct slice value)
{
    static const uint64_t lengths[] = {0, 1, 10, 1000, UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct range_set set;
        if (range_parse(value, lengths[i], &set))
            continue;
        FUZZ_CHECK(set.count >= 1 && set.count <= RANGE_MAX);
        uint64_t sum = 0;
        for (size_t k = 0; k < set.count; k++) {
            const struct range *a = &set.ranges[k];
            FUZZ_CHECK(a->first <= a->last && a->last < lengths[i]);
            sum += a->last - a->first + 1;
            for (size_t j = 0; j < k; j++)
                FUZZ_CHECK(a->last < set.ranges[j].first || a->first > set.ranges[j].last);
        }
        FUZZ_CHECK(sum <= lengths[i]);
    }
}

static void lists(struct slice value)
{
    struct slice rest = value, item, name, param;
    while (field_list_next(&rest, &item)) {
        FUZZ_CHECK(item.n > 0 && fuzz_within(item, value.p, value.n));
        FUZZ_CHECK(field_list_has(value, item));
        struct slice params = slice_from(item, slice_find(item, ';'));
        while (field_param_next(&params, &name, &param))
            FUZZ_CHECK(field_name_ok(name) && fuzz_within(param, value.p, value.n));
    }
}

static void forwarded(struct slice value)
{
    struct cidr any;
    struct ip peer, client;
    FUZZ_CHECK(cidr_parse(SLICE("10.0.0.0/8"), &any) == OK);
    FUZZ_CHECK(cidr_parse_ip(SLICE("10.1.1.1"), &peer) == OK);
    const struct field f = {SLICE("x"), value, HDR_X_FORWARDED_FOR};
    const struct forwarded_trust trust = {&any, 1};
    forwarded_client(&f, 1, &peer, &trust, &client);
    uint8_t dst[256];
    struct slice s = SLICE_EMPTY;
    struct forwarded_hop hop = {&client, value, true};
    if (forwarded_format(&hop, dst, sizeof(dst), &s) == OK)
        FUZZ_CHECK(fuzz_within(s, dst, sizeof(dst)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), value, tag;
    int64_t when;
    if (!slice_next(&rest, '\n', &tag))
        return 0;
    while (slice_next(&rest, '\n', &value)) {
        struct field f = {SLICE("a"), value, HDR_ACCEPT_ENCODING};
        struct coding_wish w;
        coding_read(&f, 1, &w);
        enum coding best = coding_best(&w, 7);
        FUZZ_CHECK(best == CODING_IDENTITY || w.q[best] > 0);
        if (etag_list_strong(value, tag))
            FUZZ_CHECK(etag_list_weak(value, tag));
        ranges(value);
        lists(value);
        forwarded(value);
        FUZZ_CHECK(mime_of(value)->type.n > 0);
        if (date_parse_http(value, 1700000000, &when) == OK) {
            char text[DATE_HTTP_BYTES];
            date_format_http(when, text);
        }
    }
    return 0;
}
