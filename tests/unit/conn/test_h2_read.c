/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Request heads over HTTP/2: each malformed or oversized one gets its exact answer, and no engine
 * sees it. */
#include "conn/h2_read.h"

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

#define BASE ":method", "POST", ":scheme", "https", ":authority", "a.test"

static void joins_cookie_crumbs(void **state)
{
    (void)state;
    start(0);
    const char *const f[] = {BASE, ":path",  "/bytes/1", "cookie", "a=1", "x-b",
                             "2",  "cookie", "b=2",      "cookie", "c=3", NULL};
    h2client_send(&k, false, f);
    h2client_run(&k, &k.nclosed, 1);
    assert_string_equal(g.seen_field, "cookie=a=1; b=2; c=3;x-b=2;");
}

struct bad {
    const char *what;
    const char *fields[20];
    const char *status; /* "" for RST_STREAM with PROTOCOL_ERROR */
    bool body;
};

#define GET   ":method", "GET"
#define HTTPS ":scheme", "https"
#define AUTH  ":authority", "a.test"
#define ROOT  ":path", "/"

static const struct bad bads[] = {
    {"no method", {HTTPS, AUTH, ROOT}, "", false},
    {"no scheme", {GET, AUTH, ROOT}, "", false},
    {"no path", {GET, HTTPS, AUTH}, "", false},
    {"empty path", {GET, HTTPS, AUTH, ":path", ""}, "", false},
    {"two methods", {GET, GET, HTTPS, AUTH, ROOT}, "", false},
    {"two paths", {GET, HTTPS, AUTH, ROOT, ROOT}, "", false},
    {"two schemes", {GET, HTTPS, HTTPS, AUTH, ROOT}, "", false},
    {"two authorities", {GET, HTTPS, AUTH, AUTH, ROOT}, "", false},
    {"a response's", {GET, HTTPS, AUTH, ROOT, ":status", "200"}, "", false},
    {"an unknown one", {GET, HTTPS, AUTH, ROOT, ":x", "1"}, "", false},
    {"extended CONNECT",
     {":method", "CONNECT", HTTPS, AUTH, ROOT, ":protocol", "websocket"},
     "",
     false},
    {"pseudo behind a field", {GET, HTTPS, AUTH, "x-a", "1", ROOT}, "", false},
    {"no authority, no host", {GET, HTTPS, ROOT}, "", false},
    {"host only", {GET, HTTPS, ":path", "/bytes/0", "host", "a.test"}, "200", false},
    {"host differs", {GET, HTTPS, AUTH, ROOT, "host", "b.test"}, "400", false},
    {"two hosts", {GET, HTTPS, AUTH, ROOT, "host", "a.test", "host", "a.test"}, "", false},
    {"user info", {GET, HTTPS, ":authority", "u@a.test", ROOT}, "400", false},
    {"a comma in the authority", {GET, HTTPS, ":authority", "a.test,b.test", ROOT}, "400", false},
    {"http", {GET, ":scheme", "http", AUTH, ROOT}, "400", false},
    {"a path without slash", {GET, HTTPS, AUTH, ":path", "x"}, "", false},
    {"an absolute path", {GET, HTTPS, AUTH, ":path", "https://a.test/"}, "", false},
    {"a space in the path", {GET, HTTPS, AUTH, ":path", "/a b"}, "", false},
    {"CR LF in the path", {GET, HTTPS, AUTH, ":path", "/a\r\nX: y"}, "", false},
    {"a backslash", {GET, HTTPS, AUTH, ":path", "/\\a"}, "400", false},
    {"a fragment", {GET, HTTPS, AUTH, ":path", "/a#b"}, "400", false},
    {"NUL escaped", {GET, HTTPS, AUTH, ":path", "/a%00"}, "400", false},
    {"a space in the method", {":method", "GE T", HTTPS, AUTH, ROOT}, "", false},
    {"CONNECT", {":method", "CONNECT", ":authority", "a.test:443"}, "501", false},
    {"upper case", {GET, HTTPS, AUTH, ROOT, "X-A", "1"}, "", false},
    {"a colon in a name", {GET, HTTPS, AUTH, ROOT, "a:b", "1"}, "", false},
    {"a space in a name", {GET, HTTPS, AUTH, ROOT, "a b", "1"}, "", false},
    {"an empty name", {GET, HTTPS, AUTH, ROOT, "", "1"}, "", false},
    {"CR LF in a value", {GET, HTTPS, AUTH, ROOT, "x-a", "1\r\nx: y"}, "", false},
    {"LF in a value", {GET, HTTPS, AUTH, ROOT, "x-a", "1\n2"}, "", false},
    {"a leading space", {GET, HTTPS, AUTH, ROOT, "x-a", " 1"}, "", false},
    {"a trailing tab", {GET, HTTPS, AUTH, ROOT, "x-a", "1\t"}, "", false},
    {"connection", {GET, HTTPS, AUTH, ROOT, "connection", "close"}, "", false},
    {"keep-alive", {GET, HTTPS, AUTH, ROOT, "keep-alive", "1"}, "", false},
    {"proxy-connection", {GET, HTTPS, AUTH, ROOT, "proxy-connection", "x"}, "", false},
    {"transfer-encoding", {GET, HTTPS, AUTH, ROOT, "transfer-encoding", "chunked"}, "", false},
    {"upgrade", {GET, HTTPS, AUTH, ROOT, "upgrade", "h2c"}, "", false},
    {"te: gzip", {GET, HTTPS, AUTH, ROOT, "te", "gzip"}, "", false},
    {"te: trailers", {GET, HTTPS, AUTH, ":path", "/bytes/0", "te", "trailers"}, "200", false},
    {"length without body", {GET, HTTPS, AUTH, ROOT, "content-length", "5"}, "", false},
    {"length not a number", {GET, HTTPS, AUTH, ROOT, "content-length", "+0"}, "", false},
    {"two lengths", {BASE, ROOT, "content-length", "3", "content-length", "3"}, "", true},
    {"body too short", {BASE, ":path", "/count", "content-length", "4"}, "", true},
    {"body too long", {BASE, ":path", "/count", "content-length", "2"}, "", true},
    {"body fits", {BASE, ":path", "/count", "content-length", "3"}, "200", true},
};

