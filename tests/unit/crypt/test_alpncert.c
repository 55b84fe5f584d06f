/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The certificate of a tls-alpn-01 challenge against everything that validators look at. */
#include "crypt/alpncert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/err.h"

#define NOW 1800000000
#define LONG_NAME                                                      \
    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg." \
    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg.org"

static uint8_t digest[32];

static void expect_san(X509 *cert, struct slice name, bool is_ip, size_t bytes)
{
    GENERAL_NAMES *san = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    assert_non_null(san);
    assert_int_equal(sk_GENERAL_NAME_num(san), 1);
    const GENERAL_NAME *one = sk_GENERAL_NAME_value(san, 0);
    assert_int_equal(one->type, is_ip ? GEN_IPADD : GEN_DNS);
    const ASN1_STRING *value = is_ip ? one->d.iPAddress : one->d.dNSName;
    assert_int_equal(ASN1_STRING_length(value), bytes);
    if (!is_ip)
        assert_memory_equal(ASN1_STRING_get0_data(value), name.p, name.n);
    GENERAL_NAMES_free(san);
}

static void expect_identifier(X509 *cert)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    int at = X509_get_ext_by_OBJ(cert, oid, -1);
    assert_true(at >= 0);
    assert_int_equal(X509_get_ext_by_OBJ(cert, oid, at), -1);
    X509_EXTENSION *ext = X509_get_ext(cert, at);
    assert_int_equal(X509_EXTENSION_get_critical(ext), 1);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
    assert_int_equal(ASN1_STRING_length(value), 34);
    const uint8_t *p = ASN1_STRING_get0_data(value);
    assert_int_equal(p[0], 4); /* OCTET STRING */
    assert_int_equal(p[1], 32);
    assert_memory_equal(p + 2, digest, 32);
    ASN1_OBJECT_free(oid);
}

static void has_what_validators_want(void **state)
{
    (void)state;
    static const struct {
        struct slice name;
        bool is_ip;
        size_t bytes;
    } rows[] = {{SLICE("example.org"), false, 11},
                {SLICE(LONG_NAME), false, sizeof(LONG_NAME) - 1},
                {SLICE("192.0.2.7"), true, 4},
                {SLICE("2001:db8::1"), true, 16}};
    for (size_t i = 0; i < 32; i++)
        digest[i] = (uint8_t)(0x80 + i);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct key *k;
        struct certinfo_chain *chain;
        assert_int_equal(alpncert_make(rows[i].name, digest, NOW, &k, &chain, NULL), OK);
        X509 *cert = certinfo_x509(chain, 0);
        print_message(SLICE_F "\n", SLICE_A(rows[i].name));
        assert_int_equal(certinfo_count(chain), 1);
        assert_int_equal(X509_get_version(cert), 2); /* v3 */
        assert_int_equal(X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)), 0);
        assert_int_equal(
            X509_NAME_get_index_by_NID(X509_get_subject_name(cert), NID_commonName, -1), -1);
        assert_int_equal(X509_verify(cert, keystore_pkey(k)), 1);
        assert_int_equal(X509_get_ext_count(cert), 2); /* nothing else */
        expect_san(cert, rows[i].name, rows[i].is_ip, rows[i].bytes);
        expect_identifier(cert);
        const struct certinfo *ci = certinfo_at(chain, 0);
        assert_true(ci->not_before_s < NOW && ci->not_after_s > NOW + 86400);
        assert_int_equal(certinfo_check_key(chain, k, NULL), OK);
        keystore_unref(k);
        certinfo_unref(chain);
    }
}

static void refuses_what_is_no_name(void **state)
{
    (void)state;
    struct key *k = NULL;
    struct certinfo_chain *chain = NULL;
    struct fault f = {0};
    assert_int_equal(alpncert_make(SLICE("a,DNS:b"), digest, NOW, &k, &chain, &f), ERR_CONFIG);
    assert_int_equal(alpncert_make(SLICE(""), digest, NOW, &k, &chain, &f), ERR_CONFIG);
    assert_null(k);
    assert_null(chain);
}

/* RFC 8738 6. */
static void names_that_validators_send(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"example.org", "example.org"},
        {"192.0.2.7", "7.2.0.192.in-addr.arpa"},
        {"2001:db8::1",
         "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char dst[256];
        struct slice got = alpncert_server_name(slice_cstr(rows[i][0]), dst);
        print_message("%s\n", dst);
        assert_string_equal(dst, rows[i][1]);
        assert_int_equal(got.n, strlen(rows[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(has_what_validators_want),
                                       cmocka_unit_test(refuses_what_is_no_name),
                                       cmocka_unit_test(names_that_validators_send)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
