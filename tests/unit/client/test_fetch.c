/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A fetch over time: time-outs, tunnels, owners that go away, what cannot be reached. */
#include "client/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "caller.h"
#include "client/resolve.h"
#include "os/sock.h"
#include "os/sysfault.h"
#include "toy.h"

static struct loop *l;
static struct resolver *res;
static uint64_t pool_before;

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

/* Every test gives back what it borrowed. */
static int before_each(void **state)
{
    (void)state;
    pool_before = pool_used_bytes();
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    assert_int_equal(pool_used_bytes(), pool_before);
    return 0;
}

static void turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(l, 0);
}

static void pass_ms(uint64_t ms)
{
    uint64_t end_ms = loop_now_ms(l) + ms;
    while (loop_now_ms(l) < end_ms)
        loop_turn(l, 10);
}

static struct toy_conn *newest(struct toy *t)
{
    while (list_empty(&t->conns))
        loop_turn(l, 50);
    return container_of(t->conns.prev, struct toy_conn, node);
}

static void ignore(struct toy_conn *c)
{
    (void)c;
}

static void until_head(struct toy_conn *c)
{
    char head[1024];
    while (!toy_head(c, head, sizeof(head)))
        loop_turn(l, 50);
}

static const struct fetch_request upload = {.method = SLICE("POST"),
                                            .target = SLICE("/up"),
                                            .host = SLICE("a.example"),
                                            .has_body = true,
                                            .length = -1,
                                            .timeout_ms = 5000};

static void timed_get(struct upstream *u, struct caller *c, uint32_t timeout_ms)
{
    struct fetch_request q = {
        .method = SLICE("GET"), .target = SLICE("/"), .host = SLICE("a"), .timeout_ms = timeout_ms};
    caller_init(c, l);
    caller_start(c, u, &q);
}

