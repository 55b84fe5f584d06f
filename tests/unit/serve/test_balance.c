/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Who is next, who is left out, and active checks against toy upstreams, TLS towards them. */
#include "serve/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../client/toy.h"
#include "../crypt/pair.h"
#include "base/err.h"
#include "client/resolve.h"
#include "serve/bundle.h"
#include "visitor.h"

#define THREE "to: [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\", \"unix:/nowhere\"]"

static struct house h;

static size_t index_of(const struct upstream *u)
{
    struct slice name = upstream_name(u);
    return name.p[0] == 'u' ? 2 : (size_t)(name.p[name.n - 1] - '1');
}

static size_t pick(uint64_t *tried)
{
    struct upstream *u = balance_pick(h.route.balance, tried);
    if (!u)
        return 99;
    size_t i = index_of(u);
    upstream_unref(u);
    return i;
}

static void rounds(void **state)
{
    (void)state;
    house_open(&h);
    house_proxy(&h, "{" THREE "}", "");
    uint64_t tried = 0;
    size_t last = pick(&tried);
    for (int i = 0; i < 30; i++) {
        tried = 0;
        size_t now = pick(&tried);
        assert_int_equal(now, (last + 1) % 3);
        last = now;
    }
    /* Each of them once, then nobody. */
    tried = 0;
    unsigned seen = 0;
    for (int i = 0; i < 3; i++)
        seen |= 1u << pick(&tried);
    assert_int_equal(seen, 7);
    assert_int_equal(pick(&tried), 99);
    house_done(&h);
}

static void marks(void **state)
{
    (void)state;
    house_open(&h);
    house_proxy(&h, "{" THREE ", max_fails: 1}", "");
    uint64_t tried = 0;
    struct upstream *u = balance_pick(h.route.balance, &tried);
    assert_non_null(u);
    upstream_failed(u, "refused");
    size_t out = index_of(u);
    upstream_unref(u);
    for (int i = 0; i < 30; i++) {
        tried = 0;
        assert_int_not_equal(pick(&tried), out);
    }
    for (int i = 0; i < 2; i++) {
        tried = 0;
        u = balance_pick(h.route.balance, &tried);
        upstream_mark(u, false, "test");
        upstream_unref(u);
    }
    tried = 0;
    assert_int_equal(pick(&tried), 99);
    house_done(&h);
}

/* Counts picks while upstream `busy` has five requests. */
static void count_busy(const char *policy, unsigned counts[3])
{
    char yaml[256];
    bool trial;
    house_open(&h);
    snprintf(yaml, sizeof(yaml), "{" THREE ", balance: %s}", policy);
    house_proxy(&h, yaml, "");
    uint64_t tried = 0;
    struct upstream *u = balance_pick(h.route.balance, &tried);
    for (int i = 0; i < 5; i++)
        trial = upstream_enter(u);
    for (int i = 0; i < 300; i++) {
        uint64_t none = 0;
        counts[(pick(&none) + 3 - index_of(u)) % 3]++;
    }
    for (int i = 0; i < 5; i++)
        upstream_leave(u, trial);
    upstream_unref(u);
    house_done(&h);
}

static void policies(void **state)
{
    (void)state;
    unsigned counts[3] = {0};
    count_busy("least_conn", counts);
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], 150); /* ties go round */
    assert_int_equal(counts[2], 150);
    memset(counts, 0, sizeof(counts));
    count_busy("random", counts);
    assert_int_equal(counts[0], 0); /* of two it is always the busier one */
    assert_in_range(counts[1], 100, 200);
    memset(counts, 0, sizeof(counts));
    count_busy("round_robin", counts);
    assert_int_equal(counts[0], 100);
}

