/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What every answer carries: header steps, security headers, bodies or none, error pages. */
#include "serve/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enginerig.h"
#include "serve/exchange_engine.h"

#define DAY_S 86400

static struct enginerig g;
static struct reply a;

static void begin(struct exchange *x)
{
    struct serving *v = exchange_engine_begin(x);
    assert_non_null(v);
    v->site = &g.sites[0];
    v->route = v->site->routes;
    v->secure = true;
}

/* The answer is made by the test, after on_head. */
static const struct exchange_ops ops = EXCHANGE_ENGINE_WITH(begin);

static void ask(const char *method)
{
    enginerig_ask(&g, method, "a.example", "/");
    enginerig_go(&g, &ops);
}

static void open_site(const char *options)
{
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), "sites:\n  a.example: {respond: hello%s}\n", options);
    enginerig_open(&g, yaml);
    ask("GET");
}

/* A 200 with these fields. */
static void send_fields(const char *const *names, const char *const *values, size_t n)
{
    reply_init(&a, &g.x, 200, 5);
    for (size_t i = 0; i < n && names[i]; i++) {
        struct slice name = slice_cstr(names[i]);
        reply_field(&a, &g.x, token_of(name), name, slice_cstr(values[i]));
    }
    assert_int_equal(reply_send(&a, &g.x), OK);
}

/* ---- header steps ---- */

static void header_steps(void **state)
{
    static const struct {
        struct conf_header_step steps[4];
        size_t n;
        const char *head;
    } rows[] = {
        {{{CONF_HEADER_SET, SLICE("X-A"), SLICE("1")}}, 1, "Server: up\nvary: x\nX-A: 1\n"},
        {{{CONF_HEADER_SET, SLICE("SERVER"), SLICE("me")}}, 1, "vary: x\nSERVER: me\n"},
        {{{CONF_HEADER_ADD, SLICE("Vary"), SLICE("y")}}, 1, "Server: up\nvary: x\nVary: y\n"},
        {{{CONF_HEADER_REMOVE, SLICE("server"), SLICE_EMPTY}}, 1, "vary: x\n"},
        {{{CONF_HEADER_REMOVE, SLICE("X-None"), SLICE_EMPTY}}, 1, "Server: up\nvary: x\n"},
        {{{CONF_HEADER_SET, SLICE("X-A"), SLICE("1")}, {CONF_HEADER_SET, SLICE("x-a"), SLICE("2")}},
         2,
         "Server: up\nvary: x\nx-a: 2\n"},
        {{{CONF_HEADER_SET, SLICE("X-A"), SLICE("1")}, {CONF_HEADER_ADD, SLICE("X-A"), SLICE("2")}},
         2,
         "Server: up\nvary: x\nX-A: 1\nX-A: 2\n"},
        {{{CONF_HEADER_ADD, SLICE("X-A"), SLICE("1")},
          {CONF_HEADER_REMOVE, SLICE("X-A"), SLICE_EMPTY},
          {CONF_HEADER_ADD, SLICE("X-A"), SLICE("3")}},
         3,
         "Server: up\nvary: x\nX-A: 3\n"},
        {{{CONF_HEADER_ADD, SLICE("X-A"), SLICE("1")},
          {CONF_HEADER_ADD, SLICE("X-A"), SLICE("2")},
          {CONF_HEADER_SET, SLICE("X-A"), SLICE("3")}},
         3,
         "Server: up\nvary: x\nX-A: 3\n"},
    };
    static const char *const names[] = {"Server", "vary"}, *const values[] = {"up", "x"};
    (void)state;
    open_site("");
    struct conf_route conf = *g.routes[0].conf;
    g.routes[0].conf = &conf;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        conf.header_steps = rows[i].steps;
        conf.nheader_steps = rows[i].n;
        ask("GET");
        serving_of(&g.x)->secure = false;
        send_fields(names, values, 2);
        assert_string_equal(g.head, rows[i].head);
    }
    enginerig_close(&g);
}

