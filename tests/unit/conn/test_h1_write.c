/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers: every framing and size, HEAD, interim answers and trailers, tunnels, slow readers, cuts
 * that must be seen, and what a request may cost. */
#include "conn/h1_write.h"

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
#include "os/sysfault.h"
#include "rig.h"
#include "wire/chunked.h"

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

static struct slice body_of(const struct buf *got)
{
    const char *text = rig_text(got), *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    return slice_from(buf_slice(got), (size_t)(end - text) + 4);
}

static void is_pattern(struct slice s, size_t n)
{
    assert_int_equal(s.n, n);
    for (size_t i = 0; i < n; i++)
        if (s.p[i] != (uint8_t)i)
            fail_msg("byte %zu is %u", i, s.p[i]);
}

/* Chunked bodies into one piece; NUL-ended trailer text behind it. */
static struct slice unchunk(struct slice in, struct buf *out)
{
    struct chunked c;
    struct slice data;
    size_t used;
    int r;
    chunked_init(&c, NULL, 0);
    while ((r = chunked_feed(&c, in, &used, &data)) == OK) {
        assert_int_equal(buf_add(out, data), OK);
        in = slice_from(in, used);
    }
    assert_int_equal(r, ERR_EOF);
    assert_int_equal(used, in.n);
    return buf_slice(out);
}

static const size_t sizes[] = {0,     1,     15,    16,    255,   256,   4095,   4096,
                               16384, 16385, 65000, 65528, 65536, 65537, 200000, 1000000};
static const char *const paths[] = {"bytes", "loan", "chunked", "lchunked"};

static void frames_every_size(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(paths); p++) {
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            struct buf got, plain;
            char request[128];
            buf_init(&plain, 1 << 21);
            snprintf(request, sizeof(request),
                     "GET /%s/%zu HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", paths[p],
                     sizes[i]);
            assert_int_equal(rig_ask(&g, slice_cstr(request), &got), ERR_EOF);
            bool chunks = strstr(rig_text(&got), "Transfer-Encoding: chunked\r\n") != NULL;
            assert_int_equal(chunks, p >= 2);
            assert_int_equal(strstr(rig_text(&got), "Content-Length:") != NULL, p < 2);
            is_pattern(p >= 2 ? unchunk(body_of(&got), &plain) : body_of(&got), sizes[i]);
            buf_done(&got);
            buf_done(&plain);
        }
    }
}

