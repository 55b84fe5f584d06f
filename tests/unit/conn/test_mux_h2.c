/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* HTTP/2 connections over loopback against the toy engine: streams, windows, trailers, refusals,
 * the end of connections, allocations. */
#include "conn/mux.h"

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
#include "h2client.h"

static struct rig g;
static struct h2client k;

static int setup(void **state)
{
    (void)state;
    rig_init(&g);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    h2client_done(&k);
    rig_done(&g);
    return 0;
}

static void start(uint32_t stream_window)
{
    rig_start(&g, CONN_PLAIN);
    h2client_open(&k, &g, stream_window);
}

static void answers_many_streams_at_once(void **state)
{
    (void)state;
    start(0);
    int32_t ids[50];
    for (unsigned i = 0; i < 50; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/%s/%u", i % 2 ? "bytes" : "lchunked", i * 997);
        ids[i] = h2client_get(&k, path);
    }
    h2client_run(&k, &k.nclosed, 50);
    for (unsigned i = 0; i < 50; i++) {
        const struct h2got *got = h2client_got(&k, ids[i]);
        char length[48];
        snprintf(length, sizeof(length), "content-length=%u;", i * 997);
        assert_string_equal(got->status, "200");
        assert_int_equal(got->body_bytes, i * 997);
        assert_int_equal(got->sum, 0);
        assert_true(got->ended);
        assert_int_equal(got->code, 0);
        assert_true(strncmp(got->fields, "x-toy=yes;date=", 15) == 0);
        assert_int_equal(strstr(got->fields, length) != NULL, i % 2);
    }
    assert_int_equal(g.heads, 50);
    assert_int_equal(g.ended, 50);
    assert_int_equal(g.end_r, OK);
    assert_string_equal(g.seen_host, "a.test");
    assert_string_equal(g.seen_field, "x-a=1;accept=text/plain;");
    assert_int_equal(k.settings_max_streams, 100);
    assert_int_equal(k.settings_header_list, 16384);
}

#define BASE ":method", "POST", ":scheme", "https", ":authority", "a.test"

static void takes_uploads_in_step_with_the_engine(void **state)
{
    (void)state;
    start(0);
    int32_t id = h2client_post(&k, "/count", 3000000);
    h2client_run(&k, &k.nclosed, 1);
    assert_int_equal(h2client_got(&k, id)->body_bytes, 3000000);
    id = h2client_post(&k, "/echo", 1000000);
    h2client_run(&k, &k.nclosed, 2);
    assert_int_equal(h2client_got(&k, id)->body_bytes, 1000000);
    assert_string_equal(h2client_got(&k, id)->status, "200");
    g.body_bytes = 0;
    g.hold_consumed = true;
    id = h2client_post(&k, "/sink", 1000000);
    h2client_pass(&k, 50);
    assert_int_equal(g.body_bytes, EXCHANGE_WINDOW);
    assert_int_equal(k.upload_left, 1000000 - EXCHANGE_WINDOW);
    /* What the engine kept is given back when the stream ends: others may use the connection. */
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = k.nclosed;
        nghttp2_submit_rst_stream(k.session, 0, id, NGHTTP2_CANCEL);
        id = h2client_post(&k, "/sink", 1000000);
        g.body_bytes = 0;
        h2client_pass(&k, 30);
        assert_int_equal(k.nclosed, n + 1);
        assert_int_equal(g.end_r, ERR_ABORTED);
        assert_int_equal(g.body_bytes, EXCHANGE_WINDOW);
    }
}

static void passes_trailers_both_ways(void **state)
{
    (void)state;
    start(0);
    k.upload_trailers = true;
    int32_t up = h2client_post(&k, "/count", 100);
    h2client_run(&k, &k.nclosed, 1);
    assert_int_equal(h2client_got(&k, up)->body_bytes, 100);
    assert_int_equal(g.trailers, 1); /* authorization is not let through */
    int32_t down = h2client_get(&k, "/trailers");
    h2client_run(&k, &k.nclosed, 2);
    assert_string_equal(h2client_got(&k, down)->trailers, "x-sum=42;");
    assert_int_equal(h2client_got(&k, down)->body_bytes, 5);
    assert_true(h2client_got(&k, down)->ended);
}

