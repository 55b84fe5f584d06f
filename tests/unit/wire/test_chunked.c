/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The chunked coding: data, sizes, extensions, trailers, and the same answer for every split. */
#include "wire/chunked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

struct row {
    const char *in, *data;
    int r;
    size_t left; /* bytes behind the body */
};

static const struct row rows[] = {
    {"0\r\n\r\n", "", ERR_EOF, 0},
    {"5\r\nhello\r\n0\r\n\r\nGET", "hello", ERR_EOF, 3},
    {"1\r\na\r\n00A\r\n0123456789\r\n000\r\n\r\n", "a0123456789", ERR_EOF, 0},
    {"a\r\n01234\r\n789\r\n0\r\n\r\n", "01234\r\n789", ERR_EOF, 0},
    {"5;a=b;c=\"d;\xff\"\r\nhello\r\n0;x\r\n\r\n", "hello", ERR_EOF, 0},
    {"5 \t;a\r\nhello\r\n0\r\n\r\n", "hello", ERR_EOF, 0},
    {"0\r\nA: b\r\n\r\n", "", ERR_EOF, 0},
    {"0\r\nA:\r\nB:  c\t\r\n\r\nrest", "", ERR_EOF, 4},
    {"", "", ERR_AGAIN, 0},
    {"5\r\nhel", "hel", ERR_AGAIN, 0},
    {"5\r\nhello\r\n", "hello", ERR_AGAIN, 0},
    {"0\r\n", "", ERR_AGAIN, 0},
    {"7fffffffffffffff\r\na", "a", ERR_AGAIN, 0},
    {"8000000000000000\r\na", "", ERR_FRAMING, 0},
    {"ffffffffffffffff\r\na", "", ERR_FRAMING, 0},
    {"fffffffffffffffff\r\na", "", ERR_FRAMING, 0},
    {"10000000000000005\r\nhello", "", ERR_FRAMING, 0},
    {"00000000000000005\r\nhello\r\n0\r\n\r\n", "", ERR_FRAMING, 0},
    {"\r\n", "", ERR_FRAMING, 0},
    {"g\r\n", "", ERR_FRAMING, 0},
    {"-5\r\nhello", "", ERR_FRAMING, 0},
    {"+5\r\nhello", "", ERR_FRAMING, 0},
    {"0x5\r\nhello", "", ERR_FRAMING, 0},
    {" 5\r\nhello", "", ERR_FRAMING, 0},
    {"5 \r\nhello", "", ERR_FRAMING, 0},
    {"5\t\r\nhello", "", ERR_FRAMING, 0},
    {"5 5\r\nhello", "", ERR_FRAMING, 0},
    {"5\nhello\n0\n\n", "", ERR_FRAMING, 0},
    {"5\rhello", "", ERR_FRAMING, 0},
    {"5\r\rhello", "", ERR_FRAMING, 0},
    {"5;a\nhello", "", ERR_FRAMING, 0},
    {"5;a\rb\r\nhello", "", ERR_FRAMING, 0},
    {"5;a\x01\r\nhello", "", ERR_FRAMING, 0},
    {"5\r\nhelloX\r\n", "hello", ERR_FRAMING, 0},
    {"5\r\nhello\n0\r\n\r\n", "hello", ERR_FRAMING, 0},
    {"5\r\nhello0\r\n\r\n", "hello", ERR_FRAMING, 0},
    {"5\r\nhello\r\r\n", "hello", ERR_FRAMING, 0},
    {"0\r\n\n", "", ERR_FRAMING, 0},
    {"0\r\n\rX", "", ERR_FRAMING, 0},
    {"0\r\nGET / HTTP/1.1\r\n\r\n", "", ERR_FRAMING, 0},
    {"0\r\nA : b\r\n\r\n", "", ERR_FRAMING, 0},
    {"0\r\n: b\r\n\r\n", "", ERR_FRAMING, 0},
    {"0\r\nA: b\r\n c\r\n\r\n", "", ERR_FRAMING, 0},
    {"0\r\nA: b\n\r\n", "", ERR_FRAMING, 0},
    {"0\r\nA: b\x7f\r\n\r\n", "", ERR_FRAMING, 0},
    {"0\r\nA\r\n\r\n", "", ERR_FRAMING, 0},
    {"0\r\nA: 345678901234567890123456789012345678901234567890123456789012345\r\n\r\n", "",
     ERR_HEAD_TOO_LARGE, 0},
};

struct outcome {
    int r;
    size_t used, n;
    char data[256];
};

