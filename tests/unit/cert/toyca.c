/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One request at a time on each connection. */
#include "toyca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/num.h"

#define ANSWER_MAX (4 * 1024 * 1024)

static struct tlsctx *served; /* toy's wrap has no context */

static int secure(struct toy_conn *c)
{
    struct session *s;
    int r = session_accept(served, &s);
    return r ? r : link_set_filter(&c->link, &session_filter, s);
}

static size_t length_of(const char *head)
{
    const char *at = strstr(head, "Content-Length: ");
    uint64_t n = 0;
    if (!at)
        return 0;
    at += strlen("Content-Length: ");
    assert_int_equal(num_parse_u64(slice_of(at, strcspn(at, "\r")), 0, ANSWER_MAX, &n), OK);
    return (size_t)n;
}

/* A whole request, or nothing yet. */
static bool take(struct toy_conn *c, struct toyca_request *q)
{
    struct slice s = buf_slice(&c->seen);
    size_t n = 0;
    while (n + 4 <= s.n && memcmp(s.p + n, "\r\n\r\n", 4) != 0)
        n++;
    if (n + 4 > s.n)
        return false;
    assert_true(n + 4 < sizeof(q->head));
    memcpy(q->head, s.p, n + 4);
    q->head[n + 4] = 0;
    size_t length = length_of(q->head);
    if (s.n < n + 4 + length)
        return false;
    q->body = slice_of(s.p + n + 4, length);
    size_t method = strcspn(q->head, " "), path = strcspn(q->head + method + 1, " ");
    assert_true(method < sizeof(q->method) && path < sizeof(q->path));
    snprintf(q->method, sizeof(q->method), "%.*s", (int)method, q->head);
    snprintf(q->path, sizeof(q->path), "%.*s", (int)path, q->head + method + 1);
    return true;
}

static void on_data(struct toy_conn *c)
{
    struct toyca *t = container_of(c->server, struct toyca, toy);
    struct toyca_request q = {0};
    struct buf out;
    if (c->ended || !take(c, &q))
        return;
    buf_init(&out, ANSWER_MAX);
    t->requests++;
    t->script(t, &q, &out);
    size_t used = strlen(q.head) + q.body.n;
    if (!out.n) {
        toy_end(c, true);
        return;
    }
    for (struct slice s = buf_slice(&out); s.n; s = slice_from(s, 256 * 1024))
        toy_say(c, slice_first(s, 256 * 1024));
    buf_consume(&c->seen, used);
    buf_done(&out);
}

void toyca_open(struct toyca *t, struct loop *l,
                void (*script)(struct toyca *t, const struct toyca_request *q, struct buf *out))
{
    struct fault f = {0};
    *t = (struct toyca){.l = l, .script = script};
    pair_ca_init(&t->trust);
    struct tlsctx_identity id = pair_identity(&t->trust, "127.0.0.1", KEY_ECDSA_P256, 0);
    struct tlsctx_server opts = {.identities = &id, .nidentities = 1};
    assert_int_equal(tlsctx_server_new(&opts, &t->ctx, &f), OK);
    pair_identity_done(&id);
    served = t->ctx;
    toy_open(&t->toy, l, on_data);
    t->toy.wrap = secure;
    snprintf(t->base, sizeof(t->base), "https://127.0.0.1:%u", t->toy.port);
}

void toyca_done(struct toyca *t)
{
    toy_done(&t->toy);
    tlsctx_unref(t->ctx);
    pair_ca_done(&t->trust);
}

void toyca_answer(struct toyca *t, struct buf *out, unsigned status, const char *fields,
                  const char *body)
{
    assert_int_equal(buf_printf(out,
                                "HTTP/1.1 %u Word\r\nReplay-Nonce: nonce-%u\r\n%s"
                                "Content-Length: %zu\r\n\r\n%s",
                                status, ++t->nonces, fields, strlen(body), body),
                     OK);
}

void toyca_directory(struct toyca *t, struct buf *out, bool binding_required)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"newNonce\":\"%s/nonce\",\"newAccount\":\"%s/account\",\"newOrder\":\"%s/order\","
             "\"keyChange\":\"%s/key\",\"revokeCert\":\"%s/revoke\","
             "\"meta\":{\"externalAccountRequired\":%s}}",
             t->base, t->base, t->base, t->base, t->base, binding_required ? "true" : "false");
    toyca_answer(t, out, 200, "", body);
}

static unsigned sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = strchr(digits, c);
    assert_true(at && *at);
    return (unsigned)(at - digits);
}

/* The text behind `name`, up to its closing quote, as base64url. */
static void decode(const struct toyca_request *q, const char *name, char *dst, size_t cap)
{
    char body[16384];
    size_t n = 0;
    unsigned bits = 0, have = 0;
    assert_true(q->body.n < sizeof(body));
    snprintf(body, sizeof(body), SLICE_F, SLICE_A(q->body));
    const char *at = strstr(body, name);
    for (at = at ? at + strlen(name) : ""; *at && *at != '"'; at++) {
        bits = bits << 6 | sextet(*at);
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        assert_true(n + 1 < cap);
        dst[n++] = (char)(bits >> have & 0xff);
    }
    dst[n] = 0;
}

void toyca_payload(const struct toyca_request *q, char *dst, size_t cap)
{
    decode(q, "\"payload\":\"", dst, cap);
}

void toyca_head(const struct toyca_request *q, char *dst, size_t cap)
{
    decode(q, "\"protected\":\"", dst, cap);
}

bool toyca_payload_has(const struct toyca_request *q, const char *text)
{
    char plain[12288];
    toyca_payload(q, plain, sizeof(plain));
    return strstr(plain, text) != NULL;
}

bool toyca_head_has(const struct toyca_request *q, const char *text)
{
    char plain[12288];
    toyca_head(q, plain, sizeof(plain));
    return strstr(plain, text) != NULL;
}