static void steps_rule_over_security(void **state)
{
    static const struct conf_header_step steps[] = {
        {CONF_HEADER_REMOVE, SLICE("X-Content-Type-Options"), SLICE_EMPTY},
        {CONF_HEADER_SET, SLICE("Strict-Transport-Security"), SLICE("max-age=1")}};
    (void)state;
    open_site(", hsts: 1h");
    struct conf_route conf = *g.routes[0].conf;
    g.routes[0].conf = &conf;
    conf.header_steps = steps;
    conf.nheader_steps = 2;
    ask("GET");
    send_fields(NULL, NULL, 0);
    assert_string_equal(g.head, "Strict-Transport-Security: max-age=1\n");
    enginerig_close(&g);
}

/* ---- security headers ---- */

static void hsts(void **state)
{
    static const struct {
        const char *options;
        bool known, local, plain;
        int64_t age_s; /* of the certificate */
        const char *value;
    } rows[] = {
        {", hsts: off", true, false, false, 30 * DAY_S, ""},
        {"", false, false, false, 30 * DAY_S, ""},
        {"", true, true, false, 30 * DAY_S, ""},
        {"", true, false, true, 30 * DAY_S, ""},
        {"", true, false, false, 0, "max-age=86400"},
        {"", true, false, false, 7 * DAY_S - 60, "max-age=86400"},
        {"", true, false, false, 7 * DAY_S + 60, "max-age=63072000"},
        {"", true, false, false, 300 * DAY_S, "max-age=63072000"},
        {", hsts: 1h", false, true, false, 0, "max-age=3600"},
        {", hsts: 1h", true, false, true, 0, ""},
        {", hsts: {max_age: 365d, include_subdomains: true}", true, false, false, 0,
         "max-age=31536000; includeSubDomains"},
        {", hsts: {max_age: 730d, include_subdomains: true, preload: true}", true, false, false, 0,
         "max-age=63072000; includeSubDomains; preload"},
    };
    static const char *const name = "strict-transport-security", *const own = "max-age=7";
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        open_site(rows[i].options);
        struct site *s = &g.sites[0];
        s->cert_known = rows[i].known;
        s->cert_local = rows[i].local;
        s->cert.not_before_s = loop_unix_ms(g.w.loop) / 1000 - rows[i].age_s;
        serving_of(&g.x)->secure = !rows[i].plain;
        send_fields(NULL, NULL, 0);
        assert_string_equal(enginerig_value(&g, name), rows[i].value);
        ask("GET"); /* an upstream's own is replaced, or stays where ours says nothing */
        serving_of(&g.x)->secure = !rows[i].plain;
        send_fields(&name, &own, 1);
        assert_int_equal(enginerig_count(&g, name), 1);
        assert_string_equal(enginerig_value(&g, name), rows[i].value[0] ? rows[i].value : own);
        enginerig_close(&g);
    }
}

static void hsts_of_a_local_name(void **state)
{
    (void)state;
    enginerig_open(&g, "sites: {localhost: {respond: hello}}\n");
    g.sites[0].cert_known = true;
    ask("GET");
    send_fields(NULL, NULL, 0);
    assert_int_equal(enginerig_count(&g, "Strict-Transport-Security"), 0);
    assert_string_equal(enginerig_value(&g, "X-Content-Type-Options"), "nosniff");
    enginerig_close(&g);
}

static void nosniff_once(void **state)
{
    static const char *const name = "x-content-type-options", *const value = "nosniff";
    (void)state;
    open_site("");
    send_fields(&name, &value, 1);
    assert_int_equal(enginerig_count(&g, name), 1);
    ask("GET");
    send_fields(NULL, NULL, 0);
    assert_int_equal(enginerig_count(&g, name), 1);
    ask("GET");
    serving_of(&g.x)->secure = false;
    send_fields(NULL, NULL, 0);
    assert_int_equal(enginerig_count(&g, name), 0);
    ask("GET");
    serving_of(&g.x)->site = NULL; /* a name of nobody */
    serving_of(&g.x)->route = NULL;
    send_fields(NULL, NULL, 0);
    assert_string_equal(g.head, "X-Content-Type-Options: nosniff\n");
    enginerig_close(&g);
}

