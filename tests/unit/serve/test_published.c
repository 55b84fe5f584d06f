/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the keeper may conclude from the master's answers, in any order of tables, certificates and
 * answers. Nobody listens at the other end: that a look began shows in its failure. */
#include "serve/published.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../client/toy.h"
#include "../crypt/pair.h"
#include "base/err.h"
#include "os/sock.h"
#include "serve/challenges.h"
#include "serve/message.h"

static struct loop *loop;
static uint16_t nobody; /* a port that was just closed */
static struct published p;
static struct tlsctx *server;
static struct challenges *table; /* as a worker has it after the last message */

static struct {
    unsigned sent, published, served;
    uint64_t number, version;
    int r;
} seen;

static int on_send(void *ctx, struct slice payload)
{
    struct cur c = cur_of(payload);
    (void)ctx;
    seen.sent++;
    seen.number = message_next_u64(&c);
    assert_int_equal(challenges_replace(table, cur_bytes(&c, cur_left(&c))), OK);
    return OK;
}

static void on_published(void *ctx, uint64_t version)
{
    (void)ctx;
    seen.published++;
    seen.version = version;
}

static void on_served(void *ctx, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                      int r)
{
    (void)ctx;
    (void)kind;
    (void)sha256;
    assert_true(slice_eq(name, SLICE("a.test")));
    seen.r = r;
    seen.served++;
}

static void turn(void)
{
    for (int i = 0; i < 12; i++)
        loop_turn(loop, 10);
}

static void answer(uint64_t number)
{
    struct buf b;
    buf_init(&b, 8);
    assert_int_equal(message_u64(&b, number), OK);
    published_answer(&p, buf_slice(&b));
    buf_done(&b);
    turn();
}

static const struct certhost_answer http = {.kind = CERTHOST_HTTP01,
                                            .name = SLICE("a.test"),
                                            .token = SLICE("tok"),
                                            .content = SLICE("tok.thumb")};

static void open_one(void)
{
    const struct published_host host = {
        .send = on_send, .on_published = on_published, .on_served = on_served};
    memset(&seen, 0, sizeof(seen));
    assert_non_null(table = challenges_new());
    assert_int_equal(published_init(&p, loop, &host), OK);
    published_address(&p, NULL, 0, nobody);
}

static void close_one(void)
{
    published_done(&p);
    challenges_free(table);
}

static void tables_are_answered_once(void **state)
{
    (void)state;
    open_one();
    assert_int_equal(published_table(&p, 41, &http, 1), OK);
    assert_int_equal(seen.sent, 1);
    assert_int_equal(challenges_count(table), 1);
    answer(seen.number + 1); /* nonsense */
    assert_int_equal(seen.published, 0);
    answer(seen.number);
    assert_int_equal(seen.published, 1);
    assert_int_equal(seen.version, 41);
    answer(seen.number);
    assert_int_equal(seen.published, 1);
    uint64_t first = seen.number + 1;
    assert_int_equal(published_table(&p, 42, &http, 1), OK);
    assert_int_equal(published_table(&p, 43, NULL, 0), OK);
    answer(first); /* overtaken */
    assert_int_equal(seen.published, 1);
    answer(seen.number);
    assert_int_equal(seen.version, 43);
    assert_int_equal(challenges_count(table), 0);
    assert_int_equal(seen.served, 0);
    close_one();
}

static void certificates_are_looked_at_behind_a_table(void **state)
{
    (void)state;
    open_one();
    published_certificate(&p, SLICE("a.test"), KEY_ECDSA_P256, SLICE("one"));
    published_certificate(&p, SLICE("a.test"), KEY_RSA, SLICE("two"));
    assert_int_equal(seen.sent, 0);
    turn();
    assert_int_equal(seen.sent, 1); /* one for both */
    assert_int_equal(seen.served, 0);
    answer(seen.number);
    assert_int_equal(seen.served, 2);
    assert_int_equal(seen.published, 0);
    close_one();
}

static void the_engines_table_is_not_lost_behind_certificates(void **state)
{
    (void)state;
    open_one();
    assert_int_equal(published_table(&p, 7, &http, 1), OK);
    uint64_t first = seen.number;
    published_certificate(&p, SLICE("a.test"), KEY_ECDSA_P256, SLICE("one"));
    answer(first); /* before the certificate: the table is in use, the certificate may not be */
    assert_int_equal(seen.version, 7);
    assert_int_equal(seen.served, 0);
    assert_int_equal(seen.sent, 2);
    assert_int_equal(challenges_count(table), 1);
    published_certificate(&p, SLICE("a.test"), KEY_ECDSA_P256, SLICE("three"));
    turn();
    assert_int_equal(published_table(&p, 8, &http, 1), OK);
    answer(seen.number);
    assert_int_equal(seen.version, 8);
    assert_int_equal(seen.served, 1);
    close_one();
}

static int wrap(struct toy_conn *c)
{
    struct session *s;
    int r = session_accept(server, &s);
    return r ? r : link_set_filter(&c->link, &session_filter, s);
}

static void on_data(struct toy_conn *c)
{
    if (c->ended)
        toy_end(c, false);
}

static void look(const char *chain, unsigned served, int r)
{
    published_certificate(&p, SLICE("a.test"), KEY_ECDSA_P256, slice_cstr(chain));
    turn();
    answer(seen.number);
    print_message("%s: %u looks, %s\n", chain, seen.served, err_name(seen.r));
    assert_int_equal(seen.served, served);
    assert_int_equal(seen.r, r);
}

/* Every reload sends all certificates again. */
static void what_did_not_change_is_not_looked_at_again(void **state)
{
    (void)state;
    struct pair_ca ca;
    struct toy toy;
    pair_ca_init(&ca);
    server = pair_server(&ca, NULL, 1);
    toy_open(&toy, loop, on_data);
    toy.wrap = wrap;
    open_one();
    look("one", 1, ERR_REFUSED);
    look("one", 2, ERR_REFUSED); /* it was not seen */
    published_address(&p, NULL, 0, toy.port);
    look("one", 3, OK);
    look("one", 3, OK);
    look("two", 4, OK);
    look("one", 5, OK);
    published_certificate(&p, SLICE("a.test"), KEY_RSA, SLICE("one"));
    turn();
    answer(seen.number);
    assert_int_equal(seen.served, 6);
    close_one();
    toy_done(&toy);
    tlsctx_unref(server);
    pair_ca_done(&ca);
}

static int set_up(void **state)
{
    (void)state;
    struct sock_addr a;
    int fd;
    if (loop_new(&loop, NULL) || sock_addr_parse(SLICE("127.0.0.1:0"), &a) ||
        sock_listen(&a, false, 1, &fd, NULL) || sock_local_port(fd, &nobody))
        return 1;
    sock_close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_answered_once),
        cmocka_unit_test(certificates_are_looked_at_behind_a_table),
        cmocka_unit_test(the_engines_table_is_not_lost_behind_certificates),
        cmocka_unit_test(what_did_not_change_is_not_looked_at_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
