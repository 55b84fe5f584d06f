/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* How bodies are framed, above all what is refused: the ways in which two servers have been made to
 * see two different requests in the same bytes. */
#include "wire/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#define POST   "POST / HTTP/1.1\r\nHost: a\r\n"
#define POST10 "POST / HTTP/1.0\r\n"

static const struct http1_limits limits = {.line_bytes = 1024, .head_bytes = 4096};

struct row {
    const char *head;
    int r; /* of the parser or of the framing: both mean 400 and close */
    enum http1_body body;
    uint64_t length;
    bool keep_alive;
};

static const struct row good[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n", OK, HTTP1_BODY_NONE, 0, true},
    {"GET / HTTP/1.0\r\n", OK, HTTP1_BODY_NONE, 0, false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", OK, HTTP1_BODY_NONE, 0, true},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n", OK, HTTP1_BODY_NONE, 0, false},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n", OK, HTTP1_BODY_NONE, 0,
     false},
    {POST "Content-Length: 5\r\n", OK, HTTP1_BODY_LENGTH, 5, true},
    {POST "Content-Length: 0\r\n", OK, HTTP1_BODY_NONE, 0, true},
    {POST "Content-Length:\t9223372036854775807 \r\n", OK, HTTP1_BODY_LENGTH, INT64_MAX, true},
    {POST "Transfer-Encoding: chunked\r\n", OK, HTTP1_BODY_CHUNKED, 0, true},
    {POST "transfer-encoding:Chunked\r\n", OK, HTTP1_BODY_CHUNKED, 0, true},
};

static const struct row smuggling[] = {
    /* CL.TE and TE.CL in both orders, also with 0 */
    {POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6\r\nTransfer-Encoding: identity\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6\r\nTransfer-Encoding:\r\n", ERR_FRAMING, 0, 0, 0},
    /* CL.CL */
    {POST "Content-Length: 6\r\nContent-Length: 6\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6\r\nContent-Length: 7\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 0\r\nContent-Length: 44\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6, 6\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6,\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "content-length: 6\r\nCONTENT-LENGTH: 6\r\n", ERR_FRAMING, 0, 0, 0},
    /* odd lengths */
    {POST "Content-Length:\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: +6\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: -0\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: -6\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 0x6\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6.0\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 1e1\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6 6\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: \"6\"\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6;x\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 9223372036854775808\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 18446744073709551622\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length: 6\x0b\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Content-Length: \xc2\xb2\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Content-Length : 6\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST " Content-Length: 6\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Content-Length\r\n: 6\r\n", ERR_SYNTAX, 0, 0, 0},
    /* obfuscated transfer codings */
    {POST "Transfer-Encoding: xchunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunkedx\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunk\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked, chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked,\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: ,chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: , chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: gzip, chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked, gzip\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked, identity\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: identity, chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: identity\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding:\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: \"chunked\"\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: 'chunked'\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked;q=1\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked; x\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked foo\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: foo chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chun ked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chu\tnked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\xff\r\n", ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: \x80"
          "chunked\r\n",
     ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: \xc2\xa0"
          "chunked\r\n",
     ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: \xef\xbb\xbf"
          "chunked\r\n",
     ERR_FRAMING, 0, 0, 0},
    {POST "Transfer-Encoding: \x0b"
          "chunked\r\n",
     ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: \x0c"
          "chunked\r\n",
     ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\x0b\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\x0c\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\x01\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\x1f\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\x7f\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\r\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding: chunked\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding:\r chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding:\n chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding:\r\n chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding:\r\n\tchunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding : chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding\t: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding\x0b: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding\xa0: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding\r\n: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding\n: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST " Transfer-Encoding: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "\tTransfer-Encoding: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "X: y\r\n Transfer-Encoding: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "X: y\nTransfer-Encoding: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "X: y\rTransfer-Encoding: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "X: y\n\nGET /evil HTTP/1.1\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST ": x\r\nTransfer-Encoding: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer-Encoding chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "Transfer Encoding: chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST "\"Transfer-Encoding\": chunked\r\n", ERR_SYNTAX, 0, 0, 0},
    {POST10 "Transfer-Encoding: chunked\r\n", ERR_FRAMING, 0, 0, 0},
    {POST10 "Host: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n", ERR_FRAMING, 0,
     0, 0},
    /* Host */
    {"GET / HTTP/1.1\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n", ERR_SYNTAX, 0, 0, 0},
};

static int frame(const char *head, struct http1_framing *ret)
{
    char text[512];
    struct http1_request q;
    struct field fields[16];
    size_t n = strlen(head), used;
    memcpy(text, head, n);
    memcpy(text + n, "\r\n", 2);
    http1_request_init(&q, fields, ARRAY_LEN(fields));
    int r = http1_parse_request(slice_of(text, n + 2), &limits, &q, &used);
    return r ? r : http1_request_framing(&q, ret);
}

static void accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct http1_framing f;
        int r = frame(good[i].head, &f);
        if (r || f.body != good[i].body || f.length_bytes != good[i].length ||
            f.keep_alive != good[i].keep_alive)
            fail_msg("<%s>: %s body %d length %lu keep %d", good[i].head, err_name(r), f.body,
                     (unsigned long)f.length_bytes, f.keep_alive);
    }
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(smuggling); i++) {
        struct http1_framing f;
        int r = frame(smuggling[i].head, &f);
        if (r != smuggling[i].r)
            fail_msg("<%s>: %s, expected %s", smuggling[i].head, err_name(r),
                     err_name(smuggling[i].r));
    }
}

