/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Requests, read back by the library: what a CA sees. */
#include "crypt/csr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/text.h"

#define LONG_LABEL "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static void asks_for_every_name(void **state)
{
    (void)state;
    static const enum key_kind kinds[] = {KEY_ECDSA_P256, KEY_RSA};
    const struct slice names[] = {SLICE("example.org"), SLICE("*.example.org"),
                                  SLICE(LONG_LABEL "." LONG_LABEL ".example.org"),
                                  SLICE("192.0.2.7"), SLICE("2001:db8::1")};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct key *k;
        struct buf out;
        buf_init(&out, 65536);
        assert_int_equal(keystore_generate(kinds[i], &k, NULL), OK);
        assert_int_equal(csr_make(k, names, ARRAY_LEN(names), &out, NULL), OK);
        const unsigned char *at = buf_slice(&out).p;
        X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)out.n);
        assert_non_null(req);
        assert_ptr_equal(at, buf_slice(&out).p + out.n);
        assert_int_equal(X509_REQ_verify(req, keystore_pkey(k)), 1);
        assert_int_equal(X509_REQ_get_version(req), 0);
        assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(req)), 0);
        STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
        assert_int_equal(sk_X509_EXTENSION_num(exts), 1);
        GENERAL_NAMES *san = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
        assert_int_equal(sk_GENERAL_NAME_num(san), ARRAY_LEN(names));
        for (int n = 0; n < 3; n++) {
            const GENERAL_NAME *name = sk_GENERAL_NAME_value(san, n);
            assert_int_equal(name->type, GEN_DNS);
            assert_true(slice_eq(names[n], slice_of(ASN1_STRING_get0_data(name->d.dNSName),
                                                    (size_t)ASN1_STRING_length(name->d.dNSName))));
        }
        assert_int_equal(sk_GENERAL_NAME_value(san, 3)->type, GEN_IPADD);
        assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(san, 3)->d.iPAddress), 4);
        assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(san, 4)->d.iPAddress), 16);
        GENERAL_NAMES_free(san);
        sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
        X509_REQ_free(req);
        buf_done(&out);
        keystore_unref(k);
    }
}

static void refuses_what_is_no_name(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE(""),        SLICE("a..b"),    SLICE(".a"),  SLICE("a."),
        SLICE("a b"),     SLICE("a,DNS:b"), SLICE("a/b"), SLICE("*.*.a"),
        SLICE("b.*.a"),   SLICE("*"),       SLICE("*."),  SLICE("x" LONG_LABEL ".org"),
        SLICE("a\0b.org")};
    struct key *k;
    struct buf out;
    struct fault f = {0};
    buf_init(&out, 65536);
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &k, NULL), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct slice names[] = {SLICE("good.org"), rows[i]};
        int r = csr_make(k, names, 2, &out, &f);
        print_message("%zu: %s %s\n", i, err_name(r), f.what);
        assert_int_equal(r, ERR_CONFIG);
    }
    assert_int_equal(csr_make(k, NULL, 0, &out, &f), ERR_CONFIG);
    assert_int_equal(out.n, 0);
    const struct slice name = SLICE("good.org");
    out.max_bytes = 50;
    assert_int_equal(csr_make(k, &name, 1, &out, &f), ERR_CAP);
    buf_done(&out);
    keystore_unref(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(asks_for_every_name),
                                       cmocka_unit_test(refuses_what_is_no_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