static void names_by_version(void **state)
{
    (void)state;
    open_site("");
    g.x.req.version = 20;
    reply_init(&a, &g.x, 200, 0);
    reply_token(&a, &g.x, HDR_CONTENT_TYPE, SLICE("text/plain"));
    assert_int_equal(reply_send(&a, &g.x), OK);
    assert_string_equal(g.head, "content-type: text/plain\nx-content-type-options: nosniff\n");
    enginerig_close(&g);
}

/* ---- bodies ---- */

static void bodies(void **state)
{
    static const struct {
        const char *method;
        uint16_t status;
        bool no_body;
        int64_t length;
    } rows[] = {{"GET", 200, false, 5}, {"POST", 404, false, 5}, {"HEAD", 200, true, 5},
                {"GET", 204, true, -1}, {"GET", 304, true, -1},  {"HEAD", 304, true, -1},
                {"GET", 205, false, 5}, {"GET", 101, true, -1}};
    (void)state;
    open_site("");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask(rows[i].method);
        reply_text(&g.x, rows[i].status, SLICE("text/plain"), SLICE("hello"));
        assert_int_equal(g.answers, 1);
        assert_int_equal(g.answer.status, rows[i].status);
        assert_int_equal(g.answer.no_body, rows[i].no_body);
        assert_int_equal(g.answer.length, rows[i].length);
        assert_string_equal(enginerig_value(&g, "Content-Type"), "text/plain");
    }
    ask("GET");
    reply_text(&g.x, 200, SLICE("text/plain"), SLICE_EMPTY);
    assert_int_equal(g.answer.length, 0);
    assert_int_equal(enginerig_count(&g, "Content-Type"), 0);
    enginerig_close(&g);
}

static void text_in_pieces(void **state)
{
    char text[] = "hello";
    struct pull p = {.cap = 3};
    (void)state;
    open_site("");
    reply_text(&g.x, 200, SLICE("text/plain"), slice_cstr(text));
    memset(text, 'x', 5); /* it was copied */
    assert_int_equal(ops.pull(&g.x, &p), OK);
    assert_true(slice_eq(p.loan, SLICE("hel")) && !p.end && p.fast);
    p = (struct pull){.cap = 3};
    assert_int_equal(ops.pull(&g.x, &p), OK);
    assert_true(slice_eq(p.loan, SLICE("lo")) && p.end);
    enginerig_close(&g);
}

/* ---- errors ---- */