static void answers_without_a_body(void **state)
{
    (void)state;
    start(0);
    const char *const head[] = {":method", "HEAD",  ":scheme",   "https", ":authority",
                                "a.test",  ":path", "/bytes/77", NULL};
    const char *const expect[] = {BASE, ":path", "/count", "expect", "100-continue", NULL};
    int32_t a = h2client_send(&k, false, head), b = h2client_get(&k, "/status/204");
    int32_t c = h2client_get(&k, "/hint");
    h2client_run(&k, &k.nclosed, 3);
    assert_non_null(strstr(h2client_got(&k, a)->fields, "content-length=77;"));
    assert_int_equal(h2client_got(&k, a)->body_bytes, 0);
    assert_string_equal(h2client_got(&k, b)->status, "204");
    assert_null(strstr(h2client_got(&k, b)->fields, "content-length"));
    assert_string_equal(h2client_got(&k, c)->informed, "103");
    assert_string_equal(h2client_got(&k, c)->status, "200");
    k.upload_hold = true;
    k.upload_left = 0;
    int32_t d = h2client_send(&k, true, expect);
    h2client_pass(&k, 20);
    assert_string_equal(h2client_got(&k, d)->informed, "100");
    assert_string_equal(h2client_got(&k, d)->status, "");
    k.upload_hold = false;
    k.upload_left = 9;
    nghttp2_session_resume_data(k.session, d);
    h2client_run(&k, &k.nclosed, 4);
    assert_int_equal(h2client_got(&k, d)->body_bytes, 9);
}

