/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One name under examination: its addresses, its CAA, its ports. Internal to cert/preflight, which
 * collects the findings. */
#pragma once

#include "base/arena.h"
#include "cert/portprobe.h"
#include "cert/preflight.h"

#define PREFLIGHTNAME_IPS_MAX 6

struct preflightname_probe {
    struct portprobe probe;
    struct preflightname *of;
    bool http; /* http-01's port, else tls-alpn-01's */
    bool bad;  /* set by the verdict */
};

struct preflightname {
    struct preflight *p;
    struct slice full; /* with "*." */
    struct slice name;
    bool wildcard, literal, active;
    unsigned found; /* findings, also lost ones */
    struct dns_query a, aaaa, caa;
    struct slice caa_at;
    unsigned rcode; /* of a failed address question */
    int r;
    const char *why; /* static text */
    bool exists;     /* not NXDOMAIN */
    struct ip ips[PREFLIGHTNAME_IPS_MAX];
    size_t nips;
    struct preflightname_probe probes[PREFLIGHTNAME_IPS_MAX * 2];
    size_t nprobes;
    unsigned pending;
};

/* Shared by all names of one preflight. */
struct preflight {
    struct loop *loop;
    struct dns *dns;
    struct acmeca *ca;
    struct preflight_plan plan; /* texts in arena */
    const struct preflight_ops *ops;
    void *ctx;
    struct arena arena;
    struct preflightname *names;
    size_t next, active;
    struct preflight_finding *findings; /* owned */
    size_t nfindings;
    bool public_ca;
    struct loop_timer deadline;
    struct loop_task step;
    void (*on_name)(struct preflightname *n); /* n is done */
};

/* Adds a finding (n NULL: for all names) and hands it out to be filled, valid until the next one.
 * NULL: no memory, it is lost. */
struct preflight_finding *preflightname_add(struct preflight *p, struct preflightname *n,
                                            enum preflight_level level, const char *id);
/* Begins; p->on_name comes at the end, never from inside. With n->pending 0 afterwards n is done
 * already and on_name does not come. */
void preflightname_start(struct preflightname *n);
/* Does nothing when n is not active. */
void preflightname_cancel(struct preflightname *n);
