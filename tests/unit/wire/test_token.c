/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every known name is found in any case, and nothing that is only near one. */
#include "wire/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#include "wire/method.h"

static void finds_every_name(void **state)
{
    (void)state;
    for (unsigned i = HDR_OTHER + 1; i < HDR_COUNT; i++) {
        struct slice name = token_name((enum hdr)i), title = token_title((enum hdr)i);
        uint8_t upper[64];
        assert_in_range(name.n, 1, sizeof(upper));
        for (size_t k = 0; k < name.n; k++)
            upper[k] = name.p[k] >= 'a' && name.p[k] <= 'z' ? name.p[k] & 0xdf : name.p[k];
        assert_int_equal(token_of(name), i);
        assert_int_equal(token_of(title), i);
        assert_int_equal(token_of(slice_of(upper, name.n)), i);
        assert_true(slice_eq_nocase(name, title));
    }
}

/* Each byte of each name replaced by each other byte: only the other case of a letter still is the
 * name. */
static void refuses_neighbours(void **state)
{
    (void)state;
    for (unsigned i = HDR_OTHER + 1; i < HDR_COUNT; i++) {
        struct slice name = token_name((enum hdr)i);
        uint8_t copy[64];
        for (size_t k = 0; k < name.n; k++) {
            memcpy(copy, name.p, name.n);
            for (unsigned ch = 0; ch < 256; ch++) {
                copy[k] = (uint8_t)ch;
                enum hdr got = token_of(slice_of(copy, name.n));
                bool same = slice_lower((uint8_t)ch) == name.p[k];
                if ((got == (enum hdr)i) != same)
                    fail_msg("%.*s with byte %zu = %u gives %u", (int)name.n, (const char *)name.p,
                             k, ch, got);
            }
        }
        assert_int_equal(token_of(slice_first(name, name.n - 1)) == (enum hdr)i, 0);
    }
    assert_int_equal(token_of(SLICE("")), HDR_OTHER);
    assert_int_equal(token_of(SLICE("a-name-that-is-longer-than-any-that-we-know-of")), HDR_OTHER);
}

static void flags(void **state)
{
    (void)state;
    assert_true(token_flags(HDR_TRANSFER_ENCODING) & TOKEN_HOP);
    assert_true(token_flags(HDR_CONTENT_LENGTH) & TOKEN_NO_TRAILER);
    assert_true(token_flags(HDR_AUTHORIZATION) & TOKEN_SECRET);
    assert_true(token_flags(HDR_X_FORWARDED_FOR) & TOKEN_FORWARDING);
    assert_int_equal(token_flags(HDR_OTHER), 0);
}

static void methods(void **state)
{
    (void)state;
    for (unsigned i = METHOD_GET; i < METHOD_COUNT; i++)
        assert_int_equal(method_of(method_name((enum http_method)i)), i);
    assert_int_equal(method_of(SLICE("get")), METHOD_OTHER);
    assert_int_equal(method_of(SLICE("GETS")), METHOD_OTHER);
    assert_int_equal(method_of(SLICE("")), METHOD_OTHER);
    assert_true(method_is_safe(METHOD_HEAD) && !method_is_safe(METHOD_PUT));
    assert_true(method_is_idempotent(METHOD_PUT) && !method_is_idempotent(METHOD_POST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_name),
        cmocka_unit_test(refuses_neighbours),
        cmocka_unit_test(flags),
        cmocka_unit_test(methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
