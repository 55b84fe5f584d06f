/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Keys in every form that people have, and the words for those that cannot be used. */
#include "crypt/keystore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/err.h"

enum form { PKCS8, TRADITIONAL, ENCRYPTED, ENCRYPTED_TRADITIONAL, DER, PARAMETERS_FIRST, CUT };

/* Text of `pkey` in one form. */
static struct slice text_of(BIO *bio, EVP_PKEY *pkey, enum form form)
{
    char pass[] = "secret";
    char *p;
    if (form == PARAMETERS_FIRST)
        BIO_puts(bio,
                 "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    if (form == PKCS8 || form == CUT)
        PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    else if (form == TRADITIONAL || form == PARAMETERS_FIRST)
        PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL);
    else if (form == ENCRYPTED)
        PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_128_cbc(), pass, 6, NULL, NULL);
    else if (form == ENCRYPTED_TRADITIONAL)
        PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(), (unsigned char *)pass, 6,
                                             NULL, NULL);
    else
        i2d_PrivateKey_bio(bio, pkey);
    size_t n = (size_t)BIO_get_mem_data(bio, &p);
    return slice_of(p, form == CUT ? n - 20 : n);
}

static EVP_PKEY *make(const char *type)
{
    if (strcmp(type, "RSA") == 0)
        return EVP_RSA_gen(2048);
    if (strcmp(type, "RSA-1024") == 0)
        return EVP_RSA_gen(1024);
    return strcmp(type, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                        : EVP_EC_gen(type);
}

static void loads(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum form form;
        int r;
        enum key_kind kind;
        const char *words;
    } rows[] = {
        {"P-256", PKCS8, OK, KEY_ECDSA_P256, NULL},
        {"P-256", TRADITIONAL, OK, KEY_ECDSA_P256, NULL},
        {"P-256", PARAMETERS_FIRST, OK, KEY_ECDSA_P256, NULL},
        {"P-256", DER, OK, KEY_ECDSA_P256, NULL},
        {"P-384", PKCS8, OK, KEY_ECDSA_P384, NULL},
        {"RSA", PKCS8, OK, KEY_RSA, NULL},
        {"RSA", TRADITIONAL, OK, KEY_RSA, NULL},
        {"RSA", DER, OK, KEY_RSA, NULL},
        {"P-256", ENCRYPTED, ERR_CONFIG, KEY_OTHER, "encrypted with a passphrase"},
        {"RSA", ENCRYPTED_TRADITIONAL, ERR_CONFIG, KEY_OTHER, "encrypted with a passphrase"},
        {"P-256", CUT, ERR_SYNTAX, KEY_OTHER, "the file is cut"},
        {"RSA-1024", PKCS8, ERR_CONFIG, KEY_OTHER, "has 1024 bits"},
        {"ED25519", PKCS8, ERR_CONFIG, KEY_OTHER, "browsers take no ED25519 key"},
        {"secp256k1", PKCS8, ERR_CONFIG, KEY_OTHER, "browsers take no EC key of this kind"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EVP_PKEY *pkey = make(rows[i].type);
        BIO *bio = BIO_new(BIO_s_mem());
        struct key *key = NULL;
        struct fault f = {0};
        int r = keystore_load(text_of(bio, pkey, rows[i].form), &key, &f);
        print_message("%s %d -> %s %s\n", rows[i].type, rows[i].form, err_name(r), f.what);
        assert_int_equal(r, rows[i].r);
        if (r)
            assert_non_null(strstr(f.what, rows[i].words));
        else
            assert_int_equal(keystore_kind(key), rows[i].kind);
        keystore_unref(key);
        BIO_free(bio);
        EVP_PKEY_free(pkey);
    }
}

static void refuses_what_is_no_key(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        {NULL, 0},
        SLICE("hello"),
        SLICE("\x30\x82"),
        SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct key *key = NULL;
        struct fault f = {0};
        int r = keystore_load(rows[i], &key, &f);
        print_message("%s %s\n", err_name(r), f.what);
        assert_int_equal(r, ERR_SYNTAX);
        assert_null(key);
    }
}

static void comes_back_from_its_export(void **state)
{
    (void)state;
    static const enum key_kind kinds[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_RSA};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct key *key, *again;
        struct secret pem = SECRET_EMPTY;
        assert_int_equal(keystore_generate(kinds[i], &key, NULL), OK);
        assert_int_equal(keystore_export_pem(key, &pem), OK);
        assert_true(slice_starts(secret_expose(&pem), SLICE("-----BEGIN PRIVATE KEY-----\n")));
        assert_int_equal(keystore_load(secret_expose(&pem), &again, NULL), OK);
        assert_int_equal(keystore_kind(again), kinds[i]);
        assert_int_equal(EVP_PKEY_eq(keystore_pkey(key), keystore_pkey(again)), 1);
        print_message("%s %u\n", keystore_kind_text(kinds[i]), keystore_bits(again));
        keystore_unref(keystore_ref(again));
        keystore_unref(again);
        keystore_unref(key);
        secret_done(&pem);
    }
    struct key *key;
    assert_int_equal(keystore_generate(KEY_ED25519, &key, NULL), ERR_NOT_IMPLEMENTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loads),
                                       cmocka_unit_test(refuses_what_is_no_key),
                                       cmocka_unit_test(comes_back_from_its_export)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
