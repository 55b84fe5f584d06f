/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* TLS connections end to end with our own client session on a second link, and what is said to
 * those who do not speak TLS or ask for a name that is not here. */
#include "conn/secure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcntl.h>

#include <cmocka.h>

#include "../crypt/pair.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "crypt/cryptmem.h"
#include "os/clock.h"
#include "rig.h"

#define HOST "Host: site.test\r\n"

static struct rig g;
static struct pair_ca ca;
static struct ticketring ring;
static struct tlsctx *server, *client;
static char chosen[128];
static unsigned site;

static int answer; /* of choose, where it is not OK */
static bool validation;

static int choose(struct conn *c, const struct tlshello *hello, struct tlsctx **ret)
{
    (void)hello;
    snprintf(chosen, sizeof(chosen), SLICE_F, SLICE_A(c->server_name));
    c->site = &site;
    c->validation = validation;
    *ret = server;
    return answer ? answer : slice_eq(c->server_name, SLICE("site.test")) ? OK : ERR_TLS_NAME;
}

static int once(void **state)
{
    static const struct slice alpn[] = {SLICE("http/1.1")};
    struct fault f = {0};
    (void)state;
    assert_int_equal(cryptmem_install(), OK);
    pair_ca_init(&ca);
    assert_int_equal(ticketring_generate(&ring), OK);
    server = pair_server(&ca, &ring, 1);
    struct tlsctx_client opts = {.ca_pem = buf_slice(&ca.pem), .alpn = alpn, .nalpn = 1};
    return tlsctx_client_new(&opts, &client, &f);
}

static int once_down(void **state)
{
    (void)state;
    tlsctx_unref(server);
    tlsctx_unref(client);
    pair_ca_done(&ca);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    answer = OK;
    validation = false;
    rig_init(&g);
    g.ops.choose = choose;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_done(&g);
    return 0;
}

/* A TLS client on the rig's loop. */
struct peer {
    struct link k;
    struct session *s;
    struct buf got;
    int r; /* what ended it */
    bool ready;
    struct slice eager; /* said together with the last handshake bytes, then close_notify */
};

static void peer_ready(struct link *k)
{
    struct peer *p = container_of(k, struct peer, k);
    int r;
    do {
        r = link_fill(k);
        struct slice in = link_input(k);
        assert_int_equal(buf_add(&p->got, in), OK);
        link_consume(k, in.n);
    } while (r == OK);
    if (r != ERR_AGAIN)
        p->r = r;
    if (!p->ready && session_ready(p->s) && p->eager.n) {
        assert_int_equal(link_write(k, p->eager), OK);
        assert_int_equal(link_shut(k, false), OK);
    }
    p->ready = session_ready(p->s);
    (void)!link_flush(k);
}

