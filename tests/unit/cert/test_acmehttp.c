/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* libcurl on the loop against a server of our own: what is sent, what comes back, what is refused,
 * and callers that cancel and free at the worst moment. */
#include "cert/acmehttp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "toyca.h"

#define TURNS_MAX 2000

static struct loop *l;
static struct toyca ca;
static struct acmehttp *http;
static struct toyca_request last;
static char last_body[256];

/* What on_done saw; slices do not outlive it. */
struct seen {
    struct acmehttp_call call;
    unsigned times;
    int r;
    unsigned status;
    size_t body_bytes;
    char body[64], nonce[64], location[64], story[1024];
    int64_t retry_after_s;
    size_t nalternates;
    void (*then)(struct seen *s);
};

static void copy(char *dst, size_t cap, struct slice s)
{
    snprintf(dst, cap, SLICE_F, SLICE_A(slice_first(s, cap - 1)));
}

static void on_done(struct acmehttp_call *c, const struct acmehttp_reply *reply)
{
    struct seen *s = container_of(c, struct seen, call);
    assert_null(c->http);
    s->times++;
    s->r = reply->r;
    s->status = reply->status;
    s->body_bytes = reply->body.n;
    s->retry_after_s = reply->retry_after_s;
    s->nalternates = reply->nalternates;
    copy(s->body, sizeof(s->body), reply->body);
    copy(s->nonce, sizeof(s->nonce), reply->nonce);
    copy(s->location, sizeof(s->location), reply->location);
    fault_text(&reply->fault, s->story, sizeof(s->story));
    if (reply->r)
        print_message("%s\n", s->story);
    if (s->then)
        s->then(s);
}

static void script(struct toyca *t, const struct toyca_request *q, struct buf *out)
{
    static char huge[2 * ACMEHTTP_BODY_MAX];
    last = *q;
    copy(last_body, sizeof(last_body), q->body);
    if (!strcmp(q->path, "/cut"))
        return;
    if (!strcmp(q->path, "/huge")) {
        memset(huge, 'x', sizeof(huge) - 1);
        toyca_answer(t, out, 200, "", huge);
    } else if (!strcmp(q->path, "/moved")) {
        toyca_answer(t, out, 302, "Location: https://127.0.0.1:1/\r\n", "");
    } else if (!strcmp(q->path, "/garbage")) {
        assert_int_equal(buf_add(out, SLICE("220 mail.test ESMTP\r\n")), OK);
    } else if (!strcmp(q->method, "HEAD")) {
        assert_int_equal(buf_add(out, SLICE("HTTP/1.1 200 OK\r\nReplay-Nonce: head\r\n\r\n")), OK);
    } else {
        toyca_answer(t, out, 503,
                     "Retry-After: 7\r\nLocation: https://ca.test/x\r\n"
                     "Link: <https://ca.test/2>;rel=\"alternate\"\r\n",
                     "busy");
    }
}

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f) || acmehttp_new(l, &http, &f))
        return -1;
    toyca_open(&ca, l, script);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    acmehttp_free(http);
    toyca_done(&ca);
    loop_free(l);
    return 0;
}

static void ask_at(struct seen *s, enum acmehttp_method method, const char *base, const char *path,
                   struct slice pem)
{
    char url[TOYCA_URL_BYTES];
    snprintf(url, sizeof(url), "%s%s", base, path);
    struct acmehttp_request q = {
        .method = method, .url = slice_cstr(url), .ca_pem = pem, .body = SLICE("{\"a\":1}")};
    s->call.on_done = on_done;
    unsigned before = s->times;
    acmehttp_start(http, &q, &s->call);
    assert_int_equal(s->times, before); /* never from inside */
    memset(url, '#', sizeof(url));      /* it was copied */
}

static void ask(struct seen *s, enum acmehttp_method method, const char *path)
{
    ask_at(s, method, ca.base, path, buf_slice(&ca.trust.pem));
}

static void wait_for(struct seen *s)
{
    for (int i = 0; !s->times && i < TURNS_MAX; i++)
        loop_turn(l, 20);
    assert_int_equal(s->times, 1);
}