static void reports(void **state)
{
    (void)state;
    struct buf b;
    struct json j;
    house_open(&h);
    house_proxy(&h, "{to: [\"http://127.0.0.1:1\"], max_fails: 1}", "");
    uint64_t tried = 0;
    struct upstream *u = balance_pick(h.route.balance, &tried);
    upstream_failed(u, "it said \"no\"");
    upstream_unref(u);
    buf_init(&b, 4096);
    json_init(&j, &b);
    json_array(&j, NULL);
    balance_report(h.route.balance, &j);
    json_end(&j, ']');
    char text[1024];
    snprintf(text, sizeof(text), SLICE_F, SLICE_A(buf_slice(&b)));
    assert_string_equal(text, "[{\"name\":\"http://127.0.0.1:1\",\"active\":0,\"idle\":0,"
                              "\"requests\":0,\"failures\":1,\"connects\":0,\"reuses\":0,"
                              "\"down\":true,\"healthy\":true,"
                              "\"last_error\":\"it said \\\"no\\\"\"}]");
    buf_done(&b);
    assert_true(balance_digest(h.route.balance) == h.route.conf->proxy.digest);
    house_done(&h);
}

static void too_many(void **state)
{
    (void)state;
    struct conf_upstream items[65];
    struct conf_proxy proxy = {.to = {items, 65}};
    struct balance *g;
    struct fault f = {0};
    house_open(&h);
    for (size_t i = 0; i < 65; i++)
        items[i] = (struct conf_upstream){.host = SLICE("127.0.0.1"), .port = 1};
    assert_int_equal(balance_new(&h.w, &proxy, NULL, &g, &f), ERR_CONFIG);
    proxy.to.count = 0;
    assert_int_equal(balance_new(&h.w, &proxy, NULL, &g, &f), ERR_CONFIG);
    proxy.to.count = 64;
    assert_int_equal(balance_new(&h.w, &proxy, NULL, &g, &f), OK);
    balance_unref(g);
    resolve_free(h.w.resolver);
    loop_free(h.w.loop);
}

/* ---- active checks ---- */

static const char *answer;
static char head[1024];
static unsigned asked;

static void on_check(struct toy_conn *c)
{
    if (c->ended) {
        toy_end(c, false);
        return;
    }
    while (toy_head(c, head, sizeof(head))) {
        asked++;
        if (answer)
            toy_say(c, slice_cstr(answer));
    }
}

static bool usable(void)
{
    uint64_t tried = 0;
    struct upstream *u = balance_pick(h.route.balance, &tried);
    upstream_unref(u);
    return u != NULL;
}

static void until_usable(bool wanted)
{
    uint64_t end_ms = loop_now_ms(h.w.loop) + 8000;
    while (usable() != wanted && loop_now_ms(h.w.loop) < end_ms)
        loop_turn(h.w.loop, 50);
    assert_int_equal(usable(), wanted);
}

static void checks(void **state)
{
    (void)state;
    struct toy t;
    char yaml[256];
    house_open(&h);
    toy_open(&t, h.w.loop, on_check);
    snprintf(yaml, sizeof(yaml),
             "{to: [\"http://127.0.0.1:%u\"], health: {path: /up?x, interval: 1s, timeout: 200ms}}",
             t.port);
    house_proxy(&h, yaml, "");
    answer = "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno";
    until_usable(false);
    assert_int_equal(asked, 2); /* one bad answer is not enough */
    char expected[256];
    snprintf(expected, sizeof(expected), "GET /up?x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n", t.port);
    assert_memory_equal(head, expected, strlen(expected));
    assert_int_equal(t.accepted, 1); /* the connection is kept */
    answer = "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n";
    until_usable(true);
    answer = NULL; /* silence */
    until_usable(false);
    answer = "HTTP/1.1 204 None\r\n\r\n";
    until_usable(true);
    toy_done(&t);
    house_done(&h); /* stops a check under way, too */
}

/* ---- TLS: the CA of the configuration decides, and a failure has its story ---- */

static struct pair_ca ca;
static struct tlsctx *server;

static int secure(struct toy_conn *c)
{
    struct session *s;
    int r = session_accept(server, &s);
    return r ? r : link_set_filter(&c->link, &session_filter, s);
}

