/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What every exchange is checked for before and beside its action, and that it is counted once. */
#include "serve/exchange_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enginerig.h"

static const struct exchange_ops *ops = &exchange_engine_https;
static struct enginerig g;
static struct conf_route stripped;

static int setup(void **state)
{
    (void)state;
    enginerig_open(&g, "acme: {dns: {hook: /h}}\n"
                       "sites:\n"
                       "  a.example:\n"
                       "    aliases: [b.example, \"*.wild.example\"]\n"
                       "    routes:\n"
                       "      - {path: /hello, respond: hello, body_bytes: 10}\n"
                       "      - {path: /open, respond: open, body_bytes: 0}\n"
                       "      - {path: /old/part,\n"
                       "         redirect: {to: \"https://new.example\", keep_path: true}}\n"
                       "      - {path: /kept, redirect: {to: \"https://new.example\",\n"
                       "         keep_path: true}}\n"
                       "  c.example: {respond: other}\n"
                       "  quiet.example: {respond: quiet, log: false}\n");
    stripped = *g.routes[2].conf; /* the file takes strip_prefix with root and proxy only */
    stripped.strip_prefix = true;
    g.routes[2].conf = &stripped;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    enginerig_close(&g);
    return 0;
}

static void heads(void **state)
{
    static const struct {
        const char *method, *host, *path;
        uint16_t status;
        const char *name, *value, *reason;
    } rows[] = {
        {"GET", "a.example", "/hello", 200, NULL, NULL, NULL},
        {"GET", "b.example", "/hello", 200, NULL, NULL, NULL},
        {"GET", "x.wild.example", "/hello", 200, NULL, NULL, NULL},
        {"GET", "a.example", "/hello/below", 200, NULL, NULL, NULL},
        {"GET", "", "/hello", 200, NULL, NULL, NULL},
        {"GET", "c.example", "/hello", 421, NULL, NULL, "the host is not the one"},
        {"GET", "x.y.wild.example", "/hello", 421, NULL, NULL, "the host is not the one"},
        {"GET", "none.example", "/hello", 421, NULL, NULL, "the host is not the one"},
        {"TRACE", "c.example", "/", 421, NULL, NULL, NULL},
        {"TRACE", "a.example", "/hello", 405, "Allow", "GET, HEAD", "method not allowed"},
        {"CONNECT", "a.example", "/hello", 405, "Allow", "GET, HEAD", "method not allowed"},
        {"OPTIONS", "a.example", "*", 204, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
         NULL},
        {"GET", "a.example", "*", 404, NULL, NULL, "no route matches"},
        {"GET", "a.example", "/", 404, NULL, NULL, "no route matches"},
        {"GET", "a.example", "/hellox", 404, NULL, NULL, "no route matches"},
        {"GET", "a.example", "/kept/x", 308, "Location", "https://new.example/kept/x", NULL},
        {"GET", "a.example", "/old/part/x", 308, "Location", "https://new.example/x", NULL},
        {"GET", "a.example", "/old/part/", 308, "Location", "https://new.example/", NULL},
        {"GET", "a.example", "/old/part?q", 308, "Location", "https://new.example/?q", NULL},
        {"GET", "a.example", "/old/party", 404, NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enginerig_ask(&g, rows[i].method, rows[i].host, rows[i].path);
        if (!rows[i].host[0])
            g.x.req.version = 10;
        enginerig_go(&g, ops);
        if (g.answer.status != rows[i].status)
            print_error("%s %s %s\n", rows[i].method, rows[i].host, rows[i].path);
        assert_int_equal(g.answer.status, rows[i].status);
        assert_int_equal(g.answers, 1);
        assert_int_equal(g.aborts, 0);
        assert_int_equal(g.answer.close, rows[i].status == 421);
        if (rows[i].name)
            assert_string_equal(enginerig_value(&g, rows[i].name), rows[i].value);
        const char *reason = serving_of(&g.x)->reason;
        if (rows[i].reason && (!reason || !strstr(reason, rows[i].reason)))
            fail_msg("reason \"%s\", expected \"%s\"", reason ? reason : "", rows[i].reason);
    }
}

static void site_of_the_connection(void **state)
{
    (void)state;
    enginerig_ask(&g, "GET", "c.example", "/");
    g.c.site = &g.sites[1];
    enginerig_go(&g, ops);
    assert_int_equal(g.answer.status, 200);
    assert_true(slice_eq(buf_slice(&g.body), SLICE("other")));
    enginerig_ask(&g, "GET", "", "/");
    g.x.req.version = 10;
    g.c.site = &g.sites[1];
    enginerig_go(&g, ops);
    assert_true(slice_eq(buf_slice(&g.body), SLICE("other")));
    assert_ptr_equal(serving_of(&g.x)->site, &g.sites[1]);
}

/* ---- request bodies ---- */

static void post(const char *path, int64_t length)
{
    enginerig_ask(&g, "POST", "a.example", path);
    g.x.req.has_body = true;
    g.x.req.has_length = length >= 0;
    g.x.req.content_length = length >= 0 ? (uint64_t)length : 0;
    enginerig_go(&g, ops);
}

static void declared_length(void **state)
{
    static const struct {
        const char *path;
        int64_t length;
        uint16_t status;
    } rows[] = {{"/hello", 0, 200},         {"/hello", 10, 200}, {"/hello", 11, 413},
                {"/hello", INT64_MAX, 413}, {"/hello", -1, 200}, {"/open", INT64_MAX, 200}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        post(rows[i].path, rows[i].length);
        assert_int_equal(g.answer.status, rows[i].status);
        assert_int_equal(g.answer.close, rows[i].status == 413);
    }
    post("/hello", 11);
    ops->on_body(&g.x, SLICE("0123456789a"), true); /* what comes all the same is dropped */
    assert_int_equal(g.consumed, 11);
    assert_int_equal(g.answers, 1);
    assert_int_equal(g.aborts, 0);
}

/* An action that waits for the whole body. */
static unsigned bodies, trailers, closes;
static size_t taken;
static int closed_with;

static void take_body(struct exchange *x, struct slice data, bool end)
{
    (void)end;
    bodies++;
    taken += data.n;
    exchange_consumed(x, data.n);
}

static void take_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    (void)x, (void)fields, (void)n;
    trailers++;
}

