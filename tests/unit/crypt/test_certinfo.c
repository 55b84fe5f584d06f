/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reading of certificates and chains, and which host a certificate speaks for. */
#include "crypt/certinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "pair.h"

static struct pair_ca ca;

static void reads_what_it_says(void **state)
{
    (void)state;
    struct slice names[] = {SLICE("Site.TEST"), SLICE("*.site.test"), SLICE("192.168.1.9"),
                            SLICE("::1")};
    struct key *key;
    struct certinfo_chain *chain;
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &key, NULL), OK);
    struct localca_leaf leaf = {names, ARRAY_LEN(names), key, 1800000000, 86400};
    assert_int_equal(localca_issue(ca.chain, ca.key, &leaf, &chain, NULL), OK);
    const struct certinfo *ci = certinfo_at(chain, 0), *root = certinfo_at(ca.chain, 0);
    assert_string_equal((const char *)ci->subject.p, "Site.TEST");
    assert_string_equal((const char *)ci->issuer.p, (const char *)root->subject.p);
    assert_string_equal((const char *)ci->sigalg.p, "ecdsa-with-SHA256");
    assert_int_equal(ci->serial.n, 32);
    assert_int_equal(ci->not_before_s, 1800000000 - 3600);
    assert_int_equal(ci->not_after_s, 1800000000 + 86400);
    assert_int_equal(ci->key_kind, KEY_ECDSA_P256);
    assert_int_equal(ci->key_bits, 256);
    assert_false(ci->is_ca || ci->self_signed);
    assert_true(root->is_ca && root->self_signed);
    static const char *const want[] = {"site.test", "*.site.test", "192.168.1.9", "::1"};
    assert_int_equal(ci->nsans, ARRAY_LEN(want));
    for (size_t i = 0; i < ci->nsans; i++) {
        assert_string_equal((const char *)ci->sans[i].name.p, want[i]);
        assert_int_equal(ci->sans[i].is_ip, i >= 2);
    }
    keystore_unref(key);
    certinfo_unref(chain);
}

static void covers(void **state)
{
    (void)state;
    static const struct {
        const char *san, *host;
        bool yes;
    } rows[] = {
        {"example.test", "example.test", true},
        {"example.test", "EXAMPLE.Test", true},
        {"example.test", "www.example.test", false},
        {"example.test", "xexample.test", false},
        {"*.example.test", "www.example.test", true},
        {"*.example.test", "a.www.example.test", false},
        {"*.example.test", "example.test", false},
        {"*.example.test", ".example.test", false},
        {"*.example.test", "*.example.test", true},
        {"*.", "a", false},
        {"w*.example.test", "www.example.test", false},
        {"*.*.test", "a.b.test", false},
        {"*", "test", false},
        {"10.0.0.1", "10.0.0.1", false}, /* an address in a DNS name is no address */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct certinfo_san san = {.name = slice_cstr(rows[i].san)};
        struct certinfo ci = {.sans = &san, .nsans = 1};
        bool yes = certinfo_covers(&ci, slice_cstr(rows[i].host));
        print_message("%s for %s: %d\n", rows[i].san, rows[i].host, yes);
        assert_int_equal(yes, rows[i].yes);
    }
    struct certinfo_san san = {.name = SLICE("10.0.0.1"), .is_ip = true};
    struct certinfo ci = {.sans = &san, .nsans = 1};
    assert_int_equal(cidr_parse_ip(SLICE("10.0.0.1"), &san.ip), OK);
    assert_true(certinfo_covers(&ci, SLICE("10.0.0.1")));
    assert_true(certinfo_covers(&ci, SLICE("::ffff:10.0.0.1")));
    assert_false(certinfo_covers(&ci, SLICE("10.0.0.2")));
    assert_int_equal(cidr_parse_ip(SLICE("fd00::1"), &san.ip), OK);
    assert_true(certinfo_covers(&ci, SLICE("[fd00:0::1]")));
}

