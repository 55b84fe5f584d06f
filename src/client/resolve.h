/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names to addresses, asynchronously on the loop: the name servers of the system and /etc/hosts,
 * through c-ares. Answers are kept for their TTL (1 second to 5 minutes), failures for 5 seconds;
 * any number of queries for one name share one look-up. While no server answers, the last addresses
 * are given out for up to an hour and marked stale. Knows nothing of ports and connections. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/slice.h"
#include "os/loop.h"

/* Addresses kept of one name; more are dropped (a name server must not make us try for ever). */
#define RESOLVE_IPS_MAX 16
/* Names remembered; the least recently used goes first. */
#define RESOLVE_NAMES_MAX 1024

struct resolver;
struct resolve_entry;

struct resolve_options {
    const char *servers;  /* "127.0.0.1:5353,[::1]:53"; NULL: the system's */
    uint32_t timeout_ms;  /* first try of each server; 0: 1500 */
    uint32_t tries;       /* 0: 3 */
    uint32_t negative_ms; /* life of a failure; 0: 5000 */
};

struct resolve_answer {
    int r; /* OK, ERR_RESOLVE, ERR_NOMEM */
    const struct ip *ips;
    size_t n;         /* at least 1 with OK */
    bool stale;       /* the servers do not answer: these are the last known addresses */
    bool absent;      /* failed because the name does not exist (NXDOMAIN) */
    bool addressless; /* failed because the name exists and has no address */
    const char *why;  /* constant text of a failure, also behind stale addresses */
};

/* Embedded by who asks; zeroed before its first use. */
struct resolve_query {
    struct list node;
    struct resolver *res; /* NULL: not under way */
    struct resolve_entry *entry;
    struct ip own[2]; /* literals and localhost */
    size_t nown;
    int r;
    /* `a` is valid during the call. The query is over before it: it may be freed or started again.
     */
    void (*on_done)(struct resolve_query *q, const struct resolve_answer *a);
};

struct resolve_stats {
    uint64_t lookups, failures, stale_answers;
    uint32_t names;
};

/* o may be NULL. ERR_NOMEM, ERR_CONFIG (bad server list), ERR_SYS. */
int resolve_new(struct loop *l, const struct resolve_options *o, struct resolver **ret,
                struct fault *f) MUST_USE;
/* Queries under way get no call any more. Accepts NULL. */
void resolve_free(struct resolver *res);
/* Asks for the addresses of `name` (only read during the call): a host name, an IP literal with or
 * without brackets, or localhost. on_done comes later, never from inside this call. */
void resolve_start(struct resolver *res, struct slice name, struct resolve_query *q);
/* No on_done comes after it. Does nothing when q is not under way. */
void resolve_cancel(struct resolve_query *q);
/* Counters for status and metrics. */
void resolve_stats(const struct resolver *res, struct resolve_stats *ret);
