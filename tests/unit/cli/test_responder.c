/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers of a command on its own, asked for as a CA does: over plain HTTP, and by a handshake with
 * ALPN acme-tls/1. Anything else gets nothing. */
#include "cli/responder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypt/session.h"
#include "crypt/tlsctx.h"
#include "os/link.h"
#include "os/sock.h"

#define TURNS 400

struct rig {
    struct loop *loop;
    struct responder *r;
    uint16_t http, https;
};

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sock_addr a;
    uint16_t port;
    int fd;
    assert_int_equal(sock_addr_parse(SLICE("0.0.0.0:0"), &a), OK);
    assert_int_equal(sock_listen(&a, false, 1, &fd, NULL), OK);
    assert_int_equal(sock_local_port(fd, &port), OK);
    sock_close(fd);
    return port;
}

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    struct fault f = {0};
    *state = g;
    g->http = free_port();
    g->https = free_port();
    return loop_new(&g->loop, &f) || responder_open(g->loop, g->http, g->https, &g->r, &f);
}

static int unmake(void **state)
{
    struct rig *g = *state;
    responder_close(g->r);
    loop_free(g->loop);
    free(g);
    return 0;
}

static int dial(uint16_t port)
{
    struct ip ip;
    struct sock_addr a;
    int fd;
    assert_int_equal(cidr_parse_ip(SLICE("127.0.0.1"), &ip), OK);
    sock_addr_make(&ip, port, &a);
    assert_int_equal(sock_connect(&a, &fd), OK);
    return fd;
}

/* The whole answer to a request. */
static void ask(const struct rig *g, const char *target, char *answer, size_t cap)
{
    char text[300];
    size_t n = 0, got, sent = 0;
    int fd = dial(g->http), r = ERR_AGAIN;
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n", target);
    for (int i = 0; i < TURNS && sent == 0; i++) {
        loop_turn(g->loop, 5);
        r = sock_send(fd, slice_cstr(text), &sent);
    }
    assert_int_equal(r, OK);
    for (int i = 0; i < TURNS; i++) {
        loop_turn(g->loop, 5);
        r = sock_recv(fd, answer + n, cap - 1 - n, &got);
        if (r == OK && got == 0)
            break;
        n += r == OK ? got : 0;
    }
    answer[n] = 0;
    sock_close(fd);
}

static const struct certhost_answer answers[] = {
    {.kind = CERTHOST_HTTP01,
     .name = SLICE("a.test"),
     .token = SLICE("tok-1"),
     .content = SLICE("tok-1.thumb")},
    {.kind = CERTHOST_ALPN01, .name = SLICE("b.test"), .digest = {1, 2, 3}},
};

static void tokens(void **state)
{
    const struct rig *g = *state;
    static const struct {
        const char *target, *status, *body;
    } rows[] = {
        {"/.well-known/acme-challenge/tok-1", "HTTP/1.1 200", "\r\n\r\ntok-1.thumb"},
        {"/.well-known/acme-challenge/tok-2", "HTTP/1.1 404", ""},
        {"/.well-known/acme-challenge/", "HTTP/1.1 404", ""},
        {"/.well-known/acme-challenge/tok-1/", "HTTP/1.1 404", ""},
        {"/", "HTTP/1.1 404", ""},
    };
    char answer[2048];
    assert_int_equal(responder_publish(g->r, answers, 2, 1800000000), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask(g, rows[i].target, answer, sizeof(answer));
        print_message("%s: %s\n", rows[i].target, answer);
        assert_int_equal(strncmp(answer, rows[i].status, strlen(rows[i].status)), 0);
        assert_non_null(strstr(answer, rows[i].body));
    }
    assert_int_equal(responder_answered(g->r), 1);
    assert_int_equal(responder_publish(g->r, NULL, 0, 1800000000), OK);
    ask(g, rows[0].target, answer, sizeof(answer));
    assert_non_null(strstr(answer, " 404 ")); /* withdrawn */
}

static void on_client(struct link *k)
{
    (void)k;
}

/* Did a handshake with that name and ALPN end in a certificate for `name` alone? */
static bool handshake(const struct rig *g, const char *name, struct slice alpn)
{
    struct tlsctx *ctx;
    struct session *s;
    struct link k;
    struct fault f = {0};
    const struct tlsctx_client options = {.insecure = true, .alpn = &alpn, .nalpn = 1};
    assert_int_equal(tlsctx_client_new(&options, &ctx, &f), OK);
    assert_int_equal(link_open(&k, g->loop, dial(g->https), on_client), OK);
    assert_int_equal(session_connect(ctx, slice_cstr(name), &s), OK);
    int r = link_set_filter(&k, &session_filter, s);
    for (int i = 0; i < TURNS && !session_ready(s) && (r == OK || r == ERR_AGAIN); i++) {
        loop_turn(g->loop, 5);
        r = link_fill(&k);
        if (r == OK || r == ERR_AGAIN)
            r = link_flush(&k);
    }
    bool ready = session_ready(s);
    if (ready) {
        struct session_info info;
        struct certinfo_chain *chain;
        session_info(s, &info);
        assert_true(slice_eq(info.alpn, alpn));
        assert_int_equal(session_peer(s, &chain), OK);
        assert_int_equal(certinfo_at(chain, 0)->nsans, 1);
        assert_true(slice_eq(certinfo_at(chain, 0)->sans[0].name, slice_cstr(name)));
        certinfo_unref(chain);
    }
    link_close(&k, false);
    tlsctx_unref(ctx);
    return ready;
}

static void challenge_certificates(void **state)
{
    const struct rig *g = *state;
    assert_int_equal(responder_publish(g->r, answers, 2, 1800000000), OK);
    assert_true(handshake(g, "b.test", SLICE("acme-tls/1")));
    assert_int_equal(responder_answered(g->r), 1);
    assert_false(handshake(g, "b.test", SLICE("h2")));
    assert_false(handshake(g, "a.test", SLICE("acme-tls/1")));
}

static void taken_port(void **state)
{
    const struct rig *g = *state;
    struct responder *second;
    struct fault f = {0};
    assert_int_equal(responder_open(g->loop, g->http, 0, &second, &f), ERR_EXISTS);
    assert_non_null(strstr(f.what, "http-01"));
    assert_non_null(strstr(f.next, "dns-01"));
    f = (struct fault){0};
    assert_int_equal(responder_open(g->loop, 0, g->https, &second, &f), ERR_EXISTS);
    assert_non_null(strstr(f.what, "tls-alpn-01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens, make, unmake),
        cmocka_unit_test_setup_teardown(challenge_certificates, make, unmake),
        cmocka_unit_test_setup_teardown(taken_port, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
