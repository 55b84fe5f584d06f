/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A scripted CA in place of cert/acmeca and cert/account (their functions are defined here, so the
 * real ones are not linked): it answers orders by the rules of RFC 8555 and breaks them as the
 * script says. Requests are counted and logged; a request can be the last one that the client
 * lives to send. For tests. */
#pragma once

#include "base/arena.h"
#include "cert/order.h"
#include "crypt/certinfo.h"

/* Every delay of the client is divided by this (the linker wraps loop_timer_set). */
#define FAKECA_HASTE 20
#define FAKECA_NAMES 12
#define FAKECA_LOG   256

enum fakeca_chain {
    FAKECA_GOOD,
    FAKECA_CUT,         /* the PEM ends in the middle */
    FAKECA_OTHER_KEY,   /* for a key of somebody else */
    FAKECA_OTHER_NAMES, /* one name too few */
    FAKECA_EXPIRED,
    FAKECA_A_CA, /* the root itself */
    FAKECA_LOOSE /* signed by another root than the chain says */
};

struct fakeca {
    struct loop *loop;
    /* The script. */
    bool valid_at_once;         /* authorizations need no challenge */
    unsigned failing;           /* mask of names whose validation fails */
    const char *replaces_error; /* newOrder with "replaces" ends so */
    unsigned replaces_status;
    unsigned not_ready;         /* so often finalize is too early */
    unsigned processing;        /* so many polls of the order say "processing" */
    int64_t retry_after_s;      /* with them; -1 */
    unsigned cut_finalize;      /* so often the answer to finalize is lost */
    unsigned lost_finalize;     /* so often finalize itself is lost */
    unsigned twice_finalize;    /* so often finalize arrives twice: the second one's answer comes */
    const char *finalize_error; /* of those that come too late, or with `no_finalize` */
    bool no_finalize;           /* refused, nothing is taken */
    unsigned lost_account;      /* so many requests answer accountDoesNotExist */
    bool no_order;              /* the order is unknown (404) */
    bool order_invalid;         /* once it is asked for */
    bool alternates;            /* a second chain is offered */
    unsigned hiccups;           /* so many polls end in 503 */
    const char *profile;        /* advertised */
    enum fakeca_chain chain;
    /* The client dies when this request has arrived, before its answer; 0: never. */
    unsigned die_at;
    /* What happened. */
    unsigned requests, orders, finalized, downloads, triggers, deactivated, lost;
    char log[FAKECA_LOG][96];
    char last_order[2048]; /* its payload */
    bool dead;
    const char *root2; /* common name of the alternate chain's root */
    const char *root1;
    /* Inside. */
    struct key *seen_key; /* of the CSR */
    struct slice names[FAKECA_NAMES];
    size_t nnames;
    enum acmeobj_status status; /* of the order */
    enum acmeobj_status authz[FAKECA_NAMES];
    struct list queue;
    struct loop_task task;
    struct key *root_keys[2];
    struct certinfo_chain *roots[2];
};

/* One at a time in a program. */
void fakeca_open(struct fakeca *ca, struct loop *l);
void fakeca_close(struct fakeca *ca);
/* The names that orders will be for. */
void fakeca_expect(struct fakeca *ca, const struct slice *names, size_t n);
/* Requests whose log line starts with `prefix`. */
unsigned fakeca_count(const struct fakeca *ca, const char *prefix);
struct account *fakeca_account(struct fakeca *ca);
