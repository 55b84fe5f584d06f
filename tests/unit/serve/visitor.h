/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A worker with one proxied site, and visitors of it: exchanges whose mux is the test itself. No
 * client sockets. */
#pragma once

#include "base/buf.h"
#include "client/upstream.h"
#include "conn/conn.h"
#include "serve/balance.h"
#include "serve/serving.h"

/* One worker, one site, one route. */
struct house {
    struct worker w;
    struct generation gen;
    struct site site;
    struct route route;
    struct bundle *bundle; /* set before house_proxy where files are named */
};

/* The loop and the resolver, for upstreams of the test. */
void house_open(struct house *h);
/* The site. `proxy` is the YAML of its proxy map (flow style), `extra` more lines at the top. */
void house_proxy(struct house *h, const char *proxy, const char *extra);
void house_done(struct house *h);
/* Turns the loop until *flag, at most five seconds. */
bool house_until(struct house *h, const bool *flag);
void house_turns(struct house *h, unsigned n);

struct visitor {
    struct exchange x;
    struct conn c;
    struct house *h;
    struct loop_task task;   /* pulls */
    struct field fields[16]; /* of the request */
    bool paused;             /* pulls nothing */
    size_t cap;              /* of a pull; 0: 32 KB */

    bool answered, ended, aborted, closed, stalled, settled; /* settled: ended, cut or aborted */
    int cut, abort_r;
    struct response answer;
    char head[2048]; /* "name: value\n" of the answer's fields */
    char informs[512], trailers[512];
    struct buf body;
    size_t consumed, given;
};

/* GET / of a.example over HTTP/1.1 from 192.0.2.7; the test changes x.req before visitor_go. */
void visitor_init(struct visitor *v, struct house *h);
void visitor_field(struct visitor *v, const char *name, const char *value);
/* The head is complete. */
void visitor_go(struct visitor *v);
void visitor_body(struct visitor *v, const char *text, bool end);
/* Turns until the answer ended, was cut or given up. */
void visitor_wait(struct visitor *v);
/* The exchange ends (twice is fine). */
void visitor_close(struct visitor *v, int r);
void visitor_done(struct visitor *v);