static void extras(void **state)
{
    (void)state;
    struct http1_framing f;
    assert_int_equal(
        frame(POST "Content-Length: 1\r\nExpect: 100-Continue\r\nTE: trailers\r\n", &f), OK);
    assert_true(f.expect_continue && f.te_trailers && f.has_length);
    assert_true(slice_eq(f.host, SLICE("a")));
    assert_int_equal(frame(POST "Expect: 100-continue\r\n", &f), OK);
    assert_false(f.expect_continue);
    assert_int_equal(frame(POST10 "Content-Length: 1\r\nExpect: 100-continue\r\n", &f), OK);
    assert_false(f.expect_continue);
    assert_int_equal(frame(POST "Connection: Upgrade\r\nUpgrade: websocket\r\n", &f), OK);
    assert_true(slice_eq(f.upgrade, SLICE("websocket")));
    assert_int_equal(frame(POST "Upgrade: websocket\r\n", &f), OK);
    assert_int_equal(f.upgrade.n, 0);
    assert_int_equal(frame(POST10 "Connection: upgrade\r\nUpgrade: websocket\r\n", &f), OK);
    assert_int_equal(f.upgrade.n, 0);
}

static const struct answer {
    const char *head;
    enum http_method method;
    int r;
    enum http1_body body;
    bool keep_alive;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", METHOD_GET, OK, HTTP1_BODY_LENGTH, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", METHOD_GET, OK, HTTP1_BODY_NONE, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", METHOD_HEAD, OK, HTTP1_BODY_NONE, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", METHOD_GET, OK, HTTP1_BODY_CHUNKED, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", METHOD_HEAD, OK, HTTP1_BODY_NONE, true},
    {"HTTP/1.1 200 OK\r\n", METHOD_GET, OK, HTTP1_BODY_UNTIL_CLOSE, false},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", METHOD_GET, OK, HTTP1_BODY_UNTIL_CLOSE,
     false},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n", METHOD_GET, OK,
     HTTP1_BODY_LENGTH, true},
    {"HTTP/1.1 200 OK\r\n", METHOD_CONNECT, OK, HTTP1_BODY_NONE, true},
    {"HTTP/1.1 407 No\r\nContent-Length: 3\r\n", METHOD_CONNECT, OK, HTTP1_BODY_LENGTH, true},
    {"HTTP/1.1 204 No Content\r\n", METHOD_GET, OK, HTTP1_BODY_NONE, true},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", METHOD_GET, OK, HTTP1_BODY_NONE, false},
    {"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n", METHOD_GET, OK, HTTP1_BODY_NONE, true},
    {"HTTP/1.1 100 Continue\r\n", METHOD_POST, OK, HTTP1_BODY_NONE, true},
    {"HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n", METHOD_GET, OK, HTTP1_BODY_NONE,
     false},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n", METHOD_GET, OK,
     HTTP1_BODY_LENGTH, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", METHOD_GET,
     ERR_UPSTREAM_PROTOCOL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n", METHOD_GET,
     ERR_UPSTREAM_PROTOCOL, 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n", METHOD_GET, ERR_UPSTREAM_PROTOCOL, 0, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", METHOD_GET, ERR_UPSTREAM_PROTOCOL,
     0, 0},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", METHOD_GET, ERR_UPSTREAM_PROTOCOL, 0, 0},
};

static void responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct answer *a = &answers[i];
        char text[256];
        struct http1_response p;
        struct http1_framing f = {.body = HTTP1_BODY_NONE};
        struct field fields[16];
        size_t n = strlen(a->head), used;
        memcpy(text, a->head, n);
        memcpy(text + n, "\r\n", 2);
        http1_response_init(&p, fields, ARRAY_LEN(fields));
        assert_int_equal(http1_parse_response(slice_of(text, n + 2), &limits, &p, &used), OK);
        int r = http1_response_framing(&p, a->method, &f);
        if (r != a->r || f.body != a->body || f.keep_alive != a->keep_alive)
            fail_msg("<%s>: %s body %d keep %d", a->head, err_name(r), f.body, f.keep_alive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(extras),
        cmocka_unit_test(responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
