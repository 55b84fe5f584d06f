/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Connections as they are made: several addresses, time-outs, TLS that verifies, and what happens
 * when the other side does not keep to it. */
#include "client/dial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../crypt/pair.h"
#include "base/err.h"
#include "base/pool.h"
#include "caller.h"
#include "client/resolve.h"
#include "os/sock.h"
#include "toy.h"

static struct loop *l;
static struct resolver *res;
static struct pair_ca ca;
static struct tlsctx *server, *client;

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f) || resolve_new(l, NULL, &res, &f))
        return -1;
    pair_ca_init(&ca);
    server = pair_server(&ca, NULL, 1);
    client = pair_client(&ca);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tlsctx_unref(server);
    tlsctx_unref(client);
    pair_ca_done(&ca);
    resolve_free(res);
    loop_free(l);
    return 0;
}

static int secure(struct toy_conn *c)
{
    struct session *s;
    int r = session_accept(server, &s);
    return r ? r : link_set_filter(&c->link, &session_filter, s);
}

static const char *answer;
static int ending; /* 0 stays open, 1 orderly end, 2 cut */

static void on_request(struct toy_conn *c)
{
    char head[512];
    if (c->ended || !toy_head(c, head, sizeof(head)))
        return;
    toy_say(c, slice_cstr(answer));
    if (ending == 1)
        toy_shut(c);
    else if (ending == 2)
        toy_end(c, false);
}

static struct upstream *tls_upstream(uint16_t port, const char *name, uint32_t timeout_ms)
{
    struct upstream_options o = caller_options("127.0.0.1", port);
    struct upstream *u;
    o.tls = client;
    o.tls_name = slice_cstr(name);
    o.connect_timeout_ms = timeout_ms;
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    return u;
}

static void get(struct caller *c, struct upstream *u)
{
    caller_init(c, l);
    caller_get(c, u, "/");
    caller_wait(c);
    if (c->fail)
        print_message("%s: %s\n", err_name(c->fail), c->fault.what);
}

static void tls_verified_and_kept(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, on_request);
    t.wrap = secure;
    struct upstream *u = tls_upstream(t.port, "site.test", 2000);
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsealed";
    ending = 0;
    for (int i = 0; i < 3; i++) {
        get(&c, u);
        assert_int_equal(c.head.status, 200);
        assert_memory_equal(c.body.p, "sealed", 6);
        caller_done(&c);
        for (int n = 0; n < 5; n++)
            loop_turn(l, 0); /* tickets that arrive on the idle connection do not end it */
    }
    struct upstream_stats s;
    upstream_stats(u, &s);
    assert_int_equal(s.connects, 1);
    assert_int_equal(s.idle, 1);
    assert_memory_equal(upstream_name(u).p, "https://127.0.0.1:", 18);
    upstream_unref(u);
    toy_done(&t);
}

static void answer_once(struct toy_conn *c)
{
    if (c->seen.n && !c->answers++)
        toy_say(c, slice_cstr(answer));
}