/* leaf + root, in any arrangement. */
static void checks_the_order(void **state)
{
    (void)state;
    struct tlsctx_identity id = pair_identity(&ca, "a.test", KEY_ECDSA_P256, 0);
    struct pair_ca other;
    pair_ca_init(&other);
    struct certinfo_chain *const parts[] = {id.chain, ca.chain, other.chain};
    static const struct {
        int order[3];
        size_t count;
        int r;
    } rows[] = {{{0}, 1, OK},
                {{0, 1}, 2, OK},
                {{1, 0}, 2, ERR_CONFIG},
                {{0, 2}, 2, ERR_CONFIG},
                {{0, 1, 2}, 3, ERR_CONFIG},
                {{0, 1, 1}, 3, OK}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf pem;
        struct certinfo_chain *chain;
        struct fault f = {0};
        buf_init(&pem, 65536);
        for (size_t k = 0; k < rows[i].count; k++) {
            assert_int_equal(buf_add(&pem, SLICE("Bag Attributes\n  friendlyName: x\n")), OK);
            assert_int_equal(certinfo_pem(parts[rows[i].order[k]], &pem), OK);
            assert_int_equal(buf_add(&pem, SLICE("-----BEGIN PRIVATE KEY-----\n!!\n"
                                                 "-----END PRIVATE KEY-----\n")),
                             OK);
        }
        assert_int_equal(certinfo_parse(buf_slice(&pem), &chain, &f), OK);
        assert_int_equal(certinfo_count(chain), rows[i].count);
        int r = certinfo_check(chain, &f);
        print_message("row %zu: %s %s\n", i, err_name(r), f.what);
        assert_int_equal(r, rows[i].r);
        assert_memory_equal(certinfo_at(chain, 0)->sha256,
                            certinfo_at(parts[rows[i].order[0]], 0)->sha256, 32);
        certinfo_unref(chain);
        buf_done(&pem);
    }
    pair_ca_done(&other);
    pair_identity_done(&id);
}

static void refuses_what_is_no_chain(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        int r;
        const char *words;
    } rows[] = {
        {{NULL, 0}, ERR_SYNTAX, "no certificate"},
        {SLICE("hello"), ERR_SYNTAX, "no certificate"},
        {SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n"), ERR_SYNTAX, "the file is cut"},
        {SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), ERR_SYNTAX,
         "certificate 1 cannot be read"},
        {SLICE("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), ERR_SYNTAX,
         "certificate 1 cannot be read"},
        {SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), ERR_SYNTAX,
         "no certificate"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct certinfo_chain *chain = NULL;
        struct fault f = {0};
        int r = certinfo_parse(rows[i].text, &chain, &f);
        print_message("%s %s\n", err_name(r), f.what);
        assert_int_equal(r, rows[i].r);
        assert_non_null(strstr(f.what, rows[i].words));
        assert_null(chain);
    }
}

static void bounds_the_chain(void **state)
{
    (void)state;
    struct buf pem;
    struct certinfo_chain *chain = NULL;
    struct fault f = {0};
    buf_init(&pem, 1024 * 1024);
    for (int i = 0; i <= CERTINFO_CHAIN_MAX; i++)
        assert_int_equal(certinfo_pem(ca.chain, &pem), OK);
    assert_int_equal(certinfo_parse(buf_slice(&pem), &chain, &f), ERR_CAP);
    print_message("%s\n", f.what);
    for (int i = 0; i < 400; i++)
        assert_int_equal(certinfo_pem(ca.chain, &pem), OK);
    assert_int_equal(certinfo_parse(buf_slice(&pem), &chain, &f), ERR_CAP);
    print_message("%s\n", f.what);
    assert_null(chain);
    buf_done(&pem);
}