static void no_answer_in_time(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    uint64_t start_ms = loop_now_ms(l);
    timed_get(u, &c, 100);
    caller_wait(&c);
    assert_int_equal(c.fail, ERR_UPSTREAM_TIMEOUT);
    assert_false(c.replay);
    assert_in_range(loop_now_ms(l) - start_ms, 100, 3000);
    caller_done(&c);
    toy_end(newest(&t), false);

    timed_get(u, &c, 100); /* in the middle of the body */
    struct toy_conn *k = newest(&t);
    until_head(k);
    toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"));
    caller_wait(&c);
    assert_int_equal(c.cut, ERR_UPSTREAM_TIMEOUT);
    assert_int_equal(c.body.n, 2);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

/* A slow answer that keeps moving is not cut: all of it takes longer than the time-out. */
static void progress_rearms(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    timed_get(u, &c, 400);
    struct toy_conn *k = newest(&t);
    until_head(k);
    struct slice all = SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
    uint64_t start_ms = loop_now_ms(l);
    for (size_t i = 0; i < all.n; i++) {
        toy_say(k, slice_of(all.p + i, 1));
        uint64_t next_ms = loop_now_ms(l) + 12;
        while (loop_now_ms(l) < next_ms)
            loop_turn(l, 4);
    }
    caller_wait(&c);
    assert_true(loop_now_ms(l) - start_ms > 400);
    assert_int_equal(c.fail, 0);
    assert_true(c.ended);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

/* The client is slow, not the upstream: neither an unfinished request nor an answer that nobody
 * reads is held against it. */
static void slow_client_is_no_timeout(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    struct fetch_request q = upload;
    q.timeout_ms = 60;
    caller_init(&c, l);
    c.paused = true;
    caller_start(&c, u, &q);
    struct toy_conn *k = newest(&t);
    until_head(k);
    pass_ms(250);
    assert_int_equal(c.fail, 0);
    assert_int_equal(fetch_write(c.f, SLICE("x"), true), OK);
    toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"));
    pass_ms(250);
    assert_true(c.head_seen);
    caller_read(&c);
    assert_true(c.ended);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

/* The time in which nobody wanted bytes does not count once somebody does. */
static void waiting_starts_with_the_reader(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    struct fetch_request q = {
        .method = SLICE("GET"), .target = SLICE("/"), .host = SLICE("a"), .timeout_ms = 500};
    caller_init(&c, l);
    c.paused = true;
    caller_start(&c, u, &q);
    struct toy_conn *k = newest(&t);
    until_head(k);
    toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"));
    pass_ms(400);
    caller_read(&c);
    assert_int_equal(c.body.n, 2);
    c.paused = false;
    pass_ms(300);
    toy_say(k, SLICE("cd"));
    caller_wait(&c);
    assert_int_equal(c.cut, 0);
    assert_true(c.ended);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

static void start_tunnel(struct toy *t, struct upstream *u, struct caller *c)
{
    struct fetch_request q = {.method = SLICE("GET"),
                              .target = SLICE("/ws"),
                              .host = SLICE("a"),
                              .upgrade = SLICE("websocket"),
                              .timeout_ms = 2000};
    caller_init(c, l);
    caller_start(c, u, &q);
    struct toy_conn *k = newest(t);
    until_head(k);
    toy_say(k, SLICE("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                     "websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst"));
    while (!c->head_seen || !c->body.n)
        loop_turn(l, 50);
    assert_int_equal(c->head.status, 101);
    assert_true(c->head.tunnel);
    assert_memory_equal(c->head.upgrade.p, "websocket", 9);
    assert_string_equal(c->fields, "Sec-WebSocket-Accept: x\n");
    assert_memory_equal(c->body.p, "first", 5);
    assert_int_equal(fetch_write(c->f, SLICE("ping"), false), OK);
    while (k->seen.n < 4)
        loop_turn(l, 50);
    assert_memory_equal(k->seen.p, "ping", 4);
}

static void tunnel_half_close(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    start_tunnel(&t, u, &c);
    struct toy_conn *k = newest(&t);
    assert_int_equal(fetch_write(c.f, SLICE("last"), true), OK); /* our side ends first */
    while (!k->ended)
        loop_turn(l, 50);
    assert_int_equal(k->seen.n, 8);
    toy_say(k, SLICE("still here")); /* the other direction goes on */
    toy_shut(k);
    caller_wait(&c);
    assert_true(c.ended);
    assert_int_equal(c.body.n, 15);
    assert_int_equal(c.sent, 8);
    caller_done(&c);
    toy_end(k, false);

    start_tunnel(&t, u, &c); /* their side ends first */
    k = newest(&t);
    toy_shut(k);
    caller_wait(&c);
    assert_true(c.ended);
    buf_consume(&k->seen, k->seen.n);
    assert_int_equal(fetch_write(c.f, SLICE("bye"), true), OK);
    while (!k->ended)
        loop_turn(l, 50);
    assert_memory_equal(k->seen.p + k->seen.off, "bye", 3);
    caller_done(&c);
    toy_end(k, false);

    start_tunnel(&t, u, &c); /* reset */
    toy_end(newest(&t), true);
    caller_wait(&c);
    assert_int_equal(c.cut, ERR_RESET);
    caller_done(&c);
    struct upstream_stats s;
    upstream_stats(u, &s);
    assert_int_equal(s.idle, 0);
    upstream_unref(u);
    toy_done(&t);
}

/* Upgrade refused: an ordinary answer. */
static void upgrade_refused(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    struct fetch_request q = {.method = SLICE("GET"),
                              .target = SLICE("/ws"),
                              .host = SLICE("a"),
                              .upgrade = SLICE("websocket"),
                              .timeout_ms = 2000};
    caller_init(&c, l);
    caller_start(&c, u, &q);
    struct toy_conn *k = newest(&t);
    until_head(k);
    toy_say(k, SLICE("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"));
    caller_wait(&c);
    assert_int_equal(c.head.status, 403);
    assert_false(c.head.tunnel);
    assert_true(c.ended);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

/* Freed at every point where an owner may: nothing is touched afterwards (ASan), nothing stays. */
static void owner_goes_away(void **state)
{
    (void)state;
    struct toy t;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    for (int at = 0; at < 6; at++) {
        struct caller c;
        caller_init(&c, l);
        c.free_at_head = at == 0;
        c.free_at_sent = at == 1;
        caller_start(&c, u, &upload);
        assert_int_equal(fetch_write(c.f, SLICE("abc"), true), OK);
        if (at == 2) { /* before anything happened */
            caller_done(&c);
            turns(5);
            continue;
        }
        struct toy_conn *k = newest(&t);
        if (at == 3) { /* connected */
            caller_done(&c);
            turns(5);
            continue;
        }
        if (at != 1)
            until_head(k);
        if (at == 4)
            c.paused = true; /* with a body that nobody has read */
        toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"));
        for (int i = 0; i < 50 && !c.head_seen && c.f; i++)
            loop_turn(l, 10);
        caller_done(&c); /* at 5: in the middle of a body */
        turns(5);
        struct upstream_stats s;
        upstream_stats(u, &s);
        assert_int_equal(s.active, 0);
        assert_int_equal(s.idle, 0);
    }
    upstream_unref(u);
    toy_done(&t);
}

/* The last reference goes while a request is under way. */
static void upstream_outlives_its_owner(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    caller_init(&c, l);
    caller_get(&c, u, "/");
    upstream_unref(u);
    struct toy_conn *k = newest(&t);
    until_head(k);
    toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    caller_wait(&c);
    assert_true(c.ended);
    assert_true(strncmp(fetch_address(c.f), "127.0.0.1:", 10) == 0);
    caller_done(&c);
    toy_done(&t);
}

static void unix_socket(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/port443-test-%d.sock", (int)getpid());
    toy_open_unix(&t, l, path, ignore);
    struct upstream_options o = caller_options(path, 0);
    struct upstream *u;
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    caller_init(&c, l);
    caller_get(&c, u, "/");
    struct toy_conn *k = newest(&t);
    until_head(k);
    toy_say(k, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    caller_wait(&c);
    assert_int_equal(c.head.status, 200);
    assert_true(strncmp(fetch_address(c.f), "unix:/tmp/", 10) == 0);
    caller_done(&c);
    struct upstream_stats s;
    upstream_stats(u, &s);
    assert_int_equal(s.idle, 1);
    toy_done(&t);
    turns(2);
    unlink(path);
    caller_init(&c, l);
    caller_get(&c, u, "/");
    caller_wait(&c);
    assert_int_equal(c.fail, ERR_REFUSED);
    caller_done(&c);
    upstream_unref(u);
}

static void cannot_connect(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        uint16_t port;
        int r;
    } rows[] = {
        {"127.0.0.1", 0xffff, ERR_REFUSED},
        {"no-such-name.invalid", 80, ERR_RESOLVE},
        {"", 80, ERR_RESOLVE},
    };
    struct resolver *nobody; /* a server that does not exist */
    struct fault f;
    struct resolve_options ro = {.servers = "127.0.0.1:1", .timeout_ms = 50, .tries = 1};
    assert_int_equal(resolve_new(l, &ro, &nobody, &f), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct upstream_options o = caller_options(rows[i].host, rows[i].port);
        struct upstream *u;
        struct caller c;
        struct toy t;
        toy_open(&t, l, ignore); /* a port that was free a moment ago */
        if (o.port == 0xffff)
            o.port = t.port;
        toy_done(&t);
        assert_int_equal(upstream_new(l, nobody, &o, &u), OK);
        caller_init(&c, l);
        caller_get(&c, u, "/");
        caller_wait(&c);
        assert_int_equal(c.fail, rows[i].r);
        assert_int_equal(c.fault.code, rows[i].r);
        assert_string_not_equal(c.fault.what, "");
        assert_false(c.replay);
        caller_done(&c);
        struct upstream_stats s;
        upstream_stats(u, &s);
        assert_int_equal(s.failures, 1);
        assert_string_not_equal(s.last_error, "");
        upstream_unref(u);
    }
    resolve_free(nobody);
}

/* Every allocation of the start fails once (with a sanitizer also the pool's): an error, no leak.
 */
static void memory_fails(void **state)
{
    (void)state;
    static const struct fetch_ops none = {.on_fail = NULL};
    bool fired = true;
    unsigned failures = 0;
    for (uint64_t k = 1; fired; k++) {
        struct upstream_options o = caller_options("app.test", 80);
        struct fetch_request q = {.method = SLICE("GET"), .target = SLICE("/"), .host = SLICE("a")};
        struct upstream *u;
        struct fetch *f;
        struct arena a;
        arena_init(&a, 65536);
        mem_fail_at(k);
        int r = upstream_new(l, res, &o, &u);
        int started = r ? r : fetch_start(u, &a, &q, &none, NULL, &f);
        fired = mem_fault_fired();
        mem_fail_at(0);
        assert_true(started == OK || started == ERR_NOMEM);
        failures += started != OK;
        if (!started)
            fetch_free(f);
        if (!r)
            upstream_unref(u);
        arena_done(&a);
    }
    assert_true(failures >= 4);
}

static void on_ok(struct toy_conn *c)
{
    char head[512];
    while (!c->ended && toy_head(c, head, sizeof(head)))
        toy_say(
            c,
            SLICE("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"));
}

/* DESIGN 4: at steady state no request reaches the general allocator. */
static void no_allocation(void **state)
{
    (void)state;
    struct toy t;
    toy_open(&t, l, on_ok);
    struct upstream *u = caller_upstream(l, res, t.port);
    uint64_t before = 0, turns = 0;
    for (int i = 0; i < 120; i++) {
        struct caller c;
        if (i == 20)
            before = mem_count();
        caller_init(&c, l);
        caller_get(&c, u, "/");
        while (!c.ended) {
            loop_turn(l, 100);
            turns++;
        }
        caller_done(&c);
    }
#if !defined(PORT443_SANITIZED) /* there every block of the pool is one of its own */
    assert_int_equal(mem_count(), before);
#else
    assert_true(before > 0);
#endif
    struct upstream_stats stats;
    upstream_stats(u, &stats);
    assert_int_equal(stats.connects, 1);
    assert_int_equal(stats.reuses, 119);
    upstream_unref(u);
    toy_done(&t);
}

#if defined(PORT443_ASSERT)
/* DESIGN 4: one send and one recv for each request, at either end. */
static void two_system_calls(void **state)
{
    (void)state;
    struct toy t;
    toy_open(&t, l, on_ok);
    struct upstream *u = caller_upstream(l, res, t.port);
    uint64_t before = 0;
    for (int i = 0; i < 60; i++) {
        struct caller c;
        if (i == 10)
            before = sysfault_count();
        caller_init(&c, l);
        caller_get(&c, u, "/");
        caller_wait(&c);
        caller_done(&c);
    }
    assert_int_equal(sysfault_count() - before, 50 * 4);
    upstream_unref(u);
    toy_done(&t);
}

/* Every system call fails once, at either end: an answer or an error, never neither. */
static void system_calls_fail(void **state)
{
    (void)state;
    static const enum sysfault_kind kinds[] = {SYSFAULT_EINTR, SYSFAULT_SHORT, SYSFAULT_EMFILE};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        bool fired = true;
        unsigned lost = 0;
        for (uint64_t k = 1; fired; k++) {
            struct toy t;
            struct caller c;
            toy_open(&t, l, on_ok);
            struct upstream *u = caller_upstream(l, res, t.port);
            struct fetch_request q = {.method = SLICE("POST"),
                                      .target = SLICE("/"),
                                      .host = SLICE("a"),
                                      .has_body = true,
                                      .length = 4,
                                      .timeout_ms = 100};
            caller_init(&c, l);
            sysfault_at(k, kinds[i]);
            caller_start(&c, u, &q);
            assert_int_equal(fetch_write(c.f, SLICE("data"), true), OK);
            caller_wait(&c);
            fired = sysfault_fired();
            sysfault_at(0, kinds[i]);
            lost += c.head.status != 200;
            caller_done(&c);
            caller_init(&c, l);
            caller_get(&c, u, "/");
            caller_wait(&c);
            caller_done(&c);
            upstream_unref(u);
            toy_done(&t);
        }
        if (kinds[i] == SYSFAULT_EINTR)
            assert_in_range(lost, 0, 2); /* a socket and a connect that were not made */
    }
}
#endif

#define LIFE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(no_allocation),
        LIFE(no_answer_in_time),
        LIFE(progress_rearms),
        LIFE(slow_client_is_no_timeout),
        LIFE(waiting_starts_with_the_reader),
        LIFE(tunnel_half_close),
        LIFE(upgrade_refused),
        LIFE(owner_goes_away),
        LIFE(upstream_outlives_its_owner),
        LIFE(unix_socket),
        LIFE(cannot_connect),
        LIFE(memory_fails),
#if defined(PORT443_ASSERT)
        LIFE(two_system_calls),
        LIFE(system_calls_fail),
#endif

    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
