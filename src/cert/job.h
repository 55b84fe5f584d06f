/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What must outlive a crash about one lineage, in its job.json: the order under way with its step,
 * and the schedule with its failure counters. Written before each next step begins. */
#pragma once

#include "cert/lineage.h"

/* Steps of an order that are worth coming back to (notes section 4). */
enum job_step {
    JOB_NONE,      /* no order under way */
    JOB_ORDERED,   /* order URL known */
    JOB_KEYED,     /* pending key stored; finalize may have been sent */
    JOB_FINALIZED, /* the CA has the CSR: only a download is missing */
};

struct job {
    enum job_step step;
    struct slice directory, account, order, finalize, certificate; /* URLs */
    struct slice profile, replaces;                                /* as asked for */
    int64_t ordered_s, expires_s;
    /* The schedule; survives restarts. */
    uint32_t failures; /* in a row */
    uint32_t attempts; /* since the last success */
    int64_t first_failure_s, last_failure_s, next_s, last_success_s;
    struct slice last_error;     /* the CA's words, verbatim */
    struct slice last_problem;   /* its type */
    struct slice last_challenge; /* the type that worked last: "http-01" */
    int64_t issues_s[8];         /* when certificates of this name set were issued, newest first */
    int64_t warned_s;            /* last expiring hook */
    struct slice names_digest;   /* of the names that the order is for */
    int64_t forced_s;            /* the operator said so */
};

/* Slices are in the arena. No file gives an empty job and OK; an unreadable one is moved aside and
 * told (f), also OK. */
int job_load(const char *state_dir, const struct lineage_id *id, struct arena *a, struct job *ret,
             struct fault *f) MUST_USE;
int job_save(const char *state_dir, const struct lineage_id *id, const struct job *j,
             struct fault *f) MUST_USE;
/* The text of the file alone. ERR_SYNTAX, ERR_NOMEM. */
int job_read(struct slice json, struct arena *a, struct job *ret, struct fault *f) MUST_USE;
const char *job_step_text(enum job_step s);