static void error_pages(void **state)
{
    static const char html[] = "text/html; charset=utf-8", json[] = "application/problem+json";
    static const struct {
        const char *options, *accept, *type, *body;
    } rows[] = {
        {"", NULL, html, "<h1>404 Not Found</h1>"},
        {"", "*/*", html, "<h1>404 Not Found</h1>"},
        {"", "text/html,application/json", html, "<h1>404 Not Found</h1>"},
        {"", "application/xml", html, "<h1>404 Not Found</h1>"},
        {"", "application/json", json, "\"title\":\"Not Found\",\"status\":404}"},
        {"", "application/json, text/html", json, "\"status\":404}"},
        {"", "application/problem+json", json, "\"type\":\"about:blank\""},
        {", api: true", NULL, json, "\"status\":404}"},
        {", api: true", "text/html", json, "\"status\":404}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        open_site(rows[i].options);
        if (rows[i].accept)
            enginerig_field(&g, "Accept", rows[i].accept);
        reply_error(&g.x, 404, "gone");
        assert_int_equal(g.answer.status, 404);
        assert_string_equal(enginerig_value(&g, "Content-Type"), rows[i].type);
        assert_string_equal(serving_of(&g.x)->reason, "gone");
        struct pull p = {.cap = 4096};
        assert_int_equal(ops.pull(&g.x, &p), OK);
        assert_true(p.end);
        assert_int_equal(p.loan.n, g.answer.length);
        if (!memmem(p.loan.p, p.loan.n, rows[i].body, strlen(rows[i].body)))
            fail_msg("no %s in " SLICE_F, rows[i].body, SLICE_A(p.loan));
        enginerig_close(&g);
    }
}

static void error_heads(void **state)
{
    static const struct {
        uint16_t status;
        uint8_t version;
        bool close;
        const char *allow, *retry;
    } rows[] = {
        {400, 10, true, "", ""},           {400, 11, true, "", ""},
        {400, 20, true, "", ""},           {413, 11, true, "", ""},
        {413, 20, false, "", ""},          {421, 10, true, "", ""},
        {421, 11, true, "", ""},           {421, 20, false, "", ""},
        {404, 11, false, "", ""},          {405, 11, false, "GET, HEAD", ""},
        {405, 20, false, "GET, HEAD", ""}, {500, 11, false, "", ""},
        {502, 20, false, "", ""},          {503, 11, false, "", "5"},
        {503, 20, false, "", "5"},         {504, 11, false, "", ""},
    };
    (void)state;
    open_site("");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask("GET");
        g.x.req.version = rows[i].version;
        reply_error(&g.x, rows[i].status, "");
        assert_int_equal(g.answer.status, rows[i].status);
        if (g.answer.close != rows[i].close)
            print_error("%u over %u\n", rows[i].status, rows[i].version);
        assert_int_equal(g.answer.close, rows[i].close);
        assert_string_equal(enginerig_value(&g, "Allow"), rows[i].allow);
        assert_string_equal(enginerig_value(&g, "Retry-After"), rows[i].retry);
    }
    enginerig_close(&g);
}

static void error_after_the_head(void **state)
{
    static const struct {
        uint16_t status;
        int r;
    } rows[] = {{413, ERR_BODY_TOO_LARGE}, {502, ERR_ABORTED}};
    (void)state;
    open_site("");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask("GET");
        reply_text(&g.x, 200, SLICE("text/plain"), SLICE("hello"));
        reply_error(&g.x, rows[i].status, "late");
        assert_int_equal(g.answers, 1);
        assert_int_equal(g.aborts, 1);
        assert_int_equal(g.abort_r, rows[i].r);
        assert_string_equal(serving_of(&g.x)->reason, "late");
    }
    enginerig_close(&g);
}

static void redirects(void **state)
{
    char to[] = "/below/";
    (void)state;
    open_site("");
    reply_redirect(&g.x, 303, slice_cstr(to));
    memset(to, 'x', sizeof(to) - 1);
    assert_int_equal(g.answer.status, 303);
    assert_int_equal(g.answer.length, 0);
    assert_true(slice_eq(g.answer.fields[0].value, SLICE("/below/")));
    enginerig_close(&g);
}

/* ---- memory ---- */

static void many_fields(void **state)
{
    static char names[100][8];
    (void)state;
    open_site("");
    reply_init(&a, &g.x, 200, 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(names[i], sizeof(names[i]), "x-%zu", i);
        reply_field(&a, &g.x, HDR_OTHER, slice_cstr(names[i]), SLICE("v"));
    }
    assert_int_equal(reply_send(&a, &g.x), OK);
    assert_int_equal(g.answer.nfields, ARRAY_LEN(names) + 1);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(enginerig_count(&g, names[i]), 1);
    enginerig_close(&g);
}

static void text_of_5000(struct exchange *x)
{
    static uint8_t text[5000];
    reply_text(x, 200, SLICE("text/plain"), slice_of(text, sizeof(text)));
}

static void too_many_fields(struct exchange *x)
{
    reply_init(&a, x, 200, 0);
    for (size_t i = 0; i < 200; i++)
        reply_field(&a, x, HDR_OTHER, SLICE("x"), SLICE("v"));
    assert_int_equal(reply_send(&a, x), ERR_NOMEM);
}

static void an_error(struct exchange *x)
{
    reply_error(x, 404, "");
}