static void tls_large_both_ways(void **state)
{
    (void)state;
    static uint8_t block[65536];
    struct toy t;
    struct caller c;
    toy_open(&t, l, answer_once);
    t.wrap = secure;
    struct upstream *u = tls_upstream(t.port, "site.test", 2000);
    struct fetch_request q = {.method = SLICE("POST"),
                              .target = SLICE("/"),
                              .host = SLICE("a"),
                              .has_body = true,
                              .length = -1,
                              .timeout_ms = 2000};
    answer = "HTTP/1.1 200 OK\r\n\r\n"; /* until close */
    ending = 0;
    caller_init(&c, l);
    caller_start(&c, u, &q);
    size_t written = 0;
    for (int i = 0; i < 2000 && c.sent < 2097152; i++) {
        if (written < 2097152 && written - c.sent <= 131072) {
            assert_int_equal(fetch_write(c.f, slice_of(block, 65536), false), OK);
            written += 65536;
        }
        loop_turn(l, 10);
    }
    assert_int_equal(fetch_write(c.f, SLICE("end"), true), OK);
    struct toy_conn *k = container_of(t.conns.prev, struct toy_conn, node);
    while (!slice_ends(buf_slice(&k->seen), SLICE("end\r\n0\r\n\r\n")))
        loop_turn(l, 50);
    assert_int_equal(c.sent, 2097152 + 3);
    for (int i = 0; i < 32; i++) {
        toy_say(k, slice_of(block, 65536));
        for (int n = 0; n < 2000 && k->link.out.n; n++)
            loop_turn(l, 10);
    }
    toy_shut(k);
    caller_wait(&c);
    assert_true(c.ended);
    assert_int_equal(c.body.n, 2097152);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

static void tls_refused(void **state)
{
    (void)state;
    struct tlsctx *stranger;
    struct pair_ca other;
    pair_ca_init(&other);
    stranger = pair_client(&other);
    for (int i = 0; i < 2; i++) {
        struct toy t;
        struct caller c;
        toy_open(&t, l, on_request);
        t.wrap = secure;
        struct upstream_options o = caller_options("127.0.0.1", t.port);
        struct upstream *u;
        o.tls = i ? stranger : client;
        o.tls_name = i ? SLICE("site.test") : SLICE("other.test");
        assert_int_equal(upstream_new(l, res, &o, &u), OK);
        get(&c, u);
        assert_int_equal(c.fail, ERR_VERIFY);
        assert_int_equal(c.fault.code, ERR_VERIFY);
        assert_string_not_equal(c.fault.what, "");
        caller_done(&c);
        upstream_unref(u);
        toy_done(&t);
    }
    tlsctx_unref(stranger);
    pair_ca_done(&other);
}

static struct slice first_words;

static void speak_first(struct toy_conn *c)
{
    toy_say(c, first_words);
}

/* CVE-2026-1642: bytes in the clear before or instead of the handshake are never an answer. */
static void plain_text_before_tls(void **state)
{
    (void)state;
    static const struct slice said[] = {
        SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        SLICE("H"),
        SLICE("\x17\x03\x03\x00\x04"
              "evil"),
    };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct toy t;
        struct caller c;
        toy_open(&t, l, on_request);
        t.on_accept = speak_first; /* before the filter: in the clear */
        first_words = said[i];
        struct upstream *u = tls_upstream(t.port, "site.test", 300);
        get(&c, u);
        assert_true(c.fail != 0);
        assert_true(c.fail == ERR_TLS || c.fail == ERR_NOT_TLS || c.fail == ERR_UPSTREAM_TIMEOUT ||
                    c.fail == ERR_TLS_VERSION);
        assert_int_equal(c.fail == ERR_UPSTREAM_TIMEOUT, i == 1);
        assert_false(c.head_seen);
        caller_done(&c);
        struct upstream_stats s;
        upstream_stats(u, &s);
        assert_int_equal(s.idle, 0);
        upstream_unref(u);
        toy_done(&t);
    }
}

/* The same with a real handshake behind the injected bytes. */
static int inject_then_secure(struct toy_conn *c)
{
    toy_say(c, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    return secure(c);
}

static void plain_text_in_front_of_tls(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, on_request);
    t.wrap = inject_then_secure;
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
    ending = 0;
    struct upstream *u = tls_upstream(t.port, "site.test", 2000);
    get(&c, u);
    assert_int_not_equal(c.fail, 0);
    assert_false(c.head_seen);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

/* A server that says something as soon as TLS stands, before it was asked. */
static int secure_and_speak(struct toy_conn *c)
{
    c->answers = 1;
    return secure(c);
}

static void on_secured(struct toy_conn *c)
{
    if (c->answers && link_write(&c->link, slice_cstr(answer)) == OK) {
        c->answers = 0;
        assert_int_equal(link_flush(&c->link), OK);
    }
}

static void answer_before_the_question(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, on_secured);
    t.wrap = secure_and_speak;
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    struct upstream *u = tls_upstream(t.port, "site.test", 2000);
    get(&c, u);
    /* Either it came with the last flight (refused), or after our request had left: then it is an
     * answer like any other. The connection is not kept in the first case. */
    assert_true(c.fail == ERR_UPSTREAM_PROTOCOL || c.head.status == 200);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

static void tls_end_of_answer(void **state)
{
    (void)state;
    for (ending = 1; ending < 3; ending++) {
        struct toy t;
        struct caller c;
        toy_open(&t, l, on_request);
        t.wrap = secure;
        answer = "HTTP/1.1 200 OK\r\n\r\nuntil close";
        struct upstream *u = tls_upstream(t.port, "site.test", 2000);
        get(&c, u);
        assert_int_equal(c.head.status, 200);
        assert_int_equal(c.body.n, 11);
        assert_int_equal(c.ended, ending == 1); /* without close_notify it may have been cut */
        assert_int_equal(c.cut, ending == 1 ? OK : ERR_RESET);
        caller_done(&c);
        upstream_unref(u);
        toy_done(&t);
    }
    ending = 0;
}

static void close_at_once(struct toy_conn *c)
{
    toy_end(c, false);
}

static void ignore(struct toy_conn *c)
{
    (void)c;
}

static void tls_handshake_cut_or_silent(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct toy t;
        struct caller c;
        toy_open(&t, l, silent ? ignore : close_at_once);
        struct upstream *u = tls_upstream(t.port, "site.test", 150);
        uint64_t start_ms = loop_now_ms(l);
        get(&c, u);
        if (silent) {
            assert_int_equal(c.fail, ERR_UPSTREAM_TIMEOUT);
            assert_in_range(loop_now_ms(l) - start_ms, 150, 3000);
        } else {
            assert_true(c.fail == ERR_RESET || c.fail == ERR_EOF || c.fail == ERR_TLS);
        }
        caller_done(&c);
        upstream_unref(u);
        toy_done(&t);
    }
}