static void ends_unknown_lengths_with_the_connection_on_1_0(void **state)
{
    (void)state;
    struct buf got;
    int r =
        rig_ask(&g, SLICE("GET /chunked/70000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), &got);
    assert_int_equal(r, ERR_EOF);
    assert_null(strstr(rig_text(&got), "Transfer-Encoding"));
    assert_non_null(strstr(rig_text(&got), "Connection: close\r\n"));
    is_pattern(body_of(&got), 70000);
    buf_done(&got);
}

static void keeps_a_1_0_connection_that_asks(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    for (int i = 0; i < 2; i++) {
        rig_send(&g, fd, SLICE("GET /bytes/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        assert_int_equal(rig_recv(&g, fd, &got, SLICE("\r\n\r\n\x00\x01")), OK);
        assert_non_null(strstr(rig_text(&got), "Connection: keep-alive\r\n"));
        buf_reset(&got);
    }
    close(fd);
    buf_done(&got);
}

struct row {
    const char *request, *has, *has_not, *end;
};

static const struct row rows[] = {
    {"HEAD /bytes/99 HTTP/1.1\r\n" HOST, "Content-Length: 99\r\n", "chunked", "\r\n\r\n"},
    {"HEAD /chunked/99 HTTP/1.1\r\n" HOST, "200 OK\r\n", "Content-Length", "\r\n\r\n"},
    {"GET /status/304 HTTP/1.1\r\n" HOST, "304 Not Modified\r\n", "Content-Length", "\r\n\r\n"},
    {"GET /status/204 HTTP/1.1\r\n" HOST, "204 No Content\r\n", "Content-Length", "\r\n\r\n"},
    {"GET /status/200 HTTP/1.1\r\n" HOST, "Content-Length: 0\r\n", "chunked", "\r\n\r\n"},
    {"GET /hint HTTP/1.1\r\n" HOST,
     "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n", "chunked",
     "\r\n\r\n"},
    {"GET /ready HTTP/1.1\r\n" HOST, "GMT\r\nETag: \"1\"\r\nX-R: 2\r\nContent-Length: 0\r\n",
     "X-Toy", "\r\n\r\n"},
    {"POST /tunnel HTTP/1.1\r\n" HOST "Content-Length: 1\r\n", "", "HTTP", ""},
    {"GET /hint HTTP/1.0\r\n" HOST, "HTTP/1.1 200 OK\r\n", "103", "\r\n\r\n"},
    {"GET /trailers HTTP/1.1\r\n" HOST, "chunked\r\n", "Content-Length",
     "\r\n0\r\nX-Sum: 42\r\n\r\n"},
    {"GET /respond-abort HTTP/1.1\r\n" HOST, "", "HTTP", ""},
    {"GET /abort HTTP/1.1\r\n" HOST, "", "HTTP", ""},
    {"GET /cutfirst HTTP/1.1\r\n" HOST, "HTTP/1.1 503 Service Unavailable\r\n", "200",
     "503 Service Unavailable\n"},
};

static void frames_special_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf got;
        char request[256];
        snprintf(request, sizeof(request), "%sConnection: close\r\n\r\n", rows[i].request);
        int r = rig_ask(&g, slice_cstr(request), &got);
        const char *text = rig_text(&got);
        if (r != ERR_EOF || !strstr(text, rows[i].has) || strstr(text, rows[i].has_not) ||
            !slice_ends(buf_slice(&got), slice_cstr(rows[i].end)))
            fail_msg("%s: got %s: %s", rows[i].request, err_name(r), text);
        buf_done(&got);
    }
    assert_int_equal(g.end_r, ERR_UPSTREAM_DOWN);
}

/* A whole-looking end would let a cache keep half an answer. */
static void shows_a_cut(void **state)
{
    (void)state;
    struct buf got;
    assert_int_equal(rig_ask(&g, SLICE("GET /cut HTTP/1.1\r\n" HOST "\r\n"), &got), ERR_EOF);
    assert_non_null(strstr(rig_text(&got), "Content-Length: 200000\r\n"));
    assert_true(got.n < 110000);
    assert_int_equal(g.end_r, ERR_UPSTREAM_DOWN);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, ERR_UPSTREAM_DOWN);
    buf_done(&got);
    assert_int_equal(rig_ask(&g, SLICE("GET /cutopen HTTP/1.1\r\n" HOST "\r\n"), &got), ERR_EOF);
    assert_false(slice_ends(buf_slice(&got), SLICE("0\r\n\r\n")));
    buf_done(&got);
    assert_int_equal(rig_ask(&g, SLICE("GET /cutopen HTTP/1.0\r\n\r\n"), &got), ERR_RESET);
    buf_done(&got);
}

static void answers_later_and_again(void **state)
{
    (void)state;
    static const struct response a = {.status = 202, .length = 0};
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    for (unsigned i = 1; i <= 3; i++) {
        rig_send(&g, fd, SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
        rig_wait(&g, &g.heads, i);
        rig_pass(&g, 5);
        assert_int_equal(g.ended, i - 1);
        assert_int_equal(exchange_inform(g.waiting, 103, NULL, 0), OK);
        rig_pass(&g, 5);
        assert_int_equal(exchange_respond(g.waiting, &a), OK);
        assert_int_equal(rig_recv(&g, fd, &got, SLICE("Content-Length: 0\r\n\r\n")), OK);
        assert_true(slice_starts(buf_slice(&got), SLICE("HTTP/1.1 103 Early Hints\r\n\r\n")));
        assert_int_equal(g.ended, i);
        buf_reset(&got);
    }
    close(fd);
    buf_done(&got);
}

static void tunnels_behind_101(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    rig_send(
        &g, fd,
        SLICE("GET /tunnel HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: toy\r\n\r\nraw"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE("\r\n\r\nraw")), OK);
    assert_non_null(strstr(rig_text(&got), "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_non_null(strstr(rig_text(&got), "Connection: Upgrade\r\nUpgrade: toy\r\n\r\nraw"));
    assert_null(strstr(rig_text(&got), "chunked"));
    rig_send(&g, fd, SLICE("GET / HTTP/1.1\r\n\r\n"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE("rawGET / HTTP/1.1\r\n\r\n")), OK);
    assert_int_equal(g.heads, 1);
    shutdown(fd, SHUT_WR); /* each half ends by itself */
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.end_r, OK);
    close(fd);
    buf_done(&got);
}

static void holds_little_for_a_slow_reader(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 26);
    uint64_t before = pool_used_bytes(), most = 0;
    int fd = rig_connect(&g, 4096);
    rig_send(&g, fd, SLICE("GET /lchunked/20000000 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    for (int i = 0; i < 500; i++) {
        loop_turn(g.loop, 0);
        if (pool_used_bytes() - before > most)
            most = pool_used_bytes() - before;
    }
    assert_int_equal(g.ended, 0);
    if (most > 400000)
        fail_msg("a slow reader holds %llu bytes", (unsigned long long)most);
    struct buf plain;
    buf_init(&plain, 1 << 25);
    assert_int_equal(rig_recv(&g, fd, &got, SLICE_EMPTY), ERR_EOF);
    is_pattern(unchunk(body_of(&got), &plain), 20000000);
    close(fd);
    buf_done(&got);
    buf_done(&plain);
}

/* At steady state a request costs nothing from the general allocator. */
static void allocates_nothing_per_request(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    uint64_t before = 0, used = 0;
#if defined(PORT443_ASSERT)
    uint64_t calls = 0;
#endif
    for (int i = 0; i < 1000; i++) {
        if (i == 100) {
            before = mem_count();
#if defined(PORT443_ASSERT)
            calls = sysfault_count();
#endif
            used = pool_used_bytes();
        }
        rig_send(&g, fd,
                 i % 2 ? SLICE("GET /bytes/5 HTTP/1.1\r\n" HOST "A: b\r\n\r\n")
                       : SLICE("POST /sink HTTP/1.1\r\n" HOST "Transfer-Encoding: "
                               "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"));
        struct slice end = i % 2 ? SLICE("\r\n\r\n\x00\x01\x02\x03\x04") : SLICE("\r\n\r\n");
        assert_int_equal(rig_recv(&g, fd, &got, end), OK);
        buf_consume(&got, got.n);
    }
#if !defined(PORT443_SANITIZED)
    assert_int_equal(mem_count() - before, 0);
#endif
#if defined(PORT443_ASSERT)
    assert_int_equal(sysfault_count() - calls, 900 * 2); /* one recv, one send */
#endif
    assert_int_equal(pool_used_bytes(), used);
    assert_true(before);
    close(fd);
    buf_done(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_every_size, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_unknown_lengths_with_the_connection_on_1_0, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keeps_a_1_0_connection_that_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(frames_special_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(shows_a_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_later_and_again, setup, teardown),
        cmocka_unit_test_setup_teardown(tunnels_behind_101, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_little_for_a_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(allocates_nothing_per_request, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
