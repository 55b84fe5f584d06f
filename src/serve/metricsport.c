/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Metrics over HTTP on loopback. */
#include "serve/metricsport.h"

#include "serve/exchange_engine.h"
#include "serve/metrics.h"
#include "serve/reply.h"

#define TEXT_MAX (200u * 1024) /* an exchange's arena takes no more */

void metricsport_serve(struct exchange *x)
{
    struct serving *v = exchange_engine_begin(x);
    struct buf text;
    if (!v)
        return;
    if (!slice_eq(x->req.path, SLICE("/metrics"))) {
        reply_error(x, 404, "only /metrics is here");
        return;
    }
    if (x->req.method != METHOD_GET && x->req.method != METHOD_HEAD) {
        reply_error(x, 405, "metrics are read only");
        return;
    }
    buf_init(&text, TEXT_MAX);
    if (metrics_text(v->worker->shared, &text))
        reply_error(x, 503, "the metrics do not fit");
    else
        reply_text(x, 200, SLICE("text/plain; version=0.0.4"), buf_slice(&text));
    buf_done(&text);
}