static void take_close(struct exchange *x, int r)
{
    (void)x;
    closes++;
    closed_with = r;
}

static const struct action waiting = {
    .name = "waiting", .on_body = take_body, .on_trailers = take_trailers, .on_close = take_close};

static void wait_for_body(struct exchange *x)
{
    struct serving *v = exchange_engine_begin(x);
    assert_non_null(v);
    v->site = &g.sites[0];
    v->route = &g.routes[0];
    v->body_limit = v->route->conf->body_bytes;
    v->action = &waiting;
}

static const struct exchange_ops waiting_ops = EXCHANGE_ENGINE_WITH(wait_for_body);

static void upload(void)
{
    bodies = trailers = closes = 0;
    taken = 0;
    enginerig_ask(&g, "POST", "a.example", "/hello");
    enginerig_go(&g, &waiting_ops);
    assert_int_equal(g.answers, 0);
}

static void body_below_the_limit(void **state)
{
    (void)state;
    upload();
    ops->on_body(&g.x, SLICE("01234"), false);
    ops->on_body(&g.x, SLICE("56789"), false);
    ops->on_trailers(&g.x, NULL, 0);
    ops->on_body(&g.x, SLICE_EMPTY, true);
    assert_int_equal(bodies, 3);
    assert_int_equal(taken, 10);
    assert_int_equal(trailers, 1);
    assert_int_equal(g.answers, 0);
    enginerig_end(&g, ERR_RESET);
    assert_int_equal(closes, 1);
    assert_int_equal(closed_with, ERR_RESET);
}

static void body_above_the_limit(void **state)
{
    (void)state;
    upload();
    ops->on_body(&g.x, SLICE("01234"), false);
    ops->on_body(&g.x, SLICE("56789a"), false);
    assert_int_equal(g.answer.status, 413);
    assert_true(g.answer.close);
    assert_int_equal(closes, 1); /* the action ended with the answer */
    assert_int_equal(closed_with, ERR_ABORTED);
    ops->on_body(&g.x, SLICE("more"), false);
    ops->on_trailers(&g.x, NULL, 0);
    ops->on_body(&g.x, SLICE_EMPTY, true);
    assert_int_equal(bodies, 1);
    assert_int_equal(trailers, 0);
    assert_int_equal(g.consumed, 15);
    assert_int_equal(g.answers, 1);
    assert_int_equal(g.aborts, 0);
    enginerig_end(&g, OK);
    assert_int_equal(closes, 1);
}

