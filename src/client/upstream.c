/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Whether an upstream may be used:
 *
 *   up --max_fails failures within fail_timeout--> down --fail_timeout passed--> trial
 *   trial --answered--> up      trial --failed--> down
 *
 * and, apart from that, an active check may mark it. */
#include "client/upstream.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "client/upconn.h"
#include "crypt/tlsctx.h"

struct upstream {
    uint32_t refs;
    struct loop *loop;
    struct upconn_pool pool;
    uint32_t max_fails, fail_timeout_ms;
    char *host, *tls_name; /* owned; the pool's target points here */
    char *name;

    uint32_t active, fails;
    uint64_t first_fail_ms; /* start of the window that `fails` counts in */
    uint64_t down_until_ms; /* 0: no passive mark */
    bool trial;             /* the one request after the mark is under way */
    bool unhealthy;         /* active mark */
    uint64_t requests, failures;
    char last_error[96];
};

static char *make_name(const struct upstream_options *o)
{
    char port[8] = "";
    bool v6 = o->port && slice_find(o->host, ':') < o->host.n && o->host.p[0] != '[';
    if (o->port)
        snprintf(port, sizeof(port), ":%u", o->port);
    const char *scheme = !o->port ? "unix:" : o->tls ? "https://" : "http://";
    size_t cap = o->host.n + 24;
    char *name = mem_alloc(cap);
    if (name)
        snprintf(name, cap, "%s%s" SLICE_F "%s%s", scheme, v6 ? "[" : "", SLICE_A(o->host),
                 v6 ? "]" : "", port);
    return name;
}

static void destroy(struct upstream *u)
{
    upconn_pool_done(&u->pool);
    tlsctx_unref(u->pool.to.tls);
    mem_free(u->host);
    mem_free(u->tls_name);
    mem_free(u->name);
    mem_free(u);
}

int upstream_new(struct loop *l, struct resolver *res, const struct upstream_options *o,
                 struct upstream **ret)
{
    struct upstream *u = mem_alloc(sizeof(*u));
    if (!u)
        return ERR_NOMEM;
    u->refs = 1;
    u->loop = l;
    u->max_fails = o->max_fails;
    u->fail_timeout_ms = o->fail_timeout_ms;
    u->host = mem_dup(o->host.p, o->host.n);
    u->tls_name = mem_dup(o->tls_name.p, o->tls_name.n);
    u->name = make_name(o);
    struct dial_target to = {
        .loop = l,
        .res = res,
        .host = slice_of(u->host, o->host.n),
        .port = o->port,
        .tls = o->tls ? tlsctx_ref(o->tls) : NULL,
        .tls_name = slice_of(u->tls_name, o->tls_name.n),
        .timeout_ms = o->connect_timeout_ms,
    };
    upconn_pool_init(&u->pool, &to, o->idle_max, o->idle_timeout_ms);
    if (!u->host || !u->tls_name || !u->name) {
        destroy(u);
        return ERR_NOMEM;
    }
    *ret = u;
    return OK;
}

struct upstream *upstream_ref(struct upstream *u)
{
    u->refs++;
    return u;
}

void upstream_unref(struct upstream *u)
{
    if (u && --u->refs == 0)
        destroy(u);
}

static bool marked(const struct upstream *u)
{
    return u->down_until_ms && (loop_now_ms(u->loop) < u->down_until_ms || u->trial);
}

bool upstream_usable(const struct upstream *u)
{
    return !u->unhealthy && !marked(u);
}

uint32_t upstream_active(const struct upstream *u)
{
    return u->active;
}

static void remember(struct upstream *u, const char *why)
{
    text_escape(slice_cstr(why), u->last_error, sizeof(u->last_error));
}

void upstream_mark(struct upstream *u, bool healthy, const char *why)
{
    u->unhealthy = !healthy;
    if (!healthy)
        remember(u, why);
}

void upstream_stats(const struct upstream *u, struct upstream_stats *ret)
{
    uint64_t now_ms = loop_now_ms(u->loop);
    *ret = (struct upstream_stats){
        .connects = u->pool.connects,
        .reuses = u->pool.reuses,
        .requests = u->requests,
        .failures = u->failures,
        .active = u->active,
        .idle = u->pool.idle_count,
        .down = !upstream_usable(u),
        .down_for_ms = u->down_until_ms > now_ms ? u->down_until_ms - now_ms : 0,
    };
    memcpy(ret->last_error, u->last_error, sizeof(ret->last_error));
}

struct slice upstream_name(const struct upstream *u)
{
    return slice_cstr(u->name);
}

struct upconn_pool *upstream_pool(struct upstream *u)
{
    return &u->pool;
}

bool upstream_enter(struct upstream *u)
{
    u->active++;
    u->requests++;
    if (!u->down_until_ms || marked(u))
        return false;
    u->trial = true;
    return true;
}

void upstream_leave(struct upstream *u, bool trial)
{
    u->active--;
    if (trial)
        u->trial = false;
}

void upstream_worked(struct upstream *u)
{
    u->fails = 0;
    u->down_until_ms = 0;
    u->trial = false;
}

void upstream_failed(struct upstream *u, const char *why)
{
    uint64_t now_ms = loop_now_ms(u->loop);
    u->failures++;
    remember(u, why);
    if (!u->max_fails)
        return;
    if (!u->fails || now_ms - u->first_fail_ms > u->fail_timeout_ms) {
        u->fails = 0;
        u->first_fail_ms = now_ms;
    }
    u->fails++;
    bool trial_failed = u->down_until_ms && now_ms >= u->down_until_ms;
    if (!trial_failed && u->fails < u->max_fails)
        return;
    u->fails = 0;
    u->trial = false;
    u->down_until_ms = now_ms + u->fail_timeout_ms;
}

void upstream_note(struct upstream *u, const char *text)
{
    remember(u, text);
}
