/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The engine side of conn/exchange.h: what serve/ gives the multiplexers. Implemented in
 * exchange.c. */
#pragma once

#include "serve/serving.h"

/* The ops of the HTTPS listener. */
extern const struct exchange_ops exchange_engine_https;
/* The parts of those ops. */
void exchange_engine_body(struct exchange *x, struct slice data, bool end);
void exchange_engine_trailers(struct exchange *x, const struct field *fields, size_t n);
int exchange_engine_pull(struct exchange *x, struct pull *p);
void exchange_engine_close(struct exchange *x, int r);
/* The same ops with another on_head (port 80, metrics): it must call exchange_engine_begin first.
 */
#define EXCHANGE_ENGINE_WITH(head)                                             \
    {                                                                          \
        .on_head = (head), .on_body = exchange_engine_body,                    \
        .on_trailers = exchange_engine_trailers, .pull = exchange_engine_pull, \
        .on_close = exchange_engine_close                                      \
    }
/* Makes the struct serving of a new exchange and counts it. NULL: out of memory, the exchange was
 * aborted. */
struct serving *exchange_engine_begin(struct exchange *x);