static void tells_cut_answers_apart(void **state)
{
    (void)state;
    start(0);
    int32_t a = h2client_get(&k, "/abort"), b = h2client_get(&k, "/respond-abort");
    int32_t c = h2client_get(&k, "/cut");
    h2client_run(&k, &k.nclosed, 3);
    assert_int_equal(h2client_got(&k, a)->code, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(h2client_got(&k, b)->code, NGHTTP2_INTERNAL_ERROR);
    assert_string_equal(h2client_got(&k, b)->status, "");
    assert_int_equal(h2client_got(&k, c)->code, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(h2client_got(&k, c)->body_bytes, 100000);
    assert_false(h2client_got(&k, c)->ended);
    assert_int_equal(g.end_r, ERR_UPSTREAM_DOWN);
    int32_t d = h2client_get(&k, "/wait");
    h2client_pass(&k, 10);
    assert_non_null(g.waiting);
    nghttp2_submit_rst_stream(k.session, 0, d, NGHTTP2_CANCEL);
    h2client_run(&k, &g.ended, 4);
    assert_int_equal(g.end_r, ERR_ABORTED);
    assert_null(g.waiting);
}

static void an_early_answer_stops_the_upload(void **state)
{
    (void)state;
    start(0);
    k.upload_hold = true;
    int32_t ids[20];
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = h2client_post(&k, "/early", 4000000);
    h2client_run(&k, &g.ended, ARRAY_LEN(ids));
    assert_int_equal(g.ended, ARRAY_LEN(ids));
    assert_int_equal(g.end_r, OK);
    h2client_run(&k, &k.nclosed, ARRAY_LEN(ids));
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        const struct h2got *got = h2client_got(&k, ids[i]);
        assert_string_equal(got->status, "413");
        assert_true(got->ended);
        assert_true(got->closed);
        assert_int_equal(got->code, NGHTTP2_NO_ERROR);
    }
    /* What was dropped is given back to the connection. */
    k.upload_hold = false;
    int32_t id = h2client_post(&k, "/count", 2000000);
    h2client_run(&k, &k.nclosed, ARRAY_LEN(ids) + 1);
    assert_int_equal(h2client_got(&k, id)->body_bytes, 2000000);
    assert_false(k.goaway);
    /* A body that ends soon after the answer needs no reset. */
    id = h2client_post(&k, "/early", 100000);
    h2client_run(&k, &k.nclosed, ARRAY_LEN(ids) + 2);
    assert_int_equal(k.upload_left, 0);
    assert_true(h2client_got(&k, id)->closed);
}

static void drains_with_goaway(void **state)
{
    (void)state;
    start(0);
    int32_t a = h2client_get(&k, "/wait");
    h2client_pass(&k, 10);
    conn_pool_drain(g.pool, NULL, NULL);
    int32_t b = h2client_get(&k, "/bytes/5"); /* sent before the GOAWAY is read: still served */
    h2client_pass(&k, 30);
    assert_string_equal(h2client_got(&k, b)->status, "200");
    assert_int_equal(k.goaways, 2);
    assert_int_equal(k.goaway_code, NGHTTP2_NO_ERROR);
    assert_int_equal(k.goaway_last, b);
    assert_int_equal(g.closed, 0);
    const struct response answer = {.status = 200, .length = 0};
    assert_int_equal(exchange_respond(g.waiting, &answer), OK);
    h2client_run(&k, &g.closed, 1);
    assert_string_equal(h2client_got(&k, a)->status, "200");
    assert_int_equal(g.close_r, OK);
}

static void drains_an_idle_connection_at_once(void **state)
{
    (void)state;
    start(0);
    h2client_get(&k, "/bytes/5");
    h2client_run(&k, &k.nclosed, 1);
    conn_pool_drain(g.pool, NULL, NULL);
    h2client_run(&k, &g.closed, 1);
    assert_true(k.goaway);
    assert_int_equal(k.goaway_last, 1);
    assert_int_equal(g.closed, 1);
    assert_int_equal(g.close_r, OK);
}

static void ends_after_the_last_allowed_request(void **state)
{
    (void)state;
    g.limits.requests = 3;
    start(0);
    for (unsigned i = 0; i < 3; i++) {
        h2client_get(&k, "/bytes/5");
        h2client_run(&k, &k.nclosed, i + 1);
        assert_int_equal(k.nclosed, i + 1);
    }
    h2client_run(&k, &g.closed, 1);
    assert_true(k.goaway);
    assert_int_equal(g.heads, 3);
    assert_int_equal(g.close_r, OK);
}

static void closes_when_idle(void **state)
{
    (void)state;
    g.limits.idle_timeout_ms = 60;
    start(0);
    h2client_get(&k, "/bytes/5");
    h2client_run(&k, &g.closed, 1);
    assert_true(k.goaway);
    assert_int_equal(k.goaway_code, NGHTTP2_NO_ERROR);
    assert_int_equal(g.closed, 1);
    assert_int_equal(g.close_r, OK);
}

static void does_not_wait_for_slow_heads(void **state)
{
    (void)state;
    g.limits.header_timeout_ms = 60;
    g.limits.linger_timeout_ms = 60;
    rig_start(&g, CONN_PLAIN);
    h2client_open(&k, &g, 0);
    h2client_pass(&k, 10);
    h2client_frame(&k, NGHTTP2_HEADERS, 0, 1, SLICE("\x82\x87\x84"));
    h2client_run(&k, &g.closed, 1);
    assert_int_equal(g.closed, 1);
    assert_int_equal(g.close_r, ERR_TIMEOUT);
    assert_int_equal(g.rejected, 1);
    assert_string_equal(g.reject_line, "GET /");
    /* A client that sends no preface at all. */
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("PRI * HT"));
    rig_wait(&g, &g.closed, 2);
    assert_int_equal(g.close_r, ERR_TIMEOUT);
    close(fd);
}

