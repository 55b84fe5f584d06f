/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Signatures against values that another implementation computed; replies are made in
 * tests/unit/cert/test_dnssolve.c. */
#include "crypt/tsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "crypt/digest.h"

static const uint8_t update[] = "\x12\x34\x28\0\0\1\0\0\0\0\0\0\1a\4test\0\0\6\0\1";

struct row {
    const char *algorithm;
    size_t mac_bytes;
    const char *mac; /* its beginning */
};

static const struct row rows[] = {
    {"hmac-sha256", 32, "89967440e423da41"},
    {"hmac-sha384", 48, "e5abf5bf14bbd451"},
    {"HMAC-SHA512.", 64, "ae69290901d89021"},
};

static void signatures(void **state)
{
    (void)state;
    struct secret secret = {0};
    assert_int_equal(secret_set(&secret, SLICE("0123456789abcdef0123456789abcdef")), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tsig_key k = {.name = SLICE("Update.key."), .secret = &secret};
        struct tsig_mac mac;
        struct buf b;
        char hex[17] = "";
        buf_init(&b, 1000);
        assert_int_equal(tsig_algorithm_parse(slice_cstr(rows[i].algorithm), &k.algorithm), OK);
        assert_int_equal(buf_add(&b, slice_of(update, sizeof(update) - 1)), OK);
        assert_int_equal(tsig_sign(&b, &k, 1800000000, &mac), OK);
        digest_hex(slice_of(mac.bytes, 8), hex);
        print_message("%s: %s, %zu bytes\n", rows[i].algorithm, hex, mac.n);
        assert_string_equal(hex, rows[i].mac);
        assert_int_equal(mac.n, rows[i].mac_bytes);
        assert_true(b.n <= sizeof(update) + TSIG_SIGN_MAX);
        assert_int_equal(b.p[b.off + 11], 1); /* one additional record */
        /* A request is no reply: its MAC covers no other. */
        struct tsig_reply reply;
        assert_int_equal(tsig_verify(buf_slice(&b), &k, &mac, 1800000000, &reply), ERR_VERIFY);
        assert_true(reply.present);
        assert_int_equal(reply.server_s, 1800000000);
        buf_done(&b);
    }
    secret_done(&secret);
}

static void bad_names(void **state)
{
    (void)state;
    static const char *const names[] = {"", ".", "a..b", NULL};
    struct secret secret = {0};
    enum tsig_algorithm a;
    assert_int_equal(tsig_algorithm_parse(SLICE("hmac-md5"), &a), ERR_NOT_FOUND);
    assert_int_equal(tsig_algorithm_parse(SLICE(""), &a), OK);
    assert_string_equal(tsig_algorithm_text(a), "hmac-sha256");
    char label[80];
    memset(label, 'x', sizeof(label));
    label[79] = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct tsig_key k = {.name = slice_cstr(names[i] ? names[i] : label), .secret = &secret};
        struct tsig_mac mac;
        struct buf b;
        buf_init(&b, 1000);
        assert_int_equal(buf_add(&b, slice_of(update, sizeof(update) - 1)), OK);
        assert_int_equal(tsig_sign(&b, &k, 1, &mac), ERR_SYNTAX);
        assert_int_equal(b.n, sizeof(update) - 1);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures),
        cmocka_unit_test(bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
