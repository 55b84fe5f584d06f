/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Idle connections (order, end, time-out, stale ones) and the marks of an upstream. */
#include "client/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "caller.h"
#include "client/resolve.h"
#include "os/sock.h"
#include "toy.h"

static struct loop *l;
static struct resolver *res;

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f) || resolve_new(l, NULL, &res, &f))
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resolve_free(res);
    loop_free(l);
    return 0;
}

#define ANSWER SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

static unsigned order[16], norder;
static bool silent;

static void on_request(struct toy_conn *c)
{
    char head[512];
    if (c->ended) {
        toy_end(c, false);
        return;
    }
    if (!toy_head(c, head, sizeof(head)) || silent)
        return;
    order[norder++ % 16] = c->index;
    toy_say(c, ANSWER);
}

static struct upstream_stats stats_of(const struct upstream *u)
{
    struct upstream_stats s;
    upstream_stats(u, &s);
    return s;
}

static void get_ok(struct upstream *u)
{
    struct caller c;
    caller_init(&c, l);
    caller_get(&c, u, "/");
    caller_wait(&c);
    assert_int_equal(c.fail, 0);
    assert_int_equal(c.head.status, 200);
    caller_done(&c);
}

static struct toy_conn *conn_at(struct toy *t, unsigned index)
{
    LIST_FOREACH (it, &t->conns) {
        struct toy_conn *c = container_of(it, struct toy_conn, node);
        if (c->index == index)
            return c;
    }
    return NULL;
}

static void turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(l, 0);
}

static void last_used_first(void **state)
{
    (void)state;
    struct toy t;
    struct caller c[3];
    norder = 0;
    toy_open(&t, l, on_request);
    struct upstream *u = caller_upstream(l, res, t.port);
    for (int i = 0; i < 3; i++) {
        caller_init(&c[i], l);
        caller_get(&c[i], u, "/");
        caller_wait(&c[i]);
    }
    assert_int_equal(stats_of(u).active, 3);
    assert_int_equal(upstream_active(u), 3);
    caller_done(&c[1]);
    caller_done(&c[2]);
    caller_done(&c[0]); /* now the most recent */
    assert_int_equal(stats_of(u).idle, 3);
    get_ok(u);
    get_ok(u);
    assert_int_equal(order[3], 0);
    assert_int_equal(order[4], 0);
    toy_end(conn_at(&t, 0), false);
    turns(2);
    assert_int_equal(stats_of(u).idle, 2);
    get_ok(u);
    assert_int_equal(order[5], 2);
    upstream_unref(u);
    turns(2);
    assert_int_equal(t.turned_away, 3); /* the last reference closes the idle ones */
    toy_done(&t);
}

static void oldest_makes_room(void **state)
{
    (void)state;
    struct toy t;
    struct caller c[6];
    toy_open(&t, l, on_request);
    struct upstream *u = caller_upstream(l, res, t.port);
    for (int i = 0; i < 6; i++) {
        caller_init(&c[i], l);
        caller_get(&c[i], u, "/");
        caller_wait(&c[i]);
    }
    for (int i = 0; i < 6; i++)
        caller_done(&c[i]);
    assert_int_equal(stats_of(u).idle, 4);
    turns(2);
    assert_null(conn_at(&t, 0));
    assert_null(conn_at(&t, 1));
    assert_non_null(conn_at(&t, 2));
    upstream_unref(u);
    toy_done(&t);
}

static void idle_ones_end(void **state)
{
    (void)state;
    struct toy t;
    toy_open(&t, l, on_request);
    struct upstream_options o = caller_options("127.0.0.1", t.port);
    struct upstream *u;
    o.idle_timeout_ms = 60;
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    get_ok(u);
    assert_int_equal(stats_of(u).idle, 1);
    uint64_t start_ms = loop_now_ms(l);
    while (stats_of(u).idle && loop_now_ms(l) < start_ms + 2000)
        loop_turn(l, 100);
    assert_in_range(loop_now_ms(l) - start_ms, 60, 1900);
    get_ok(u);
    assert_int_equal(stats_of(u).connects, 2);
    upstream_unref(u);
    toy_done(&t);
}