static void does_not_wait_for_silent_bodies(void **state)
{
    (void)state;
    g.limits.body_timeout_ms = 60;
    start(0);
    k.upload_hold = true;
    int32_t id = h2client_post(&k, "/sink", 10);
    h2client_run(&k, &k.nclosed, 1);
    assert_string_equal(h2client_got(&k, id)->status, "408");
    assert_int_equal(g.end_r, ERR_TIMEOUT);
    id = h2client_post(&k, "/echo", 10);
    h2client_run(&k, &k.nclosed, 2);
    assert_string_equal(h2client_got(&k, id)->status, "200");
    assert_int_equal(h2client_got(&k, id)->code, NGHTTP2_CANCEL);
    /* The engine's own slowness is not the client's fault. */
    g.hold_consumed = true;
    h2client_post(&k, "/sink", 1000000);
    h2client_pass(&k, 150);
    assert_int_equal(k.nclosed, 2);
    assert_int_equal(g.ended, 2);
}

static void does_not_wait_for_closed_windows(void **state)
{
    (void)state;
    g.limits.send_timeout_ms = 80;
    start(1);
    int32_t id = h2client_get(&k, "/bytes/1000");
    nghttp2_settings_entry e = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    nghttp2_submit_settings(k.session, 0, &e, 1);
    id = h2client_get(&k, "/bytes/1000");
    h2client_run(&k, &g.ended, 2);
    assert_int_equal(g.ended, 2);
    assert_int_equal(g.end_r, ERR_TIMEOUT);
    h2client_pass(&k, 10);
    assert_int_equal(h2client_got(&k, id)->code, NGHTTP2_CANCEL);
    assert_int_equal(g.closed, 0);
}

static void does_not_wait_for_a_client_that_takes_nothing(void **state)
{
    (void)state;
    g.limits.send_timeout_ms = 80;
    start(1u << 30);
    h2client_get(&k, "/bytes/100000000");
    h2client_pass(&k, 1);
    const uint8_t most[] = {0x7f, 0, 0, 0};
    h2client_frame(&k, NGHTTP2_WINDOW_UPDATE, 0, 0, slice_of(most, 4));
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, ERR_TIMEOUT);
    assert_int_equal(g.end_r, ERR_TIMEOUT);
}

static void wants_the_preface(void **state)
{
    (void)state;
    start(0);
    struct buf got;
    rig_ask(&g, SLICE("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"), &got);
    buf_done(&got);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.rejected, 1);
    assert_int_equal(g.heads, 0);
    assert_int_equal(g.close_r, ERR_SYNTAX);
}

static void a_client_may_just_go(void **state)
{
    (void)state;
    start(0);
    h2client_get(&k, "/wait");
    h2client_pass(&k, 10);
    shutdown(k.fd, SHUT_WR);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.ended, 1);
    assert_int_equal(g.end_r, ERR_ABORTED);
    assert_int_equal(g.close_r, ERR_EOF);
}

static void requests_cost_no_allocation(void **state)
{
    (void)state;
    start(0);
#if defined(PORT443_SANITIZED)
    skip(); /* the pool does not keep blocks then */
#endif
    uint64_t before = 0;
    for (unsigned i = 0; i < 25; i++) {
        if (i == 5)
            before = mem_count();
        for (unsigned j = 0; j < 16; j++)
            h2client_get(&k, "/bytes/1024");
        h2client_run(&k, &k.nclosed, 16 * (i + 1));
    }
    assert_int_equal(k.nclosed, 400);
    assert_int_equal(mem_count() - before, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_many_streams_at_once),
        TEST(takes_uploads_in_step_with_the_engine),
        TEST(passes_trailers_both_ways),
        TEST(answers_without_a_body),
        TEST(tells_cut_answers_apart),
        TEST(an_early_answer_stops_the_upload),
        TEST(drains_with_goaway),
        TEST(drains_an_idle_connection_at_once),
        TEST(ends_after_the_last_allowed_request),
        TEST(closes_when_idle),
        TEST(does_not_wait_for_slow_heads),
        TEST(does_not_wait_for_silent_bodies),
        TEST(does_not_wait_for_closed_windows),
        TEST(does_not_wait_for_a_client_that_takes_nothing),
        TEST(wants_the_preface),
        TEST(a_client_may_just_go),
        TEST(requests_cost_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
