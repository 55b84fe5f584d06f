/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Exchanges through the proxy to toy upstreams on the same loop: both directions, every way to
 * fail, and what the log is told. */
#include "serve/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../client/toy.h"
#include "base/err.h"
#include "base/mem.h"
#include "serve/metrics.h"
#include "visitor.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct house h;
static struct toy t, dead;
static char head[4096]; /* the last one that the upstream read */
static const char *answer;
static bool got_head, got_end;
static struct toy_conn *at; /* the upstream's last connection; NULL once it ended */

/* Answers every head with `answer`. */
static void serve(struct toy_conn *c)
{
    at = c;
    if (c->ended) {
        got_end = true;
        at = NULL;
        toy_end(c, false);
        return;
    }
    while (toy_head(c, head, sizeof(head))) {
        got_head = true;
        if (answer)
            toy_say(c, slice_cstr(answer));
    }
}

/* Takes one head and leaves the body behind it to the test. */
static void serve_body(struct toy_conn *c)
{
    if (c->ended || !got_head)
        serve(c);
}

/* Answers the first request of a connection and closes at the second. */
static void serve_once(struct toy_conn *c)
{
    if (c->ended || c->answers) {
        toy_end(c, false);
    } else if (toy_head(c, head, sizeof(head))) {
        c->answers++;
        toy_say(c, SLICE(OK_ANSWER));
    }
}

static void open_with(const char *options, void (*on_data)(struct toy_conn *c))
{
    char yaml[1024];
    got_head = got_end = false;
    at = NULL;
    head[0] = 0;
    answer = OK_ANSWER;
    house_open(&h);
    toy_open(&t, h.w.loop, on_data);
    snprintf(yaml, sizeof(yaml), "{to: [\"http://127.0.0.1:%u\"]%s}", t.port, options);
    house_proxy(&h, yaml, "");
}

/* A port that nobody listens on, before and behind the one that works. */
static void open_with_dead(const char *options)
{
    char yaml[1024];
    got_head = false;
    answer = OK_ANSWER;
    house_open(&h);
    toy_open(&t, h.w.loop, serve);
    toy_open(&dead, h.w.loop, serve);
    toy_stop_listening(&dead);
    snprintf(yaml, sizeof(yaml), "{to: [\"http://127.0.0.1:%u\", \"http://127.0.0.1:%u\"]%s}",
             dead.port, t.port, options);
    house_proxy(&h, yaml, "");
}

static void close_all(void)
{
    toy_done(&t);
    house_done(&h);
}

static struct serving *log_of(struct visitor *v)
{
    return serving_of(&v->x);
}

static void expect_in(const char *where, const char *what)
{
    if (!strstr(where, what))
        fail_msg("no \"%s\" in:\n%s", what, where);
}

static void expect_not_in(const char *where, const char *what)
{
    if (strstr(where, what))
        fail_msg("\"%s\" in:\n%s", what, where);
}

static void expect_body(const struct visitor *v, const char *text)
{
    if (!slice_eq(buf_slice(&v->body), slice_cstr(text)))
        fail_msg("\"" SLICE_F "\", expected \"%s\"", SLICE_A(buf_slice(&v->body)), text);
}

static uint64_t counted(enum metric id)
{
    return h.w.metrics->value[id];
}

static uint32_t active(void)
{
    uint64_t tried = 0;
    struct upstream *u = balance_pick(h.route.balance, &tried);
    uint32_t n = upstream_active(u);
    upstream_unref(u);
    return n;
}

static void post(struct visitor *v, int64_t length)
{
    v->x.req.method = METHOD_POST;
    v->x.req.method_text = SLICE("POST");
    v->x.req.has_body = true;
    v->x.req.has_length = length >= 0;
    v->x.req.content_length = length >= 0 ? (uint64_t)length : 0;
}

/* ---- whole exchanges ---- */