static void unasked_bytes_close(void **state)
{
    (void)state;
    struct toy t;
    toy_open(&t, l, on_request);
    struct upstream *u = caller_upstream(l, res, t.port);
    get_ok(u);
    toy_say(conn_at(&t, 0), SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    turns(2);
    assert_int_equal(stats_of(u).idle, 0);
    get_ok(u);
    assert_int_equal(stats_of(u).connects, 2);
    upstream_unref(u);
    toy_done(&t);
}

static void no_pool_no_keep_alive(void **state)
{
    (void)state;
    struct toy t;
    toy_open(&t, l, on_request);
    struct upstream_options o = caller_options("127.0.0.1", t.port);
    struct upstream *u;
    o.idle_max = 0;
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    get_ok(u);
    get_ok(u);
    assert_int_equal(stats_of(u).idle, 0);
    assert_int_equal(stats_of(u).connects, 2);
    upstream_unref(u);
    toy_done(&t);
}

/* The upstream closes an idle connection in the same turn in which it is used again: nobody can
 * have seen the end. */
static void stale_is_replayable(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        bool body, reset, replay;
    } rows[] = {
        {"GET", false, false, true},   {"GET", false, true, true},  {"HEAD", false, false, true},
        {"PUT", false, false, true},   {"PUT", true, false, false}, {"POST", false, false, false},
        {"PATCH", false, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct toy t;
        struct caller c;
        toy_open(&t, l, on_request);
        struct upstream *u = caller_upstream(l, res, t.port);
        get_ok(u);
        toy_end(conn_at(&t, 0), rows[i].reset);
        caller_init(&c, l);
        struct fetch_request q = {.method = slice_cstr(rows[i].method),
                                  .target = SLICE("/"),
                                  .host = SLICE("a"),
                                  .has_body = rows[i].body,
                                  .length = 1,
                                  .timeout_ms = 1000};
        caller_start(&c, u, &q);
        if (rows[i].body)
            assert_int_equal(fetch_write(c.f, SLICE("x"), true), OK);
        caller_wait(&c);
        print_message("%s %d %d\n", rows[i].method, rows[i].body, rows[i].reset);
        assert_true(c.fail == ERR_EOF || c.fail == ERR_RESET);
        assert_int_equal(c.replay, rows[i].replay);
        assert_int_equal(stats_of(u).failures, !rows[i].replay);
        caller_done(&c);
        get_ok(u); /* the replay finds a fresh connection */
        upstream_unref(u);
        toy_done(&t);
    }
}

/* A fresh connection that dies, or one that died behind the first byte of an answer, is not stale.
 */
static void fresh_is_not_replayable(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, on_request);
    struct upstream *u = caller_upstream(l, res, t.port);
    for (int reused = 0; reused < 2; reused++) {
        if (reused)
            get_ok(u);
        silent = true;
        caller_init(&c, l);
        caller_get(&c, u, "/");
        while (!t.accepted || list_empty(&t.conns))
            loop_turn(l, 10);
        turns(4);
        struct toy_conn *k = container_of(t.conns.prev, struct toy_conn, node);
        if (reused)
            toy_say(k, SLICE("H"));
        toy_end(k, false);
        caller_wait(&c);
        assert_int_equal(c.fail, ERR_EOF);
        assert_false(c.replay);
        caller_done(&c);
        silent = false;
    }
    upstream_unref(u);
    toy_done(&t);
}

static void one_failure(struct upstream *u, int r)
{
    struct caller c;
    caller_init(&c, l);
    caller_get(&c, u, "/");
    caller_wait(&c);
    assert_int_equal(c.fail, r);
    assert_int_equal(c.fault.code, r);
    caller_done(&c);
}

static void pass_ms(uint64_t ms)
{
    uint64_t end_ms = loop_now_ms(l) + ms;
    while (loop_now_ms(l) < end_ms)
        loop_turn(l, 5);
}

static void passive_mark(void **state)
{
    (void)state;
    struct toy t;
    toy_open(&t, l, on_request);
    struct upstream_options o = caller_options("127.0.0.1", t.port);
    struct upstream *u;
    o.max_fails = 2;
    o.fail_timeout_ms = 400;
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    toy_stop_listening(&t);
    one_failure(u, ERR_REFUSED);
    assert_true(upstream_usable(u));
    assert_string_not_equal(stats_of(u).last_error, "");
    pass_ms(450); /* out of the window: counting starts again */
    one_failure(u, ERR_REFUSED);
    assert_true(upstream_usable(u));
    one_failure(u, ERR_REFUSED);
    assert_false(upstream_usable(u));
    assert_true(stats_of(u).down);
    assert_in_range(stats_of(u).down_for_ms, 1, 400);
    pass_ms(450);
    assert_true(upstream_usable(u));

    struct caller trial; /* one is let through, not two */
    caller_init(&trial, l);
    caller_get(&trial, u, "/");
    assert_false(upstream_usable(u));
    caller_done(&trial); /* given up without a result: the next one tries */
    assert_true(upstream_usable(u));
    one_failure(u, ERR_REFUSED);
    assert_false(upstream_usable(u)); /* one failure of the trial is enough */
    pass_ms(450);

    uint16_t port = t.port;
    struct sock_addr a;
    struct fault f;
    int fd;
    sock_addr_make(&(struct ip){{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}}, port, &a);
    assert_int_equal(sock_listen(&a, false, 8, &fd, &f), OK);
    t.listener.fd = fd;
    assert_int_equal(loop_add_level(l, &t.listener), OK);
    get_ok(u);
    assert_true(upstream_usable(u));
    assert_false(stats_of(u).down);
    upstream_unref(u);
    toy_done(&t);
}

static void active_mark(void **state)
{
    (void)state;
    struct upstream *u = caller_upstream(l, res, 1);
    upstream_mark(u, false, "GET /healthz: 500");
    assert_false(upstream_usable(u));
    assert_true(stats_of(u).down);
    assert_string_equal(stats_of(u).last_error, "GET /healthz: 500");
    upstream_mark(u, true, "");
    assert_true(upstream_usable(u));
    upstream_unref(u);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        uint16_t port;
        const char *name;
    } rows[] = {
        {"10.0.0.1", 8080, "http://10.0.0.1:8080"},
        {"::1", 80, "http://[::1]:80"},
        {"[::1]", 80, "http://[::1]:80"},
        {"app.internal", 3000, "http://app.internal:3000"},
        {"/run/a.sock", 0, "unix:/run/a.sock"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct upstream_options o = caller_options(rows[i].host, rows[i].port);
        struct upstream *u;
        assert_int_equal(upstream_new(l, res, &o, &u), OK);
        assert_string_equal((const char *)upstream_name(u).p, rows[i].name);
        upstream_unref(u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_used_first),
        cmocka_unit_test(oldest_makes_room),
        cmocka_unit_test(idle_ones_end),
        cmocka_unit_test(unasked_bytes_close),
        cmocka_unit_test(no_pool_no_keep_alive),
        cmocka_unit_test(stale_is_replayable),
        cmocka_unit_test(fresh_is_not_replayable),
        cmocka_unit_test(passive_mark),
        cmocka_unit_test(active_mark),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
