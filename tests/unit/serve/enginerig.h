/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A generation made from YAML, and one exchange at a time through the engine: the multiplexer is
 * the test, and it keeps what was answered. No sockets, no certificates. */
#pragma once

#include "base/buf.h"
#include "conn/conn.h"
#include "serve/metrics.h"
#include "serve/serving.h"

struct enginerig {
    struct worker w;
    struct generation gen;
    struct site sites[4];
    struct route routes[16];
    int access, events; /* read ends of the logs */
    char log[8192];     /* what was read last */

    struct exchange x;
    struct conn c;
    struct field fields[16]; /* of the request */
    unsigned answers, aborts;
    int abort_r, pull_r;
    struct response answer;
    char head[8192]; /* "name: value\n" of the answer's fields */
    struct buf body;
    size_t consumed;
};

void enginerig_open(struct enginerig *g, const char *yaml);
void enginerig_close(struct enginerig *g);
/* A new exchange over HTTP/1.1 on a connection to the first site; the test may change g->x.req
 * before it calls on_head. Ends the one before. */
void enginerig_ask(struct enginerig *g, const char *method, const char *host, const char *path);
void enginerig_field(struct enginerig *g, const char *name, const char *value);
/* Calls on_head and pulls the whole answer. */
void enginerig_go(struct enginerig *g, const struct exchange_ops *ops);
/* The exchange ends (twice is fine). */
void enginerig_end(struct enginerig *g, int r);
/* What was written to a log since; "" when nothing was. The worker's access log is closed by it. */
const char *enginerig_access(struct enginerig *g);
const char *enginerig_events(struct enginerig *g);
/* How often a field stands in the answer. */
unsigned enginerig_count(const struct enginerig *g, const char *name);
/* The value of a field of the answer, "" when it has none. Valid until the next call. */
const char *enginerig_value(const struct enginerig *g, const char *name);
