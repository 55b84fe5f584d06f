/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Request heads: in one piece and in many, at changing addresses, they must give the same result;
 * slices lie in the head; names and values obey the grammar. */
#include "wire/http1.h"

#include "base/err.h"
#include "fuzz.h"

#define FIELDS 32

static const struct http1_limits limits = {.line_bytes = 256, .head_bytes = 2048};

static void check(const struct http1_request *m, struct slice in, size_t used)
{
    FUZZ_CHECK(used <= in.n && used <= limits.head_bytes);
    FUZZ_CHECK(fuzz_within(m->method_text, in.p, used));
    FUZZ_CHECK(fuzz_within(m->target, in.p, used));
    for (size_t i = 0; i < m->head.count; i++) {
        const struct field *f = &m->head.fields[i];
        FUZZ_CHECK(fuzz_within(f->name, in.p, used) && fuzz_within(f->value, in.p, used));
        FUZZ_CHECK(field_name_ok(f->name) && field_value_ok(f->value));
        FUZZ_CHECK(f->token == token_of(f->name));
    }
    struct http1_framing f;
    if (http1_request_framing(m, &f) == OK)
        FUZZ_CHECK(f.body != HTTP1_BODY_UNTIL_CLOSE &&
                   (f.body != HTTP1_BODY_LENGTH || f.length_bytes));
}

/* Feeds growing beginnings of data; *ret_last is the copy that the slices point into. */
static int in_pieces(struct http1_request *m, struct slice all, size_t piece, size_t *used,
                     uint8_t **ret_last)
{
    int r = ERR_AGAIN;
    *ret_last = NULL;
    for (size_t n = 0; r == ERR_AGAIN; n += piece) {
        size_t now = n < all.n ? n : all.n;
        uint8_t *copy = fuzz_copy(all.p, now);
        mem_free(*ret_last);
        *ret_last = copy;
        r = http1_parse_request(slice_of(copy, now), &limits, m, used);
        if (now == all.n)
            break;
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    struct http1_request a, b;
    struct field fa[FIELDS], fb[FIELDS];
    struct slice in = slice_of(data, size);
    size_t used_a = 0, used_b = 0;
    uint8_t *last;
    http1_request_init(&a, fa, FIELDS);
    http1_request_init(&b, fb, FIELDS);
    int r = http1_parse_request(in, &limits, &a, &used_a);
    if (r == OK)
        check(&a, in, used_a);
    FUZZ_CHECK(in_pieces(&b, in, 1 + size % 5, &used_b, &last) == r && used_a == used_b);
    if (r == OK) {
        FUZZ_CHECK(slice_eq(a.method_text, b.method_text));
        FUZZ_CHECK(slice_eq(a.target, b.target));
        FUZZ_CHECK(a.head.count == b.head.count);
        for (size_t i = 0; i < a.head.count; i++)
            FUZZ_CHECK(slice_eq(fa[i].name, fb[i].name) && slice_eq(fa[i].value, fb[i].value));
    }
    mem_free(last);
    return 0;
}
