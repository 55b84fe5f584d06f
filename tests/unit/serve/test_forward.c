/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What an upstream is told, for every mix of trust and lies. */
#include "serve/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"

/* "Name: value\n"... to fields. */
static size_t split(const char *text, struct field *fields, size_t cap)
{
    struct slice rest = slice_cstr(text), line;
    size_t n = 0;
    while (rest.n && slice_next(&rest, '\n', &line) && line.n) {
        size_t colon = slice_find(line, ':');
        assert_true(n < cap);
        fields[n].name = slice_first(line, colon);
        fields[n].value = slice_trim(slice_from(line, colon + 1));
        fields[n].token = token_of(fields[n].name);
        n++;
    }
    return n;
}

static const char *text_of(const struct field *fields, size_t n)
{
    static char text[4096];
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, SLICE_F ": " SLICE_F "\n",
                               SLICE_A(fields[i].name), SLICE_A(fields[i].value));
    return text;
}

static const struct row {
    const char *what, *peer, *given, *expected;
    uint8_t version;
    bool http, no_host, stripped;
} rows[] = {
    {.what = "nothing given",
     .peer = "192.0.2.7",
     .given = "Accept: */*\n",
     .expected = "Accept: */*\n"
                 "X-Forwarded-For: 192.0.2.7\n"
                 "X-Real-IP: 192.0.2.7\n"
                 "Forwarded: for=192.0.2.7;host=\"a.example:8443\";proto=https\n"
                 "X-Request-Id: 00000000000000ab\n"
                 "X-Forwarded-Proto: https\n"
                 "X-Forwarded-Host: a.example:8443\n"
                 "Via: 1.1 port443\n"},
    {.what = "a stranger's claims",
     .peer = "192.0.2.7",
     .given = "x-forwarded-for: 127.0.0.1\nX-Real-IP: 127.0.0.1\nForwarded: for=127.0.0.1\n"
              "X-Forwarded-Proto: http\nX-Forwarded-Host: evil\nX-Forwarded-Port: 1\n"
              "X-Forwarded-Prefix: /x\nX-Request-Id: mine\nProxy: http://evil\nExpect: y\n"
              "Via: 1.1 theirs\nConnection: X-Forwarded-For\nTE: gzip\nCookie: a\n",
     .version = 20,
     .expected = "Via: 1.1 theirs\nCookie: a\n"
                 "X-Forwarded-For: 192.0.2.7\n"
                 "X-Real-IP: 192.0.2.7\n"
                 "Forwarded: for=192.0.2.7;host=\"a.example:8443\";proto=https\n"
                 "X-Request-Id: 00000000000000ab\n"
                 "X-Forwarded-Proto: https\n"
                 "X-Forwarded-Host: a.example:8443\n"
                 "Via: 2 port443\n"},
    {.what = "a trusted chain",
     .peer = "10.0.0.1",
     .given = "X-Forwarded-For: 6.6.6.6, 1.1.1.1\nX-Forwarded-For: 10.0.0.2\n"
              "Forwarded: for=1.1.1.1\nX-Real-IP: 6.6.6.6\nX-Forwarded-Proto: http\n"
              "X-Forwarded-Host: b.example\nX-Forwarded-Port: 80\nX-Request-Id: theirs\n",
     .expected = "X-Forwarded-Proto: http\n"
                 "X-Forwarded-Host: b.example\n"
                 "X-Forwarded-Port: 80\n"
                 "X-Request-Id: theirs\n"
                 "X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.0.0.2, 10.0.0.1\n"
                 "X-Real-IP: 1.1.1.1\n"
                 "Forwarded: for=1.1.1.1, for=10.0.0.1;host=\"a.example:8443\";proto=https\n"
                 "Via: 1.1 port443\n"},
    {.what = "a trusted proxy that says nothing, IPv6, plain, no host, stripped",
     .peer = "fd00::1",
     .given = "",
     .version = 10,
     .http = true,
     .no_host = true,
     .stripped = true,
     .expected = "X-Forwarded-For: fd00::1\n"
                 "X-Real-IP: fd00::1\n"
                 "Forwarded: for=\"[fd00::1]\";proto=http\n"
                 "X-Request-Id: 00000000000000ab\n"
                 "X-Forwarded-Proto: http\n"
                 "X-Forwarded-Prefix: /api\n"
                 "Via: 1.0 port443\n"},
};