/* Appendix A of RFC 9773. */
static const char ari_pem[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt\n"
                              "cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS\n"
                              "BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu\n"
                              "7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf\n"
                              "qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B\n"
                              "yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb\n"
                              "+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK\n"
                              "-----END CERTIFICATE-----\n";

/* Made with the openssl program: two embedded timestamps, a responder, status_request. */
static const char status_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICYzCCAgigAwIBAgIFAIdlQyEwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKRXhh\n"
    "bXBsZSBDQTAeFw0yNjExMjMxNzI2MTRaFw0zNjExMjAxNzI2MTRaMAAwWTATBgcq\n"
    "hkjOPQIBBggqhkjOPQMBBwNCAATI0TkYVpZUEY00JdhY05P1NUvNCf3uiM3zJZmC\n"
    "vlTRHLyyPoD8RkNMlmSrm5GiEm7asglgxomFJCmaqFwo9/DZo4IBWDCCAVQwHQYD\n"
    "VR0RBBYwFIISc3RhdHVzLmV4YW1wbGUuY29tMFkGCCsGAQUFBwEBBE0wSzAkBggr\n"
    "BgEFBQcwAYYYaHR0cDovL29jc3AuZXhhbXBsZS5jb20vMCMGCCsGAQUFBzAChhdo\n"
    "dHRwOi8vY2EuZXhhbXBsZS5jb20veDARBggrBgEFBQcBGAQFMAMCAQUwgYQGCisG\n"
    "AQQB1nkCBAIEdgR0AHIANwARERERERERERERERERERERERERERERERERERERERER\n"
    "EQAAAYvP5WgAAAAEAwAIMAYCAQECAQEANwARERERERERERERERERERERERERERER\n"
    "EREREREREREREQAAAYvP5WgAAAAEAwAIMAYCAQECAQEwHwYDVR0jBBgwFoAUvvi8\n"
    "MewbYAprL/0h6f6mhvLSEjkwHQYDVR0OBBYEFOS3Bg7TN0/+89zWn1O2/sm9ByPp\n"
    "MAoGCCqGSM49BAMCA0kAMEYCIQDKfeGxJ5qPNSWAc8TsAmxX5PDgBVp/4Hrfd2cf\n"
    "sUX0GQIhAOdzthzilq4cyQuwu7vo2l/RgYicP9yCqkVxzMvQJcZK\n"
    "-----END CERTIFICATE-----\n";

static void reads_what_renewal_needs(void **state)
{
    (void)state;
    struct certinfo_chain *chain;
    struct fault f = {0};
    struct buf der;
    buf_init(&der, 65536);
    assert_int_equal(certinfo_parse(slice_cstr(ari_pem), &chain, &f), OK);
    const struct certinfo *ci = certinfo_at(chain, 0);
    static const uint8_t aki[] = {0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3,
                                  0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4};
    assert_true(slice_eq(ci->aki, slice_of(aki, sizeof(aki))));
    assert_true(slice_eq(ci->serial_der, SLICE("\x00\x87\x65\x43\x21")));
    assert_true(slice_eq(ci->serial, SLICE("87654321")));
    assert_false(ci->has_ocsp_url || ci->must_staple || ci->scts);
    certinfo_unref(chain);

    assert_int_equal(certinfo_parse(slice_cstr(status_pem), &chain, &f), OK);
    ci = certinfo_at(chain, 0);
    assert_true(ci->has_ocsp_url);
    assert_true(ci->must_staple);
    assert_int_equal(ci->scts, 2);
    assert_int_equal(ci->aki.n, 20);
    struct certinfo_chain *again;
    assert_int_equal(certinfo_der(chain, 0, &der), OK);
    assert_int_equal(certinfo_parse(buf_slice(&der), &again, &f), OK);
    assert_memory_equal(certinfo_at(again, 0)->sha256, ci->sha256, 32);
    certinfo_unref(again);
    certinfo_unref(chain);
    buf_done(&der);
}

static int set_up(void **state)
{
    (void)state;
    pair_ca_init(&ca);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pair_ca_done(&ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_says), cmocka_unit_test(covers),
        cmocka_unit_test(checks_the_order),   cmocka_unit_test(refuses_what_is_no_chain),
        cmocka_unit_test(bounds_the_chain),   cmocka_unit_test(reads_what_renewal_needs)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
