/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A walk along redirects, one request at a time, until an answer that is none. Each hop is a fact;
 * certificates are not judged here (the visit's own connection does that). */
#pragma once

#include "check/httpget.h"
#include "client/resolve.h"

struct hops;

struct hops_options {
    struct loop *loop;
    struct proberun *run;
    struct resolver *res;
    struct tlsctx *tls;             /* for https hops: without verification */
    const struct facts_target *own; /* for this host... */
    struct ip address;              /* ...this address is used */
    struct probe_options to;        /* proxy and timeout; the address is filled in */
    struct facts *facts;            /* texts go into its arena */
    struct facts_hop *list;         /* FACTS_HOPS_MAX; may hold hops already */
    size_t *n;
    void *ctx; /* of the ops */
};

struct hops_ops {
    /* The answer of every hop; the last one is not a redirect (or failed: r->r). */
    void (*on_answer)(void *ctx, const struct httpget_result *r, bool last);
    /* Comes once, never from inside hops_start. `loops`: FACTS_HOPS_MAX were not enough. */
    void (*on_done)(void *ctx, bool loops);
};

/* Walks from `url` (in the arena), appending to the list. ERR_NOMEM. */
int hops_start(const struct hops_options *o, struct slice url, const struct hops_ops *ops,
               struct hops **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. on_done may call it. */
void hops_free(struct hops *h);

/* An absolute URL in parts. */
struct hops_url {
    bool https;
    struct slice host; /* without brackets */
    uint16_t port;
    struct slice path; /* with its query; "/" when there is none */
};
/* Loans from url. ERR_SYNTAX: not http or https, user info, no host. */
int hops_split(struct slice url, struct hops_url *ret) MUST_USE;
/* `location` (RFC 9110 10.2.2, RFC 3986 5.2) relative to `base`, absolute, in the arena.
 * ERR_SYNTAX. */
int hops_join(struct arena *a, struct slice base, struct slice location,
              struct slice *ret) MUST_USE;
