/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Handshakes over loopback: which certificate is seen for which name and kind. */
#include "serve/confirm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../client/toy.h"
#include "../crypt/pair.h"
#include "base/err.h"

#define SEEN_MAX 8

static struct loop *loop;
static struct pair_ca ca;
static struct toy toy;
static struct tlsctx_identity ids[2];
static struct tlsctx *server;
static char sni[64];
static unsigned handshakes;

static struct {
    char name[64];
    enum key_kind kind;
    uint8_t sha256[32];
    int r;
} seen[SEEN_MAX];
static unsigned nseen;

static int wrap(struct toy_conn *c)
{
    struct session *s;
    int r = session_accept(server, &s);
    return r ? r : link_set_filter(&c->link, &session_filter, s);
}

/* We end with close_notify, so the server sees every handshake complete. */
static void on_data(struct toy_conn *c)
{
    struct session_info info;
    if (!c->ended)
        return;
    if (c->link.filter && session_ready(c->link.filter_ctx)) {
        session_info(c->link.filter_ctx, &info);
        memset(sni, 0, sizeof(sni));
        if (info.sni.n)
            memcpy(sni, info.sni.p, info.sni.n);
        handshakes++;
    }
    toy_end(c, false);
}

static void on_served(void *ctx, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                      int r)
{
    (void)ctx;
    assert_true(nseen < SEEN_MAX);
    memset(seen[nseen].name, 0, sizeof(seen[nseen].name));
    memcpy(seen[nseen].name, name.p, name.n);
    seen[nseen].kind = kind;
    seen[nseen].r = r;
    memcpy(seen[nseen++].sha256, sha256, 32);
}

static const struct confirm_host host = {.on_served = on_served};

static void wait_for(unsigned n)
{
    uint64_t start_ms = loop_now_ms(loop);
    while (nseen < n && loop_now_ms(loop) < start_ms + 20000)
        loop_turn(loop, 20);
    assert_int_equal(nseen, n);
}

static void wait_for_handshakes(unsigned n)
{
    uint64_t start_ms = loop_now_ms(loop);
    while (handshakes < n && loop_now_ms(loop) < start_ms + 20000)
        loop_turn(loop, 20);
    assert_int_equal(handshakes, n);
}

static void sees_each_kind(void **state)
{
    (void)state;
    struct confirm *c;
    nseen = handshakes = 0;
    assert_int_equal(confirm_new(loop, &host, &c), OK);
    confirm_address(c, NULL, 0, toy.port);
    assert_int_equal(confirm_add(c, SLICE("site.test"), KEY_RSA), OK);
    assert_int_equal(confirm_add(c, SLICE("site.test"), KEY_ECDSA_P256), OK);
    assert_int_equal(confirm_add(c, SLICE("site.test"), KEY_RSA), OK); /* once is enough */
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 5);
    assert_int_equal(toy.accepted, 0); /* not in use yet */
    confirm_begin(c);
    wait_for(2);
    for (unsigned i = 0; i < 2; i++) {
        print_message("%s %s %d\n", seen[i].name, keystore_kind_text(seen[i].kind), seen[i].r);
        assert_string_equal(seen[i].name, "site.test");
        assert_int_equal(seen[i].r, OK);
        assert_int_equal(seen[i].kind, i ? KEY_ECDSA_P256 : KEY_RSA);
        assert_memory_equal(seen[i].sha256, certinfo_at(ids[i].chain, 0)->sha256, 32);
    }
    wait_for_handshakes(2);
    assert_string_equal(sni, "site.test");
    confirm_free(c);
}

static void asks_below_a_wildcard(void **state)
{
    (void)state;
    struct confirm *c;
    nseen = handshakes = 0;
    assert_int_equal(confirm_new(loop, &host, &c), OK);
    confirm_address(c, NULL, 0, toy.port);
    assert_int_equal(confirm_add(c, SLICE("*.site.test"), KEY_ECDSA_P256), OK);
    confirm_begin(c);
    wait_for(1);
    assert_int_equal(seen[0].r, OK);
    assert_string_equal(seen[0].name, "*.site.test");
    wait_for_handshakes(1);
    assert_string_equal(sni, "port443-confirm.site.test");
    assert_int_equal(confirm_add(c, SLICE("127.0.0.1"), KEY_ECDSA_P256), OK);
    confirm_begin(c);
    wait_for(2);
    assert_int_equal(seen[1].r, OK);
    wait_for_handshakes(2);
    assert_string_equal(sni, ""); /* RFC 6066 3 */
    confirm_free(c);
}

