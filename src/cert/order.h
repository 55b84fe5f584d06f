/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One attempt to get a certificate: the machine of notes 4 from account to committed generation.
 * Every step's result is in job.json before the next step begins, so that a kill at any step costs
 * at most a download. Decides nothing about when and where: that is certkeep's. */
#pragma once

#include "cert/account.h"
#include "cert/backoff.h"
#include "cert/challenge.h"
#include "cert/job.h"

struct order;

/* What is wanted; borrowed until on_done. */
struct order_plan {
    const char *state_dir;
    struct lineage_id id;
    const struct slice *names;
    size_t nnames;
    struct account *account; /* at the CA to be asked */
    struct challenges *challenges;
    unsigned enabled;      /* challenge types, mask */
    unsigned avoid;        /* those that failed last time: used where nothing else is offered */
    struct slice profile;  /* asked for only if the directory has it */
    struct slice replaces; /* RFC 9773 5; empty: none */
    struct slice
        preferred_chain;     /* common name of the wanted root's issuer; empty: the CA's choice */
    const struct key *reuse; /* key to go on with; NULL: a new one */
    bool staging;            /* a probe: validated and thrown away, nothing is committed */
    struct job *job;         /* read and written; also by its owner meanwhile */
    struct arena *arena; /* outlives the order: what the order writes into `job` is put there (some
                            hundred bytes; its owner starts a fresh one now and then by job_load) */
    const struct certhost *host; /* events */
};

/* How it ended. */
struct order_end {
    int r; /* OK: the new generation is committed (or, staging, was good) */
    struct fault fault;
    struct acmeobj_problem problem; /* of ERR_ACME; also of a failed validation; texts until
                                       order_free, like those of `failed` */
    enum backoff_class class;
    int64_t retry_after_s; /* -1 */
    /* Identifiers whose validation failed, one token each. */
    struct slice failed[ACMEOBJ_NAMES_MAX];
    size_t nfailed;
    unsigned failed_types;       /* challenge types that failed, mask */
    bool replaces_refused;       /* tried once more without it inside the same attempt already */
    struct lineage_loaded fresh; /* OK: the committed pair; its references are the receiver's, texts
                                    of its meta live until order_free. Staging: empty */
};

struct order_ops {
    /* For terminals and `doctor`: "waiting for validation (http-01)". */
    void (*on_progress)(void *ctx, const char *phase, struct slice name);
    /* May call order_free. */
    void (*on_done)(void *ctx, struct order_end *end);
};

/* Goes on with an order that plan->job remembers (same names, CA and account), else makes one.
 * on_done comes once, never from inside. ERR_NOMEM. */
int order_start(struct loop *l, const struct order_plan *plan, const struct order_ops *ops,
                void *ctx, struct order **ret, struct fault *f) MUST_USE;
/* Gives up: challenges are withdrawn, the job stays on disk. Accepts NULL. No on_done comes. */
void order_free(struct order *o);
/* Where it is: "authorizing", for status. */
const char *order_phase(const struct order *o);
