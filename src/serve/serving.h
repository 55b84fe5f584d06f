/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the engine keeps for one exchange, and how an action (files, proxy, fixed answers) plugs
 * into it. exchange.c owns the struct: it finds site and route, enforces the body limit, runs the
 * action and writes the access log line when the exchange closes. */
#pragma once

#include "conn/exchange.h"
#include "serve/site.h"

/* One way to answer. The action's functions take the place of the exchange_ops after on_head.
 * Members may be NULL where there is nothing to do: without on_body the request body is read and
 * dropped (bounded by the body limit). */
struct action {
    const char *name; /* "files", "proxy", "redirect", "respond": for explain and logs */
    int (*pull)(struct exchange *x, struct pull *p);
    void (*on_body)(struct exchange *x, struct slice data, bool end);
    void (*on_trailers)(struct exchange *x, const struct field *fields, size_t n);
    void (*on_close)(struct exchange *x, int r);
};

/* The `app` of an exchange; lives in its arena. */
struct serving {
    struct worker *worker;
    struct site *site;   /* NULL when no site has the host */
    struct route *route; /* NULL when no route matches */
    const struct action *action;
    void *state;          /* the action's, in the arena */
    const char *reason;   /* constant or arena text: why an error was answered; for the log */
    const char *upstream; /* address that answered, "" none; lives until the log line */
    uint32_t upstream_connect_ms, upstream_head_ms;
    uint16_t upstream_status;
    struct slice request_id; /* what the upstream was told as X-Request-Id; empty: nothing */
    uint64_t body_limit;     /* 0: none */
    uint64_t body_seen;
    struct slice path; /* what the action sees: canonical path, prefix stripped where asked */
    bool secure;       /* came over TLS */
    bool query_hidden; /* it may hold a credential: left out of the log */
    bool body_over;    /* the limit was passed: 413 was answered */
};

/* The engine's state of x; NULL before serving_begin and after its on_close. */
static inline struct serving *serving_of(const struct exchange *x)
{
    return x->app;
}