/* localhost is 127.0.0.1 and ::1: only one of them listens. */
static void next_address(void **state)
{
    (void)state;
    struct toy t;
    struct sock_addr a;
    struct fault f;
    int fd;
    assert_int_equal(sock_addr_parse(SLICE("[::1]:0"), &a), OK);
    if (sock_listen(&a, false, 8, &fd, &f))
        skip();
    toy_open(&t, l, on_request);
    toy_stop_listening(&t);
    t.listener.fd = fd;
    assert_int_equal(sock_local_port(fd, &t.port), OK);
    assert_int_equal(loop_add_level(l, &t.listener), OK);
    struct upstream_options o = caller_options("localhost", t.port);
    struct upstream *u;
    struct caller c;
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    get(&c, u);
    assert_int_equal(c.head.status, 200);
    assert_memory_equal(fetch_address(c.f), "[::1]:", 6);
    uint32_t connect_ms, head_ms;
    fetch_times(c.f, &connect_ms, &head_ms);
    assert_true(connect_ms <= head_ms);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

/* A listener whose queue is full drops what comes: the connection attempt hangs. */
static void fill_queue(struct toy *t, int *fds, size_t n)
{
    struct sock_addr a;
    struct ip loopback = {{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    struct fault f;
    toy_open(t, l, ignore);
    toy_stop_listening(t);
    sock_addr_make(&loopback, 0, &a);
    assert_int_equal(sock_listen(&a, false, 1, &t->listener.fd, &f), OK);
    assert_int_equal(sock_local_port(t->listener.fd, &t->port), OK);
    sock_addr_make(&loopback, t->port, &a);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sock_connect(&a, &fds[i]), OK);
}

static void connect_times_out(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    int fds[8];
    fill_queue(&t, fds, ARRAY_LEN(fds));
    struct upstream_options o = caller_options("127.0.0.1", t.port);
    struct upstream *u;
    o.connect_timeout_ms = 120;
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    uint64_t start_ms = loop_now_ms(l);
    get(&c, u);
    assert_int_equal(c.fail, ERR_UPSTREAM_TIMEOUT);
    assert_in_range(loop_now_ms(l) - start_ms, 120, 3000);
    caller_done(&c);
    upstream_unref(u);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        sock_close(fds[i]);
    sock_close(t.listener.fd);
    t.listener.fd = -1;
    toy_done(&t);
}

/* The first address hangs, the second is tried after the stagger, long before the time-out. */
static void second_address_after_the_stagger(void **state)
{
    (void)state;
    struct toy hung, t;
    struct caller c;
    struct sock_addr a;
    struct fault f;
    int fds[8], fd;
    fill_queue(&hung, fds, ARRAY_LEN(fds));
    sock_addr_make(&(struct ip){{[15] = 1}}, hung.port, &a);
    bool v6 = sock_listen(&a, false, 8, &fd, &f) == OK;
    if (v6) {
        toy_open(&t, l, on_request);
        toy_stop_listening(&t);
        t.listener.fd = fd;
        assert_int_equal(loop_add_level(l, &t.listener), OK);
        struct upstream_options o = caller_options("localhost", hung.port);
        struct upstream *u;
        assert_int_equal(upstream_new(l, res, &o, &u), OK);
        answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        uint64_t start_ms = loop_now_ms(l);
        get(&c, u);
        assert_int_equal(c.fail, 0);
        assert_memory_equal(fetch_address(c.f), "[::1]:", 6);
        assert_in_range(loop_now_ms(l) - start_ms, DIAL_STAGGER_MS, DIAL_STAGGER_MS + 1500);
        caller_done(&c);
        upstream_unref(u);
        toy_done(&t);
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        sock_close(fds[i]);
    sock_close(hung.listener.fd);
    hung.listener.fd = -1;
    toy_done(&hung);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_verified_and_kept),
        cmocka_unit_test(tls_large_both_ways),
        cmocka_unit_test(tls_refused),
        cmocka_unit_test(plain_text_before_tls),
        cmocka_unit_test(plain_text_in_front_of_tls),
        cmocka_unit_test(answer_before_the_question),
        cmocka_unit_test(tls_end_of_answer),
        cmocka_unit_test(tls_handshake_cut_or_silent),
        cmocka_unit_test(next_address),
        cmocka_unit_test(connect_times_out),
        cmocka_unit_test(second_address_after_the_stagger),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
