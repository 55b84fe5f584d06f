/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Known answers (FIPS 180-4, RFC 4231, RFC 4648) and the properties that callers rely on. */
#include "crypt/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void expect_hex(const uint8_t *sum, const char *want)
{
    char text[65] = {0};
    assert_int_equal(digest_hex(slice_of(sum, 32), text), 64);
    assert_string_equal(text, want);
}

static void hashes(void **state)
{
    (void)state;
    uint8_t sum[32];
    assert_int_equal(digest_sha256(SLICE("abc"), sum), OK);
    expect_hex(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(digest_sha256(SLICE_EMPTY, sum), OK);
    expect_hex(sum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(digest_hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), sum),
                     OK);
    expect_hex(sum, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void pieces_do_not_run_together(void **state)
{
    (void)state;
    const struct slice one[] = {SLICE("ab"), SLICE("c")}, two[] = {SLICE("a"), SLICE("bc")};
    uint8_t a[32], b[32], c[32];
    assert_int_equal(digest_sha256_pieces(one, 2, a), OK);
    assert_int_equal(digest_sha256_pieces(two, 2, b), OK);
    assert_int_equal(digest_sha256_pieces(one, 2, c), OK);
    assert_false(digest_equal(a, b, 32));
    assert_true(digest_equal(a, c, 32));
}

static void encodes(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "__79"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_int_equal(digest_base64url(slice_cstr(rows[i].in), &b), OK);
        print_message("%s -> " SLICE_F "\n", rows[i].in, SLICE_A(buf_slice(&b)));
        assert_true(slice_eq(buf_slice(&b), slice_cstr(rows[i].out)));
        buf_done(&b);
    }
}

/* RFC 4231 4.3. */
static void macs_with_every_hash(void **state)
{
    (void)state;
    static const struct {
        enum digest_kind kind;
        const char *want;
    } rows[] = {{DIGEST_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
                {DIGEST_SHA384, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
                                "8e2240ca5e69e2c78b3239ecfab21649"},
                {DIGEST_SHA512,
                 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                 "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t sum[DIGEST_BYTES_MAX];
        char text[2 * DIGEST_BYTES_MAX + 1] = {0};
        size_t n;
        assert_int_equal(digest_hmac(rows[i].kind, SLICE("Jefe"),
                                     SLICE("what do ya want for nothing?"), sum, &n),
                         OK);
        digest_hex(slice_of(sum, n), text);
        assert_string_equal(text, rows[i].want);
    }
}

static void decodes(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int url_r, plain_r;
        struct slice out;
    } rows[] = {{"", OK, OK, SLICE("")},
                {"Zg", OK, ERR_SYNTAX, SLICE("f")},
                {"Zg==", OK, OK, SLICE("f")},
                {"Zg=", ERR_SYNTAX, ERR_SYNTAX, SLICE("")},
                {"Zg===", ERR_SYNTAX, ERR_SYNTAX, SLICE("")},
                {"Zh==", ERR_SYNTAX, ERR_SYNTAX, SLICE("")}, /* unused bits */
                {"Zm8=", OK, OK, SLICE("fo")},
                {"Zm9", ERR_SYNTAX, ERR_SYNTAX, SLICE("")},
                {"Zm9vYmFy", OK, OK, SLICE("foobar")},
                {"Zm9vY", ERR_SYNTAX, ERR_SYNTAX, SLICE("")},
                {"Zm9v====", ERR_SYNTAX, ERR_SYNTAX, SLICE("")},
                {"Zm9v\n", ERR_SYNTAX, ERR_SYNTAX, SLICE("")},
                {"Zg==Zg==", ERR_SYNTAX, ERR_SYNTAX, SLICE("")},
                {"__79", OK, ERR_SYNTAX, SLICE("\xff\xfe\xfd")},
                {"//79", ERR_SYNTAX, OK, SLICE("\xff\xfe\xfd")},
                {"+-++", ERR_SYNTAX, ERR_SYNTAX, SLICE("")}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        bool url = i % 2;
        int want = url ? rows[i / 2].url_r : rows[i / 2].plain_r;
        struct slice in = slice_cstr(rows[i / 2].in);
        struct buf b;
        buf_init(&b, 100);
        int r = url ? digest_base64url_decode(in, &b) : digest_base64_decode(in, &b);
        print_message("%s url=%d -> %s, want %s\n", rows[i / 2].in, url, err_name(r),
                      err_name(want));
        assert_int_equal(r, want);
        assert_true(slice_eq(buf_slice(&b), r ? SLICE_EMPTY : rows[i / 2].out));
        buf_done(&b);
    }
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_int_equal(digest_random(a, 32), OK);
    assert_int_equal(digest_random(b, 32), OK);
    assert_false(digest_equal(a, b, 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hashes),
                                       cmocka_unit_test(pieces_do_not_run_together),
                                       cmocka_unit_test(encodes),
                                       cmocka_unit_test(decodes),
                                       cmocka_unit_test(macs_with_every_hash),
                                       cmocka_unit_test(random_bytes_differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
