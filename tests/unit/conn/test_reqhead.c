/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Heads of both versions to one normal form, and the heads that have none. */
#include "conn/reqhead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

struct row {
    const char *target, *host, *fields; /* fields: "name: value|name: value" */
    int r;
    const char *want_host, *want_authority, *want_path, *want_query, *want_fields;
};

static const struct row h1_rows[] = {
    {"/", "A.Test.:8443", "", OK, "a.test", "a.test:8443", "/", NULL, ""},
    {"/%7Ea/../b%2f?", "a.test", "", OK, "a.test", "a.test", "/b%2F", "", ""},
    {"/x?q=/../", "[::1]:443", "", OK, "::1", "[::1]:443", "/x", "q=/../", ""},
    {"https://a.test/x", "A.test", "", OK, "a.test", "a.test", "/x", NULL, ""},
    {"https://a.test:443/x", "a.test", "", OK, "a.test", "a.test:443", "/x", NULL, ""},
    {"https://a.test:443/x", "a.test:444", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"https://a.test/x", "b.test", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "a..b", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/\\", "a.test", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"x", "a.test", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "a", "X-A: 1|X_A: 2|X.B: 3|Proxy: p|Y: 2", OK, "a", "a", "/", NULL, "X-A=1;Y=2;"},
    {"/", "a", "Connection: close, X-A|X-A: 1|TE: trailers|Keep-Alive: 5|Y: 2", OK, "a", "a", "/",
     NULL, "Y=2;"},
    {"/", "a", "Connection: X-Forwarded-For|X-Forwarded-For: 1.2.3.4", OK, "a", "a", "/", NULL,
     "X-Forwarded-For=1.2.3.4;"},
    {"/", "a", "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", ERR_SYNTAX, NULL, NULL, NULL, NULL,
     NULL},
    {"/", "a", "Content-Length: 3|Transfer-Encoding: chunked|Expect: x|Empty:|Cookie: a|Cookie: b",
     OK, "a", "a", "/", NULL, "Empty=;Cookie=a;Cookie=b;"},
};

static const struct row h2_rows[] = {
    {"/", "A.test", "cookie: a=1|x-a: 1|cookie: b=2|cookie: c=3|y: 2", OK, "a.test", "a.test", "/",
     NULL, "cookie=a=1; b=2; c=3;x-a=1;y=2;"},
    {"/", "a", "te: trailers", OK, "a", "a", "/", NULL, ""},
    {"/", "a", "te: gzip", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "a", "connection: close", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "a", "transfer-encoding: chunked", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "a", "upgrade: h2c", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "a", "proxy-connection: x", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"https://a/", "a", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
    {"/", "", "", ERR_SYNTAX, NULL, NULL, NULL, NULL, NULL},
};

static size_t split_fields(struct slice text, struct field *fields)
{
    size_t n = 0;
    struct slice one, name;
    while (text.n && slice_next(&text, '|', &one)) {
        slice_next(&one, ':', &name);
        fields[n++] = (struct field){name, slice_trim(one), token_of(name)};
    }
    return n;
}

static void same(size_t i, const char *what, const char *want, struct slice got)
{
    if (want ? !slice_eq(slice_cstr(want), got) : got.p != NULL)
        fail_msg("row %zu: %s: want %s, got " SLICE_F, i, what, want ? want : "none", SLICE_A(got));
}

static void check(const struct row *row, size_t i, uint8_t version, bool as_host)
{
    struct arena a;
    struct field fields[32];
    struct request req;
    char block[1024];
    arena_init(&a, EXCHANGE_ARENA_MAX);
    /* everything in one block, which is wiped afterwards: no slice may point at it any more */
    size_t n =
        (size_t)snprintf(block, sizeof(block), "%s\n%s\n%s", row->target, row->host, row->fields);
    struct slice rest = slice_of(block, n), target, host;
    slice_next(&rest, '\n', &target);
    slice_next(&rest, '\n', &host);
    const struct reqhead h = {.version = version,
                              .method = METHOD_GET,
                              .method_text = SLICE("GET"),
                              .target = target,
                              .authority = as_host ? SLICE_EMPTY : host,
                              .host = as_host ? host : SLICE_EMPTY,
                              .fields = fields,
                              .nfields = split_fields(rest, fields),
                              .block = slice_of(block, n)};
    int r = reqhead_fill(&h, &a, &req);
    memset(block, '!', sizeof(block));
    if (r != row->r)
        fail_msg("row %zu: want %s, got %s", i, err_name(row->r), err_name(r));
    if (r == OK) {
        char text[512] = "";
        size_t at = 0;
        for (size_t k = 0; k < req.nfields; k++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, SLICE_F "=" SLICE_F ";",
                                   SLICE_A(req.fields[k].name), SLICE_A(req.fields[k].value));
        same(i, "host", row->want_host, req.host);
        same(i, "authority", row->want_authority, req.authority);
        same(i, "path", row->want_path, req.path);
        same(i, "query", row->want_query, req.query);
        same(i, "fields", row->want_fields, slice_cstr(text));
        same(i, "target", row->target, req.target);
    }
    arena_done(&a);
}

static void normalises_h1(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(h1_rows); i++)
        check(&h1_rows[i], i, 11, true);
}

static void normalises_h2(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(h2_rows); i++)
        check(&h2_rows[i], i, 20, false);
}

static int fill(const struct reqhead *h, struct request *req)
{
    struct arena a;
    arena_init(&a, EXCHANGE_ARENA_MAX);
    int r = reqhead_fill(h, &a, req);
    arena_done(&a);
    return r;
}

static void knows_the_other_rules(void **state)
{
    (void)state;
    struct request req;
    struct reqhead h = {
        .version = 10, .method = METHOD_GET, .method_text = SLICE("GET"), .target = SLICE("/")};
    assert_int_equal(fill(&h, &req), OK); /* HTTP/1.0 without Host */
    assert_int_equal(req.host.n, 0);
    h.version = 11;
    h.host = SLICE("a");
    h.upgrade = SLICE("websocket");
    assert_int_equal(fill(&h, &req), OK);
    assert_true(slice_eq(req.upgrade, SLICE("websocket")));
    h.upgrade = SLICE("h2c, websocket");
    assert_int_equal(fill(&h, &req), OK);
    assert_int_equal(req.upgrade.n, 0);
    h.method = METHOD_CONNECT;
    assert_int_equal(fill(&h, &req), ERR_NOT_IMPLEMENTED);
    h.method = METHOD_OPTIONS;
    h.target = SLICE("*");
    assert_int_equal(fill(&h, &req), OK);
    assert_true(slice_eq(req.path, SLICE("*")));
    h.version = 20;
    h.authority = SLICE("b");
    assert_int_equal(fill(&h, &req), ERR_SYNTAX); /* :authority b, Host a */
    h.host = SLICE("B");
    h.scheme = SLICE("https");
    h.upgrade = SLICE_EMPTY;
    assert_int_equal(fill(&h, &req), OK);
    h.scheme = SLICE("ftp");
    assert_int_equal(fill(&h, &req), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalises_h1),
        cmocka_unit_test(normalises_h2),
        cmocka_unit_test(knows_the_other_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