static void serve_ok(struct toy_conn *c)
{
    if (c->ended)
        toy_end(c, false);
    else if (toy_head(c, head, sizeof(head)))
        toy_say(c, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
}

static struct bundle *files_of(struct pair_ca *trusted)
{
    static const char *const words[] = {"a.localhost=3000"};
    const struct bundle_source src = {.words = words, .nwords = 1};
    struct bundle *b;
    struct conf *conf;
    struct conf_faults faults;
    assert_int_equal(bundle_collect(&src, &b, &conf, &faults), OK);
    conf_free(conf);
    assert_int_equal(bundle_put(b, SLICE("/ca.pem"), buf_slice(&trusted->pem)), OK);
    return b;
}

static void verified(void **state)
{
    (void)state;
    struct pair_ca other;
    struct toy t;
    pair_ca_init(&ca);
    pair_ca_init(&other);
    server = pair_server(&ca, NULL, 1);
    const struct {
        struct pair_ca *trusted;
        const char *options;
        uint16_t status;
    } rows[] = {
        {&ca, "ca: /ca.pem, server_name: site.test", 200},
        {&ca, "ca: /ca.pem, server_name: other.test", 502},
        {&ca, "ca: /ca.pem", 502}, /* the name is 127.0.0.1 then */
        {&other, "ca: /ca.pem, server_name: site.test", 502},
        {&other, "verify: false, insecure_skip_verify: true", 200},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char yaml[256];
        struct visitor v;
        house_open(&h);
        toy_open(&t, h.w.loop, serve_ok);
        t.wrap = secure;
        h.bundle = files_of(rows[i].trusted);
        snprintf(yaml, sizeof(yaml), "{to: [\"https://127.0.0.1:%u\"], tls: {%s}}", t.port,
                 rows[i].options);
        house_proxy(&h, yaml, "");
        visitor_init(&v, &h);
        visitor_go(&v);
        visitor_wait(&v);
        if (v.x.status != rows[i].status)
            fail_msg("row %zu: %u, expected %u (%s)", i, v.x.status, rows[i].status,
                     serving_of(&v.x)->reason);
        if (v.x.status == 502 && !strstr(serving_of(&v.x)->reason, "certificate"))
            fail_msg("row %zu: %s", i, serving_of(&v.x)->reason);
        visitor_done(&v);
        bundle_unref(h.bundle);
        toy_done(&t);
        house_done(&h);
    }
    tlsctx_unref(server);
    pair_ca_done(&other);
    pair_ca_done(&ca);
}

/* A file that is not there fails the generation, not the request. */
static void unreadable(void **state)
{
    (void)state;
    struct conf_upstream to = {.scheme = CONF_HTTPS, .host = SLICE("127.0.0.1"), .port = 1};
    struct conf_proxy proxy = {.to = {&to, 1}};
    struct balance *g;
    struct fault f = {0};
    pair_ca_init(&ca);
    house_open(&h);
    h.bundle = files_of(&ca);
    proxy.tls.ca = SLICE("/nowhere.pem");
    assert_int_equal(balance_new(&h.w, &proxy, h.bundle, &g, &f), ERR_NOT_FOUND);
    proxy.tls.ca = SLICE_EMPTY;
    proxy.tls.cert = proxy.tls.key = SLICE("/nowhere.pem");
    assert_int_equal(balance_new(&h.w, &proxy, h.bundle, &g, &f), ERR_NOT_FOUND);
    proxy.tls.cert = proxy.tls.key = SLICE("/ca.pem"); /* no key in it */
    assert_int_not_equal(balance_new(&h.w, &proxy, h.bundle, &g, &f), OK);
    assert_int_equal(f.nframes, 1);
    bundle_unref(h.bundle);
    house_done(&h);
    pair_ca_done(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds),   cmocka_unit_test(marks),      cmocka_unit_test(policies),
        cmocka_unit_test(reports),  cmocka_unit_test(too_many),   cmocka_unit_test(checks),
        cmocka_unit_test(verified), cmocka_unit_test(unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
