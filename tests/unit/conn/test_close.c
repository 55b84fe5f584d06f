/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* How connections end: clocks of every state, draining, lingering, killing. */
#include "conn/close.h"

#include <errno.h>
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

static int set_up(void **state)
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

static void start(void)
{
    rig_start(&g, CONN_PLAIN);
}

/* What came until the end; the test goes on with r. */
static int all(int fd, struct buf *got)
{
    buf_init(got, 1 << 22);
    return rig_recv(&g, fd, got, SLICE_EMPTY);
}

static void closes_idle_connections(void **state)
{
    (void)state;
    struct buf got;
    g.limits.idle_timeout_ms = 60;
    start();
    int fd = rig_connect(&g, 0), busy = rig_connect(&g, 0);
    rig_send(&g, busy, SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(all(fd, &got), ERR_EOF);
    assert_int_equal(got.n, 0);
    rig_pass(&g, 100);
    assert_int_equal(g.closed, 0); /* ours is shut; the peer's end is awaited */
    close(fd);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, OK);
    assert_non_null(g.waiting); /* waiting for the engine is not idleness */
    close(busy);
    buf_done(&got);
}

static void gives_408_for_a_slow_head(void **state)
{
    (void)state;
    struct buf got;
    g.limits.header_timeout_ms = 100;
    start();
    int fd = rig_connect(&g, 0);
    /* bytes that keep coming do not move the deadline */
    for (int i = 0; i < 8; i++) {
        (void)!send(fd, i ? "a" : "G", 1, MSG_NOSIGNAL);
        rig_pass(&g, 20);
    }
    assert_int_equal(all(fd, &got), ERR_EOF);
    assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 408 ")));
    assert_int_equal(g.rejected, 1);
    assert_int_equal(g.reject_status, 408);
    assert_int_equal(g.reject_r, ERR_TIMEOUT);
    assert_int_equal(g.reject_line[0], 'G');
    close(fd);
    buf_done(&got);
}

static void gives_408_for_a_stopped_body_only(void **state)
{
    (void)state;
    struct buf got;
    g.limits.body_timeout_ms = 100;
    start();
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /count HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\n"));
    for (int i = 0; i < 8; i++) {
        rig_send(&g, fd, SLICE("x")); /* slow, but it moves */
        rig_pass(&g, 30);
    }
    assert_int_equal(g.ended, 0);
    assert_int_equal(all(fd, &got), ERR_EOF);
    assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 408 ")));
    assert_int_equal(g.end_r, ERR_TIMEOUT);
    assert_int_equal(g.rejected, 0);
    close(fd);
    buf_done(&got);
}

static void does_not_blame_the_client_for_a_slow_engine(void **state)
{
    (void)state;
    static uint8_t junk[EXCHANGE_WINDOW];
    g.limits.body_timeout_ms = 60;
    g.hold_consumed = true;
    start();
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /sink HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n"));
    rig_send(&g, fd, slice_of(junk, sizeof(junk)));
    rig_pass(&g, 200);
    assert_int_equal(g.ended, 0);
    exchange_consumed(g.waiting, EXCHANGE_WINDOW);
    rig_wait(&g, &g.ended, 1); /* now it is the client's turn */
    assert_int_equal(g.end_r, ERR_TIMEOUT);
    close(fd);
}

static void resets_who_takes_nothing(void **state)
{
    (void)state;
    g.limits.send_timeout_ms = 100;
    start();
    int fd = rig_connect(&g, 4096);
    rig_send(&g, fd, SLICE("GET /bytes/50000000 HTTP/1.1\r\n" HOST "\r\n"));
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.end_r, ERR_TIMEOUT);
    assert_int_equal(g.close_r, ERR_TIMEOUT);
    close(fd);
}

static void bounds_the_linger(void **state)
{
    (void)state;
    struct buf got;
    g.limits.linger_timeout_ms = 100;
    start();
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("GET /bytes/1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    assert_int_equal(all(fd, &got), ERR_EOF);
    assert_int_equal(g.closed, 0);
    rig_wait(&g, &g.closed, 1); /* though the client never ends */
    close(fd);
    buf_done(&got);
    /* a client that goes on sending is bounded in bytes */
    static uint8_t junk[65536];
    g.limits.linger_timeout_ms = 60000;
    conn_pool_limits(g.pool, &g.limits);
    fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /early HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n"));
    for (int i = 0; i < 2000 && g.closed < 2; i++) {
        (void)!send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL);
        loop_turn(g.loop, 1);
    }
    assert_int_equal(g.closed, 2);
    close(fd);
}

static void on_drained(void *app)
{
    ((struct rig *)app)->drained++;
}

