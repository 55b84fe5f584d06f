/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Accept-Encoding: weights, wildcards, several lines, and which coding is taken. */
#include "wire/coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#define ALL (1u << CODING_BR | 1u << CODING_ZSTD | 1u << CODING_GZIP)

static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *value; /* NULL: no such field */
        uint16_t br, zstd, gzip, identity;
        enum coding best; /* of ALL */
    } rows[] = {
        {NULL, 0, 0, 0, 1, CODING_IDENTITY},
        {"", 0, 0, 0, 1, CODING_IDENTITY},
        {"gzip", 0, 0, 1000, 1, CODING_GZIP},
        {"gzip, deflate, br, zstd", 1000, 1000, 1000, 1, CODING_BR},
        {"GZIP , Zstd", 0, 1000, 1000, 1, CODING_ZSTD},
        {"x-gzip", 0, 0, 1000, 1, CODING_GZIP},
        {"br;q=0.5, gzip;q=0.8", 500, 0, 800, 1, CODING_GZIP},
        {"br;q=0.555 , gzip ; Q=0.5", 555, 0, 500, 1, CODING_BR},
        {"*", 1000, 1000, 1000, 1, CODING_BR},
        {"*;q=0.1, gzip", 100, 100, 1000, 1, CODING_GZIP},
        {"br;q=0, *", 0, 1000, 1000, 1, CODING_ZSTD},
        {"identity;q=1, *;q=0", 0, 0, 0, 1000, CODING_IDENTITY},
        {"gzip, *;q=0", 0, 0, 1000, 0, CODING_GZIP},
        {"gzip;q=0.5, identity", 0, 0, 500, 1000, CODING_IDENTITY},
        {"identity;q=0", 0, 0, 0, 0, CODING_IDENTITY},
        {"br;q=1.001, gzip", 0, 0, 1000, 1, CODING_GZIP},
        {"br;q=2, gzip;q=.5, zstd;q=0.1234", 0, 0, 0, 1, CODING_IDENTITY},
        {"br;q=, gzip;x=1, zstd;q=1;q=1", 0, 0, 0, 1, CODING_IDENTITY},
        {"br;q=0., gzip;q=1.000", 0, 0, 1000, 1, CODING_GZIP},
        {"br gzip, zstd", 0, 1000, 0, 1, CODING_ZSTD},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct field f = {SLICE("a"), slice_cstr(rows[i].value), HDR_ACCEPT_ENCODING};
        struct coding_wish w;
        coding_read(&f, rows[i].value != NULL, &w);
        enum coding best = coding_best(&w, ALL);
        if (w.q[CODING_BR] != rows[i].br || w.q[CODING_ZSTD] != rows[i].zstd ||
            w.q[CODING_GZIP] != rows[i].gzip || w.q[CODING_IDENTITY] != rows[i].identity ||
            best != rows[i].best)
            fail_msg("<%s>: br %u zstd %u gzip %u identity %u best %d", rows[i].value,
                     w.q[CODING_BR], w.q[CODING_ZSTD], w.q[CODING_GZIP], w.q[CODING_IDENTITY],
                     best);
    }
}

static void chooses(void **state)
{
    (void)state;
    const struct field lines[] = {
        {SLICE("a"), SLICE("gzip"), HDR_ACCEPT_ENCODING},
        {SLICE("b"), SLICE("zstd"), HDR_ACCEPT},
        {SLICE("c"), SLICE("br"), HDR_ACCEPT_ENCODING},
    };
    struct coding_wish w;
    coding_read(lines, 3, &w);
    assert_int_equal(coding_best(&w, ALL), CODING_BR);
    assert_int_equal(coding_best(&w, 1u << CODING_GZIP | 1u << CODING_ZSTD), CODING_GZIP);
    assert_int_equal(coding_best(&w, 0), CODING_IDENTITY);
    assert_true(slice_eq(coding_name(CODING_ZSTD), SLICE("zstd")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(chooses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
