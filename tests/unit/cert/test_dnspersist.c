/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Standing records as owners write them. */
#include "cert/dnspersist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "cert/dnssolve.h"

struct row {
    const char *text;
    bool wildcard;
    enum dnspersist_verdict verdict;
};

static const struct row rows[] = {
    {"ca.test; accounturi=https://ca.test/1", false, DNSPERSIST_GOOD},
    {"CA.test.;accounturi = https://ca.test/1 ; policy=Wildcard", true, DNSPERSIST_GOOD},
    {"ca.test; accounturi=https://ca.test/1", true, DNSPERSIST_NARROW},
    {"ca.test; accounturi=https://ca.test/1; policy=other", true, DNSPERSIST_NARROW},
    {"ca.test; accounturi=https://ca.test/2", false, DNSPERSIST_ACCOUNT},
    {"ca.test", false, DNSPERSIST_ACCOUNT},
    {"other.test; accounturi=https://ca.test/1", false, DNSPERSIST_FOREIGN},
    {"", false, DNSPERSIST_FOREIGN},
    {";", false, DNSPERSIST_FOREIGN},
    {"ca.test; accounturi=https://ca.test/1; persistUntil=1000", false, DNSPERSIST_EXPIRED},
    {"ca.test; accounturi=https://ca.test/1; persistUntil=1001", false, DNSPERSIST_GOOD},
    {"ca.test; accounturi=https://ca.test/1; persistUntil=soon", false, DNSPERSIST_EXPIRED},
    {"ca.test; accounturi=https://ca.test/1; odd=1;;", false, DNSPERSIST_GOOD},
};

static void verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dnspersist_asked a = {SLICE("ca.test"), SLICE("https://ca.test/1"), rows[i].wildcard,
                                     1000};
        enum dnspersist_verdict v = dnspersist_check(slice_cstr(rows[i].text), &a);
        print_message("%s -> %d, not %d\n", rows[i].text, v, rows[i].verdict);
        assert_int_equal(v, rows[i].verdict);
    }
}

static void the_text_is_good(void **state)
{
    (void)state;
    for (int wildcard = 0; wildcard < 2; wildcard++) {
        struct dnspersist_asked a = {SLICE("ca.test"), SLICE("https://ca.test/1"), wildcard, 1000};
        struct buf b;
        buf_init(&b, 1000);
        assert_int_equal(dnssolve_persist_text(a.issuer, a.account_url, wildcard, &b), OK);
        assert_int_equal(dnspersist_check(buf_slice(&b), &a), DNSPERSIST_GOOD);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(the_text_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
