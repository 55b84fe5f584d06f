/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The two messages of hooks: there and back, and cut at every byte. */
#include "serve/hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void expect(struct slice got, struct slice want)
{
    print_message("got '" SLICE_F "', want '" SLICE_F "'\n", SLICE_A(got), SLICE_A(want));
    assert_true(slice_eq(got, want));
}

static void a_call_comes_back(void **state)
{
    (void)state;
    const struct certhost_call call = {.id = UINT64_C(0x8000000000000102),
                                       .hook = CERTHOST_HOOK_DNS,
                                       .arguments = {SLICE("present"), SLICE("a.org"), SLICE("-v")},
                                       .input = SLICE("{\"a\":1}\n"),
                                       .timeout_ms = 61234};
    struct certhost_call got;
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(hooks_pack(&b, &call), OK);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(hooks_parse(slice_first(buf_slice(&b), n), &got), ERR_SYNTAX);
    assert_int_equal(hooks_parse(buf_slice(&b), &got), OK);
    assert_true(got.id == call.id);
    assert_int_equal(got.hook, call.hook);
    assert_int_equal(got.timeout_ms, call.timeout_ms);
    for (size_t i = 0; i < ARRAY_LEN(call.arguments); i++)
        expect(got.arguments[i], call.arguments[i]);
    expect(got.input, call.input);
    b.p[b.off + 16] = CERTHOST_HOOKS;
    assert_int_equal(hooks_parse(buf_slice(&b), &got), ERR_SYNTAX);
    b.p[b.off + 16] = CERTHOST_HOOK_FAILED;
    assert_int_equal(buf_add(&b, SLICE("x")), OK);
    assert_int_equal(hooks_parse(buf_slice(&b), &got), ERR_SYNTAX);
    buf_done(&b);
}

static void an_end_comes_back(void **state)
{
    (void)state;
    static const int rows[] = {0, 1, 126, 143, -1};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        uint64_t id;
        int status;
        struct slice output;
        buf_init(&b, 4096);
        assert_int_equal(hooks_pack_done(&b, 7, rows[i], SLICE("no\n")), OK);
        for (size_t n = 0; n < b.n; n++)
            assert_int_equal(hooks_parse_done(slice_first(buf_slice(&b), n), &id, &status, &output),
                             ERR_SYNTAX);
        assert_int_equal(hooks_parse_done(buf_slice(&b), &id, &status, &output), OK);
        assert_int_equal(id, 7);
        assert_int_equal(status, rows[i]);
        expect(output, SLICE("no\n"));
        buf_done(&b);
    }
}

static void has_bounds(void **state)
{
    (void)state;
    static uint8_t large[2 * 1024 * 1024];
    const struct certhost_call call = {.input = slice_of(large, sizeof(large))};
    struct certhost_call got;
    struct buf b;
    buf_init(&b, 4 * 1024 * 1024);
    assert_int_equal(hooks_pack(&b, &call), OK);
    assert_int_equal(hooks_parse(buf_slice(&b), &got), ERR_SYNTAX);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_call_comes_back),
                                       cmocka_unit_test(an_end_comes_back),
                                       cmocka_unit_test(has_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
