/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Port 80: where it sends whom, and that a key sent in clear is reported without its value. */
#include "serve/plainport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enginerig.h"
#include "serve/challenges.h"
#include "serve/exchange_engine.h"

static const struct exchange_ops ops = EXCHANGE_ENGINE_WITH(plainport_serve);
static struct enginerig g;

static int setup(void **state)
{
    (void)state;
    enginerig_open(&g, "sites:\n"
                       "  a.example: {respond: hello, aliases: [b.example]}\n"
                       "  api.example: {respond: hello, api: true}\n"
                       "  \"2001:db8::1\": {respond: hello}\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    enginerig_close(&g);
    return 0;
}

static void redirects(void **state)
{
    static const struct {
        uint16_t port;
        const char *host, *path, *location;
    } rows[] = {
        {443, "a.example", "/", "https://a.example/"},
        {443, "b.example", "/x/y", "https://b.example/x/y"},
        {443, "a.example", "/x?a=b&c=%20", "https://a.example/x?a=b&c=%20"},
        {443, "a.example", "/x?", "https://a.example/x?"},
        {443, "a.example", "/x?token=k", "https://a.example/x?token=k"},
        {8443, "a.example", "/x?q", "https://a.example:8443/x?q"},
        {65535, "a.example", "/", "https://a.example:65535/"},
        {80, "a.example", "/", "https://a.example:80/"},
        {443, "2001:db8::1", "/x", "https://[2001:db8::1]/x"},
        {8443, "2001:db8::1", "/x", "https://[2001:db8::1]:8443/x"},
        {443, "a.example", "/.well-known/acme-challengex",
         "https://a.example/.well-known/acme-challengex"},
        {443, "a.example", "/.well-known/", "https://a.example/.well-known/"},
    };
    static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
            g.w.https_port = rows[i].port;
            enginerig_ask(&g, methods[m], rows[i].host, rows[i].path);
            enginerig_go(&g, &ops);
            assert_int_equal(g.answer.status, 308);
            assert_string_equal(enginerig_value(&g, "Location"), rows[i].location);
            assert_int_equal(g.answer.length, 0);
            assert_false(g.answer.close);
            /* RFC 6797 7.2: never over plain HTTP. */
            assert_int_equal(enginerig_count(&g, "Strict-Transport-Security"), 0);
        }
    }
    assert_string_equal(enginerig_events(&g), "");
}

static void refusals(void **state)
{
    static const struct {
        const char *host, *path;
        uint16_t status;
        bool close;
    } rows[] = {
        {"a.example", "/.well-known/acme-challenge/x", 404, false},
        {"api.example", "/.well-known/acme-challenge/x", 404, false},
        {"other.example", "/.well-known/acme-challenge/x", 404, false},
        {"other.example", "/.well-known/acme-challenge/", 404, false},
        {"other.example", "/", 421, true},
        {"", "/", 421, true},
        {"a.example", "*", 400, true},
        {"a.example", "", 400, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enginerig_ask(&g, "GET", rows[i].host, rows[i].path);
        enginerig_go(&g, &ops);
        assert_int_equal(g.answer.status, rows[i].status);
        assert_int_equal(g.answer.close, rows[i].close);
        assert_string_equal(enginerig_value(&g, "Location"), "");
    }
}

/* Validators come with any name; neither sites nor api decide. */
static void challenges(void **state)
{
    static const struct certhost_answer answer = {
        .kind = CERTHOST_HTTP01, .token = SLICE("token-1"), .content = SLICE("token-1.thumb")};
    static const char *const hosts[] = {"a.example", "api.example", "other.example", "192.0.2.1",
                                        ""};
    struct buf b;
    (void)state;
    g.w.challenges = challenges_new();
    buf_init(&b, 4096);
    assert_int_equal(challenges_pack(&b, &answer, 1), OK);
    assert_int_equal(challenges_replace(g.w.challenges, buf_slice(&b)), OK);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        enginerig_ask(&g, "GET", hosts[i], "/.well-known/acme-challenge/token-1");
        enginerig_go(&g, &ops);
        assert_int_equal(g.answer.status, 200);
        assert_string_equal(enginerig_value(&g, "Content-Type"), "application/octet-stream");
        assert_true(slice_eq(buf_slice(&g.body), answer.content));
        assert_non_null(strstr(enginerig_events(&g), "\"challenge_seen\""));
        enginerig_ask(&g, "HEAD", hosts[i], "/.well-known/acme-challenge/token-1");
        enginerig_go(&g, &ops);
        assert_int_equal(g.answer.status, 200);
        assert_true(g.answer.no_body);
        assert_non_null(strstr(enginerig_events(&g), "\"challenge_seen\""));
        enginerig_ask(&g, "POST", hosts[i], "/.well-known/acme-challenge/token-1");
        enginerig_go(&g, &ops);
        assert_int_equal(g.answer.status, 405);
        enginerig_ask(&g, "GET", hosts[i], "/.well-known/acme-challenge/token-2");
        enginerig_go(&g, &ops);
        assert_int_equal(g.answer.status, 404);
    }
    buf_done(&b);
    challenges_free(g.w.challenges);
    g.w.challenges = NULL;
    assert_string_equal(enginerig_events(&g), "");
}

