/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The wire is two buffers; delivery is cut wherever the test wants. */
#include "pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"

#define WIRE_MAX (16 * 1024 * 1024)

static void must(int r, const struct fault *f)
{
    if (!r)
        return;
    char text[800];
    fault_text(f, text, sizeof(text));
    print_message("%s\n", text);
    fail();
}

void pair_ca_init(struct pair_ca *ca)
{
    struct fault f = {0};
    ca->now_s = time(NULL);
    must(keystore_generate(KEY_ECDSA_P256, &ca->key, &f), &f);
    must(localca_root(ca->key, ca->now_s, &ca->chain, &f), &f);
    buf_init(&ca->pem, 65536);
    assert_int_equal(certinfo_pem(ca->chain, &ca->pem), OK);
}

void pair_ca_done(struct pair_ca *ca)
{
    keystore_unref(ca->key);
    certinfo_unref(ca->chain);
    buf_done(&ca->pem);
}

struct tlsctx_identity pair_identity(struct pair_ca *ca, const char *name, enum key_kind kind,
                                     int64_t offset_s)
{
    struct fault f = {0};
    struct tlsctx_identity id;
    struct slice names[] = {slice_cstr(name)};
    must(keystore_generate(kind, &id.key, &f), &f);
    struct localca_leaf leaf = {names, 1, id.key, ca->now_s + offset_s, 0};
    must(localca_issue(ca->chain, ca->key, &leaf, &id.chain, &f), &f);
    return id;
}

void pair_identity_done(struct tlsctx_identity *id)
{
    keystore_unref(id->key);
    certinfo_unref(id->chain);
}

struct tlsctx *pair_server(struct pair_ca *ca, struct ticketring *ring, uint8_t binding)
{
    struct fault f = {0};
    struct tlsctx *ctx;
    struct tlsctx_identity id = pair_identity(ca, "site.test", KEY_ECDSA_P256, 0);
    struct tlsctx_server opts = {.identities = &id, .nidentities = 1, .ring = ring};
    opts.binding[0] = binding;
    must(tlsctx_server_new(&opts, &ctx, &f), &f);
    pair_identity_done(&id);
    return ctx;
}

struct tlsctx *pair_client(struct pair_ca *ca)
{
    static const struct slice alpn[] = {SLICE("http/1.1"), SLICE("h2")};
    struct fault f = {0};
    struct tlsctx *ctx;
    struct tlsctx_client opts = {.ca_pem = buf_slice(&ca->pem), .alpn = alpn, .nalpn = 2};
    must(tlsctx_client_new(&opts, &ctx, &f), &f);
    return ctx;
}

void pair_init(struct pair *p, struct tlsctx *client, struct tlsctx *server, const char *name)
{
    *p = (struct pair){0};
    buf_init(&p->c2s, WIRE_MAX);
    buf_init(&p->s2c, WIRE_MAX);
    buf_init(&p->at_client, WIRE_MAX);
    buf_init(&p->at_server, WIRE_MAX);
    assert_int_equal(session_connect(client, slice_cstr(name), &p->client), OK);
    assert_int_equal(session_accept(server, &p->server), OK);
    p->client_r = session_filter.open(p->client, SLICE_EMPTY, &p->at_client, &p->c2s);
}

static bool deliver(struct session *to, struct buf *wire, struct buf *plain, struct buf *answer,
                    size_t step, int *ret)
{
    struct slice s = slice_first(buf_slice(wire), step ? step : SIZE_MAX);
    if (s.n == 0)
        return false;
    *ret = session_filter.open(to, s, plain, answer);
    buf_consume(wire, s.n);
    return true;
}

void pair_run(struct pair *p, size_t step)
{
    bool up, down;
    do {
        up = deliver(p->server, &p->c2s, &p->at_server, &p->s2c, step, &p->server_r);
        down = deliver(p->client, &p->s2c, &p->at_client, &p->c2s, step, &p->client_r);
    } while (up || down);
}

void pair_handshake(struct pair *p, size_t step)
{
    pair_run(p, step);
    if (session_ready(p->client) && session_ready(p->server))
        return;
    struct fault f = {0};
    session_fault(p->client, &f);
    print_message("client: %s\n", f.what);
    session_fault(p->server, &f);
    print_message("server: %s\n", f.what);
    fail();
}

void pair_say(struct pair *p, bool from_client, struct slice plain)
{
    struct session *s = from_client ? p->client : p->server;
    assert_int_equal(session_filter.seal(s, plain, from_client ? &p->c2s : &p->s2c), OK);
}

void pair_done(struct pair *p)
{
    session_free(p->client);
    session_free(p->server);
    buf_done(&p->c2s);
    buf_done(&p->s2c);
    buf_done(&p->at_client);
    buf_done(&p->at_server);
}