static void passes(void **state)
{
    (void)state;
    open_with("", serve);
    answer = "HTTP/1.1 200 OK\r\nDate: x\r\nAlt-Svc: h3\r\nX-A: b\r\nConnection: x-c\r\nX-C: d\r\n"
             "Set-Cookie: e\r\nContent-Length: 2\r\n\r\nok";
    for (int i = 0; i < 3; i++) {
        struct visitor v;
        visitor_init(&v, &h);
        v.x.req.path = SLICE("/a/b");
        v.x.req.query = SLICE("c=d");
        visitor_field(&v, "x-forwarded-for", "6.6.6.6");
        visitor_field(&v, "accept", "*/*");
        visitor_go(&v);
        visitor_wait(&v);
        assert_int_equal(v.x.status, 200);
        expect_body(&v, "ok");
        assert_string_equal(v.head, "X-A: b\nSet-Cookie: e\nVia: 1.1 port443\n"
                                    "X-Content-Type-Options: nosniff\n");
        assert_memory_equal(head, "GET /a/b?c=d HTTP/1.1\r\nHost: a.example\r\naccept: */*\r\n",
                            50);
        expect_in(head, "\r\nX-Forwarded-For: 192.0.2.7\r\n");
        expect_not_in(head, "6.6.6.6");
        expect_in(log_of(&v)->upstream, "127.0.0.1:");
        assert_int_equal(log_of(&v)->upstream_status, 200);
        visitor_done(&v);
        house_turns(&h, 1);
    }
    assert_int_equal(t.accepted, 1);
    assert_int_equal(counted(METRIC_UPSTREAM_REQUESTS), 3);
    assert_int_equal(counted(METRIC_UPSTREAM_CONNECTS), 1);
    assert_int_equal(counted(METRIC_UPSTREAM_FAILURES), 0);
    assert_int_equal(active(), 0);
    close_all();
}

/* DESIGN 2: at steady state no exchange reaches the general allocator. */
static void allocates_nothing(void **state)
{
    (void)state;
    uint64_t before = 0;
    open_with("", serve);
    for (int i = 0; i < 20; i++) {
        struct visitor v;
        if (i == 10)
            before = mem_count();
        visitor_init(&v, &h);
        visitor_field(&v, "accept", "*/*");
        visitor_go(&v);
        visitor_wait(&v);
        assert_int_equal(v.x.status, 200);
        visitor_done(&v);
    }
#if !defined(PORT443_SANITIZED) /* there every block of the pool is one of its own */
    assert_int_equal(mem_count() - before, 0);
#else
    (void)before;
#endif
    close_all();
}

/* Every allocation up to the first byte towards the upstream fails once: an answer or a clean end,
 * and the next visitor is served. (In sanitized builds: there the pool allocates each block.) */
static void sheds(void **state)
{
    (void)state;
    bool fired = true;
    open_with(", max_fails: 0", serve);
    for (uint64_t k = 1; fired && k < 100; k++) {
        struct visitor v;
        visitor_init(&v, &h);
        visitor_field(&v, "accept", "*/*");
        mem_fail_at(k + 1); /* the first is the engine's own, see exchange_engine_begin */
        visitor_go(&v);
        fired = mem_fault_fired();
        mem_fail_at(0);
        visitor_wait(&v);
        if (!v.aborted && v.x.status != 503 && v.x.status != 200)
            fail_msg("allocation %llu: %u", (unsigned long long)k, v.x.status);
        assert_true(fired || v.x.status == 200);
        visitor_done(&v);
        house_turns(&h, 1);
        assert_int_equal(active(), 0);
    }
    assert_false(fired);
    close_all();
}

static void circles(void **state)
{
    (void)state;
    open_with("", serve);
    for (int i = 0; i < 2; i++) {
        struct visitor v;
        visitor_init(&v, &h);
        visitor_field(&v, "via", "1.1 port443, 2 port443, 1.1 other, 1.1 port443");
        visitor_field(&v, "via", "1.1 port443, 2 port443, 1.1 port443, 1.1 port443");
        if (i)
            visitor_field(&v, "via", "2 port443");
        visitor_go(&v);
        visitor_wait(&v);
        assert_int_equal(v.x.status, i ? 508 : 200);
        visitor_done(&v);
    }
    close_all();
}