/* Feeds [from, to) until it is used up or the answer is final. */
static void feed(struct chunked *c, struct slice all, size_t to, struct outcome *o)
{
    while (o->r == ERR_AGAIN) {
        size_t used = 0;
        struct slice data = SLICE_EMPTY;
        o->r = chunked_feed(c, slice_first(slice_from(all, o->used), to - o->used), &used, &data);
        o->used += used;
        if (o->r == ERR_AGAIN)
            return;
        if (o->r == OK) {
            assert_true(data.n > 0 && o->n + data.n < sizeof(o->data));
            memcpy(o->data + o->n, data.p, data.n);
            o->n += data.n;
            o->r = ERR_AGAIN;
        }
    }
}

static void check(const struct row *row, size_t split, size_t step)
{
    struct slice all = slice_cstr(row->in);
    uint8_t trailer[64];
    struct chunked c;
    struct outcome o = {.r = ERR_AGAIN};
    chunked_init(&c, trailer, sizeof(trailer));
    for (size_t to = split; to < all.n; to += step)
        feed(&c, all, to, &o);
    feed(&c, all, all.n, &o);
    if (o.r != row->r || !slice_eq(slice_of(o.data, o.n), slice_cstr(row->data)) ||
        (o.r == ERR_EOF && all.n - o.used != row->left))
        fail_msg("<%s> split at %zu by %zu: %s <%.*s> used %zu", row->in, split, step,
                 err_name(o.r), (int)o.n, o.data, o.used);
    if (o.r == ERR_FRAMING) {
        size_t used;
        struct slice data;
        assert_int_equal(chunked_feed(&c, SLICE("0\r\n\r\n"), &used, &data), ERR_FRAMING);
    }
}

static void decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].in);
        for (size_t split = 0; split <= n; split++)
            check(&rows[i], split, n + 1);
        check(&rows[i], 0, 1);
        check(&rows[i], 0, 3);
    }
}

static void trailers(void **state)
{
    (void)state;
    static const char in[] = "0\r\nX-Sum:  1 2 \r\nContent-Length: 5\r\nHost: b\r\nTE: x\r\n"
                             "Authorization: y\r\netag:\"z\"\r\n\r\n";
    uint8_t trailer[256];
    struct chunked c;
    struct field fields[2];
    size_t used, count = 0;
    struct slice data;
    chunked_init(&c, trailer, sizeof(trailer));
    assert_int_equal(chunked_feed(&c, slice_cstr(in), &used, &data), ERR_EOF);
    assert_int_equal(used, sizeof(in) - 1);
    assert_int_equal(chunked_trailers(&c, fields, 2, &count), OK);
    assert_int_equal(count, 2);
    assert_true(slice_eq(fields[0].name, SLICE("X-Sum")) &&
                slice_eq(fields[0].value, SLICE("1 2")));
    assert_int_equal(fields[1].token, HDR_ETAG);
    assert_true(slice_eq(fields[1].value, SLICE("\"z\"")));
    assert_int_equal(chunked_trailers(&c, fields, 1, &count), ERR_HEAD_TOO_LARGE);
    chunked_init(&c, NULL, 0);
    assert_int_equal(chunked_feed(&c, slice_cstr(in), &used, &data), ERR_EOF);
    assert_int_equal(chunked_trailers(&c, fields, 2, &count), OK);
    assert_int_equal(count, 0);
}

/* Extensions and trailers without end are stopped. */
static void bounded(void **state)
{
    (void)state;
    struct chunked c;
    size_t used, rounds = 0;
    struct slice data;
    int r = OK;
    chunked_init(&c, NULL, 0);
    for (; rounds < 100000 && r != ERR_FRAMING; rounds++) {
        r = chunked_feed(&c, SLICE("1;eeeeeeee\r\na"), &used, &data);
        if (r == OK)
            r = chunked_feed(&c, SLICE("\r\n"), &used, &data);
    }
    assert_in_range(rounds, CHUNKED_EXT_MAX_BYTES / 10, CHUNKED_EXT_MAX_BYTES / 8 + 1);
    chunked_init(&c, NULL, 0);
    r = chunked_feed(&c, SLICE("0\r\n"), &used, &data);
    for (rounds = 0; rounds < 100000 && r == ERR_AGAIN; rounds++)
        r = chunked_feed(&c, SLICE("a:bcde\r\n"), &used, &data);
    assert_int_equal(r, ERR_HEAD_TOO_LARGE);
    assert_int_equal(rounds, CHUNKED_TRAILER_MAX_BYTES / 8 + 1);
}

static void encodes(void **state)
{
    (void)state;
    char head[CHUNKED_HEAD_BYTES];
    size_t n = chunked_head(head, 0x1a2b);
    assert_true(slice_eq(slice_of(head, n), SLICE("1a2b\r\n")));
    n = chunked_head(head, UINT64_MAX);
    assert_true(slice_eq(slice_of(head, n), SLICE("ffffffffffffffff\r\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(trailers),
        cmocka_unit_test(bounded),
        cmocka_unit_test(encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