static void tells_when_nobody_answers(void **state)
{
    (void)state;
    struct confirm *c;
    struct toy closed;
    toy_open(&closed, loop, on_data);
    toy_done(&closed);
    nseen = 0;
    assert_int_equal(confirm_new(loop, &host, &c), OK);
    confirm_address(c, NULL, 0, closed.port);
    assert_int_equal(confirm_add(c, SLICE("a.test"), KEY_ECDSA_P256), OK);
    assert_int_equal(confirm_add(c, SLICE("b.test"), KEY_ECDSA_P256), OK);
    confirm_begin(c);
    wait_for(2);
    assert_int_equal(seen[0].r, ERR_REFUSED);
    assert_int_equal(seen[1].r, ERR_REFUSED);
    assert_string_equal(seen[1].name, "b.test");
    confirm_free(c);
}

static void may_end_at_any_time(void **state)
{
    (void)state;
    for (int turns = 0; turns < 6; turns++) {
        struct confirm *c;
        nseen = 0;
        assert_int_equal(confirm_new(loop, &host, &c), OK);
        confirm_address(c, NULL, 0, toy.port);
        assert_int_equal(confirm_add(c, SLICE("a.test"), KEY_ECDSA_P256), OK);
        assert_int_equal(confirm_add(c, SLICE("b.test"), KEY_ECDSA_P256), OK);
        confirm_begin(c);
        for (int i = 0; i < turns; i++)
            loop_turn(loop, 0);
        confirm_free(c);
    }
    confirm_free(NULL);
}

/* Where we are reached when the configuration names addresses. */
static void chooses_the_address(void **state)
{
    (void)state;
    static const struct {
        const char *listen[2];
        size_t n;
        int r;
    } rows[] = {{{NULL}, 0, OK},
                {{"0.0.0.0"}, 1, OK},
                {{"192.0.2.1", "127.0.0.1"}, 2, OK},
                {{"::", "0.0.0.0"}, 2, OK},
                {{"127.0.0.2"}, 1, ERR_REFUSED}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct confirm *c;
        struct ip listen[2];
        for (size_t k = 0; k < rows[i].n; k++)
            assert_int_equal(cidr_parse_ip(slice_cstr(rows[i].listen[k]), &listen[k]), OK);
        nseen = 0;
        assert_int_equal(confirm_new(loop, &host, &c), OK);
        confirm_address(c, listen, rows[i].n, toy.port);
        assert_int_equal(confirm_add(c, SLICE("a.test"), KEY_ECDSA_P256), OK);
        confirm_begin(c);
        wait_for(1);
        print_message("row %zu: %s\n", i, err_name(seen[0].r));
        assert_int_equal(seen[0].r, rows[i].r);
        confirm_free(c);
    }
}

static int set_up(void **state)
{
    (void)state;
    if (loop_new(&loop, NULL))
        return 1;
    pair_ca_init(&ca);
    ids[0] = pair_identity(&ca, "site.test", KEY_RSA, 0);
    ids[1] = pair_identity(&ca, "site.test", KEY_ECDSA_P256, 0);
    const struct tlsctx_server o = {.identities = ids, .nidentities = 2};
    toy_open(&toy, loop, on_data);
    toy.wrap = wrap;
    return tlsctx_server_new(&o, &server, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    toy_done(&toy);
    tlsctx_unref(server);
    pair_identity_done(&ids[0]);
    pair_identity_done(&ids[1]);
    pair_ca_done(&ca);
    loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_each_kind),
        cmocka_unit_test(asks_below_a_wildcard),
        cmocka_unit_test(tells_when_nobody_answers),
        cmocka_unit_test(may_end_at_any_time),
        cmocka_unit_test(chooses_the_address),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
