/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What follows from the end of an attempt: the next CA, the probe, the time, what a restart knows
 * of it. No CA is asked: attempts are begun and ended by hand. */
#include "cert/keepend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cert/certclock.h"
#include "cert/keepname.h"

#define NAME SLICE("www.example.com")

struct rig {
    char dir[64];
    struct loop *loop;
    struct certkeep *keep;
    struct certhost host;
    char events[4096];
    struct keepname *n;
};

static void on_certificate(void *ctx, const struct certhost_pair *p)
{
    (void)ctx;
    (void)p;
}

static void on_trouble(void *ctx, const struct fault *f)
{
    (void)ctx;
    fail_msg("%s", f->what);
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    struct rig *g = ctx;
    size_t used = strlen(g->events);
    (void)level;
    (void)fields;
    (void)n;
    snprintf(g->events + used, sizeof(g->events) - used, "%s ", name);
}

static void want(struct rig *g, const char *second, const char *staging)
{
    const struct slice name = NAME;
    const struct certkeep_name w = {&name, 1, false};
    struct certkeep_settings s = {.directories = {SLICE("https://127.0.0.1:1/one")},
                                  .ndirectories = 1,
                                  .keys = CERTKEEP_ECDSA,
                                  .challenges = CERTKEEP_HTTP01 | CERTKEEP_ALPN01,
                                  .staging = slice_cstr(staging)};
    if (second)
        s.directories[s.ndirectories++] = slice_cstr(second);
    assert_int_equal(certkeep_want(g->keep, &s, &w, 1, NULL), OK);
    g->n = keepname_find(g->keep, NAME, false);
    assert_non_null(g->n);
}

static void reopen(struct rig *g, const char *second, const char *staging)
{
    certkeep_close(g->keep);
    g->keep = NULL;
    assert_int_equal(certkeep_open(g->loop, g->dir, &g->host, &g->keep, NULL), OK);
    want(g, second, staging);
}

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-keepend-XXXXXX");
    g->host = (struct certhost){
        .ctx = g, .on_certificate = on_certificate, .on_event = on_event, .on_trouble = on_trouble};
    *state = g;
    return !mkdtemp(g->dir) || loop_new(&g->loop, NULL);
}

static int unmake(void **state)
{
    struct rig *g = *state;
    char command[128];
    certkeep_close(g->keep);
    loop_free(g->loop);
    snprintf(command, sizeof(command), "rm -rf %s", g->dir);
    int r = system(command);
    free(g);
    return r;
}

/* One attempt at the CA that is next, ended by this problem. */
static void fail_once(struct rig *g, const char *type, unsigned status, int64_t retry_after_s)
{
    struct keepname *n = g->n;
    const struct acmeobj_problem p = {
        .type = slice_cstr(type), .detail = SLICE("words of the CA"), .status = status};
    struct fault f = {0};
    fault_set(&f, ERR_ACME, "the CA refused");
    const struct keepfail why = {ERR_ACME, backoff_class_of(ERR_ACME, &p), &f, &p, retry_after_s};
    n->staging = n->probe;
    n->ca = &g->keep->cas[n->probe ? CERTKEEP_DIRECTORIES_MAX : n->ca_index];
    n->ca->running++;
    n->stage = KEEP_ORDER;
    keepend_failed(n, &why);
    assert_int_equal(n->stage, KEEP_IDLE);
}

static void fallback(void **state)
{
    static const struct {
        const char *what, *type;
        unsigned status;
        size_t attempts, index; /* after so many */
    } rows[] = {
        {"once", "serverInternal", 500, 1, 0},      {"twice", "serverInternal", 500, 2, 0},
        {"third", "serverInternal", 500, 3, 1},     {"both fail", "serverInternal", 500, 4, 0},
        {"again", "serverInternal", 500, 7, 1},     {"limited", "rateLimited", 429, 1, 1},
        {"both limited", "rateLimited", 429, 2, 0}, {"forbidden", "caa", 403, 1, 1},
        {"validation", "connection", 400, 3, 0},
    };
    struct rig *g = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char command[160];
        certkeep_close(g->keep);
        g->keep = NULL;
        snprintf(command, sizeof(command), "rm -rf %s/certs", g->dir);
        assert_int_equal(system(command), 0);
        reopen(g, "https://127.0.0.1:1/two", "");
        for (size_t a = 0; a < rows[i].attempts; a++)
            fail_once(g, rows[i].type, rows[i].status, -1);
        if (g->n->ca_index != rows[i].index)
            fail_msg("%s: CA %zu, wanted %zu", rows[i].what, g->n->ca_index, rows[i].index);
        /* the second one is asked at once, everything else waits */
        bool now = keepname_attempt_s(g->n) <= certclock_now_s(g->loop);
        if (now != (rows[i].index == 1))
            fail_msg("%s: at once %d", rows[i].what, now);
    }
    assert_non_null(strstr(g->events, "ca_fallback"));
    assert_non_null(strstr(g->events, "rate_limited"));
}

static void only_one_ca(void **state)
{
    struct rig *g = *state;
    reopen(g, NULL, "");
    for (int i = 0; i < 7; i++) {
        fail_once(g, "serverInternal", 500, -1);
        assert_int_equal(g->n->ca_index, 0);
        assert_true(keepname_attempt_s(g->n) > certclock_now_s(g->loop));
    }
    assert_null(strstr(g->events, "ca_fallback"));
}

static void probes(void **state)
{
    struct rig *g = *state;
    reopen(g, NULL, "https://127.0.0.1:1/staging");
    fail_once(g, "serverInternal", 500, -1);
    assert_false(g->n->probe);
    fail_once(g, "unauthorized", 403, -1);
    assert_true(g->n->probe);
    fail_once(g, "unauthorized", 403, -1); /* at staging: again there */
    assert_true(g->n->probe);
    fail_once(g, "serverInternal", 500, -1); /* staging is broken: production is not kept waiting */
    assert_false(g->n->probe);
    fail_once(g, "rateLimited", 429, -1); /* production says wait: no probing meanwhile */
    assert_false(g->n->probe);
    reopen(g, NULL, "");
    fail_once(g, "unauthorized", 403, -1); /* none known */
    assert_false(g->n->probe);
}

static void a_restart_forgets_nothing(void **state)
{
    struct rig *g = *state;
    reopen(g, NULL, "");
    fail_once(g, "connection", 400, -1);
    fail_once(g, "connection", 400, 5400);
    int64_t next_s = g->n->job.next_s, now_s = certclock_now_s(g->loop);
    assert_in_range(next_s - now_s, 5399, 5400);
    for (int i = 0; i < 3; i++) {
        reopen(g, NULL, "");
        assert_int_equal(g->n->job.failures, 2);
        assert_true(g->n->job.next_s == next_s && keepname_attempt_s(g->n) == next_s);
        assert_true(slice_eq(g->n->job.last_error, SLICE("words of the CA")));
        assert_true(slice_eq(g->n->job.last_problem, SLICE("connection")));
        assert_int_equal(g->n->source, KEEP_TEMPORARY);
    }
    /* another configuration begins anew, the same one does not */
    want(g, NULL, "");
    assert_int_equal(g->n->job.failures, 2);
    want(g, "https://127.0.0.1:1/two", "");
    assert_int_equal(g->n->job.failures, 0);
    assert_true(keepname_attempt_s(g->n) <= certclock_now_s(g->loop));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(fallback),
        CASE(only_one_ca),
        CASE(probes),
        CASE(a_restart_forgets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
