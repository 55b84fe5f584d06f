/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Streams whose engine, client or memory fails at any moment: every exchange ends once and nothing
 * stays behind. */
#include "conn/h2_stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "h2client.h"

static struct rig g;

static int setup(void **state)
{
    (void)state;
    rig_init(&g);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_done(&g);
    return 0;
}

static void cuts_an_answer_that_is_too_short(void **state)
{
    (void)state;
    static struct h2client k;
    rig_start(&g, CONN_PLAIN);
    h2client_open(&k, &g, 0);
    int32_t id = h2client_get(&k, "/wait");
    h2client_pass(&k, 10);
    assert_non_null(g.waiting);
    struct rig_app *app = g.waiting->app;
    const struct response a = {.status = 200, .length = 10};
    app->left = 5;
    assert_int_equal(exchange_respond(g.waiting, &a), OK);
    h2client_run(&k, &k.nclosed, 1);
    assert_int_equal(h2client_got(&k, id)->code, NGHTTP2_INTERNAL_ERROR);
    assert_false(h2client_got(&k, id)->ended);
    assert_int_equal(g.end_r, ERR_EOF);
    h2client_done(&k);
}

/* A stubborn engine: whatever fails, it gives up that exchange only. */

static unsigned heads, ends;

static void stubborn_respond(struct exchange *x, int64_t length)
{
    static const struct field fields[] = {{SLICE("X-Own-Name"), SLICE("v"), HDR_OTHER},
                                          {SLICE("Set-Cookie"), SLICE("a=b"), HDR_SET_COOKIE}};
    const struct response a = {.status = 200, .fields = fields, .nfields = 2, .length = length};
    int r = exchange_respond(x, &a);
    if (r)
        exchange_abort(x, r);
}

static void stubborn_head(struct exchange *x)
{
    heads++;
    x->app = NULL;
    if (exchange_inform(x, 103, NULL, 0))
        exchange_abort(x, ERR_NOMEM);
    else if (!x->req.has_body)
        stubborn_respond(x, 30000);
}

static void stubborn_body(struct exchange *x, struct slice data, bool end)
{
    exchange_consumed(x, data.n);
    if (end)
        stubborn_respond(x, -1);
}

static void stubborn_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    (void)x;
    (void)fields;
    assert_int_equal(n, 1);
}

static int stubborn_pull(struct exchange *x, struct pull *p)
{
    static const struct field sum[] = {{SLICE("X-Sum"), SLICE("42"), HDR_OTHER}};
    p->n = p->cap < 10000 ? p->cap : 10000;
    memset(p->dst, 'x', p->n);
    p->end = x->body_out_bytes > 20000 && x->req.has_body;
    return p->end ? exchange_trailers(x, sum, 1) : OK;
}

static void stubborn_close(struct exchange *x, int r)
{
    (void)x;
    (void)r;
    ends++;
}

static const struct exchange_ops stubborn = {.on_head = stubborn_head,
                                             .on_body = stubborn_body,
                                             .on_trailers = stubborn_trailers,
                                             .pull = stubborn_pull,
                                             .on_close = stubborn_close};

/* One raw frame behind what `b` holds. */
static void put_frame(struct buf *b, uint8_t type, uint8_t flags, uint8_t id, struct slice s)
{
    const uint8_t head[9] = {0, (uint8_t)(s.n >> 8), (uint8_t)s.n, type, flags, 0, 0, 0, id};
    assert_int_equal(buf_add(b, slice_of(head, 9)), OK);
    assert_int_equal(buf_add(b, s), OK);
}

static void make_script(struct buf *b)
{
    static const struct slice get = SLICE("\x82\x87\x84\x41\x06"
                                          "a.test\x40\x03x-y\x01z");
    static const struct slice post = SLICE("\x83\x87\x84\x41\x06"
                                           "a.test\x60\x03"
                                           "a=1\x60\x03"
                                           "b=2\x00\x06"
                                           "expect\x0c"
                                           "100-continue");
    static const uint8_t body[9000];
    buf_init(b, 65536);
    assert_int_equal(buf_add(b, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), OK);
    put_frame(b, NGHTTP2_SETTINGS, 0, 0, SLICE_EMPTY);
    put_frame(b, NGHTTP2_SETTINGS, 1, 0, SLICE_EMPTY);
    put_frame(b, NGHTTP2_HEADERS, 5, 1, get);
    put_frame(b, NGHTTP2_HEADERS, 4, 3, post);
    put_frame(b, NGHTTP2_DATA, 0, 3, slice_of(body, sizeof(body)));
    put_frame(b, NGHTTP2_HEADERS, 5, 3, SLICE("\x00\x03x-t\x01v"));
    put_frame(b, NGHTTP2_HEADERS, 5, 5, get);
    put_frame(b, NGHTTP2_RST_STREAM, 0, 5, SLICE("\0\0\0\x8"));
    put_frame(b, NGHTTP2_HEADERS, 5, 7, get);
}

/* Sends the script in pieces; returns how many bytes came back. */
static uint64_t play(int fd, struct slice script)
{
    static uint8_t answer[65536];
    uint64_t sum = 0;
    int on = 1; /* Nagle would hold the last piece back for 40 ms */
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    for (size_t at = 0; at < script.n; at += 1000) {
        struct slice piece = slice_first(slice_from(script, at), 1000);
        (void)!send(fd, piece.p, piece.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        loop_turn(g.loop, 0);
    }
    for (int quiet = 0; quiet < 20;) {
        ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
        sum += n > 0 ? (uint64_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        loop_turn(g.loop, 0);
    }
    return sum;
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct buf script;
    uint64_t k = 0;
    int fired = 1;
    make_script(&script);
    g.ops.exchange = &stubborn;
    rig_start(&g, CONN_PLAIN);
    uint64_t used = pool_used_bytes();
    while (fired && k < 2000) {
        int fd = rig_connect(&g, 0);
        mem_fail_at(++k);
        uint64_t got = play(fd, buf_slice(&script));
        fired = mem_fault_fired();
        mem_fail_at(0);
        close(fd);
        for (int i = 0; i < 500 && conn_pool_count(g.pool); i++)
            loop_turn(g.loop, 1);
        assert_int_equal(conn_pool_count(g.pool), 0);
        assert_int_equal(heads, ends);
        assert_int_equal(pool_used_bytes(), used);
        /* The window of the connection, full. */
        if (!fired && got < 65000)
            fail_msg("only %llu bytes came", (unsigned long long)got);
    }
    assert_false(fired);
#if defined(PORT443_SANITIZED)
    assert_true(k > 20); /* elsewhere the pool is warm and nothing can fail */
#endif
    buf_done(&script);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cuts_an_answer_that_is_too_short),
        TEST(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