static void own_host(void **state)
{
    (void)state;
    char expected[64];
    struct visitor v;
    open_with(", host: upstream", serve);
    visitor_init(&v, &h);
    visitor_go(&v);
    visitor_wait(&v);
    snprintf(expected, sizeof(expected), "\r\nHost: 127.0.0.1:%u\r\n", t.port);
    expect_in(head, expected);
    expect_in(head, "\r\nX-Forwarded-Host: a.example\r\n");
    visitor_done(&v);
    close_all();
}

static void bodiless(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *name, *answer;
        int64_t length;
    } rows[] = {
        {METHOD_HEAD, "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", 77},
        {METHOD_GET, "GET", "HTTP/1.1 204 No\r\n\r\n", -1},
        {METHOD_GET, "GET", "HTTP/1.1 304 No\r\nETag: \"a\"\r\n\r\n", -1},
        {METHOD_GET, "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    };
    open_with("", serve);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct visitor v;
        answer = rows[i].answer;
        visitor_init(&v, &h);
        v.x.req.method = rows[i].method;
        v.x.req.method_text = slice_cstr(rows[i].name);
        visitor_go(&v);
        visitor_wait(&v);
        assert_int_equal(v.answer.length, rows[i].length);
        expect_body(&v, "");
        visitor_done(&v);
    }
    assert_int_equal(t.accepted, 1);
    close_all();
}

static void body_and_trailers(void **state)
{
    (void)state;
    struct visitor v;
    open_with("", serve_body);
    answer = NULL;
    visitor_init(&v, &h);
    post(&v, -1);
    visitor_go(&v);
    visitor_body(&v, "hello ", false);
    assert_true(house_until(&h, &got_head));
    house_turns(&h, 3);
    assert_int_equal(v.consumed, 6);
    visitor_body(&v, "world", false);
    const struct field sum = {SLICE("X-Sum"), SLICE("1"), HDR_OTHER};
    v.x.ops->on_trailers(&v.x, &sum, 1);
    visitor_body(&v, "", true);
    house_turns(&h, 3);
    assert_int_equal(v.consumed, 11);
    expect_in(head, "\r\nTransfer-Encoding: chunked\r\n");
    assert_true(slice_eq(buf_slice(&at->seen),
                         SLICE("6\r\nhello \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n")));
    buf_consume(&at->seen, at->seen.n);
    toy_say(at, SLICE("HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Go\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n0\r\nX-T: 2\r\nContent-Length: 9\r\n\r\n"));
    visitor_wait(&v);
    expect_body(&v, "abc");
    assert_string_equal(v.informs, "103 Link: </a>\n");
    assert_string_equal(v.trailers, "X-T: 2\n");
    visitor_done(&v);
    house_turns(&h, 1);
    assert_false(got_end); /* kept */
    close_all();
}

static void early_answer(void **state)
{
    (void)state;
    struct visitor v;
    open_with("", serve);
    answer = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    visitor_init(&v, &h);
    post(&v, 100);
    visitor_go(&v);
    visitor_body(&v, "some", false);
    visitor_wait(&v);
    assert_int_equal(v.x.status, 403);
    expect_body(&v, "no");
    visitor_body(&v, "more", false);
    house_turns(&h, 3);
    assert_int_equal(v.consumed, 8);
    visitor_done(&v);
    house_turns(&h, 5);
    assert_true(got_end); /* its position is unknown: never reused */
    close_all();
}

/* ---- failures ---- */

