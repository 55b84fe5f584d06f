/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Requests as clients send them: split anywhere, pipelined, with bodies of every framing, slowly,
 * faster than the engine takes them, or broken off. */
#include "conn/h1_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "rig.h"

#define HOST "Host: a.test\r\n"

static struct rig g;

static int setup(void **state)
{
    (void)state;
    rig_init(&g);
    rig_start(&g, CONN_PLAIN);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_done(&g);
    return 0;
}

/* Two requests; the end of each answer is known from the engine's counters. */
#define TWO                                                                      \
    "\r\nPOST /count?a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"   \
    "3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"                    \
    "POST /count HTTP/1.1\r\n" HOST "Content-Length: 5\r\nConnection: close\r\n" \
    "\r\nhello"

static void check_two(const struct buf *got)
{
    assert_int_equal(g.heads, 2);
    assert_int_equal(g.ended, 2);
    assert_int_equal(g.end_r, OK);
    assert_int_equal(g.trailers, 1);
    assert_int_equal(g.body_bytes, 18);
    const char *first = strstr(rig_text(got), "Content-Length: 13\r\n\r\n");
    assert_non_null(first);
    assert_non_null(strstr(rig_text(got), "HTTP/1.1 200 OK"));
    /* the first answer's body starts with a NUL byte: look behind it */
    struct slice rest = slice_from(buf_slice(got), (size_t)(first - rig_text(got)) + 22 + 13);
    assert_true(slice_starts(rest, SLICE("HTTP/1.1 200 OK\r\n")));
    assert_true(slice_ends(rest, SLICE("Content-Length: 5\r\nConnection: close\r\n\r\n"
                                       "\x00\x01\x02\x03\x04")));
    g.heads = g.ended = g.trailers = 0;
    g.body_bytes = 0;
}

static void gives_the_same_for_every_split(void **state)
{
    (void)state;
    struct slice all = SLICE(TWO);
    for (size_t at = 0; at <= all.n; at++) {
        struct buf got;
        buf_init(&got, 1 << 20);
        int fd = rig_connect(&g, 0);
        rig_send(&g, fd, slice_first(all, at));
        loop_turn(g.loop, 0);
        loop_turn(g.loop, 0);
        rig_send(&g, fd, slice_from(all, at));
        assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
        close(fd);
        check_two(&got);
        buf_done(&got);
    }
}

static void takes_one_byte_at_a_time(void **state)
{
    (void)state;
    struct slice all = SLICE(TWO);
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    for (size_t i = 0; i < all.n; i++) {
        rig_send(&g, fd, slice_of(all.p + i, 1));
        loop_turn(g.loop, 0);
    }
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    close(fd);
    check_two(&got);
    buf_done(&got);
}

