/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a client may cost: the prices themselves, then floods and resets against a connection. */
#include "conn/h2_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
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

struct scan {
    const char *what;
    struct slice frame; /* header and payload, repeated */
    unsigned fits;      /* so many pass at once; 0: without end */
};

static void prices_frames(void **state)
{
    (void)state;
    static const struct scan rows[] = {
        {"DATA", SLICE("\0\0\1\0\0\0\0\0\1x"), 0},
        {"last DATA, empty", SLICE("\0\0\0\0\1\0\0\0\1"), 0},
        {"empty DATA", SLICE("\0\0\0\0\0\0\0\0\1"), 200},
        {"HEADERS", SLICE("\0\0\1\1\4\0\0\0\1x"), 0},
        {"PRIORITY", SLICE("\0\0\5\2\0\0\0\0\1xxxxx"), 1000},
        {"RST_STREAM", SLICE("\0\0\4\3\0\0\0\0\1xxxx"), 1000},
        {"SETTINGS", SLICE("\0\0\0\4\0\0\0\0\0"), 100},
        {"PING", SLICE("\0\0\x8\6\0\0\0\0\0xxxxxxxx"), 500},
        {"WINDOW_UPDATE", SLICE("\0\0\4\x8\0\0\0\0\0xxxx"), 1000},
        {"GOAWAY", SLICE("\0\0\0\7\0\0\0\0\0"), 100},
        {"unknown", SLICE("\0\0\0\xaa\0\0\0\0\0"), 500},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned whole = 0; whole < 2; whole++) {
            struct h2_guard guard;
            unsigned n = 0;
            int r = OK;
            h2_guard_init(&guard, 1000, 5000);
            assert_int_equal(h2_guard_scan(&guard, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 5000),
                             OK);
            assert_false(h2_guard_begun(&guard));
            for (; n < 3000 && !r; n++) {
                struct slice s = rows[i].frame;
                for (size_t at = 0; !whole && at < s.n && !r; at++)
                    r = h2_guard_scan(&guard, slice_of(s.p + at, 1), 5000);
                if (whole)
                    r = h2_guard_scan(&guard, s, 5000);
            }
            if (n != (rows[i].fits ? rows[i].fits + 1 : 3000))
                fail_msg("%s: %u passed, want %u", rows[i].what, n - 1, rows[i].fits);
            assert_true(h2_guard_begun(&guard));
            /* Time forgives. */
            if (r)
                assert_int_equal(h2_guard_scan(&guard, rows[i].frame, 7000), OK);
        }
    }
}

static void earns_window_updates(void **state)
{
    (void)state;
    struct h2_guard guard;
    h2_guard_init(&guard, 1000, 0);
    assert_int_equal(h2_guard_scan(&guard, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0), OK);
    for (unsigned i = 0; i < 10000; i++) {
        h2_guard_sent(&guard);
        assert_int_equal(h2_guard_scan(&guard, SLICE("\0\0\4\x8\0\0\0\0\0xxxx"), 0), OK);
        assert_int_equal(h2_guard_scan(&guard, SLICE("\0\0\4\x8\0\0\0\0\1xxxx"), 0), OK);
    }
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(h2_guard_reset(&guard, 0), OK);
    assert_int_equal(h2_guard_reset(&guard, 0), ERR_CAP);
    assert_int_equal(h2_guard_reset(&guard, 99), ERR_CAP);
    assert_int_equal(h2_guard_reset(&guard, 100), OK);
    assert_int_equal(h2_guard_reset(&guard, 100), ERR_CAP);
}

static void stops_rapid_resets(void **state)
{
    (void)state;
    start(0);
    for (unsigned i = 0; i < 400 && !k.goaway && !k.eof; i++) {
        int32_t id = h2client_get(&k, "/wait");
        h2client_pass(&k, 0);
        nghttp2_submit_rst_stream(k.session, 0, id, NGHTTP2_CANCEL);
    }
    h2client_run(&k, &g.closed, 1);
    assert_int_equal(k.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(g.close_r, ERR_CAP);
    if (g.heads < 50 || g.heads > 115)
        fail_msg("%u requests were begun", g.heads);
}

/* CVE-2025-8671: the client makes us reset. */
static void stops_provoked_resets(void **state)
{
    (void)state;
    start(0);
    const uint8_t most[] = {0x7f, 0xff, 0xff, 0xff};
    for (unsigned i = 0; i < 200 && !k.goaway && !k.eof; i++) {
        int32_t id = h2client_get(&k, "/wait");
        h2client_pass(&k, 2);
        h2client_frame(&k, NGHTTP2_WINDOW_UPDATE, 0, (uint32_t)id, slice_of(most, 4));
    }
    h2client_run(&k, &g.closed, 1);
    assert_true(k.goaway);
    assert_int_equal(g.close_r, ERR_CAP);
    if (g.heads > 115)
        fail_msg("%u requests were begun", g.heads);
}

struct flood {
    const char *what;
    uint8_t type, flags;
    uint32_t id;
    struct slice payload;
};

static void stops_floods(void **state)
{
    (void)state;
    static const struct flood floods[] = {
        {"PING", NGHTTP2_PING, 0, 0, SLICE("12345678")},
        {"SETTINGS", NGHTTP2_SETTINGS, 0, 0, {NULL, 0}},
        {"PRIORITY", NGHTTP2_PRIORITY, 0, 3, SLICE("\0\0\0\0\1")},
        {"WINDOW_UPDATE", NGHTTP2_WINDOW_UPDATE, 0, 0, SLICE("\0\0\0\1")},
        {"empty DATA", NGHTTP2_DATA, 0, 1, {NULL, 0}},
        {"unknown", 0xbb, 0, 0, SLICE("x")},
    };
    rig_start(&g, CONN_PLAIN);
    for (unsigned i = 0; i < ARRAY_LEN(floods); i++) {
        const struct flood *f = &floods[i];
        h2client_open(&k, &g, 0);
        k.upload_hold = true;
        h2client_post(&k, "/sink", 0);
        h2client_pass(&k, 10);
        for (unsigned j = 0; j < 1500 && g.closed == i; j++)
            h2client_frame(&k, f->type, f->flags, f->id, f->payload);
        h2client_run(&k, &g.closed, i + 1);
        if (g.closed != i + 1 || g.close_r != ERR_CAP)
            fail_msg("%s: %u closed, %s", f->what, g.closed, err_name(g.close_r));
        if (i + 1 < ARRAY_LEN(floods))
            h2client_done(&k);
    }
}

static void stops_endless_continuations(void **state)
{
    (void)state;
    static const uint8_t field[] = {0x00, 0x01, 'x', 0x01, 'y'};
    rig_start(&g, CONN_PLAIN);
    for (unsigned i = 0; i < 2; i++) {
        h2client_open(&k, &g, 0);
        h2client_pass(&k, 10);
        h2client_frame(&k, NGHTTP2_HEADERS, 0, 1, SLICE("\x82\x87\x84"));
        for (unsigned j = 0; j < 100 && g.closed == i; j++)
            h2client_frame(&k, NGHTTP2_CONTINUATION, 0, 1, slice_of(field, i ? sizeof(field) : 0));
        h2client_run(&k, &g.closed, i + 1);
        assert_int_equal(g.closed, i + 1);
        assert_int_equal(g.heads, 0);
        if (i == 0)
            h2client_done(&k);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_frames),
        cmocka_unit_test(earns_window_updates),
        TEST(stops_rapid_resets),
        TEST(stops_provoked_resets),
        TEST(stops_floods),
        TEST(stops_endless_continuations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
