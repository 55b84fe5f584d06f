/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Texts inside messages: what was written comes back, and a cut message never reads beyond its end.
 */
#include "serve/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void write_texts(struct buf *b, const struct slice *texts, size_t n)
{
    buf_init(b, 1024 * 1024);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(message_text(b, texts[i]), OK);
}

static void expect_text(struct slice got, struct slice expected)
{
    assert_int_equal(got.n, expected.n);
    if (got.n)
        assert_memory_equal(got.p, expected.p, got.n);
}

static void round_trip(void **state)
{
    static uint8_t large[70000]; /* needs the third byte of the length */
    const struct slice texts[] = {
        SLICE("a.example"),   SLICE_EMPTY,
        SLICE("with\0zero"),  SLICE("\xff\n"),
        SLICE("x"),           slice_of(large, 255),
        slice_of(large, 256), slice_of(large, sizeof(large)),
    };
    struct buf b;
    (void)state;
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i * 7);
    write_texts(&b, texts, ARRAY_LEN(texts));
    struct cur c = cur_of(buf_slice(&b));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        expect_text(message_next(&c), texts[i]);
    assert_false(c.bad);
    assert_int_equal(cur_left(&c), 0);
    buf_done(&b);
}

static void bytes_of_a_text(void **state)
{
    static const struct slice texts[] = {SLICE("ab")};
    struct buf b;
    (void)state;
    write_texts(&b, texts, 1);
    expect_text(buf_slice(&b), SLICE("\0\0\0\2ab"));
    buf_done(&b);
}

static void cut(void **state)
{
    static const struct slice texts[] = {SLICE("name"), SLICE("chain"), SLICE("key")};
    struct buf b;
    (void)state;
    write_texts(&b, texts, ARRAY_LEN(texts));
    struct slice whole = buf_slice(&b);
    for (size_t n = 0; n < whole.n; n++) { /* at every byte; each text ends behind 8, 17, 24 */
        struct cur c = cur_of(slice_first(whole, n));
        size_t complete = n >= 17 ? 2 : n >= 8 ? 1 : 0;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            struct slice got = message_next(&c);
            expect_text(got, i < complete ? texts[i] : SLICE_EMPTY);
            assert_int_equal(c.bad, i >= complete);
        }
    }
    buf_done(&b);
}

static void length_beyond_the_end(void **state)
{
    static const struct slice rows[] = {SLICE("\0\0\0\3ab"),
                                        SLICE("\xff\xff\xff\xff"
                                              "ab"),
                                        SLICE("\x80\0\0\0ab"), SLICE("\0\0\0"), SLICE_EMPTY};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cur c = cur_of(rows[i]);
        expect_text(message_next(&c), SLICE_EMPTY);
        assert_true(c.bad);
    }
}

static void buffer_cap(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 8);
    assert_int_equal(message_text(&b, SLICE("12345")), ERR_CAP);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(bytes_of_a_text),
        cmocka_unit_test(cut),        cmocka_unit_test(length_beyond_the_end),
        cmocka_unit_test(buffer_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