static void api(void **state)
{
    (void)state;
    enginerig_ask(&g, "GET", "api.example", "/v1?page=2");
    enginerig_field(&g, "Accept", "text/html");
    enginerig_go(&g, &ops);
    assert_int_equal(g.answer.status, 403);
    assert_true(g.answer.close);
    assert_string_equal(enginerig_value(&g, "Content-Type"), "application/problem+json");
    assert_string_equal(enginerig_value(&g, "Location"), "");
    assert_int_equal(buf_add(&g.body, slice_of("", 1)), OK);
    assert_non_null(strstr((const char *)g.body.p, "\"status\":403"));
    assert_non_null(strstr((const char *)g.body.p, "replace it"));
    assert_int_equal(g.w.metrics->value[METRIC_CREDENTIAL_EXPOSED], 0);
    assert_string_equal(enginerig_events(&g), "");
    enginerig_ask(&g, "HEAD", "api.example", "/");
    enginerig_go(&g, &ops);
    assert_int_equal(g.answer.status, 403);
    assert_true(g.answer.no_body);
}

static void credentials(void **state)
{
    static const struct {
        const char *path, *name, *kind;
    } rows[] = {
        {"/", "Authorization", "authorization"},
        {"/", "Proxy-Authorization", "proxy-authorization"},
        {"/", "Cookie", "cookie"},
        {"/", "ApiKey", "apikey"},
        {"/", "Api-Key", "api-key"},
        {"/", "X-API-KEY", "x-api-key"},
        {"/", "X-Auth-Token", "x-auth-token"},
        {"/", "X-CSRF-Token", "x-csrf-token"},
        {"/", "X-Access-Token", "x-access-token"},
        {"/", "X-Goog-Api-Key", "x-goog-api-key"},
        {"/", "X-Amz-Security-Token", "x-amz-security-token"},
        {"/", "Ocp-Apim-Subscription-Key", "ocp-apim-subscription-key"},
        {"/?api_key=s3cret", NULL, "api_key"},
        {"/?a=b&APIKEY=s3cret", NULL, "apikey"},
        {"/?api-key=s3cret", NULL, "api-key"},
        {"/?key=s3cret", NULL, "key"},
        {"/?token=s3cret&a", NULL, "token"},
        {"/?access_token=s3cret", NULL, "access_token"},
        {"/?auth=s3cret", NULL, "auth"},
        {"/?signature=s3cret", NULL, "signature"},
        {"/?secret=s3cret", NULL, "secret"},
        {"/?password=s3cret", NULL, "password"},
        {"/?client_secret=s3cret", NULL, "client_secret"},
        {"/?monkey=1&keys=2&x=token", NULL, NULL},
        {"/token/key", "X-Token-Count", NULL},
    };
    uint64_t exposed = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[64] = "";
        enginerig_close(&g);
        setup(NULL); /* equal events are limited in rate */
        enginerig_ask(&g, "GET", "api.example", rows[i].path);
        if (rows[i].name)
            enginerig_field(&g, rows[i].name, "s3cret");
        enginerig_go(&g, &ops);
        assert_int_equal(g.answer.status, 403);
        exposed = g.w.metrics->value[METRIC_CREDENTIAL_EXPOSED];
        assert_int_equal(exposed, rows[i].kind != NULL);
        enginerig_end(&g, OK);
        const char *log = enginerig_events(&g);
        if (rows[i].kind)
            snprintf(expected, sizeof(expected), "\"credential\":\"%s\"", rows[i].kind);
        if (!strstr(log, expected) || (!rows[i].kind && log[0]))
            fail_msg("%s %s: no %s in %s", rows[i].path, rows[i].name ? rows[i].name : "", expected,
                     log);
        if (rows[i].kind && (!strstr(log, "credential_exposed") || !strstr(log, "192.0.2.7")))
            fail_msg("%s", log);
        assert_null(strstr(log, "s3cret"));
        log = enginerig_access(&g);
        assert_non_null(strstr(log, "403"));
        if (strstr(log, "s3cret"))
            fail_msg("the access log has the key: %s", log);
    }
}

static void counted(void **state)
{
    (void)state;
    enginerig_ask(&g, "GET", "a.example", "/");
    enginerig_go(&g, &ops);
    assert_int_equal(g.w.metrics->value[METRIC_REQUESTS_OPEN], 1);
    enginerig_end(&g, OK);
    assert_int_equal(g.w.metrics->value[METRIC_REQUESTS], 1);
    assert_int_equal(g.w.metrics->value[METRIC_REQUESTS_OPEN], 0);
}

static void no_memory(void **state)
{
    (void)state;
    enginerig_ask(&g, "GET", "a.example", "/");
    arena_init(&g.x.arena, sizeof(struct serving) + 16); /* enough to begin with */
    enginerig_go(&g, &ops);
    assert_int_equal(g.answers, 0);
    assert_int_equal(g.aborts, 1);
    assert_int_equal(g.abort_r, ERR_NOMEM);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(redirects),   CASE(refusals), CASE(challenges), CASE(api),
        CASE(credentials), CASE(counted),  CASE(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
