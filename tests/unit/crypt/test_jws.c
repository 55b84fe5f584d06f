/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Signed messages: taken apart again and verified by the library itself, with each kind of account
 * key; the known answer of RFC 7638 for the thumbprint. */
#include "crypt/jws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/err.h"
#include "base/json.h"
#include "crypt/digest.h"

/* Private key of RFC 7515 A.3 (P-256), in SEC1 form. */
static const char rfc7515_pem[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MDECAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEH\n"
    "-----END EC PRIVATE KEY-----\n";

/* The value of `"key":"..."`, which has no escapes here. */
static struct slice text_of(struct slice json, const char *key)
{
    char quoted[32];
    int n = snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);
    for (size_t i = 0; i + (size_t)n < json.n; i++)
        if (memcmp(json.p + i, quoted, (size_t)n) == 0) {
            struct slice rest = slice_from(json, i + (size_t)n);
            return slice_first(rest, slice_find(rest, '"'));
        }
    print_message("no %s in " SLICE_F "\n", key, SLICE_A(json));
    fail();
    return SLICE_EMPTY;
}

static struct buf decoded(struct slice text)
{
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(digest_base64url_decode(text, &b), OK);
    return b;
}

/* Does the signature of `message` fit the key? With the library's own verification. */
static bool verifies(const struct key *k, struct slice message, const char *hash)
{
    struct slice protected = text_of(message, "protected"), payload = text_of(message, "payload");
    struct buf text, sig = decoded(text_of(message, "signature"));
    struct slice raw = buf_slice(&sig);
    unsigned char der[256], *at = der;
    buf_init(&text, 65536);
    assert_int_equal(buf_printf(&text, SLICE_F "." SLICE_F, SLICE_A(protected), SLICE_A(payload)),
                     OK);
    if (keystore_kind(k) != KEY_RSA) {
        size_t half = raw.n / 2;
        ECDSA_SIG *pair = ECDSA_SIG_new();
        assert_int_equal(ECDSA_SIG_set0(pair, BN_bin2bn(raw.p, (int)half, NULL),
                                        BN_bin2bn(raw.p + half, (int)half, NULL)),
                         1);
        raw = slice_of(der, (size_t)i2d_ECDSA_SIG(pair, &at));
        ECDSA_SIG_free(pair);
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, keystore_pkey(k), NULL),
                     1);
    bool ok = EVP_DigestVerify(ctx, raw.p, raw.n, buf_slice(&text).p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    buf_done(&text);
    buf_done(&sig);
    return ok;
}

static void signs_with_every_kind(void **state)
{
    (void)state;
    static const struct {
        enum key_kind kind;
        const char *alg, *hash;
        size_t signature_bytes;
    } rows[] = {{KEY_ECDSA_P256, "ES256", "SHA256", 64},
                {KEY_ECDSA_P384, "ES384", "SHA384", 96},
                {KEY_RSA, "RS256", "SHA256", 256}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct key *k;
        assert_int_equal(keystore_generate(rows[i].kind, &k, NULL), OK);
        /* Numbers with leading zero octets come up one time in 128. */
        for (unsigned n = 0; n < (rows[i].kind == KEY_RSA ? 2 : 600); n++) {
            struct buf out;
            struct jws_head h = {SLICE("https://ca.test/order/1"), SLICE("nonce-1"),
                                 SLICE("https://ca.test/acct/7")};
            buf_init(&out, 65536);
            assert_int_equal(jws_sign(k, &h, SLICE("{\"a\":1}"), &out, NULL), OK);
            assert_true(json_valid(buf_slice(&out)));
            struct buf sig = decoded(text_of(buf_slice(&out), "signature"));
            assert_int_equal(sig.n, rows[i].signature_bytes);
            assert_true(verifies(k, buf_slice(&out), rows[i].hash));
            struct buf head = decoded(text_of(buf_slice(&out), "protected"));
            struct buf payload = decoded(text_of(buf_slice(&out), "payload"));
            if (n == 0)
                print_message(SLICE_F "\n", SLICE_A(buf_slice(&head)));
            char want[200];
            snprintf(want, sizeof(want),
                     "{\"alg\":\"%s\",\"kid\":\"https://ca.test/acct/7\",\"nonce\":\"nonce-1\","
                     "\"url\":\"https://ca.test/order/1\"}",
                     rows[i].alg);
            assert_true(slice_eq(buf_slice(&head), slice_cstr(want)));
            assert_true(slice_eq(buf_slice(&payload), SLICE("{\"a\":1}")));
            buf_done(&payload);
            buf_done(&head);
            buf_done(&sig);
            buf_done(&out);
        }
        keystore_unref(k);
    }
}

