/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Requests as they are written: heads, framing, back-pressure, upstreams that answer early. */
#include "client/fetchsend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "caller.h"
#include "client/resolve.h"
#include "os/sock.h"
#include "toy.h"

static struct loop *l;
static struct resolver *res;

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f) || resolve_new(l, NULL, &res, &f))
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resolve_free(res);
    loop_free(l);
    return 0;
}

static struct toy_conn *newest(struct toy *t)
{
    while (list_empty(&t->conns))
        loop_turn(l, 50);
    return container_of(t->conns.prev, struct toy_conn, node);
}

static void ignore(struct toy_conn *c)
{
    (void)c;
}

static void until_head(struct toy_conn *c)
{
    char head[1024];
    while (!toy_head(c, head, sizeof(head)))
        loop_turn(l, 50);
}

/* What the upstream receives. */
static char received[4096];
static const char *reply;

static void on_collect(struct toy_conn *c)
{
    size_t n = strlen(received);
    struct slice s = buf_slice(&c->seen);
    if (c->ended)
        return;
    assert_true(n + s.n < sizeof(received));
    if (s.n)
        memcpy(received + n, s.p, s.n);
    received[n + s.n] = 0;
    buf_consume(&c->seen, s.n);
    if (reply && strlen(received) >= c->server->expect) {
        toy_say(c, slice_cstr(reply));
        reply = NULL;
    }
}

static const struct field some[] = {
    {SLICE("Accept"), SLICE("*/*"), HDR_ACCEPT},
    {SLICE("Content-Length"), SLICE("999"), HDR_CONTENT_LENGTH},
    {SLICE("Transfer-Encoding"), SLICE("gzip"), HDR_TRANSFER_ENCODING},
    {SLICE("X-Empty"), SLICE(""), HDR_OTHER},
};
static const struct field after[] = {
    {SLICE("X-Sum"), SLICE("7"), HDR_OTHER},
    {SLICE("Host"), SLICE("evil"), HDR_HOST},
};

struct sent {
    const char *name, *method;
    bool fields, has_body, trailers;
    int64_t length;
    const char *upgrade;
    const char *pieces[3]; /* NULL ends */
    const char *bytes;     /* behind "METHOD /t HTTP/1.1\r\nHost: a.example\r\n" */
    int last_write;        /* result of the last fetch_write */
};

static const struct sent requests[] = {
    {"bare", "GET", false, false, false, 0, NULL, {NULL}, "\r\n", 0},
    {"fields", "GET", true, false, false, 0, NULL, {NULL}, "Accept: */*\r\nX-Empty: \r\n\r\n", 0},
    {"post without body",
     "POST",
     false,
     false,
     false,
     0,
     NULL,
     {NULL},
     "Content-Length: 0\r\n\r\n",
     0},
    {"length",
     "PUT",
     false,
     true,
     false,
     5,
     NULL,
     {"he", "llo"},
     "Content-Length: 5\r\n\r\nhello",
     0},
    {"zero length", "PUT", false, true, false, 0, NULL, {""}, "Content-Length: 0\r\n\r\n", 0},
    {"chunked",
     "POST",
     false,
     true,
     false,
     -1,
     NULL,
     {"abc", "", "0123456789abcdefg"},
     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n",
     0},
    {"empty chunked",
     "POST",
     false,
     true,
     false,
     -1,
     NULL,
     {""},
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     0},
    {"trailers",
     "POST",
     false,
     true,
     true,
     -1,
     NULL,
     {"abc"},
     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
     0},
    {"upgrade",
     "GET",
     false,
     false,
     false,
     0,
     "websocket",
     {NULL},
     "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
     0},
    {"too long",
     "PUT",
     false,
     true,
     false,
     3,
     NULL,
     {"he", "llo"},
     "Content-Length: 3\r\n\r\nhe",
     ERR_FRAMING},
    {"too short",
     "PUT",
     false,
     true,
     false,
     9,
     NULL,
     {"he", "llo"},
     "Content-Length: 9\r\n\r\nhe",
     ERR_FRAMING},
};

static void send_one(const struct sent *q, struct upstream *u, struct toy *t)
{
    struct caller c;
    char expected[1024];
    snprintf(expected, sizeof(expected), "%s /t HTTP/1.1\r\nHost: a.example\r\n%s", q->method,
             q->bytes);
    received[0] = 0;
    t->expect = strlen(expected);
    reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    caller_init(&c, l);
    struct fetch_request r = {.method = slice_cstr(q->method),
                              .target = SLICE("/t"),
                              .host = SLICE("a.example"),
                              .fields = q->fields ? some : NULL,
                              .nfields = q->fields ? ARRAY_LEN(some) : 0,
                              .has_body = q->has_body,
                              .length = q->length,
                              .upgrade = slice_cstr(q->upgrade),
                              .timeout_ms = 5000};
    caller_start(&c, u, &r);
    size_t body = 0;
    for (size_t i = 0; i < 3 && q->pieces[i]; i++) {
        bool end = i == 2 || !q->pieces[i + 1];
        if (end && q->trailers)
            assert_int_equal(fetch_trailers(c.f, after, ARRAY_LEN(after)), OK);
        int w = fetch_write(c.f, slice_cstr(q->pieces[i]), end);
        assert_int_equal(w, end ? q->last_write : OK);
        body += w ? 0 : strlen(q->pieces[i]);
    }
    caller_wait(&c);
    assert_string_equal(received, expected);
    assert_int_equal(c.sent, body);
    bool reusable = !q->last_write && !q->upgrade;
    caller_done(&c);
    struct upstream_stats stats;
    upstream_stats(u, &stats);
    assert_int_equal(stats.idle, reusable);
}

