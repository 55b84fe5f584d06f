/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the upstream is told about a request and its client: the client's own fields, without those
 * that only a proxy may write, and ours. Pure: fields in, fields out. */
#pragma once

#include "base/arena.h"
#include "conn/exchange.h"
#include "wire/forwarded.h"

struct forward_request {
    const struct request *req;
    const struct ip *peer;        /* of the connection */
    struct forwarded_trust trust; /* whose forwarding fields are believed and continued */
    struct slice prefix;          /* what was stripped off the path; empty: nothing */
    uint64_t id;                  /* becomes X-Request-Id, unless a trusted proxy gave one */
    bool https;                   /* how the client came */
};

/* The request's fields for the upstream, in the arena: neither Host nor framing (the fetch adds
 * those). Values of *q are lent as long as the arena lives. ERR_NOMEM. */
int forward_fields(const struct forward_request *q, struct arena *a, struct field **ret,
                   size_t *ret_n) MUST_USE;
/* How often the request came through a port443 already, by its Via. */
unsigned forward_hops(const struct request *req);
/* "/path?query" for the request line: a loan from path, or from the arena. ERR_NOMEM. */
int forward_target(struct slice path, struct slice query, struct arena *a,
                   struct slice *ret) MUST_USE;
/* Host of an upstream by its name ("http://10.0.0.1:8080"): "10.0.0.1:8080"; without the port where
 * it is the scheme's own; "localhost" for a unix socket. Loan from name. */
struct slice forward_host(struct slice name);
/* The one protocol of an Upgrade field that may be asked of an upstream; empty: none. Never h2c: an
 * upstream that switches to it could be talked to past all rules (CVE-2026-2833). */
struct slice forward_upgrade(struct slice upgrade);
/* True for fields of an answer that the client gets: its framing and date are ours, and Alt-Svc
 * would send the client past this server. */
bool forward_answers(const struct field *f);
/* Copies the trailer fields that may follow a message (RFC 9110 6.5.1) to dst; returns how many. */
size_t forward_trailers(const struct field *fields, size_t n, struct field *dst);