static void post_as_get_has_an_empty_payload(void **state)
{
    (void)state;
    struct key *k;
    struct buf out;
    struct jws_head h = {SLICE("https://ca.test/a\"b"), SLICE_EMPTY, SLICE_EMPTY};
    buf_init(&out, 65536);
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &k, NULL), OK);
    assert_int_equal(jws_sign(k, &h, SLICE_EMPTY, &out, NULL), OK);
    assert_int_equal(text_of(buf_slice(&out), "payload").n, 0);
    assert_true(verifies(k, buf_slice(&out), "SHA256"));
    struct buf head = decoded(text_of(buf_slice(&out), "protected"));
    print_message(SLICE_F "\n", SLICE_A(buf_slice(&head)));
    assert_true(json_valid(buf_slice(&head)));
    assert_true(slice_starts(
        buf_slice(&head), SLICE("{\"alg\":\"ES256\",\"jwk\":{\"crv\":\"P-256\",\"kty\":\"EC\",")));
    assert_true(slice_ends(buf_slice(&head), SLICE("},\"url\":\"https://ca.test/a\\\"b\"}")));
    buf_done(&head);
    buf_done(&out);
    keystore_unref(k);
}

/* RFC 7515 A.3.1 gives the public key of its private key. */
static void writes_the_public_key(void **state)
{
    (void)state;
    struct key *k;
    struct buf out;
    buf_init(&out, 65536);
    assert_int_equal(keystore_load(slice_cstr(rfc7515_pem), &k, NULL), OK);
    assert_int_equal(jws_jwk(k, &out, NULL), OK);
    print_message(SLICE_F "\n", SLICE_A(buf_slice(&out)));
    assert_true(
        slice_eq(buf_slice(&out), SLICE("{\"crv\":\"P-256\",\"kty\":\"EC\","
                                        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}")));
    buf_done(&out);
    keystore_unref(k);
}

/* RFC 7638 3.1. Only the public half is known: the private one that goes with it here is not
 * looked at. */
static void thumbprint_of_rfc7638(void **state)
{
    (void)state;
    static const char modulus[] =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
        "BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
        "FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
        "bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    struct buf n = decoded(slice_cstr(modulus)), out;
    BIGNUM *bn = BN_bin2bn(buf_slice(&n).p, (int)n.n, NULL), *e = BN_new(), *d = BN_new();
    BN_set_word(e, 65537);
    BN_set_word(d, 3);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn);
    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
    /* Placeholders: nothing is computed with them. */
    static const char *const rest[] = {
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        OSSL_PARAM_BLD_push_BN(bld, rest[i], d);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params), 1);
    unsigned char *der = NULL;
    int der_n = i2d_PrivateKey(pkey, &der);
    assert_true(der_n > 0);
    struct key *k;
    assert_int_equal(keystore_load(slice_of(der, (size_t)der_n), &k, NULL), OK);
    buf_init(&out, 65536);
    assert_int_equal(jws_thumbprint(k, &out, NULL), OK);
    print_message(SLICE_F "\n", SLICE_A(buf_slice(&out)));
    assert_true(slice_eq(buf_slice(&out), SLICE("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")));
    keystore_unref(k);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(bn);
    BN_free(e);
    BN_free(d);
    buf_done(&n);
    buf_done(&out);
}

static void binds_an_external_account(void **state)
{
    (void)state;
    struct key *k;
    struct buf out, jwk, text;
    buf_init(&out, 65536);
    buf_init(&jwk, 65536);
    buf_init(&text, 65536);
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &k, NULL), OK);
    assert_int_equal(
        jws_external(SLICE("mac key"), SLICE("kid-1"), SLICE("https://ca.test/new"), k, &out, NULL),
        OK);
    struct slice message = buf_slice(&out);
    struct buf head = decoded(text_of(message, "protected"));
    struct buf payload = decoded(text_of(message, "payload"));
    struct buf sig = decoded(text_of(message, "signature"));
    assert_true(
        slice_eq(buf_slice(&head),
                 SLICE("{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://ca.test/new\"}")));
    assert_int_equal(jws_jwk(k, &jwk, NULL), OK);
    assert_true(slice_eq(buf_slice(&payload), buf_slice(&jwk)));
    uint8_t mac[32];
    assert_int_equal(buf_printf(&text, SLICE_F "." SLICE_F, SLICE_A(text_of(message, "protected")),
                                SLICE_A(text_of(message, "payload"))),
                     OK);
    assert_int_equal(digest_hmac_sha256(SLICE("mac key"), buf_slice(&text), mac), OK);
    assert_true(slice_eq(buf_slice(&sig), slice_of(mac, 32)));
    buf_done(&sig);
    buf_done(&payload);
    buf_done(&head);
    buf_done(&text);
    buf_done(&jwk);
    buf_done(&out);
    keystore_unref(k);
}

static void reports_a_full_buffer(void **state)
{
    (void)state;
    struct key *k;
    struct jws_head h = {SLICE("https://ca.test/"), SLICE_EMPTY, SLICE_EMPTY};
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &k, NULL), OK);
    struct buf out;
    struct fault f = {0};
    buf_init(&out, 64);
    assert_int_equal(jws_sign(k, &h, SLICE("{}"), &out, &f), ERR_CAP);
    print_message("%s\n", f.what);
    buf_done(&out);
    keystore_unref(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signs_with_every_kind),
                                       cmocka_unit_test(post_as_get_has_an_empty_payload),
                                       cmocka_unit_test(writes_the_public_key),
                                       cmocka_unit_test(thumbprint_of_rfc7638),
                                       cmocka_unit_test(binds_an_external_account),
                                       cmocka_unit_test(reports_a_full_buffer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