static void sends_100_only_when_it_is_awaited(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd,
             SLICE("POST /count HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                   "Content-Length: 2\r\n\r\n"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE("\r\n\r\n")), OK);
    assert_string_equal(rig_text(&got), "HTTP/1.1 100 Continue\r\n\r\n");
    buf_reset(&got);
    rig_send(&g, fd, SLICE("ab"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE("Content-Length: 2\r\n\r\n\x00\x01")), OK);
    buf_reset(&got);
    /* with the body in hand there is nothing to ask for */
    rig_send(&g, fd,
             SLICE("POST /count HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                   "Content-Length: 2\r\n\r\nab"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE("Content-Length: 2\r\n\r\n\x00\x01")), OK);
    assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 200")));
    buf_reset(&got);
    /* refused at once: no 100, and the place of the next request is unknown */
    rig_send(&g, fd,
             SLICE("POST /early HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                   "Content-Length: 2\r\n\r\n"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 413")));
    assert_non_null(strstr(rig_text(&got), "Connection: close\r\n"));
    close(fd);
    buf_done(&got);
}

static void drops_a_short_unread_body_and_goes_on(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd,
             SLICE("POST /early HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nGET "
                   "GET /bytes/1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    assert_int_equal(g.heads, 2);
    assert_int_equal(g.body_bytes, 0);
    assert_string_equal(g.seen_path, "/bytes/1");
    close(fd);
    buf_done(&got);
}

/* The answer must survive although we do not read the upload: no RST before it is read. */
static void answers_a_long_upload_early(void **state)
{
    (void)state;
    static uint8_t junk[300000];
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /early HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n"));
    rig_send(&g, fd, slice_of(junk, sizeof(junk)));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 413")));
    assert_non_null(strstr(rig_text(&got), "Connection: close\r\n"));
    close(fd);
    rig_wait(&g, &g.closed, 1);
    buf_done(&got);
}

static void stops_reading_at_the_window(void **state)
{
    (void)state;
    static uint8_t junk[65536];
    uint64_t before = pool_used_bytes(), most = 0;
    g.hold_consumed = true;
    int fd = rig_connect(&g, 0);
    uint64_t sent = 0;
    rig_send(&g, fd, SLICE("POST /sink HTTP/1.1\r\n" HOST "Content-Length: 50000000\r\n\r\n"));
    for (int i = 0; i < 2000; i++) {
        ssize_t n = send(fd, junk, sizeof(junk), MSG_DONTWAIT);
        sent += n > 0 ? (uint64_t)n : 0;
        loop_turn(g.loop, 0);
        if (pool_used_bytes() - before > most)
            most = pool_used_bytes() - before;
    }
    assert_int_equal(g.body_bytes, EXCHANGE_WINDOW);
    assert_true(sent < 50000000);
    if (most > EXCHANGE_WINDOW + 262144)
        fail_msg("a stopped upload holds %llu bytes", (unsigned long long)most);
    g.hold_consumed = false;
    exchange_consumed(g.waiting, EXCHANGE_WINDOW);
    while (sent < 50000000) {
        size_t left = (size_t)(50000000 - sent);
        ssize_t n = send(fd, junk, left < sizeof(junk) ? left : sizeof(junk), MSG_DONTWAIT);
        sent += n > 0 ? (uint64_t)n : 0;
        loop_turn(g.loop, n > 0 ? 0 : 1);
    }
    rig_wait(&g, &g.ended, 1);
    assert_int_equal(g.body_bytes, 50000000);
    assert_int_equal(g.end_r, OK);
    close(fd);
}

static void notices_a_broken_upload(void **state)
{
    (void)state;
    const struct linger now = {1, 0};
    /* RST in mid body */
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /sink HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc"));
    rig_wait(&g, &g.heads, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.end_r, ERR_RESET);
    /* FIN in mid body */
    fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /sink HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc"));
    rig_wait(&g, &g.heads, 2);
    close(fd);
    rig_wait(&g, &g.closed, 2);
    assert_int_equal(g.end_r, ERR_ABORTED);
    /* RST while the engine works */
    fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    rig_wait(&g, &g.heads, 3);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
    rig_wait(&g, &g.closed, 3);
    assert_int_equal(g.end_r, ERR_RESET);
}

static void answers_behind_a_half_close(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd,
             SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\nGET /bytes/2 HTTP/1.1\r\n" HOST "\r\n"));
    shutdown(fd, SHUT_WR);
    rig_wait(&g, &g.heads, 1);
    rig_pass(&g, 20);
    assert_non_null(g.waiting);
    const struct response a = {.status = 204, .length = -1};
    assert_int_equal(exchange_respond(g.waiting, &a), OK);
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    assert_int_equal(g.heads, 2);
    assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 204")));
    assert_true(slice_ends(buf_slice(&got), SLICE("\r\n\r\n\x00\x01")));
    close(fd);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, OK);
    buf_done(&got);
}

/* Answers without bodies, more than all socket buffers hold. */
#define PIPELINED 80000

static void bounds_pipelined_requests(void **state)
{
    (void)state;
    struct slice one = SLICE("GET /status/204 HTTP/1.1\r\n" HOST "\r\n");
    struct buf all, got;
    buf_init(&all, 1 << 22);
    buf_init(&got, 1 << 25);
    for (int i = 0; i < PIPELINED; i++)
        assert_int_equal(buf_add(&all, one), OK);
    uint64_t before = pool_used_bytes(), most = 0;
    int fd = rig_connect(&g, 4096);
    struct slice rest = buf_slice(&all);
    for (int i = 0; i < 3000; i++) {
        ssize_t n = rest.n ? send(fd, rest.p, rest.n, MSG_DONTWAIT) : 0;
        rest = slice_from(rest, n > 0 ? (size_t)n : 0);
        unsigned heads = g.heads;
        loop_turn(g.loop, 0);
        assert_true(g.heads - heads <= 64); /* one wake is short, whatever the client sends */
        if (pool_used_bytes() - before > most)
            most = pool_used_bytes() - before;
    }
    if (most > 600000)
        fail_msg("pipelining holds %llu bytes", (unsigned long long)most);
    while (g.ended < PIPELINED) {
        ssize_t n = rest.n ? send(fd, rest.p, rest.n, MSG_DONTWAIT) : 0;
        rest = slice_from(rest, n > 0 ? (size_t)n : 0);
        uint8_t *p;
        assert_int_equal(buf_reserve(&got, 65536, &p), OK);
        n = recv(fd, p, 65536, MSG_DONTWAIT);
        loop_turn(g.loop, n > 0 ? 0 : 1);
    }
    close(fd);
    buf_done(&all);
    buf_done(&got);
}

/* More answers than one burst holds, to a client that takes them: nothing may be left waiting. */
static void answers_all_of_a_burst(void **state)
{
    (void)state;
    struct buf all, got;
    buf_init(&all, 1 << 20);
    buf_init(&got, 1 << 23);
    for (int i = 0; i < 40; i++)
        assert_int_equal(
            buf_add(&all, SLICE("GET /bytes/7000 HTTP/1.1\r\n" HOST "A: 0123456789\r\n\r\n")), OK);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, buf_slice(&all));
    while (rig_recv(&g, fd, &got, SLICE("\x57")) == OK && g.ended < 40)
        ;
    assert_int_equal(g.ended, 40);
    close(fd);
    buf_done(&all);
    buf_done(&got);
}

/* The answer is complete, the body with its trailers comes later: dropped, and the next one found.
 */
static void drops_a_late_chunked_body(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /bytes/1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE("\r\n\r\n\x00")), OK);
    assert_int_equal(g.ended, 1);
    rig_send(&g, fd,
             SLICE("3\r\nabc\r\n0\r\nX-Long: 0123456789012345678901234567890123456789\r\n"));
    rig_pass(&g, 5);
    rig_send(&g, fd, SLICE("\r\nGET /bytes/2 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    assert_true(slice_ends(buf_slice(&got), SLICE("\r\n\r\n\x00\x01")));
    assert_int_equal(g.heads, 2);
    assert_int_equal(g.body_bytes, 0);
    close(fd);
    buf_done(&got);
}

/* Nobody knows whether the body will be sent: not even a good answer keeps the connection. */
static void never_guesses_behind_an_expectation(void **state)
{
    (void)state;
    struct buf got;
    int r = rig_ask(&g,
                    SLICE("POST /bytes/1 HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                          "Content-Length: 30\r\n\r\n"),
                    &got);
    assert_int_equal(r, ERR_EOF);
    assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 200")));
    buf_done(&got);
}

static void carries_an_echo_both_ways_at_once(void **state)
{
    (void)state;
    static uint8_t data[200000];
    struct buf got;
    buf_init(&got, 1 << 20);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31 >> 3);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /echo HTTP/1.0\r\nContent-Length: 200000\r\n\r\n"));
    rig_send(&g, fd, slice_of(data, sizeof(data)));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    assert_true(slice_ends(buf_slice(&got), slice_of(data, sizeof(data))));
    assert_int_equal(g.end_r, OK);
    close(fd);
    buf_done(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_same_for_every_split, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_one_byte_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(sends_100_only_when_it_is_awaited, setup, teardown),
        cmocka_unit_test_setup_teardown(drops_a_short_unread_body_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_a_long_upload_early, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_reading_at_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(notices_a_broken_upload, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_behind_a_half_close, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_pipelined_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_all_of_a_burst, setup, teardown),
        cmocka_unit_test_setup_teardown(drops_a_late_chunked_body, setup, teardown),
        cmocka_unit_test_setup_teardown(never_guesses_behind_an_expectation, setup, teardown),
        cmocka_unit_test_setup_teardown(carries_an_echo_both_ways_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