static void rewrites(void **state)
{
    (void)state;
    struct cidr nets[2];
    assert_int_equal(cidr_parse(SLICE("10.0.0.0/8"), &nets[0]), OK);
    assert_int_equal(cidr_parse(SLICE("fd00::/8"), &nets[1]), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct field given[32], *made;
        struct ip peer;
        struct arena a;
        size_t n;
        arena_init(&a, 65536);
        assert_int_equal(cidr_parse_ip(slice_cstr(row->peer), &peer), OK);
        struct request req = {.version = row->version ? row->version : 11, .fields = given};
        req.nfields = split(row->given, given, ARRAY_LEN(given));
        req.authority = row->no_host ? SLICE_EMPTY : SLICE("a.example:8443");
        const struct forward_request q = {.req = &req,
                                          .peer = &peer,
                                          .trust = {nets, 2},
                                          .prefix = row->stripped ? SLICE("/api") : SLICE_EMPTY,
                                          .id = 0xab,
                                          .https = !row->http};
        assert_int_equal(forward_fields(&q, &a, &made, &n), OK);
        const char *got = text_of(made, n);
        if (strcmp(got, row->expected) != 0)
            fail_msg("%s:\n%s--- expected\n%s", row->what, got, row->expected);
        arena_done(&a);
        arena_init(&a, 64);
        assert_int_equal(forward_fields(&q, &a, &made, &n), ERR_NOMEM);
        arena_done(&a);
    }
}

static void targets(void **state)
{
    (void)state;
    struct arena a;
    struct slice got;
    arena_init(&a, 4096);
    assert_int_equal(forward_target(SLICE("/a"), SLICE_EMPTY, &a, &got), OK);
    assert_true(slice_eq(got, SLICE("/a")));
    assert_int_equal(forward_target(SLICE("/a"), SLICE(""), &a, &got), OK);
    assert_true(slice_eq(got, SLICE("/a?")));
    assert_int_equal(forward_target(SLICE("/a"), SLICE("x=1?"), &a, &got), OK);
    assert_true(slice_eq(got, SLICE("/a?x=1?")));
    arena_done(&a);
}

struct pair_row {
    const char *from, *to;
};

static void expect(const struct pair_row *row, struct slice got)
{
    if (!slice_eq(got, slice_cstr(row->to)))
        fail_msg("%s: \"" SLICE_F "\", expected \"%s\"", row->from, SLICE_A(got), row->to);
}

static void hosts(void **state)
{
    (void)state;
    static const struct pair_row table[] = {
        {"http://10.0.0.1:8080", "10.0.0.1:8080"}, {"http://a.internal:80", "a.internal"},
        {"https://a.internal:443", "a.internal"},  {"https://a.internal:80", "a.internal:80"},
        {"http://[::1]:3000", "[::1]:3000"},       {"unix:/run/app.sock", "localhost"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        expect(&table[i], forward_host(slice_cstr(table[i].from)));
}

static void upgrades(void **state)
{
    (void)state;
    static const struct pair_row table[] = {
        {"websocket", "websocket"},
        {"WebSocket", "WebSocket"},
        {"h2c", ""},
        {"H2C, websocket", "websocket"},
        {"HTTP/2.0", ""},
        {"TLS/1.3", ""},
        {"", ""},
        {"a b", ""},
        {"spdy/3.1", "spdy/3.1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        expect(&table[i], forward_upgrade(slice_cstr(table[i].from)));
}

static void answers(void **state)
{
    (void)state;
    struct field given[16], kept[16];
    size_t n = split("Date: x\nAlt-Svc: h3\nContent-Length: 1\nTrailer: a\nServer: s\nX-A: b\n"
                     "Set-Cookie: c\n",
                     given, ARRAY_LEN(given)),
           nkept = 0;
    for (size_t i = 0; i < n; i++)
        if (forward_answers(&given[i]))
            kept[nkept++] = given[i];
    assert_string_equal(text_of(kept, nkept), "Server: s\nX-A: b\nSet-Cookie: c\n");
    n = split("X-Sum: 1\nContent-Length: 5\nSet-Cookie: a\nTransfer-Encoding: chunked\n", given,
              ARRAY_LEN(given));
    nkept = forward_trailers(given, n, kept);
    assert_string_equal(text_of(kept, nkept), "X-Sum: 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewrites), cmocka_unit_test(targets), cmocka_unit_test(hosts),
        cmocka_unit_test(upgrades), cmocka_unit_test(answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