static void a_redirect(struct exchange *x)
{
    reply_redirect(x, 308, SLICE("/x"));
}

static void no_memory(void **state)
{
    static void (*const answers[])(struct exchange * x) = {text_of_5000, too_many_fields, an_error,
                                                           a_redirect};
    static const size_t left[] = {0, 16, 64, 600};
    (void)state;
    open_site("");
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        for (size_t k = 0; k < ARRAY_LEN(left); k++) {
            ask("GET");
            g.x.arena.max_bytes = g.x.arena.used_bytes + left[k];
            answers[i](&g.x);
            assert_int_equal(g.answers, 0);
            assert_int_equal(g.aborts, 1);
            assert_int_equal(g.abort_r, ERR_NOMEM);
        }
    enginerig_close(&g);
}

/* ---- prebuilt heads ---- */

static void blocks(void **state)
{
    static const struct {
        struct conf_header_step steps[3];
        size_t n;
        const char *block; /* NULL: none can be made */
    } rows[] = {
        {{{0}}, 0, ""},
        {{{CONF_HEADER_ADD, SLICE("X-A"), SLICE("1")}}, 1, "X-A: 1\r\n"},
        {{{CONF_HEADER_ADD, SLICE("Vary"), SLICE("y")}}, 1, "Vary: y\r\n"},
        {{{CONF_HEADER_SET, SLICE("X-A"), SLICE("1")}, {CONF_HEADER_ADD, SLICE("X-A"), SLICE("2")}},
         2,
         "X-A: 1\r\nX-A: 2\r\n"},
        {{{CONF_HEADER_SET, SLICE("Cache-Control"), SLICE("no-store")}}, 1, NULL},
        {{{CONF_HEADER_REMOVE, SLICE("ETag"), SLICE_EMPTY}}, 1, NULL},
        {{{CONF_HEADER_ADD, SLICE("X-A"), SLICE("1")}, {CONF_HEADER_SET, SLICE("X-A"), SLICE("2")}},
         2,
         NULL},
        {{{CONF_HEADER_ADD, SLICE("X-A"), SLICE("1")},
          {CONF_HEADER_REMOVE, SLICE("X-A"), SLICE_EMPTY}},
         2,
         NULL},
        {{{CONF_HEADER_REMOVE, SLICE("X-None"), SLICE_EMPTY}}, 1, ""},
    };
    struct arena arena, small;
    struct slice block;
    (void)state;
    open_site(", hsts: 1h");
    struct conf_route conf = *g.routes[0].conf;
    g.routes[0].conf = &conf;
    arena_init(&arena, 65536);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[256];
        conf.header_steps = rows[i].steps;
        conf.nheader_steps = rows[i].n;
        assert_int_equal(reply_block(&g.routes[0], &arena, &block), rows[i].block != NULL);
        if (!rows[i].block)
            continue;
        snprintf(expected, sizeof(expected),
                 "Strict-Transport-Security: max-age=3600\r\n"
                 "X-Content-Type-Options: nosniff\r\n%s",
                 rows[i].block);
        if (!slice_eq(block, slice_cstr(expected)))
            fail_msg("\"" SLICE_F "\", expected \"%s\"", SLICE_A(block), expected);
    }
    arena_done(&arena);
    arena_init(&small, 40);
    assert_false(reply_block(&g.routes[0], &small, &block));
    arena_done(&small);
    enginerig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_steps),
        cmocka_unit_test(steps_rule_over_security),
        cmocka_unit_test(hsts),
        cmocka_unit_test(hsts_of_a_local_name),
        cmocka_unit_test(nosniff_once),
        cmocka_unit_test(names_by_version),
        cmocka_unit_test(bodies),
        cmocka_unit_test(text_in_pieces),
        cmocka_unit_test(error_pages),
        cmocka_unit_test(error_heads),
        cmocka_unit_test(error_after_the_head),
        cmocka_unit_test(redirects),
        cmocka_unit_test(many_fields),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
