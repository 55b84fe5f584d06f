/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* HTTP/1.1 connections over loopback against the toy engine: framing both ways, keep-alive,
 * pipelining, refusals with their exact status. */
#include "conn/mux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "rig.h"

#define HOST "Host: a.test\r\n"
#define CRLF "\r\n"

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

static void answers_and_keeps_the_connection(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 1 << 20);
    int fd = rig_connect(&g, 0);
    for (unsigned i = 1; i <= 3; i++) {
        rig_send(&g, fd, SLICE("GET /bytes/3?q HTTP/1.1\r\nHost: A.test:80\r\nX-A: 1\r\n\r\n"));
        assert_int_equal(rig_recv(&g, fd, &got, SLICE("\r\n\r\n\x00\x01\x02")), OK);
        const char *text = rig_text(&got);
        assert_true(strncmp(text, "HTTP/1.1 200 OK\r\nDate: ", 23) == 0);
        assert_non_null(strstr(text, "GMT\r\nX-Toy: yes\r\nContent-Length: 3\r\n\r\n"));
        assert_null(strstr(text, "Connection"));
        assert_string_equal(g.seen_host, "a.test");
        assert_string_equal(g.seen_field, "X-A=1;");
        assert_int_equal(g.heads, i);
        assert_int_equal(g.ended, i);
        assert_int_equal(g.end_r, OK);
        buf_reset(&got);
    }
    close(fd);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, OK);
    buf_done(&got);
}

struct row {
    const char *request;
    const char *status;
    unsigned heads;
};

static const struct row rows[] = {
    {"GET /status/204 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "204", 1},
    {"GET /status/200 HTTP/1.0\r\n\r\n", "200", 1},
    {"GET / HTTP/1.1\r\n\r\n", "400", 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400", 0},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400", 0},
    {"GET http://b.test/ HTTP/1.1\r\n" HOST CRLF, "400", 0},
    {"GET /\\x HTTP/1.1\r\n" HOST CRLF, "400", 0},
    {"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", "400", 0},
    {"GET / HTTP/1.1\n" HOST CRLF, "400", 0},
    {"GET  / HTTP/1.1\r\n" HOST CRLF, "400", 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400", 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400", 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400", 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\nx", "400", 0},
    {"POST /count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400", 1},
    {"POST /count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nabc", "400", 1},
    {"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", "501", 0},
    {"GET / HTTP/2.0\r\n" HOST CRLF, "505", 0},
    {"OPTIONS * HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "404", 1},
    {"\x16\x03\x01\x02\x00\x01", "400", 0},
};

static void gives_the_exact_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf got;
        char start[32];
        unsigned heads = g.heads;
        snprintf(start, sizeof(start), "HTTP/1.1 %s ", rows[i].status);
        int r = rig_ask(&g, slice_cstr(rows[i].request), &got);
        if (r != ERR_EOF || strncmp(rig_text(&got), start, strlen(start)) != 0 ||
            g.heads - heads != rows[i].heads)
            fail_msg("%s: want %s, got %s: %s", rows[i].request, rows[i].status, err_name(r),
                     rig_text(&got));
        if (rows[i].heads == 0) {
            assert_memory_equal(rows[i].status, start + 9, 3);
            assert_non_null(strstr(rig_text(&got), "Connection: close\r\n"));
        }
        buf_done(&got);
    }
}

/* `start`, then n times `more`, then `end`: just below and just above a limit. */
static void is_bounded(const char *start, const char *more, size_t n, const char *status)
{
    struct buf request, got;
    char want[32];
    buf_init(&request, 1 << 20);
    assert_int_equal(buf_add(&request, slice_cstr(start)), OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(buf_add(&request, slice_cstr(more)), OK);
    assert_int_equal(buf_printf(&request, "%s\r\n\r\n", more[0] == 'a' ? " HTTP/1.0" : ""), OK);
    assert_int_equal(rig_ask(&g, buf_slice(&request), &got), ERR_EOF);
    snprintf(want, sizeof(want), "HTTP/1.1 %s ", status);
    if (!slice_starts(buf_slice(&got), slice_cstr(want)))
        fail_msg("%zu times %s: want %s, got %s", n, more, status, rig_text(&got));
    buf_done(&request);
    buf_done(&got);
}

static void bounds_heads(void **state)
{
    (void)state;
    is_bounded("GET /", "a", 8000, "404");
    is_bounded("GET /", "a", 8200, "414");
    is_bounded("GET /", "a", 100000, "414");
    is_bounded("GET / HTTP/1.0", "\r\nX: y", 50, "404");
    is_bounded("GET / HTTP/1.0", "\r\nX: y", 51, "431");
    assert_string_equal(g.reject_line, "GET / HTTP/1.0");
    char field[2002];
    memset(field, 'x', sizeof(field));
    memcpy(field, "\r\nX:", 4);
    field[2001] = 0;
    is_bounded("GET / HTTP/1.0", field, 8, "404");
    is_bounded("GET / HTTP/1.0", field, 20, "431");
}

static void says_nothing_to_half_a_head(void **state)
{
    (void)state;
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("GET / HT"));
    close(fd);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, ERR_EOF);
    assert_int_equal(g.heads, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_keeps_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_the_exact_status, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(says_nothing_to_half_a_head, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
