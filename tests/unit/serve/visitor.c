/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every call of the mux leaves a trace that the test can compare. */
#include "visitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "client/resolve.h"
#include "serve/bundle.h"
#include "serve/exchange_engine.h"
#include "serve/metrics.h"
#include "serve/proxy.h"

static struct metrics_slot slot;

void house_open(struct house *h)
{
    struct fault f = {0};
    *h = (struct house){.w.https_port = 443};
    memset(&slot, 0, sizeof(slot));
    h->w.metrics = &slot;
    assert_int_equal(loop_new(&h->w.loop, &f), OK);
    assert_int_equal(resolve_new(h->w.loop, NULL, &h->w.resolver, &f), OK);
}

void house_proxy(struct house *h, const char *proxy, const char *extra)
{
    struct fault f = {0};
    char yaml[2048];
    snprintf(yaml, sizeof(yaml), "%s\nsites:\n  a.example:\n    proxy: %s\n", extra, proxy);
    struct conf_faults faults;
    const struct conf_source src = {.file = "test.yaml", .text = slice_cstr(yaml)};
    if (conf_load(&src, &h->gen.conf, &faults))
        fail_msg("%s: %s", yaml, faults.list[0].what);
    h->gen.worker = &h->w;
    h->gen.sites = &h->site;
    h->gen.nsites = 1;
    list_init(&h->gen.exchanges);
    h->site = (struct site){.conf = &h->gen.conf->sites[0], .gen = &h->gen, .routes = &h->route};
    h->site.nroutes = 1;
    h->route = (struct route){.conf = &h->site.conf->routes[0], .site = &h->site, .root_fd = -1};
    if (balance_new(&h->w, &h->route.conf->proxy, h->bundle, &h->route.balance, &f))
        fail_msg("%s", f.what);
}

void house_done(struct house *h)
{
    balance_unref(h->route.balance);
    conf_free(h->gen.conf);
    resolve_free(h->w.resolver);
    loop_free(h->w.loop);
}

bool house_until(struct house *h, const bool *flag)
{
    uint64_t end_ms = loop_now_ms(h->w.loop) + 5000;
    while (!*(const volatile bool *)flag && loop_now_ms(h->w.loop) < end_ms)
        loop_turn(h->w.loop, 100);
    return *flag;
}

void house_turns(struct house *h, unsigned n)
{
    while (n--)
        loop_turn(h->w.loop, 10);
}

/* ---- the mux ---- */

static void append(char *dst, size_t cap, const char *prefix, const struct field *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(dst);
        snprintf(dst + at, cap - at, "%s" SLICE_F ": " SLICE_F "\n", prefix, SLICE_A(f[i].name),
                 SLICE_A(f[i].value));
    }
}

static void pull_all(struct loop_task *t)
{
    struct visitor *v = container_of(t, struct visitor, task);
    static uint8_t room[32768];
    while (v->answered && !v->settled && !v->paused && !v->stalled && !v->closed) {
        struct pull p = {.dst = room, .cap = v->cap ? v->cap : sizeof(room)};
        v->stalled = true;
        int r = v->x.ops->pull(&v->x, &p);
        if (r == ERR_AGAIN)
            continue;
        v->stalled = false;
        if (r) {
            v->cut = r;
            v->settled = true;
            return;
        }
        struct slice got = p.loan.n ? p.loan : slice_of(room, p.n);
        assert_true(got.n <= p.cap);
        assert_int_equal(buf_add(&v->body, got), OK);
        v->ended = p.end || (v->answer.length >= 0 && v->body.n == (size_t)v->answer.length);
        v->settled = v->ended;
    }
}

static int respond(struct exchange *x, const struct response *a)
{
    struct visitor *v = container_of(x, struct visitor, x);
    assert_false(v->answered);
    v->answered = x->responded = true;
    x->status = a->status;
    v->answer = *a;
    append(v->head, sizeof(v->head), "", a->fields, a->nfields);
    if (a->no_body || a->length == 0)
        v->ended = v->settled = true;
    loop_defer(v->h->w.loop, &v->task);
    return OK;
}

static int inform(struct exchange *x, uint16_t status, const struct field *fields, size_t n)
{
    struct visitor *v = container_of(x, struct visitor, x);
    char prefix[8];
    snprintf(prefix, sizeof(prefix), "%u ", status);
    append(v->informs, sizeof(v->informs), prefix, fields, n);
    return OK;
}

static void resume(struct exchange *x)
{
    struct visitor *v = container_of(x, struct visitor, x);
    v->stalled = false;
    loop_defer(v->h->w.loop, &v->task);
}

static void consumed(struct exchange *x, size_t n)
{
    struct visitor *v = container_of(x, struct visitor, x);
    v->consumed += n;
    assert_true(v->consumed <= v->given);
}

static int trailers(struct exchange *x, const struct field *fields, size_t n)
{
    struct visitor *v = container_of(x, struct visitor, x);
    append(v->trailers, sizeof(v->trailers), "", fields, n);
    return OK;
}

static void give_up(struct exchange *x, int r)
{
    struct visitor *v = container_of(x, struct visitor, x);
    v->abort_r = r;
    v->aborted = v->settled = true;
}

static const struct mux_ops mux = {respond, inform, resume, consumed, trailers, give_up};

static void begin(struct exchange *x)
{
    struct visitor *v = container_of(x, struct visitor, x);
    struct serving *s = exchange_engine_begin(x);
    assert_non_null(s);
    s->site = &v->h->site;
    s->route = &v->h->route;
    s->secure = true;
    proxy_serve(x);
}

static const struct exchange_ops engine = EXCHANGE_ENGINE_WITH(begin);

/* ---- the visitor ---- */

void visitor_init(struct visitor *v, struct house *h)
{
    *v = (struct visitor){.h = h, .x.c = &v->c, .x.mux = &mux, .x.ops = &engine};
    v->c.generation = &h->gen;
    v->c.site = &h->site;
    assert_int_equal(cidr_parse_ip(SLICE("192.0.2.7"), &v->c.peer), OK);
    arena_init(&v->x.arena, EXCHANGE_ARENA_MAX);
    buf_init(&v->body, 64u << 20);
    loop_task_init(&v->task, pull_all);
    v->x.req = (struct request){.method = METHOD_GET,
                                .version = 11,
                                .method_text = SLICE("GET"),
                                .target = SLICE("/"),
                                .host = SLICE("a.example"),
                                .authority = SLICE("a.example"),
                                .path = SLICE("/"),
                                .fields = v->fields};
}

void visitor_field(struct visitor *v, const char *name, const char *value)
{
    struct slice s = slice_cstr(name);
    assert_true(v->x.req.nfields < ARRAY_LEN(v->fields));
    v->fields[v->x.req.nfields++] = (struct field){s, slice_cstr(value), token_of(s)};
}

void visitor_go(struct visitor *v)
{
    v->x.ops->on_head(&v->x);
}

void visitor_body(struct visitor *v, const char *text, bool end)
{
    v->given += strlen(text);
    v->x.ops->on_body(&v->x, slice_cstr(text), end);
}

void visitor_wait(struct visitor *v)
{
    assert_true(house_until(v->h, &v->settled));
}

void visitor_close(struct visitor *v, int r)
{
    if (v->closed)
        return;
    v->closed = true;
    loop_task_cancel(&v->task);
    v->x.ops->on_close(&v->x, r);
    arena_done(&v->x.arena);
}

void visitor_done(struct visitor *v)
{
    visitor_close(v, OK);
    buf_done(&v->body);
}
