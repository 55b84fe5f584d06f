/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One upstream address of one worker: where it is, how it is secured, its idle connections (LIFO:
 * the most recently used is the warmest and the least likely to have been closed), and whether it
 * is believed to work. Reference counted: a reload that leaves the upstream unchanged keeps the
 * same object, so pools and health live on. */
#pragma once

#include "base/fault.h"
#include "base/slice.h"
#include "os/loop.h"

struct resolver;
struct tlsctx;
struct upconn_pool;
struct upstream;

struct upstream_options {
    struct slice host;     /* name, IP literal, or the path of a unix socket; copied */
    uint16_t port;         /* 0: unix socket */
    struct tlsctx *tls;    /* NULL: plain; a reference is taken */
    struct slice tls_name; /* verified and sent as SNI; empty: host */
    uint32_t idle_max;     /* pooled connections */
    uint32_t idle_timeout_ms;
    uint32_t connect_timeout_ms; /* resolve + TCP + TLS together */
    uint32_t max_fails;          /* within fail_timeout_ms: passive marking; 0 off */
    uint32_t fail_timeout_ms;
};

/* Counters and state for status and metrics. */
struct upstream_stats {
    uint64_t connects, reuses, requests, failures;
    uint32_t active, idle;
    bool down;            /* passively or actively marked */
    uint64_t down_for_ms; /* rest of the passive mark */
    char last_error[96];  /* "" when none */
};

/* ERR_NOMEM. */
int upstream_new(struct loop *l, struct resolver *res, const struct upstream_options *o,
                 struct upstream **ret) MUST_USE;
struct upstream *upstream_ref(struct upstream *u);
/* The last one closes the idle connections. */
void upstream_unref(struct upstream *u);
/* May it be tried now? False while it is marked down; after fail_timeout_ms one request is let
 * through. */
bool upstream_usable(const struct upstream *u);
/* Requests under way (least_conn). */
uint32_t upstream_active(const struct upstream *u);
/* Result of an active health check. */
void upstream_mark(struct upstream *u, bool healthy, const char *why);
void upstream_stats(const struct upstream *u, struct upstream_stats *ret);
/* "http://10.0.0.1:8080", "https://...", "unix:/path": valid while u lives. */
struct slice upstream_name(const struct upstream *u);

/* What follows is for fetch. The connections: loan while u lives. */
struct upconn_pool *upstream_pool(struct upstream *u);
/* A request begins; true when it is the one trial after a passive mark (say so in upstream_leave).
 */
bool upstream_enter(struct upstream *u);
/* It is over, whatever came of it. */
void upstream_leave(struct upstream *u, bool trial);
/* An answer came: the passive mark and the count of failures are cleared. */
void upstream_worked(struct upstream *u);
/* No connection or no valid answer: counts towards the passive mark. */
void upstream_failed(struct upstream *u, const char *why);
/* Something that status should show; no failure. */
void upstream_note(struct upstream *u, const char *text);
