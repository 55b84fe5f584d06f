/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* CAA sets and what they allow (RFC 8659 4, RFC 8657). */
#include "cert/caa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct row {
    const char *set; /* "flags tag value|..." */
    bool wildcard;
    enum caa_verdict verdict;
    const char *detail;
};

static const struct row rows[] = {
    {"0 issue ca.test", false, CAA_ALLOWED, "ca.test"},
    {"0 issue CA.test", false, CAA_ALLOWED, "CA.test"},
    {"0 ISSUE  ca.test ; x=1", false, CAA_ALLOWED, " ca.test ; x=1"},
    {"0 issue second.test", false, CAA_ALLOWED, "second.test"},
    {"0 issue other.test", false, CAA_OTHERS, "other.test"},
    {"0 issue other.test|0 issue ca.test", false, CAA_ALLOWED, "ca.test"},
    {"0 issue ;", false, CAA_NOBODY, ";"},
    {"0 issue ", false, CAA_NOBODY, ""},
    {"0 issue ;|0 issue other.test", false, CAA_OTHERS, "other.test"},
    {"0 iodef mailto:a@b", false, CAA_ALLOWED, ""},
    {"0 issuewild ;", false, CAA_ALLOWED, ""},
    {"0 issuewild ;|0 issue ca.test", true, CAA_NOBODY, ";"},
    {"0 issuewild ca.test|0 issue ;", true, CAA_ALLOWED, "ca.test"},
    {"0 issue ca.test", true, CAA_ALLOWED, "ca.test"},
    {"0 issue other.test", true, CAA_OTHERS, "other.test"},
    {"128 issue ca.test", false, CAA_ALLOWED, "ca.test"},
    {"128 tbs x|0 issue ca.test", false, CAA_CRITICAL, "tbs"},
    {"0 tbs x|0 issue ca.test", false, CAA_ALLOWED, "ca.test"},
    {"1 tbs x", false, CAA_ALLOWED, ""},
    {"0 issue ca.test; accounturi=https://ca.test/1", false, CAA_ALLOWED,
     "ca.test; accounturi=https://ca.test/1"},
    {"0 issue ca.test; accounturi=https://ca.test/2", false, CAA_ACCOUNT,
     "ca.test; accounturi=https://ca.test/2"},
    {"0 issue ca.test; accounturi=u2|0 issue ca.test; accounturi=https://ca.test/1", false,
     CAA_ALLOWED, "ca.test; accounturi=https://ca.test/1"},
    {"0 issue ca.test; validationmethods=dns-01,http-01", false, CAA_ALLOWED,
     "ca.test; validationmethods=dns-01,http-01"},
    {"0 issue ca.test;validationmethods=dns-01", false, CAA_METHODS,
     "ca.test;validationmethods=dns-01"},
    {"0 issue ca.test; validationmethods=dns-01; accounturi=u", false, CAA_ACCOUNT,
     "ca.test; validationmethods=dns-01; accounturi=u"},
};

static size_t parse(const char *set, struct dns_record *records)
{
    size_t n = 0;
    struct slice rest = slice_cstr(set), one;
    while (slice_next(&rest, '|', &one)) {
        size_t a = slice_find(one, ' ');
        struct slice more = slice_from(one, a + 1);
        size_t b = slice_find(more, ' ');
        unsigned flags = 0;
        for (size_t i = 0; i < a; i++)
            flags = flags * 10 + one.p[i] - '0';
        records[n++] = (struct dns_record){.type = DNS_CAA,
                                           .flags = (uint8_t)flags,
                                           .tag = slice_first(more, b),
                                           .text = slice_from(more, b + 1)};
    }
    return n;
}

static void sets(void **state)
{
    (void)state;
    const struct slice identities[] = {SLICE("ca.test"), SLICE("second.test")};
    const char *const methods[] = {"http-01", "tls-alpn-01"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dns_record records[8];
        size_t n = parse(rows[i].set, records);
        struct caa_asked a = {identities, 2, SLICE("https://ca.test/1"),
                              methods,    2, rows[i].wildcard};
        struct slice detail;
        enum caa_verdict v = caa_check(records, n, &a, &detail);
        print_message("%s%s -> %d \"" SLICE_F "\"\n", rows[i].set, rows[i].wildcard ? " *" : "", v,
                      SLICE_A(detail));
        assert_int_equal(v, rows[i].verdict);
        assert_true(slice_eq(detail, slice_cstr(rows[i].detail)));
    }
}

static void unknown_sides(void **state)
{
    (void)state;
    struct dns_record records[8];
    struct slice detail;
    struct caa_asked a = {.nidentities = 0};
    size_t n = parse("0 issue ca.test", records);
    assert_int_equal(caa_check(records, n, &a, &detail), CAA_UNTOLD);
    n = parse("0 issue ;", records);
    assert_int_equal(caa_check(records, n, &a, &detail), CAA_NOBODY);
    const struct slice identity = SLICE("ca.test");
    a = (struct caa_asked){.identities = &identity, .nidentities = 1};
    n = parse("0 issue ca.test; accounturi=u",
              records); /* no account yet: it may become that one */
    assert_int_equal(caa_check(records, n, &a, &detail), CAA_ALLOWED);
    assert_true(caa_present(records, n));
    records[0].type = DNS_CNAME;
    assert_false(caa_present(records, 1));
    assert_int_equal(caa_check(records, 1, &a, &detail), CAA_ALLOWED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets),
        cmocka_unit_test(unknown_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
