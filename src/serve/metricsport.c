/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Metrics over HTTP on loopback. The text of a thousand sites is larger than an exchange's arena:
 * it stands in a buffer of its own until the answer is over. */
#include "serve/metricsport.h"

#include "serve/exchange_engine.h"
#include "serve/metrics.h"
#include "serve/reply.h"

#define TEXT_MAX (4u * 1024 * 1024) /* only this machine can ask; sites are bounded too */

struct answer {
    struct buf text;
    size_t sent;
};

static int pull(struct exchange *x, struct pull *p)
{
    struct answer *a = serving_of(x)->state;
    struct slice rest = slice_from(buf_slice(&a->text), a->sent);
    p->loan = slice_first(rest, p->cap);
    a->sent += p->loan.n;
    p->end = p->loan.n == rest.n;
    p->fast = true;
    return OK;
}

static void on_close(struct exchange *x, int r)
{
    struct answer *a = serving_of(x)->state;
    (void)r;
    buf_done(&a->text);
}

static const struct action action = {.name = "metrics", .pull = pull, .on_close = on_close};

static void answer(struct exchange *x, struct serving *v)
{
    struct answer *a = arena_zalloc(&x->arena, sizeof(*a));
    struct reply head;
    if (!a) {
        reply_error(x, 503, "out of memory");
        return;
    }
    buf_init(&a->text, TEXT_MAX);
    if (metrics_text(v->worker->shared, &a->text)) {
        buf_done(&a->text);
        reply_error(x, 503, "the metrics do not fit");
        return;
    }
    v->action = &action;
    v->state = a;
    reply_init(&head, x, 200, (int64_t)a->text.n);
    reply_token(&head, x, HDR_CONTENT_TYPE, SLICE("text/plain; version=0.0.4"));
    (void)reply_send(&head, x);
}

void metricsport_serve(struct exchange *x)
{
    struct serving *v = exchange_engine_begin(x);
    if (!v)
        return;
    if (!slice_eq(x->req.path, SLICE("/metrics")))
        reply_error(x, 404, "only /metrics is here");
    else if (x->req.method != METHOD_GET && x->req.method != METHOD_HEAD)
        reply_error(x, 405, "metrics are read only");
    else
        answer(x, v);
}
