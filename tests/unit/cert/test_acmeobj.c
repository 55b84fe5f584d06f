/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The examples of RFC 8555 and RFC 9773 are read; what a broken or hostile CA may send instead is
 * refused by the name of the member. */
#include "cert/acmeobj.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

#define U(path) "\"https://ca.test/" path "\""

static struct arena a;
static struct fault f;

static int set_up(void **state)
{
    (void)state;
    arena_init(&a, 256 * 1024);
    f = (struct fault){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&a);
    return 0;
}

static void is_text(struct slice have, const char *want)
{
    print_message("have \"" SLICE_F "\", want \"%s\"\n", SLICE_A(have), want);
    assert_true(slice_eq(have, slice_cstr(want)));
}

static void directory(void **state)
{
    (void)state;
    struct acmeobj_directory d;
    assert_int_equal(acmeobj_read_directory(
                         SLICE(
                             "{\"newNonce\":" U("nn") ",\"newAccount\":" U("na") ",\"newOrder\":" U("no") ",\"newAuthz\":null,\"revokeCert\":" U(
                                 "rc") ",\"keyChange\":" U("kc") ",\"re"
                                                                 "newalInfo\":" U(
                                                                     "ari") ",\"Xyz\":[1],\"meta\":"
                                                                            "{\"termsOfService\""
                                                                            ":" U("tos") ",\"websit"
                                                                                         "e\":"
                                                                                         "\"http://"
                                                                                         "www."
                                                                                         "test\","
                                                                                         "\"caaIden"
                                                                                         "tities\":"
                                                                                         "[\"ca."
                                                                                         "test\","
                                                                                         "\"ca2."
                                                                                         "test\"],"
                                                                                         "\"externa"
                                                                                         "lAccountR"
                                                                                         "equired\""
                                                                                         ":true,"
                                                                                         "\"profile"
                                                                                         "s\":{"
                                                                                         "\"classic"
                                                                                         "\":\"x\","
                                                                                         "\"short\""
                                                                                         ":\"y\"}}"
                                                                                         "}"),
                         &a, &d, &f),
                     OK);
    is_text(d.new_nonce, "https://ca.test/nn");
    is_text(d.renewal_info, "https://ca.test/ari");
    is_text(d.website, "http://www.test");
    assert_int_equal(d.new_authz.n, 0);
    assert_true(d.external_account_required);
    assert_int_equal(d.ncaa, 2);
    is_text(d.caa[1], "ca2.test");
    assert_int_equal(d.nprofiles, 2);
    is_text(d.profiles[0], "classic");
}

#define ORDER_HEAD                                                                             \
    "{\"status\":\"pending\",\"expires\":\"2026-11-24T00:00:00Z\",\"identifiers\":[{\"type\":" \
    "\"dns\",\"value\":\"WWW.Example.org\"},{\"type\":\"ip\",\"value\":\"192.0.2.1\"}],"

static void order(void **state)
{
    (void)state;
    struct acmeobj_order o;
    assert_int_equal(
        acmeobj_read_order(
            SLICE(ORDER_HEAD "\"authorizations\":[" U("a1") "," U("a2") "],\"finalize\":" U(
                "f") ",\"profile\":\"short\",\"error\":{\"type\":\"urn:ietf:params:acme:error:"
                     "caa\","
                     "\"detail\":\"no\\u0007\\u009b\\n\",\"subproblems\":[{\"type\":\"urn:x\","
                     "\"identifier\":{\"type\":\"dns\",\"value\":\"b.test\"}}]}}"),
            &a, &o, &f),
        OK);
    assert_int_equal(o.status, ACMEOBJ_PENDING);
    assert_int_equal(o.expires_s, 1795478400);
    assert_int_equal(o.nnames, 2);
    is_text(o.names[0], "www.example.org");
    assert_int_equal(o.nauthorizations, 2);
    assert_int_equal(o.certificate.n, 0);
    is_text(o.profile, "short");
    is_text(o.error.type, "caa");
    is_text(o.error.detail, "no\\x07\\xc2\\x9b\\x0a");
    assert_int_equal(o.error.nsub, 1);
    is_text(o.error.sub[0].type, "urn:x");
    is_text(o.error.sub[0].identifier, "b.test");
}