static void sends_and_reads(void **state)
{
    (void)state;
    struct seen s = {0};
    ask(&s, ACMEHTTP_POST, "/order?x=1");
    wait_for(&s);
    assert_int_equal(s.r, OK);
    assert_int_equal(s.status, 503);
    assert_string_equal(s.body, "busy");
    assert_string_equal(s.nonce, "nonce-1");
    assert_string_equal(s.location, "https://ca.test/x");
    assert_int_equal(s.retry_after_s, 7);
    assert_int_equal(s.nalternates, 1);
    assert_string_equal(last.method, "POST");
    assert_string_equal(last.path, "/order?x=1");
    assert_string_equal(last_body, "{\"a\":1}");
    assert_non_null(strstr(last.head, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(last.head, "\r\nContent-Type: application/jose+json\r\n"));
    assert_non_null(strstr(last.head, "\r\nUser-Agent: port443/" PORT443_VERSION "\r\n"));
    assert_null(strstr(last.head, "Expect"));
    struct seen h = {0};
    ask(&h, ACMEHTTP_HEAD, "/nonce");
    wait_for(&h);
    assert_int_equal(h.status, 200);
    assert_string_equal(h.nonce, "head");
    assert_int_equal(ca.toy.accepted, 1); /* the connection was kept */
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int r;
    } rows[] = {{"/huge", ERR_CAP}, {"/cut", ERR_RESET}, {"/garbage", ERR_SYNTAX}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen s = {0};
        ask(&s, ACMEHTTP_GET, rows[i].path);
        wait_for(&s);
        print_message("%s: %s, want %s\n", rows[i].path, err_name(s.r), err_name(rows[i].r));
        assert_int_equal(s.r, rows[i].r);
        assert_non_null(strstr(s.story, "127.0.0.1"));
    }
    struct seen moved = {0};
    ask(&moved, ACMEHTTP_GET, "/moved");
    wait_for(&moved);
    assert_int_equal(moved.status, 302);
}

static void trusts_nobody_else(void **state)
{
    (void)state;
    struct pair_ca other;
    pair_ca_init(&other);
    struct seen s = {0}, system = {0}, plain = {0}, closed = {0}, broken = {0};
    ask_at(&s, ACMEHTTP_GET, ca.base, "/", buf_slice(&other.pem));
    wait_for(&s);
    assert_int_equal(s.r, ERR_VERIFY);
    ask_at(&system, ACMEHTTP_GET, ca.base, "/", SLICE_EMPTY);
    wait_for(&system);
    assert_int_equal(system.r, ERR_VERIFY);
    assert_int_equal(ca.requests, 0);
    ask_at(&plain, ACMEHTTP_GET, "http://127.0.0.1:1", "/", SLICE_EMPTY);
    wait_for(&plain);
    assert_int_equal(plain.r, ERR_SYNTAX);
    ask_at(&closed, ACMEHTTP_GET, "https://127.0.0.1:1", "/", SLICE_EMPTY);
    wait_for(&closed);
    assert_int_equal(closed.r, ERR_REFUSED);
    ask_at(&broken, ACMEHTTP_GET, ca.base, "/", SLICE("no certificate"));
    wait_for(&broken);
    assert_int_equal(broken.r, ERR_CONFIG);
    pair_ca_done(&other);
}

static struct seen others[3];

static void cancel_others(struct seen *s)
{
    (void)s;
    acmehttp_cancel(&others[1].call);
    acmehttp_cancel(&others[2].call);
    acmehttp_cancel(&others[0].call); /* over already: nothing happens */
}

static void again(struct seen *s)
{
    s->then = NULL;
    s->times = 0;
    ask(s, ACMEHTTP_GET, "/again");
}

static void free_all(struct seen *s)
{
    (void)s;
    acmehttp_free(http);
    http = NULL;
}

static void cancelled_and_freed(void **state)
{
    (void)state;
    struct seen s = {0};
    memset(others, 0, sizeof(others));
    ask(&others[1], ACMEHTTP_GET, "/1");
    acmehttp_cancel(&others[1].call); /* before anything was sent */
    assert_null(others[1].call.http);
    others[0].then = cancel_others;
    for (int i = 0; i < 3; i++)
        ask(&others[i], ACMEHTTP_GET, i ? "/late" : "/first");
    while (!others[0].times)
        loop_turn(l, 20);
    for (int i = 0; i < 10; i++)
        loop_turn(l, 5);
    /* The two others may have been answered before the first was. */
    assert_true(others[1].times <= 1 && others[2].times <= 1);
    assert_null(others[1].call.http);
    s.then = again;
    ask(&s, ACMEHTTP_GET, "/x");
    while (s.then || !s.times)
        loop_turn(l, 20);
    assert_string_equal(last.path, "/again");
    struct seen end[2] = {{.then = free_all}, {.then = free_all}};
    ask(&end[0], ACMEHTTP_GET, "/a");
    ask(&end[1], ACMEHTTP_GET, "/b");
    while (http)
        loop_turn(l, 20);
    assert_int_equal(end[0].times + end[1].times, 1);
    assert_null(end[0].call.http);
    assert_null(end[1].call.http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_and_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trusts_nobody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_and_freed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