static void body_above_the_limit_after_the_answer(void **state)
{
    (void)state;
    post("/hello", -1);
    ops->on_body(&g.x, SLICE("0123456789"), false);
    assert_int_equal(g.aborts, 0);
    ops->on_body(&g.x, SLICE("a"), false);
    ops->on_body(&g.x, SLICE("b"), true);
    assert_int_equal(g.aborts, 1);
    assert_int_equal(g.abort_r, ERR_BODY_TOO_LARGE);
    assert_int_equal(g.consumed, 12);
    post("/open", -1);
    ops->on_body(&g.x, SLICE("0123456789ab"), true);
    assert_int_equal(g.aborts, 0);
    assert_int_equal(g.consumed, 12);
}

/* ---- counters, log, memory ---- */

static void counted_once(void **state)
{
    const uint64_t *value = g.w.metrics->value;
    (void)state;
    enginerig_ask(&g, "GET", "a.example", "/hello");
    enginerig_go(&g, ops);
    uint64_t first = g.x.id;
    assert_int_equal(value[METRIC_REQUESTS], 1);
    assert_int_equal(value[METRIC_REQUESTS_OPEN], 1);
    assert_false(list_empty(&g.gen.exchanges));
    ops->on_close(&g.x, OK);
    assert_true(list_empty(&g.gen.exchanges));
    assert_null(g.x.app);
    enginerig_end(&g, OK); /* once more: nothing is left to end */
    enginerig_ask(&g, "GET", "none.example", "/");
    enginerig_go(&g, ops);
    assert_int_equal(g.x.id, first + 1);
    enginerig_end(&g, OK);
    enginerig_ask(&g, "GET", "quiet.example", "/");
    g.c.site = &g.sites[2];
    enginerig_go(&g, ops);
    assert_int_equal(g.answer.status, 200);
    enginerig_end(&g, OK);
    assert_int_equal(value[METRIC_REQUESTS], 3);
    assert_int_equal(value[METRIC_REQUESTS_OPEN], 0);
    assert_int_equal(g.w.metrics->site[0].requests, 1);
    assert_int_equal(g.w.metrics->site[2].requests, 1);
    assert_int_equal(g.w.metrics->site[METRICS_SITES - 1].requests, 1);
    struct slice rest = slice_cstr(enginerig_access(&g)), line;
    const char *const expected[] = {"\"status\":200", "\"status\":421"};
    size_t n = 0;
    while (slice_next(&rest, '\n', &line) && line.n) {
        assert_true(n < ARRAY_LEN(expected));
        if (!memmem(line.p, line.n, expected[n], strlen(expected[n])))
            fail_msg("no %s in " SLICE_F, expected[n], SLICE_A(line));
        n++;
    }
    assert_int_equal(n, 2);
}

static void no_memory_to_begin(void **state)
{
    struct pull p = {.cap = 100};
    (void)state;
    enginerig_ask(&g, "POST", "a.example", "/hello");
    arena_init(&g.x.arena, 16);
    enginerig_go(&g, ops);
    assert_int_equal(g.answers, 0);
    assert_int_equal(g.aborts, 1);
    assert_int_equal(g.abort_r, ERR_NOMEM);
    ops->on_trailers(&g.x, NULL, 0);
    ops->on_body(&g.x, SLICE("x"), true);
    assert_int_equal(ops->pull(&g.x, &p), ERR_BUG);
    enginerig_end(&g, ERR_NOMEM);
    assert_int_equal(g.w.metrics->value[METRIC_REQUESTS_OPEN], 0);
    assert_string_equal(enginerig_access(&g), "");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(heads),
        CASE(site_of_the_connection),
        CASE(declared_length),
        CASE(body_below_the_limit),
        CASE(body_above_the_limit),
        CASE(body_above_the_limit_after_the_answer),
        CASE(counted_once),
        CASE(no_memory_to_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
