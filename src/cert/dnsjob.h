/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One challenge record on its way into DNS and out again: find the zone, add, wait, stand, remove.
 * Outlives who asked for it, so that a record that may stand is always removed. Internal to
 * cert/dnssolve. */
#pragma once

#include "cert/dnssolve.h"
#include "cert/dnsspread.h"
#include "cert/dnsupdate.h"
#include "cert/dnszone.h"
#include "client/nameservers.h"

#define DNSJOB_TEXT_BYTES 32768 /* names and value of one record */

struct dnssolve {
    struct loop *loop;
    struct dns *dns;
    const struct certhost *host;
    struct dnssolve_options o; /* texts in arena */
    struct secret secret;
    struct tsig_key key;
    struct nameservers resolvers; /* as dns asks them: for their ports */
    struct arena arena;
    struct list jobs, starved; /* dnsjob.node; dnssolve_record.node without memory */
    struct loop_task starve;
};

enum dnsjob_step {
    DNSJOB_FIND,
    DNSJOB_ADD,
    DNSJOB_SPREAD,
    DNSJOB_STAND,
    DNSJOB_REMOVE,
    DNSJOB_CHECK
};

struct dnsjob {
    struct list node;
    struct dnssolve *d;
    struct dnssolve_record *rec; /* NULL: withdrawn */
    enum dnsjob_step step;
    bool touched; /* the record may stand in DNS */
    struct arena arena;
    struct slice value;
    struct dnszone zone;
    struct dnszone_search search;
    struct dnsspread spread;
    struct dns_exchange exchange;
    struct dns_query query; /* of the persistent record */
    struct tsig_mac mac;
    struct sock_addr targets[4]; /* servers for the update, in turn */
    size_t ntargets, target;
    unsigned removals; /* tried so far */
    uint64_t hook_id;  /* 0: none runs */
    struct loop_timer timer;
    struct slice issuer, account_url; /* DNSJOB_CHECK */
    bool wildcard;
};

/* Takes rec over; it is told when the record stands, never from inside. NULL: no memory. */
struct dnsjob *dnsjob_present(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                              struct slice value);
/* Nobody waits any more: the job ends as soon as nothing of it stands. */
void dnsjob_withdraw(struct dnsjob *j);
void dnsjob_hook_done(struct dnsjob *j, int status, struct slice output);
/* Drops it as it is. */
void dnsjob_free(struct dnsjob *j);
/* An empty job in d's list, or NULL. */
struct dnsjob *dnsjob_new(struct dnssolve *d, struct dnssolve_record *rec);
