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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_many_streams_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
