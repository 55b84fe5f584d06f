/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of suites: sorted, whole, and its columns agree with the names. */
#include "wire/suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static bool named(const struct suite *s, const char *part)
{
    return strstr(s->name, part) != NULL;
}

static void columns_agree_with_names(void **state)
{
    (void)state;
    size_t n;
    const struct suite *all = suite_all(&n);
    assert_in_range(n, 340, 400);
    for (size_t i = 0; i < n; i++) {
        const struct suite *s = &all[i];
        if (i && all[i - 1].code >= s->code)
            fail_msg("%04x stands behind %04x", s->code, all[i - 1].code);
        const struct {
            const char *what;
            bool column, name;
        } rows[] = {
            {"found", suite_find(s->code) == s, true},
            {"export", s->export, named(s, "EXPORT")},
            {"RC4", s->cipher == SUITE_RC4, named(s, "_RC4_")},
            {"3DES", s->cipher == SUITE_3DES, named(s, "3DES")},
            {"anonymous", s->auth == SUITE_AUTH_ANON, named(s, "anon") || s->code == 0},
            {"Poly1305", s->mode == SUITE_POLY1305, named(s, "POLY1305")},
            {"SRP", s->kx == SUITE_KX_SRP, named(s, "_SRP_")},
            {"AEAD since 1.2", !suite_aead(s) || s->since12 || s->tls13, true},
        };
        for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
            if (rows[k].column != rows[k].name)
                fail_msg("%04x %s: %s is %d", s->code, s->name, rows[k].what, rows[k].column);
        }
    }
    assert_null(suite_find(0x5a5a));
    assert_null(suite_find(SUITE_FALLBACK_SCSV));
}

static void known_rows(void **state)
{
    (void)state;
    const struct suite *s = suite_find(0xc02f);
    assert_string_equal(s->name, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_string_equal(s->openssl, "ECDHE-RSA-AES128-GCM-SHA256");
    assert_true(suite_aead(s) && suite_forward_secret(s) && s->since12 && !s->tls13);
    assert_int_equal(suite_find(0x000a)->bits, 112);
    assert_int_equal(suite_find(0x0003)->bits, 40);
    assert_false(suite_forward_secret(suite_find(0x002f)));
    assert_true(suite_find(0x1301)->tls13 && suite_forward_secret(suite_find(0x1301)));
}

static void groups_and_schemes(void **state)
{
    (void)state;
    size_t n, schemes = 0;
    const struct suite_group *all = suite_groups(&n);
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(suite_group_find(all[i].code), &all[i]);
    assert_string_equal(suite_group_find(0x11ec)->name, "X25519MLKEM768");
    assert_true(suite_group_find(0x11ec)->pq);
    assert_null(suite_group_find(0x5a5a));
    while (suite_sigalg_at(schemes))
        assert_non_null(suite_sigalg_name(suite_sigalg_at(schemes++)));
    assert_in_range(schemes, 20, 60);
    assert_null(suite_sigalg_name(0x5a5a));
    assert_string_equal(suite_version_name(0x0300), "SSL 3.0");
    assert_string_equal(suite_version_name(0x7f1c), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns_agree_with_names),
                                       cmocka_unit_test(known_rows),
                                       cmocka_unit_test(groups_and_schemes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