/* Each twice: over a connection that has still to be made, and over an idle one. */
static void requests_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        print_message("%s\n", requests[i].name);
        struct toy t;
        toy_open(&t, l, on_collect);
        struct upstream *u = caller_upstream(l, res, t.port);
        send_one(&requests[i], u, &t);
        send_one(&requests[i], u, &t);
        upstream_unref(u);
        toy_done(&t);
    }
}

static const struct fetch_request upload = {.method = SLICE("POST"),
                                            .target = SLICE("/up"),
                                            .host = SLICE("a.example"),
                                            .has_body = true,
                                            .length = -1,
                                            .timeout_ms = 5000};

/* The owner never has more than 128 KB unsent, so memory stays bounded although the upstream stops
 * reading in between. */
static void large_upload(void **state)
{
    (void)state;
    static uint8_t block[32768];
    uint64_t pool_before = pool_used_bytes();
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    caller_init(&c, l);
    struct fetch_request q = upload;
    q.length = 16 << 20;
    caller_start(&c, u, &q);
    struct toy_conn *k = newest(&t);
    until_head(k);
    k->paused = true;
    size_t written = 0, most = 0, at = 0;
    for (int i = 0; i < 200000 && at < (16u << 20); i++) {
        while (written < (16u << 20) && written - c.sent <= 131072 - sizeof(block)) {
            memset(block, (int)(written / sizeof(block)), sizeof(block));
            written += sizeof(block);
            assert_int_equal(
                fetch_write(c.f, slice_of(block, sizeof(block)), written == (16u << 20)), OK);
        }
        uint64_t held = pool_used_bytes() - pool_before - k->seen.cap;
        if (held > most)
            most = (size_t)held;
        loop_turn(l, 1);
        if (i == 50)
            toy_resume(k);
        for (struct slice s = buf_slice(&k->seen); s.n; s = slice_from(s, 1), at++)
            assert_int_equal(s.p[0], (at / sizeof(block)) & 255);
        buf_consume(&k->seen, k->seen.n);
    }
    assert_int_equal(at, 16 << 20);
    assert_in_range(most, 1, 1 << 20);
    toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    caller_wait(&c);
    assert_int_equal(c.sent, 16 << 20);
    assert_int_equal(c.head.status, 200);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

/* The upstream answers before it has read the body, and closes: the answer is delivered, whether
 * our next send fails or not. */
static void early_answer(void **state)
{
    (void)state;
    static uint8_t block[65536];
    for (int reset = 0; reset < 2; reset++) {
        struct toy t;
        struct caller c;
        toy_open(&t, l, ignore);
        struct upstream *u = caller_upstream(l, res, t.port);
        caller_init(&c, l);
        caller_start(&c, u, &upload);
        assert_int_equal(fetch_write(c.f, slice_of(block, sizeof(block)), false), OK);
        struct toy_conn *k = newest(&t);
        until_head(k);
        if (reset)
            k->paused = true; /* unread bytes at close: the kernel sends RST */
        assert_int_equal(fetch_write(c.f, slice_of(block, sizeof(block)), false), OK);
        toy_say(k, SLICE("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nbig!"));
        toy_end(k, false);
        int w = fetch_write(c.f, slice_of(block, 100), false);
        assert_true(w == OK || w == ERR_RESET);
        caller_wait(&c);
        assert_int_equal(c.fail, 0);
        assert_int_equal(c.cut, 0);
        assert_int_equal(c.head.status, 413);
        assert_memory_equal(c.body.p, "big!", 4);
        for (int i = 0; i < 20 && w == OK; i++) {
            w = fetch_write(c.f, slice_of(block, 100), false);
            loop_turn(l, 1);
        }
        assert_int_equal(w, ERR_RESET);
        caller_done(&c);
        struct upstream_stats s;
        upstream_stats(u, &s);
        assert_int_equal(s.idle, 0);
        upstream_unref(u);
        toy_done(&t);
    }
}

/* An answer that is complete while the request is not: never reused. */
static void half_a_request_is_not_reused(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    caller_init(&c, l);
    caller_start(&c, u, &upload);
    struct toy_conn *k = newest(&t);
    until_head(k);
    toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    caller_wait(&c);
    assert_true(c.ended);
    caller_done(&c);
    struct upstream_stats s;
    upstream_stats(u, &s);
    assert_int_equal(s.idle, 0);
    upstream_unref(u);
    toy_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_written),
        cmocka_unit_test(large_upload),
        cmocka_unit_test(early_answer),
        cmocka_unit_test(half_a_request_is_not_reused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