static void drains(void **state)
{
    (void)state;
    static const struct response a = {.status = 204, .length = -1};
    struct buf got, none;
    start();
    int idle = rig_connect(&g, 0), busy = rig_connect(&g, 0);
    rig_send(&g, busy, SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    rig_wait(&g, &g.heads, 1);
    rig_wait(&g, &g.opened, 2);
    conn_pool_drain(g.pool, on_drained, &g);
    assert_int_equal(all(idle, &none), ERR_EOF);
    close(idle);
    rig_wait(&g, &g.closed, 1);
    rig_pass(&g, 20);
    assert_int_equal(g.drained, 0);
    assert_int_equal(exchange_respond(g.waiting, &a), OK);
    assert_int_equal(all(busy, &got), ERR_EOF);
    assert_non_null(strstr(rig_text(&got), "HTTP/1.1 204"));
    assert_non_null(strstr(rig_text(&got), "Connection: close\r\n"));
    close(busy);
    rig_wait(&g, &g.drained, 1);
    assert_int_equal(conn_pool_count(g.pool), 0);
    buf_done(&got);
    buf_done(&none);
}

/* The head had gone out without Connection: close. */
static void drains_in_mid_answer(void **state)
{
    (void)state;
    struct buf got;
    start();
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nab"));
    rig_wait(&g, &g.heads, 1);
    rig_pass(&g, 5);
    conn_pool_drain(g.pool, on_drained, &g);
    rig_pass(&g, 5);
    assert_int_equal(g.ended, 0);
    rig_send(&g, fd, SLICE("cd"));
    assert_int_equal(all(fd, &got), ERR_EOF);
    assert_true(slice_ends(buf_slice(&got), SLICE("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")));
    assert_int_equal(g.end_r, OK);
    close(fd);
    rig_wait(&g, &g.drained, 1);
    buf_done(&got);
}

static void kills(void **state)
{
    (void)state;
    start();
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = rig_connect(&g, 0);
    rig_send(&g, fds[0], SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    rig_send(&g, fds[1], SLICE("POST /sink HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"));
    rig_wait(&g, &g.heads, 2);
    rig_wait(&g, &g.opened, 3);
    conn_pool_kill(g.pool);
    assert_int_equal(g.closed, 3);
    assert_int_equal(g.ended, 2);
    assert_int_equal(g.end_r, ERR_DRAINING);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void ends_after_so_many_requests(void **state)
{
    (void)state;
    struct buf got;
    g.limits.requests = 2;
    start();
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd,
             SLICE("GET /bytes/0 HTTP/1.1\r\n" HOST "\r\nGET /bytes/0 HTTP/1.1\r\n" HOST
                   "\r\nGET /bytes/0 HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(all(fd, &got), ERR_EOF);
    assert_int_equal(g.heads, 2);
    assert_true(slice_ends(buf_slice(&got), SLICE("Connection: close\r\n\r\n")));
    close(fd);
    buf_done(&got);
}

/* The k-th allocation fails, for every k of a connection's life: the client may lose its answer,
 * the server nothing. */
static void survives_every_failed_allocation(void **state)
{
    (void)state;
    static const struct slice request = SLICE(
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "GET /lchunked/100000 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    static uint8_t answer[200000];
    start();
    uint64_t used = pool_used_bytes(), k = 0;
    bool fired = true;
    while (fired) {
        int fd = rig_connect(&g, 0);
        mem_fail_at(++k);
        for (size_t at = 0; at < request.n; at += 40) {
            struct slice piece = slice_first(slice_from(request, at), 40);
            (void)!send(fd, piece.p, piece.n, MSG_DONTWAIT | MSG_NOSIGNAL);
            loop_turn(g.loop, 0);
        }
        shutdown(fd, SHUT_WR);
        ssize_t n = 1, sum = 0;
        for (int i = 0; i < 500 && n != 0 && (n > 0 || errno == EAGAIN); i++) {
            loop_turn(g.loop, n > 0 ? 0 : 1);
            n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
            sum += n > 0 ? n : 0;
        }
        fired = mem_fault_fired();
        mem_fail_at(0);
        assert_true(fired || sum > 100000);
        close(fd);
        for (int i = 0; i < 500 && conn_pool_count(g.pool); i++)
            loop_turn(g.loop, 1);
        assert_int_equal(conn_pool_count(g.pool), 0);
        assert_int_equal(pool_used_bytes(), used);
    }
#if defined(PORT443_SANITIZED)
    assert_true(k > 20); /* elsewhere the pool is warm and nothing can fail */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(closes_idle_connections, set_up, teardown),
        cmocka_unit_test_setup_teardown(gives_408_for_a_slow_head, set_up, teardown),
        cmocka_unit_test_setup_teardown(gives_408_for_a_stopped_body_only, set_up, teardown),
        cmocka_unit_test_setup_teardown(does_not_blame_the_client_for_a_slow_engine, set_up,
                                        teardown),
        cmocka_unit_test_setup_teardown(resets_who_takes_nothing, set_up, teardown),
        cmocka_unit_test_setup_teardown(bounds_the_linger, set_up, teardown),
        cmocka_unit_test_setup_teardown(drains, set_up, teardown),
        cmocka_unit_test_setup_teardown(drains_in_mid_answer, set_up, teardown),
        cmocka_unit_test_setup_teardown(kills, set_up, teardown),
        cmocka_unit_test_setup_teardown(ends_after_so_many_requests, set_up, teardown),
        cmocka_unit_test_setup_teardown(survives_every_failed_allocation, set_up, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
