/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Fourth stop of a connection (before: conn/mux_h1.c or conn/mux_h2.c; after: conn/close.c).
 *
 * Arrives: a whole, valid request head from either mux, then its body. Leaves: one answer, made by
 * the action of the route that the request falls under (files, proxy, redirect, fixed answer), and
 * one line of the access log. Owner: the mux owns the exchange, this file owns the struct serving
 * in its arena. Checks here hold for every action: the host belongs to the site that the TLS
 * handshake chose (421), the body stays below the route's limit (413), the method makes sense.
 * Knows nothing of frames and sockets. */
#include "serve/exchange_engine.h"

#include "serve/accesslog.h"
#include "serve/files.h"
#include "serve/fixed.h"
#include "serve/generation.h"
#include "serve/metrics.h"
#include "serve/proxy.h"
#include "serve/reply.h"
#include "wire/target.h"

struct serving *exchange_engine_begin(struct exchange *x)
{
    struct generation *g = x->c->generation;
    struct worker *w = g->worker;
    struct serving *v = arena_zalloc(&x->arena, sizeof(*v));
    x->app = v;
    x->id = ++w->next_id;
    if (!v) {
        list_init(&x->node);
        exchange_abort(x, ERR_NOMEM);
        return NULL;
    }
    v->worker = w;
    v->upstream = "";
    v->secure = x->c->session != NULL;
    v->path = x->req.path;
    list_push(&g->exchanges, &x->node);
    metrics_add(w->metrics, METRIC_REQUESTS, 1);
    metrics_add(w->metrics, METRIC_REQUESTS_OPEN, 1);
    return v;
}

/* The site must be the one that the handshake chose: a certificate, a client policy or a resumed
 * session of one site never opens another (421, RFC 9110 15.5.20). HTTP/1.0 without Host means the
 * chosen one. */
static struct site *agreed_site(const struct exchange *x)
{
    struct site *chosen = x->c->site;
    if (x->req.host.n == 0)
        return chosen;
    struct site *named = generation_site(x->c->generation, x->req.host);
    return named == chosen ? named : NULL;
}

static void run_action(struct exchange *x, struct serving *v)
{
    switch (v->route->conf->action) {
    case CONF_FILES:
        files_serve(x);
        return;
    case CONF_PROXY:
        proxy_serve(x);
        return;
    case CONF_REDIRECT:
        fixed_redirect(x);
        return;
    case CONF_RESPOND:
        fixed_respond(x);
        return;
    case CONF_ACTION_NONE:
        break;
    }
    reply_error(x, 404, "the route has no action");
}

/* "/api" off "/api/x" leaves "/x"; off "/api" it leaves "/". */
static struct slice strip_prefix(struct slice path, struct slice prefix)
{
    struct slice rest = prefix.n > 1 ? slice_from(path, prefix.n) : path;
    return rest.n && rest.p[0] == '/' ? rest : SLICE("/");
}

static void on_head(struct exchange *x)
{
    struct serving *v = exchange_engine_begin(x);
    if (!v)
        return;
    v->site = agreed_site(x);
    if (!v->site) {
        reply_error(x, 421, "the host is not the one that the connection was opened for");
        return;
    }
    if (x->req.method == METHOD_TRACE || x->req.method == METHOD_CONNECT) {
        reply_error(x, 405, "method not allowed");
        return;
    }
    if (x->req.method == METHOD_OPTIONS && slice_eq(x->req.path, SLICE("*"))) {
        fixed_options(x);
        return;
    }
    v->route = site_route(v->site, x->req.path);
    if (!v->route) {
        reply_error(x, 404, "no route matches");
        return;
    }
    v->body_limit = v->route->conf->body_bytes;
    if (v->route->conf->strip_prefix)
        v->path = strip_prefix(x->req.path, v->route->conf->path);
    if (v->body_limit && x->req.has_length && x->req.content_length > v->body_limit) {
        v->body_over = true;
        reply_error(x, 413, "content-length above the body limit");
        return;
    }
    run_action(x, v);
}

void exchange_engine_body(struct exchange *x, struct slice data, bool end)
{
    struct serving *v = x->app;
    if (!v)
        return;
    v->body_seen += data.n;
    if (v->body_limit && v->body_seen > v->body_limit && !v->body_over) {
        v->body_over = true;
        reply_error(x, 413, "the body grew above the limit"); /* an action under way is cut */
    }
    if (!v->body_over && v->action && v->action->on_body)
        v->action->on_body(x, data, end);
    else
        exchange_consumed(x, data.n);
}

void exchange_engine_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    struct serving *v = x->app;
    if (v && !v->body_over && v->action && v->action->on_trailers)
        v->action->on_trailers(x, fields, n);
}

int exchange_engine_pull(struct exchange *x, struct pull *p)
{
    struct serving *v = x->app;
    if (!v || !v->action || !v->action->pull)
        return ERR_BUG;
    return v->action->pull(x, p);
}

void exchange_engine_close(struct exchange *x, int r)
{
    struct serving *v = x->app;
    if (!v)
        return;
    if (v->action && v->action->on_close)
        v->action->on_close(x, r);
    struct worker *w = v->worker;
    uint64_t took_ms = loop_now_ms(w->loop) - x->start_ms;
    uint32_t index = v->site ? v->site->metrics_index : METRICS_SITES - 1;
    metrics_exchange(w->metrics, index, x->status, took_ms, x->body_in_bytes, x->body_out_bytes);
    metrics_set(w->metrics, METRIC_REQUESTS_OPEN, w->metrics->value[METRIC_REQUESTS_OPEN] - 1);
    if (!v->site || v->site->conf->log)
        accesslog_write(w->access, x, r);
    list_remove(&x->node);
    x->app = NULL;
}

const struct exchange_ops exchange_engine_https = EXCHANGE_ENGINE_WITH(on_head);
