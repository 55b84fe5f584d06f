/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Header lines of CAs: both forms of Retry-After, links, nonces that are none, interim heads, heads
 * without end. */
#include "cert/acmehead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static struct acmehead h;

static void feed(const char *const *lines)
{
    acmehead_init(&h);
    for (; *lines; lines++)
        assert_int_equal(acmehead_line(&h, slice_cstr(*lines)), OK);
    acmehead_end(&h, NOW);
}

static void retry_after(void **state)
{
    (void)state;
    static const struct {
        const char *retry, *date;
        int64_t want;
    } rows[] = {
        {"120", NULL, 120},
        {"0", NULL, 0},
        {"-5", NULL, -1},
        {"1.5", NULL, -1},
        {"soon", NULL, -1},
        {"99999999999999999999999", NULL, 366 * 86400},
        {"Sun, 06 Nov 1994 08:59:37 GMT", NULL, 600},
        {"Sun, 06 Nov 1994 08:39:37 GMT", NULL, 0}, /* in the past: now */
        {"Sun, 06 Nov 2094 08:39:37 GMT", NULL, 366 * 86400},
        /* The server's clock is an hour ahead: what counts is its own distance. */
        {"Sun, 06 Nov 1994 09:59:37 GMT", "Sun, 06 Nov 1994 09:49:37 GMT", 600},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char retry[96], date[96];
        snprintf(retry, sizeof(retry), "retry-after: %s\r\n", rows[i].retry);
        snprintf(date, sizeof(date), "Date: %s\r\n", rows[i].date ? rows[i].date : "never");
        const char *lines[] = {"HTTP/1.1 503 Busy\r\n", retry, date, "\r\n", NULL};
        feed(lines);
        print_message("%s: %lld, want %lld\n", rows[i].retry, (long long)h.retry_after_s,
                      (long long)rows[i].want);
        assert_int_equal(h.retry_after_s, rows[i].want);
        acmehead_done(&h);
    }
}

static void links(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "HTTP/1.1 200 OK",
        "Link: <https://ca.test/dir>;rel=\"index\"",
        "link: <https://ca.test/1>;rel=\"alternate\", <https://ca.test/2,x>; title=\"a, b\"; "
        "rel=alternate",
        "Link: </relative>;rel=\"alternate\"",
        "Link: <http://ca.test/plain>;rel=\"alternate\"",
        "Link: <https://ca.test/\"quote>;rel=\"alternate\"",
        "Link: <https://ca.test/open",
        "Link: nonsense, , ;;",
        NULL};
    feed(lines);
    assert_int_equal(h.nalternates, 2);
    assert_true(slice_eq(h.alternates[0], SLICE("https://ca.test/1")));
    assert_true(slice_eq(h.alternates[1], SLICE("https://ca.test/2,x")));
    for (int i = 0; i < 20; i++)
        assert_int_equal(acmehead_line(&h, SLICE("Link: <https://a/>;rel=alternate")), OK);
    assert_int_equal(h.nalternates, ACMEHEAD_LINKS_MAX);
    acmehead_done(&h);
}

static void values_that_are_none(void **state)
{
    (void)state;
    static const char *const lines[] = {"HTTP/1.1 201 Created",
                                        "Replay-Nonce: bad nonce",
                                        "Location: javascript:alert(1)",
                                        "Date: yesterday",
                                        "no colon",
                                        ": no name",
                                        NULL};
    feed(lines);
    assert_int_equal(h.status, 201);
    assert_int_equal(h.nonce.n, 0);
    assert_int_equal(h.location.n, 0);
    assert_int_equal(h.date_s, 0);
    acmehead_done(&h);
}

static void interim_heads_are_forgotten(void **state)
{
    (void)state;
    static const char *const lines[] = {"HTTP/1.1 103 Early Hints\r\n",
                                        "Replay-Nonce: early\r\n",
                                        "\r\n",
                                        "HTTP/1.1 200 OK\r\n",
                                        "Content-Type: a/b\r\n",
                                        "\r\n",
                                        NULL};
    feed(lines);
    assert_int_equal(h.status, 200);
    assert_int_equal(h.nonce.n, 0);
    assert_true(slice_eq(h.content_type, SLICE("a/b")));
    acmehead_done(&h);
}

static void heads_have_an_end(void **state)
{
    (void)state;
    static char line[2000] = "X: ";
    memset(line + 3, 'x', sizeof(line) - 4);
    int r = OK, n = 0;
    acmehead_init(&h);
    while (!r && n++ < 1000)
        r = acmehead_line(&h, slice_cstr(line));
    assert_int_equal(r, ERR_CAP);
    assert_int_equal(n, ACMEHEAD_BYTES_MAX / (int)strlen(line) + 1);
    acmehead_done(&h);
    memcpy(line, "location: https://a/", 20);
    for (acmehead_init(&h), r = OK, n = 0; !r && n < 100; n++)
        r = acmehead_line(&h, slice_cstr(line));
    assert_int_equal(r, ERR_CAP); /* the arena, long before */
    assert_true(n < 15);
    acmehead_done(&h);
}

static void urls(void **state)
{
    (void)state;
    assert_true(acmehead_url_ok(SLICE("https://ca.test:14000/a?b=c,d")));
    static const char *const bad[] = {"",
                                      "https://",
                                      "https:///path",
                                      "http://ca.test/",
                                      "HTTPS://",
                                      "https://ca.test/ x",
                                      "https://a/\"",
                                      "https://a/\\",
                                      "https://\xc3\xa4/"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        print_message("%s\n", bad[i]);
        assert_false(acmehead_url_ok(slice_cstr(bad[i])));
    }
    assert_true(slice_eq(acmehead_url_host(SLICE("https://ca.test:1/x")), SLICE("ca.test:1")));
    assert_true(slice_eq(acmehead_url_host(SLICE("http://a?x")), SLICE("a")));
    assert_int_equal(acmehead_url_host(SLICE("x")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after),          cmocka_unit_test(links),
        cmocka_unit_test(values_that_are_none), cmocka_unit_test(interim_heads_are_forgotten),
        cmocka_unit_test(heads_have_an_end),    cmocka_unit_test(urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