static void authz(void **state)
{
    (void)state;
    struct acmeobj_authz z;
    assert_int_equal(
        acmeobj_read_authz(
            SLICE(
                "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"b.test\"},"
                "\"wildcard\":true,\"challenges\":[{\"type\":\"dns-01\",\"url\":" U(
                    "c1") ",\"status\":\"pending\",\"token\":\"abc-_9\"},{\"type\":\"dns-persist-"
                          "01\",\"url\":" U("c2") ",\"status\":\"pending\",\"issuer-domain-names\":"
                                                  "[\"ca.test\"]}]}"),
            &a, &z, &f),
        OK);
    assert_true(z.wildcard);
    assert_false(z.is_ip);
    assert_int_equal(z.nchallenges, 2);
    is_text(z.challenges[0].token, "abc-_9");
    is_text(z.challenges[1].issuer_domains[0], "ca.test");
    /* Reused ones may list nothing. */
    assert_int_equal(acmeobj_read_authz(SLICE("{\"status\":\"valid\",\"identifier\":{\"type\":"
                                              "\"ip\",\"value\":\"::1\"}}"),
                                        &a, &z, &f),
                     OK);
    assert_true(z.is_ip);
    assert_int_equal(z.nchallenges, 0);
}

static void renewal(void **state)
{
    (void)state;
    struct acmeobj_renewal x;
    assert_int_equal(acmeobj_read_renewal(
                         SLICE("{\"suggestedWindow\":{\"start\":\"2026-11-24T00:00:00Z\",\"end\":"
                               "\"2026-11-25T01:00:00.5+01:00\"},\"explanationURL\":" U("why") "}"),
                         &a, &x, &f),
                     OK);
    assert_int_equal(x.start_s, 1795478400);
    assert_int_equal(x.end_s, 1795478400 + 86400);
    is_text(x.explanation, "https://ca.test/why");
}

static int as_directory(struct slice s)
{
    struct acmeobj_directory x;
    return acmeobj_read_directory(s, &a, &x, &f);
}

static int as_order(struct slice s)
{
    struct acmeobj_order x;
    return acmeobj_read_order(s, &a, &x, &f);
}

#define AUTHZ_AROUND                                                                  \
    "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"}," \
    "\"challenges\":[" SLICE_F "]}"

static int as_challenge(struct slice s)
{
    struct acmeobj_authz x;
    char text[1024];
    int n = snprintf(text, sizeof(text), AUTHZ_AROUND, SLICE_A(s));
    return acmeobj_read_authz(slice_of(text, (size_t)n), &a, &x, &f);
}

static int as_renewal(struct slice s)
{
    struct acmeobj_renewal x;
    return acmeobj_read_renewal(s, &a, &x, &f);
}

static int as_account(struct slice s)
{
    struct acmeobj_account x;
    return acmeobj_read_account(s, &a, &x, &f);
}

#define CHALLENGE(rest) "{\"type\":\"http-01\",\"url\":" U("c") ",\"status\":\"pending\"" rest "}"