static void peer_open_with(struct peer *p, const char *name, struct tlsctx *ctx)
{
    *p = (struct peer){.r = OK};
    buf_init(&p->got, 1 << 24);
    int fd = rig_connect(&g, 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    assert_int_equal(session_connect(ctx, slice_cstr(name), &p->s), OK);
    assert_int_equal(link_open(&p->k, g.loop, fd, peer_ready), OK);
    assert_int_equal(link_set_filter(&p->k, &session_filter, p->s), OK);
    (void)!link_flush(&p->k);
}

static void peer_open(struct peer *p, const char *name)
{
    peer_open_with(p, name, client);
}

static void peer_say(struct peer *p, struct slice s)
{
    assert_int_equal(link_write(&p->k, s), OK);
    (void)!link_flush(&p->k);
}

static void peer_turn(struct peer *p, bool (*done)(const struct peer *p))
{
    uint64_t end = clock_now_ms() + 3000;
    while (!done(p) && clock_now_ms() < end)
        loop_turn(g.loop, 1);
    assert_true(done(p));
}

static bool is_ready(const struct peer *p)
{
    return p->ready;
}

static bool has_ended(const struct peer *p)
{
    return p->r != OK;
}

static void peer_done(struct peer *p)
{
    link_close(&p->k, false);
    buf_done(&p->got);
}

/* tls-alpn-01: the handshake is the answer, what comes behind it is not read. */
static void a_validation_ends_with_its_handshake(void **state)
{
    struct peer p;
    (void)state;
    validation = true;
    rig_start(&g, CONN_TLS);
    peer_open(&p, "site.test");
    p.eager = SLICE("GET /bytes/1 HTTP/1.1\r\n" HOST "\r\n");
    peer_turn(&p, has_ended);
    assert_true(p.ready);
    assert_int_equal(p.r, ERR_EOF); /* close_notify, not a cut */
    assert_int_equal(p.got.n, 0);
    peer_done(&p);
}

static struct conn *held;

static int hold(struct conn *c, const struct tlshello *hello, struct tlsctx **ret)
{
    bool first = !held;
    held = c;
    return first ? ERR_AGAIN : choose(c, hello, ret);
}

/* A hello that waits is read once more when the engine can choose. */
static void a_hello_waits_for_the_engine(void **state)
{
    static const int answers[] = {OK, ERR_TLS_NAME};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct peer p;
        held = NULL;
        answer = answers[i];
        g.ops.choose = hold;
        if (i == 0)
            rig_start(&g, CONN_TLS);
        peer_open(&p, "site.test");
        for (int k = 0; k < 50; k++)
            loop_turn(g.loop, 0);
        assert_non_null(held);
        assert_true(held->held);
        assert_false(p.ready);
        conn_choose_again(held);
        peer_turn(&p, answers[i] ? has_ended : is_ready);
        if (!answers[i]) {
            peer_say(&p, SLICE("GET /bytes/1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
            peer_turn(&p, has_ended);
            assert_true(p.got.n > 0);
        }
        peer_done(&p);
    }
}

static void serves_over_tls(void **state)
{
    (void)state;
    struct peer p;
    rig_start(&g, CONN_TLS);
    peer_open(&p, "site.test");
    peer_turn(&p, is_ready);
    peer_say(&p, SLICE("GET /bytes/100000 HTTP/1.1\r\n" HOST "\r\n"));
    peer_say(&p, SLICE("GET /bytes/1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    peer_turn(&p, has_ended);
    assert_int_equal(p.r, ERR_EOF); /* close_notify, not a cut */
    assert_string_equal(chosen, "site.test");
    assert_int_equal(g.secured, 1);
    assert_int_equal(g.heads, 2);
    assert_true(p.got.n > 100000);
    assert_true(slice_ends(buf_slice(&p.got), SLICE("Connection: close\r\n\r\n\x00")));
    peer_done(&p);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, OK);
}

static bool has_settings(const struct peer *p)
{
    struct slice s = buf_slice(&p->got);
    return s.n >= 9 && s.p[3] == 4; /* the server's preface is a SETTINGS frame */
}

static void gives_h2_to_who_offers_it(void **state)
{
    (void)state;
    struct peer p;
    struct tlsctx *both = pair_client(&ca);
    rig_start(&g, CONN_TLS);
    peer_open_with(&p, "site.test", both);
    peer_turn(&p, is_ready);
    peer_say(&p, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"));
    peer_turn(&p, has_settings);
    peer_done(&p);
    tlsctx_unref(both);
}

static void answers_what_came_with_the_handshake(void **state)
{
    (void)state;
    struct peer p;
    rig_start(&g, CONN_TLS);
    peer_open(&p, "site.test");
    p.eager = SLICE("GET /bytes/2 HTTP/1.1\r\n" HOST "\r\n");
    peer_turn(&p, has_ended);
    assert_int_equal(p.r, ERR_EOF);
    assert_true(slice_ends(buf_slice(&p.got), SLICE("\r\n\r\n\x00\x01")));
    peer_done(&p);
}

static void takes_close_notify_for_a_half_close(void **state)
{
    (void)state;
    struct peer p;
    rig_start(&g, CONN_TLS);
    peer_open(&p, "site.test");
    peer_turn(&p, is_ready);
    peer_say(&p, SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(link_shut(&p.k, false), OK);
    (void)!link_flush(&p.k);
    rig_wait(&g, &g.heads, 1);
    rig_pass(&g, 20);
    static const struct response a = {.status = 202, .length = 0};
    assert_int_equal(exchange_respond(g.waiting, &a), OK);
    peer_turn(&p, has_ended);
    assert_int_equal(p.r, ERR_EOF);
    assert_true(slice_starts(buf_slice(&p.got), SLICE("HTTP/1.1 202")));
    peer_done(&p);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, OK);
}

static bool has_answer(const struct peer *p)
{
    return slice_ends(buf_slice(&p->got), SLICE("\r\n\r\n\x00\x01\x02"));
}

static void allocates_nothing_per_request(void **state)
{
    (void)state;
    struct peer p;
    uint64_t allocations = 0, used = 0;
    rig_start(&g, CONN_TLS);
    peer_open(&p, "site.test");
    peer_turn(&p, is_ready);
    for (int i = 0; i < 400; i++) {
        if (i == 100) {
            allocations = mem_count();
            used = pool_used_bytes();
        }
        peer_say(&p, SLICE("GET /bytes/3 HTTP/1.1\r\n" HOST "\r\n"));
        peer_turn(&p, has_answer);
        buf_consume(&p.got, p.got.n);
    }
#if !defined(PORT443_SANITIZED)
    assert_int_equal(mem_count() - allocations, 0);
#endif
    assert_int_equal(pool_used_bytes(), used);
    assert_true(allocations);
    peer_done(&p);
}

static void refuses_unknown_names(void **state)
{
    (void)state;
    struct peer p;
    struct fault f = {0};
    rig_start(&g, CONN_TLS);
    peer_open(&p, "other.test");
    peer_turn(&p, has_ended);
    session_fault(p.s, &f);
    assert_string_equal(chosen, "other.test");
    if (!strstr(f.what, "unrecognized"))
        fail_msg("the client was told: %s", f.what);
    peer_done(&p);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, ERR_TLS_NAME);
    assert_int_equal(g.secured, 0);
}

struct row {
    const char *bytes;
    size_t n;
    int r;
    const char *starts; /* of the answer; "" none */
};

static const struct row rows[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, ERR_NOT_TLS, "HTTP/1.1 400 Bad Request\r\n"},
    {"\x05\x01\x00", 3, ERR_NOT_TLS, ""},
    {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10, ERR_SYNTAX, "\x15\x03\x03"},
    {"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00", 10, ERR_CAP, "\x15\x03\x03"},
};

static void answers_those_who_speak_no_tls(void **state)
{
    (void)state;
    rig_start(&g, CONN_TLS);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf got;
        int r = rig_ask(&g, slice_of(rows[i].bytes, rows[i].n), &got);
        rig_wait(&g, &g.closed, i + 1);
        if (g.close_r != rows[i].r || (r != ERR_EOF && r != ERR_RESET) ||
            !slice_starts(buf_slice(&got), slice_cstr(rows[i].starts)) ||
            (!rows[i].starts[0] && got.n))
            fail_msg("row %u: %s, %zu bytes", i, err_name(g.close_r), got.n);
        if (i == 0)
            assert_true(slice_ends(buf_slice(&got), SLICE("\r\n\r\nThis port speaks HTTPS.\n")));
        buf_done(&got);
    }
}

static void waits_only_so_long_for_a_hello(void **state)
{
    (void)state;
    g.limits.handshake_timeout_ms = 60;
    rig_start(&g, CONN_TLS);
    int silent = rig_connect(&g, 0), slow = rig_connect(&g, 0);
    rig_send(&g, slow, SLICE("\x16\x03\x01"));
    rig_wait(&g, &g.closed, 2);
    assert_int_equal(g.close_r, ERR_TIMEOUT);
    close(silent);
    close(slow);
}

static void notices_clients_that_go_in_the_handshake(void **state)
{
    (void)state;
    rig_start(&g, CONN_TLS);
    int fd = rig_connect(&g, 0);
    rig_send(&g, fd, SLICE("\x16\x03\x01"));
    close(fd);
    rig_wait(&g, &g.closed, 1);
    assert_int_equal(g.close_r, ERR_EOF);
    struct peer p;
    peer_open(&p, "site.test");
    link_close(&p.k, false); /* the hello is on its way */
    rig_wait(&g, &g.closed, 2);
    assert_int_equal(g.close_r, ERR_RESET);
    buf_done(&p.got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_validation_ends_with_its_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hello_waits_for_the_engine, setup, teardown),
        cmocka_unit_test_setup_teardown(serves_over_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_h2_to_who_offers_it, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_what_came_with_the_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_close_notify_for_a_half_close, setup, teardown),
        cmocka_unit_test_setup_teardown(allocates_nothing_per_request, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_unknown_names, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_those_who_speak_no_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_only_so_long_for_a_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(notices_clients_that_go_in_the_handshake, setup, teardown),
    };
    return cmocka_run_group_tests(tests, once, once_down);
}
