/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Active checks of a group's upstreams by one worker: a GET every interval, spread in time so that
 * workers and upstreams do not beat together. Marks upstreams and reports changes; chooses nothing.
 */
#pragma once

#include "client/upstream.h"
#include "conf/conf.h"
#include "serve/site.h"

struct healthcheck;

/* Starts checking; `conf` is copied, upstreams are referenced. Every upstream counts as healthy
 * until a check says otherwise. ERR_NOMEM. */
int healthcheck_new(struct worker *w, const struct conf_health *conf, struct upstream *const *ups,
                    size_t n, struct healthcheck **ret) MUST_USE;
/* Stops. Accepts NULL. */
void healthcheck_free(struct healthcheck *h);
/* What the last check of upstream i said. */
bool healthcheck_healthy(const struct healthcheck *h, size_t i);