static void refused(void **state)
{
    (void)state;
    static const struct {
        int (*read)(struct slice s);
        const char *json, *words;
    } rows[] = {
        {as_directory, "", "not JSON"},
        {as_directory, "[]", "not a JSON object"},
        {as_directory, "{} {}", "not JSON"},
        {as_directory, "{\"newNonce\":\"https://a/\",\"newNonce\":\"https://b/\"}", "not JSON"},
        {as_directory, "{\"newNonce\":1}", "newNonce"},
        {as_directory, "{\"newNonce\":\"http://a/\"}", "newNonce"},
        {as_directory, "{\"newNonce\":\"https://a/\\u0022\"}", "newNonce"},
        {as_directory, "{\"newNonce\":\"https://a/\"}", "newAccount"},
        {as_order, "{}", "status"},
        {as_order, "{\"status\":\"revoked\"}", "status"},
        {as_order, ORDER_HEAD "\"authorizations\":{}}", "authorizations"},
        {as_order, ORDER_HEAD "\"authorizations\":[1],\"finalize\":" U("f") "}", "authorizations"},
        {as_order, ORDER_HEAD "\"authorizations\":[]}", "finalize"},
        {as_order,
         "{\"status\":\"ready\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"a b\"}],"
         "\"authorizations\":[],\"finalize\":" U("f") "}",
         "value"},
        {as_order,
         "{\"status\":\"ready\",\"identifiers\":[{\"type\":\"email\",\"value\":\"a\"}],"
         "\"authorizations\":[],\"finalize\":" U("f") "}",
         "identifier"},
        {as_order, "{\"status\":\"ready\",\"expires\":\"tomorrow\"}", "expires"},
        {as_challenge, CHALLENGE(""), "token"},
        {as_challenge, CHALLENGE(",\"token\":\"../etc\""), "token"},
        {as_challenge, CHALLENGE(",\"token\":\"a\\u0000b\""), "not JSON"},
        {as_challenge, CHALLENGE(",\"token\":\"ok\",\"error\":\"text\""), "error"},
        {as_renewal,
         "{\"suggestedWindow\":{\"start\":\"2026-11-24T00:00:00Z\",\"end\":"
         "\"2026-11-24T00:00:00Z\"}}",
         "suggestedWindow"},
        {as_renewal, "{\"suggestedWindow\":[]}", "suggestedWindow"},
        {as_account, "{\"status\":true}", "status"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f = (struct fault){0};
        int r = rows[i].read(slice_cstr(rows[i].json));
        print_message("%s\n  -> %s: %s\n", rows[i].json, err_name(r), f.what);
        assert_int_equal(r, ERR_SYNTAX);
        assert_int_equal(f.code, ERR_SYNTAX);
        assert_non_null(strstr(f.what, rows[i].words));
    }
}

static void bounded(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(buf_printf(&b, ORDER_HEAD "\"finalize\":%s,\"authorizations\":[", U("f")), OK);
    for (int i = 0; i < ACMEOBJ_NAMES_MAX + 1; i++)
        assert_int_equal(buf_printf(&b, "%s%s", i ? "," : "", U("a")), OK);
    assert_int_equal(buf_printf(&b, "]}"), OK);
    int r = as_order(buf_slice(&b));
    print_message("%s\n", f.what);
    assert_int_equal(r, ERR_CAP);
    assert_non_null(strstr(f.what, "authorizations"));
    buf_done(&b);
    /* An arena that is full is told as such. */
    struct arena tiny;
    struct acmeobj_order o;
    arena_init(&tiny, 64);
    assert_int_equal(acmeobj_read_order(SLICE(ORDER_HEAD "\"authorizations\":[" U("a1") "," U(
                                            "a2") "],\"finalize\":" U("f") "}"),
                                        &tiny, &o, &f),
                     ERR_NOMEM);
    arena_done(&tiny);
}

static void problems(void **state)
{
    (void)state;
    struct acmeobj_problem p;
    assert_int_equal(acmeobj_read_problem(SLICE("{\"type\":\"urn:ietf:params:acme:error:rateLimited"
                                                "\",\"detail\":\"\xc3\xa4\",\"status\":\"x\"}"),
                                          429, &a, &p),
                     OK);
    is_text(p.type, "rateLimited");
    is_text(p.detail, "\xc3\xa4");
    assert_int_equal(p.status, 429);
    static const char *const none[] = {"", "<html>", "[]", "{\"type\":1}", "{\"detail\":\"x\"}"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_int_equal(acmeobj_read_problem(slice_cstr(none[i]), 503, &a, &p), OK);
        assert_int_equal(p.type.n, 0);
        is_text(p.detail, "HTTP status 503 Service Unavailable");
    }
}

static void long_details_are_cut_between_characters(void **state)
{
    (void)state;
    struct acmeobj_problem p;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(buf_printf(&b, "{\"type\":\"t\",\"detail\":\"x"), OK);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(buf_printf(&b, "\xe2\x82\xac"), OK);
    assert_int_equal(buf_printf(&b, "\"}"), OK);
    assert_int_equal(acmeobj_read_problem(buf_slice(&b), 400, &a, &p), OK);
    assert_true(p.detail.n <= 2000 && p.detail.n > 1990);
    assert_int_equal((p.detail.n - 1) % 3, 0);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(authz, set_up, tear_down),
        cmocka_unit_test_setup_teardown(renewal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(problems, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_details_are_cut_between_characters, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
