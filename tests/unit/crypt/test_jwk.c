/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Account keys of other programs: the key of RFC 7515 A.3 with each member damaged in turn. RSA
 * keys come in the scenarios of "cert import". */
#include "crypt/jwk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypt/jws.h"

static const struct jwk_parts rfc7515 = {
    .kty = SLICE("EC"),
    .crv = SLICE("P-256"),
    .x = SLICE("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
    .y = SLICE("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    .d = SLICE("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"),
};

static void known_key(void **state)
{
    (void)state;
    struct key *k;
    struct fault f = {0};
    struct buf b;
    assert_int_equal(jwk_load(&rfc7515, &k, &f), OK);
    assert_int_equal(keystore_kind(k), KEY_ECDSA_P256);
    buf_init(&b, 4096);
    assert_int_equal(jws_jwk(k, &b, &f), OK);
    print_message(SLICE_F "\n", SLICE_A(buf_slice(&b)));
    assert_true(
        slice_eq(buf_slice(&b), SLICE("{\"crv\":\"P-256\",\"kty\":\"EC\","
                                      "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                      "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}")));
    buf_done(&b);
    keystore_unref(k);
}

static const struct {
    size_t member; /* offset */
    const char *text;
    int expect;
} rows[] = {
    {offsetof(struct jwk_parts, kty), "oct", ERR_CONFIG},
    {offsetof(struct jwk_parts, kty), "", ERR_CONFIG},
    {offsetof(struct jwk_parts, kty), "RSA", ERR_SYNTAX},
    {offsetof(struct jwk_parts, crv), "P-192", ERR_CONFIG},
    {offsetof(struct jwk_parts, crv), "P-384", ERR_SYNTAX},
    {offsetof(struct jwk_parts, x), "", ERR_SYNTAX},
    {offsetof(struct jwk_parts, x), "AAAA", ERR_SYNTAX},
    {offsetof(struct jwk_parts, x), "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV", ERR_SYNTAX},
    {offsetof(struct jwk_parts, y), "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", ERR_SYNTAX},
    {offsetof(struct jwk_parts, y), "not base64!", ERR_SYNTAX},
    {offsetof(struct jwk_parts, d), "", ERR_SYNTAX},
    {offsetof(struct jwk_parts, d), "AQ", ERR_SYNTAX},
};

static void damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwk_parts parts = rfc7515;
        struct key *k = NULL;
        struct fault f = {0};
        *(struct slice *)(void *)((char *)&parts + rows[i].member) = slice_cstr(rows[i].text);
        int r = jwk_load(&parts, &k, &f);
        print_message("member at %d '%s': %s (%s)\n", (int)rows[i].member, rows[i].text,
                      err_text(r), f.what);
        assert_int_equal(r, rows[i].expect);
        assert_true(f.what[0] && !k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_key), cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