static void retries(void **state)
{
    (void)state;
    open_with_dead("");
    for (int i = 0; i < 4; i++) {
        struct visitor v;
        visitor_init(&v, &h);
        if (i % 2) {
            post(&v, 5);
            visitor_go(&v);
            visitor_body(&v, "12", false);
            visitor_body(&v, "345", true);
        } else {
            visitor_go(&v);
        }
        visitor_wait(&v);
        assert_int_equal(v.x.status, 200);
        house_turns(&h, 2);
        assert_int_equal(v.consumed, v.given);
        if (i % 2) {
            assert_true(slice_eq(buf_slice(&at->seen), SLICE("12345")));
            buf_consume(&at->seen, 5);
        }
        visitor_done(&v);
    }
    assert_true(counted(METRIC_UPSTREAM_FAILURES) >= 1);
    close_all();
}

static void none_left(void **state)
{
    (void)state;
    static const struct {
        uint16_t status;
        const char *reason;
    } rows[] = {{502, "refused"}, {503, "every upstream is marked as down"}};
    open_with(", max_fails: 1", serve);
    toy_done(&t);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct visitor v;
        visitor_init(&v, &h);
        post(&v, 4);
        visitor_go(&v);
        if (!v.settled)
            visitor_body(&v, "abcd", true);
        visitor_wait(&v);
        assert_int_equal(v.x.status, rows[i].status);
        expect_in(log_of(&v)->reason, rows[i].reason);
        assert_int_equal(v.consumed, v.given);
        visitor_done(&v);
    }
    house_done(&h);
}

static void refused_story(void **state)
{
    (void)state;
    struct visitor v;
    char expected[64];
    open_with_dead(", retries: 0, max_fails: 0");
    for (int i = 0; i < 2; i++) { /* one of the two meets the dead port */
        visitor_init(&v, &h);
        visitor_go(&v);
        visitor_wait(&v);
        if (v.x.status == 502) {
            snprintf(expected, sizeof(expected), "127.0.0.1:%u", dead.port);
            expect_in(log_of(&v)->reason, expected);
            expect_in(log_of(&v)->reason, "refused");
            expect_in(log_of(&v)->upstream, expected);
        } else {
            assert_int_equal(v.x.status, 200);
        }
        visitor_done(&v);
    }
    assert_int_equal(counted(METRIC_UPSTREAM_FAILURES), 1);
    close_all();
}

/* The pooled connection ends just as it is used again. */
static void replays(void **state)
{
    (void)state;
    open_with(", max_fails: 1", serve_once);
    static const struct {
        bool post;
        uint16_t status;
    } rows[] = {{false, 200}, {false, 200}, {true, 502}, {false, 503}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct visitor v;
        visitor_init(&v, &h);
        if (rows[i].post)
            post(&v, 0);
        visitor_go(&v);
        visitor_wait(&v);
        if (v.x.status != rows[i].status)
            fail_msg("row %zu: %u, expected %u (%s)", i, v.x.status, rows[i].status,
                     log_of(&v)->reason);
        visitor_done(&v);
    }
    assert_int_equal(counted(METRIC_UPSTREAM_REPLAYS), 1);
    close_all();
}

static void bad_answers(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *reason;
        uint16_t status;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", "framing", 502},
        {"rubbish\r\n\r\n", "malformed", 502},
        {"HTTP/1.1 777 Odd\r\nContent-Length: 0\r\n\r\n", "unknown class", 502},
        {"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "101", 502},
        {NULL, "in time", 504},
    };
    open_with(", timeout: 100ms, max_fails: 0", serve);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct visitor v;
        answer = rows[i].answer;
        visitor_init(&v, &h);
        visitor_go(&v);
        visitor_wait(&v);
        if (v.x.status != rows[i].status)
            fail_msg("row %zu: %u, expected %u", i, v.x.status, rows[i].status);
        expect_in(log_of(&v)->reason, rows[i].reason);
        visitor_done(&v);
    }
    close_all();
}