static void refuses_what_could_be_smuggled(void **state)
{
    (void)state;
    start(0);
    for (unsigned i = 0; i < ARRAY_LEN(bads); i++) {
        const struct bad *b = &bads[i];
        unsigned heads = g.heads, rejected = g.rejected, n = k.nclosed;
        k.upload_left = 3;
        int32_t id = h2client_send(&k, b->body, b->fields);
        h2client_run(&k, &k.nclosed, n + 1);
        const struct h2got *got = h2client_got(&k, id);
        bool fine = strcmp(b->status, "200") == 0;
        unsigned begun = fine || strncmp(b->what, "body", 4) == 0;
        if (strcmp(got->status, b->status) != 0 ||
            got->code != (b->status[0] ? NGHTTP2_NO_ERROR : NGHTTP2_PROTOCOL_ERROR) ||
            g.heads - heads != begun || g.rejected - rejected != !begun)
            fail_msg("%s: want '%s', got '%s' code %u, %u heads, %u rejected", b->what, b->status,
                     got->status, got->code, g.heads - heads, g.rejected - rejected);
    }
    assert_int_equal(g.ended, g.heads);
    assert_false(k.goaway);
}

static void bounds_heads(void **state)
{
    (void)state;
    g.limits.header_bytes = 2000;
    g.limits.header_fields = 20;
    start(0);
    static char value[1800], path[20000];
    memset(value, 'v', sizeof(value) - 1);
    memset(path, 'p', sizeof(path) - 1);
    path[0] = '/';
    const char *many[64] = {BASE, ROOT};
    for (size_t i = 8; i < 60; i += 2) {
        many[i] = "cookie";
        many[i + 1] = "a";
    }
    const char *const large[] = {BASE, ROOT, "x-a", value, NULL};
    const char *const longest[] = {BASE, ":path", path, NULL};
    int32_t a = h2client_send(&k, false, many), b = h2client_send(&k, false, large);
    h2client_run(&k, &k.nclosed, 2);
    assert_string_equal(h2client_got(&k, a)->status, "431");
    assert_string_equal(h2client_got(&k, b)->status, "431");
    assert_int_equal(g.reject_r, ERR_HEAD_TOO_LARGE);
    assert_int_equal(g.reject_status, 431);
    assert_string_equal(g.reject_line, "POST /");
    assert_int_equal(g.heads, 0);
    int32_t c = h2client_get(&k, "/bytes/1");
    h2client_run(&k, &k.nclosed, 3);
    assert_string_equal(h2client_got(&k, c)->status, "200");
    h2client_send(&k, false, longest);
    h2client_run(&k, &g.closed, 1);
    assert_int_equal(g.heads, 1);
    assert_int_equal(g.close_r, ERR_CAP);
}

/* An index of the dynamic table is one byte and stands for a field of 4 KB. */
static void stops_an_hpack_bomb(void **state)
{
    (void)state;
    start(0);
    h2client_pass(&k, 20);
    uint8_t block[4096] = {0x82, 0x87, 0x84, 0x41, 0x01, 'a', 0x40, 0x01, 'x', 0x7f, 0xa1, 0x1e};
    memset(block + 12, 'v', 4000);
    h2client_frame(&k, NGHTTP2_HEADERS, 0x5, 1, slice_of(block, 4012));
    memset(block, 0xbe, 4000);
    h2client_frame(&k, NGHTTP2_HEADERS, 0x5, 3, slice_of(block, 4000));
    h2client_run(&k, &g.closed, 1);
    assert_int_equal(g.close_r, ERR_HEAD_TOO_LARGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(joins_cookie_crumbs),
        TEST(refuses_what_could_be_smuggled),
        TEST(bounds_heads),
        TEST(stops_an_hpack_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
