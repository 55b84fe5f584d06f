/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every callback leaves a trace that the test can compare. */
#include "caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"

static void append(char *dst, size_t cap, const char *prefix, const struct field *f)
{
    size_t n = strlen(dst);
    if (f)
        snprintf(dst + n, cap - n, "%s" SLICE_F ": " SLICE_F "\n", prefix, SLICE_A(f->name),
                 SLICE_A(f->value));
    else
        snprintf(dst + n, cap - n, "%s\n", prefix);
}

static void on_inform(struct fetch *f, uint16_t status, const struct field *fields, size_t n)
{
    struct caller *c = fetch_owner(f);
    char prefix[8];
    snprintf(prefix, sizeof(prefix), "%u ", status);
    if (!n)
        append(c->informs, sizeof(c->informs), prefix, NULL);
    for (size_t i = 0; i < n; i++)
        append(c->informs, sizeof(c->informs), prefix, &fields[i]);
}

static void on_head(struct fetch *f, const struct fetch_head *h)
{
    struct caller *c = fetch_owner(f);
    assert_false(c->head_seen);
    c->head_seen = true;
    c->head = *h;
    for (size_t i = 0; i < h->nfields; i++)
        append(c->fields, sizeof(c->fields), "", &h->fields[i]);
    if (c->free_at_head)
        caller_free(c);
    else if (!c->paused)
        caller_read(c);
}

static void on_readable(struct fetch *f)
{
    struct caller *c = fetch_owner(f);
    c->readable = true;
    if (!c->paused)
        caller_read(c);
}

static void on_sent(struct fetch *f, size_t n)
{
    struct caller *c = fetch_owner(f);
    c->sent += n;
    c->on_sents++;
    if (c->free_at_sent)
        caller_free(c);
}

static void on_fail(struct fetch *f, int r)
{
    struct caller *c = fetch_owner(f);
    assert_int_equal(c->fail, 0);
    assert_false(c->head_seen);
    c->fail = r;
    c->replay = fetch_replayable(f);
    fetch_fault(f, &c->fault);
}

static const struct fetch_ops ops = {on_inform, on_head, on_readable, on_sent, on_fail};

void caller_init(struct caller *c, struct loop *l)
{
    *c = (struct caller){.loop = l};
    arena_init(&c->arena, 262144);
    buf_init(&c->body, 64u << 20);
}

void caller_free(struct caller *c)
{
    fetch_free(c->f);
    c->f = NULL;
}

void caller_done(struct caller *c)
{
    caller_free(c);
    arena_done(&c->arena);
    buf_done(&c->body);
}

void caller_start(struct caller *c, struct upstream *u, const struct fetch_request *q)
{
    assert_int_equal(fetch_start(u, &c->arena, q, &ops, c, &c->f), OK);
    assert_false(c->head_seen || c->fail || c->sent); /* nothing from inside fetch_start */
}

void caller_get(struct caller *c, struct upstream *u, const char *target)
{
    struct fetch_request q = {.method = SLICE("GET"),
                              .target = slice_cstr(target),
                              .host = SLICE("a.example"),
                              .timeout_ms = 5000};
    caller_start(c, u, &q);
}

void caller_read(struct caller *c)
{
    struct slice s;
    int r = OK;
    while (!c->ended) {
        size_t cap = c->cap ? c->cap : 65536;
        if (c->fickle && c->pieces % 2)
            cap = 1;
        if ((r = fetch_read(c->f, cap, &s, &c->ended)))
            break;
        assert_true(s.n <= cap);
        c->pieces += s.n > 0;
        assert_int_equal(buf_add(&c->body, s), OK);
    }
    if (r && r != ERR_AGAIN)
        c->cut = r;
    size_t n;
    const struct field *t = c->ended ? fetch_answer_trailers(c->f, &n) : NULL;
    for (size_t i = 0; t && i < n; i++)
        append(c->trailers, sizeof(c->trailers), "", &t[i]);
}

void caller_wait(struct caller *c)
{
    uint64_t end_ms = loop_now_ms(c->loop) + 5000;
    while (!c->ended && !c->fail && !c->cut && loop_now_ms(c->loop) < end_ms)
        loop_turn(c->loop, 100);
    assert_true(c->ended || c->fail || c->cut);
}

bool caller_until(struct loop *l, const bool *flag)
{
    uint64_t end_ms = loop_now_ms(l) + 5000;
    while (!*(const volatile bool *)flag && loop_now_ms(l) < end_ms)
        loop_turn(l, 100);
    return *flag;
}

struct upstream_options caller_options(const char *host, uint16_t port)
{
    return (struct upstream_options){.host = slice_cstr(host),
                                     .port = port,
                                     .idle_max = 4,
                                     .idle_timeout_ms = 60000,
                                     .connect_timeout_ms = 2000,
                                     .max_fails = 0,
                                     .fail_timeout_ms = 100};
}

struct upstream *caller_upstream(struct loop *l, struct resolver *res, uint16_t port)
{
    struct upstream_options o = caller_options("127.0.0.1", port);
    struct upstream *u;
    assert_int_equal(upstream_new(l, res, &o, &u), OK);
    return u;
}