static void cut_answer(void **state)
{
    (void)state;
    struct visitor v;
    open_with("", serve);
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
    visitor_init(&v, &h);
    visitor_go(&v);
    house_turns(&h, 10);
    assert_true(v.answered);
    toy_end(at, false);
    visitor_wait(&v);
    assert_int_equal(v.cut, ERR_UPSTREAM_PROTOCOL);
    expect_body(&v, "12345");
    expect_in(log_of(&v)->reason, "in the middle");
    visitor_done(&v);
    close_all();
}

static void client_aborts(void **state)
{
    (void)state;
    for (int when = 0; when < 3; when++) {
        struct visitor v;
        open_with("", serve);
        answer = when == 1 ? NULL : "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
        visitor_init(&v, &h);
        visitor_go(&v);
        house_turns(&h, when ? 10 : 0);
        visitor_close(&v, ERR_ABORTED);
        house_turns(&h, 10);
        assert_true(!when || got_end);
        assert_int_equal(active(), 0);
        visitor_done(&v);
        close_all();
    }
}

/* ---- tunnels ---- */

static void upgrade(struct visitor *v, const char *protocol)
{
    visitor_init(v, &h);
    v->x.req.upgrade = slice_cstr(protocol);
    visitor_go(v);
}

static void tunnels(void **state)
{
    (void)state;
    struct visitor v;
    open_with(", timeout: 100ms", serve);
    answer = "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n"
             "Sec-WebSocket-Accept: k\r\n\r\nhi";
    upgrade(&v, "websocket");
    house_turns(&h, 10);
    assert_true(v.answered && v.answer.tunnel);
    assert_int_equal(v.x.status, 101);
    expect_in(head, "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n");
    expect_in(v.head, "Upgrade: WebSocket\n");
    expect_in(v.head, "Sec-WebSocket-Accept: k\n");
    expect_body(&v, "hi");
    visitor_body(&v, "ping", false);
    house_turns(&h, 3);
    assert_int_equal(v.consumed, 4);
    assert_true(slice_eq(buf_slice(&at->seen), SLICE("ping")));
    uint64_t end_ms = loop_now_ms(h.w.loop) + 250; /* longer than `timeout` */
    while (loop_now_ms(h.w.loop) < end_ms)
        loop_turn(h.w.loop, 20);
    toy_say(at, SLICE("pong"));
    house_turns(&h, 3);
    expect_body(&v, "hipong");
    visitor_body(&v, "", true);
    house_turns(&h, 10);
    assert_true(got_end); /* the half-close arrived, the toy closes the rest */
    visitor_wait(&v);
    assert_true(v.ended);
    visitor_done(&v);
    close_all();
}

static void no_tunnel(void **state)
{
    (void)state;
    static const struct {
        const char *asked, *answer;
        uint16_t status;
    } rows[] = {
        {"websocket", "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n", 502},
        {"h2c", OK_ANSWER, 200},
        {"websocket", "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", 400},
    };
    open_with("", serve);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct visitor v;
        answer = rows[i].answer;
        upgrade(&v, rows[i].asked);
        visitor_wait(&v);
        assert_int_equal(v.x.status, rows[i].status);
        assert_false(v.answer.tunnel);
        expect_not_in(head, "h2c");
        visitor_done(&v);
    }
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes),
        cmocka_unit_test(allocates_nothing),
        cmocka_unit_test(sheds),
        cmocka_unit_test(own_host),
        cmocka_unit_test(circles),
        cmocka_unit_test(bodiless),
        cmocka_unit_test(body_and_trailers),
        cmocka_unit_test(early_answer),
        cmocka_unit_test(retries),
        cmocka_unit_test(none_left),
        cmocka_unit_test(refused_story),
        cmocka_unit_test(replays),
        cmocka_unit_test(bad_answers),
        cmocka_unit_test(cut_answer),
        cmocka_unit_test(client_aborts),
        cmocka_unit_test(tunnels),
        cmocka_unit_test(no_tunnel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
