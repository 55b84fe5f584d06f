/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The access log: one line per exchange, JSON (default) or combined format, gathered per worker and
 * written ten times a second or when 32 KB are full. A sink that does not take bytes (a full pipe)
 * never blocks the loop: lines are kept up to 1 MB, then dropped and counted. */
#pragma once

#include "serve/serving.h"

/* Opens the sink of `conf`; `fd`: the open file when it is one (serve/logfiles), lent. *ret NULL
 * when access logging is off. ERR_SYS, ERR_NOMEM with the story in f. */
int accesslog_open(struct loop *l, const struct conf_log *conf, int fd,
                   struct metrics_slot *metrics, struct accesslog **ret, struct fault *f) MUST_USE;
/* Writes what is left (as far as the sink takes it) and frees. Accepts NULL. */
void accesslog_close(struct accesslog *a);
/* The line of a finished exchange; r as in on_close. NULL a writes nothing. */
void accesslog_write(struct accesslog *a, const struct exchange *x, int r);
/* The line of a head that never became an exchange (conn_ops.on_rejected). */
void accesslog_rejected(struct accesslog *a, const struct conn *c, int r, uint16_t status,
                        struct slice line);
/* After log rotation: the new file, taken over (closed when a is NULL). fd -1: nothing changes. */
void accesslog_swap_take(struct accesslog *a, int fd);
