/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A group of upstreams that can serve the same requests: choice, failure marking, active checks.
 * Shared by all routes with the same digest, reference counted, carried over reloads. */
#pragma once

#include "base/json.h"
#include "client/upstream.h"
#include "conf/conf.h"
#include "serve/site.h"

/* Builds the upstreams of `proxy` (TLS contexts from the bundle's CA and client certificate bytes).
 */
int balance_new(struct worker *w, const struct conf_proxy *proxy, const struct bundle *b,
                struct balance **ret, struct fault *f) MUST_USE;
/* References: one per route that uses it; the last unref stops checks and drops the upstreams. */
struct balance *balance_ref(struct balance *g);
void balance_unref(struct balance *g);
/* What it was built from: the options (conf_proxy.digest) and the bytes of the files they name, so
 * that a reload puts a new CA or client certificate into use. */
uint64_t balance_digest(const struct balance *g);
/* The digest that a group built from these would have. */
uint64_t balance_digest_of(const struct conf_proxy *proxy, const struct bundle *b);
/* The next upstream to try by the group's policy, skipping `tried` (a bit per upstream, updated)
 * and those that are down; NULL when none is left. A reference for the caller. */
struct upstream *balance_pick(struct balance *g, uint64_t *tried);
/* One JSON object per upstream into an open array: status and metrics. */
void balance_report(const struct balance *g, struct json *j);
