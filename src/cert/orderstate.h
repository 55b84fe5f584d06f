/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What an order is made of: shared by order.c (its table of steps and its life), orderauthz.c
 * (authorizations), ordercert.c (key, finalize, download, commit), and nobody else.
 *
 *   ACCOUNT -> NEW -> AUTHORIZE -> READY -> KEY -> FINALIZE -> PROCESS -> DOWNLOAD -> VERIFY
 *          \-> RESUME -> any of these, as the CA's order says                           \-> COMMIT
 *
 * The step after the next is never begun from inside an answer: orderstate_enter queues it. */
#pragma once

#include "base/json.h"
#include "cert/order.h"
#include "crypt/certinfo.h"

/* Attack: URLs and problem texts of a hostile CA; a hundred names with long details fit. */
#define ORDERSTATE_TEXT_BYTES (1024 * 1024)
/* Attack: none; a CSR with a hundred names in base64url fits. */
#define ORDERSTATE_PAYLOAD_BYTES (256 * 1024)

enum orderstate_step {
    ORDERSTATE_ACCOUNT,
    ORDERSTATE_RESUME,
    ORDERSTATE_NEW,
    ORDERSTATE_AUTHORIZE,
    ORDERSTATE_READY,
    ORDERSTATE_KEY,
    ORDERSTATE_FINALIZE,
    ORDERSTATE_PROCESS,
    ORDERSTATE_DOWNLOAD,
    ORDERSTATE_VERIFY,
    ORDERSTATE_COMMIT,
    ORDERSTATE_END,
    ORDERSTATE_STEPS
};

struct orderstate_row {
    const char *name; /* for status */
    void (*begin)(struct order *o);
};

struct orderauthz;

struct order {
    struct loop *loop;
    struct order_plan plan;
    struct order_ops ops;
    void *ctx;
    const struct orderstate_row *table;
    enum orderstate_step step;
    struct loop_task task; /* begins the step */
    struct loop_timer timer;
    struct account_call account_call;
    struct acmeca_call call;
    void (*answered)(struct order *o, const struct acmeca_answer *a);

    struct job *job; /* the plan's; of a probe: `probe`, which is never written to disk */
    struct job probe;
    struct arena texts; /* of this attempt */
    bool lost;          /* the account was asked for again already */
    bool anew;          /* a remembered order was given up already */
    bool without_replaces;
    unsigned hiccups;      /* requests in a row that went wrong in transit */
    unsigned rounds;       /* finalize was too early, or got lost */
    bool looked;           /* the step has waited for its first look */
    int64_t retry_after_s; /* for that */
    uint64_t wait_ms;      /* of the next poll */
    uint64_t deadline_ms;  /* of the polls of this step */
    struct slice *urls;    /* authorizations, in `texts` */
    size_t nurls;

    struct orderauthz *authz; /* one for each URL while they are worked at */
    size_t next, active;
    size_t leftover; /* next one to look at for deactivation */

    const struct acmeca_answer *refusal; /* of finalize, while the order is asked; in `texts` */
    struct key *key;
    struct certinfo_chain *chain;
    struct slice alternates[ACMEHTTP_LINKS_MAX];
    size_t nalternates, alternate;
    struct order_end end;
};

/* ---- order.c's table is driven by these (orderstate.c) ---- */

/* Begins `step` from a task. */
void orderstate_enter(struct order *o, enum orderstate_step step);
/* Ends the order with an error: challenges are withdrawn, on_done comes from a task. f and p may be
 * NULL; p is copied. The class is what backoff makes of it. */
void orderstate_fail(struct order *o, int r, const struct fault *f,
                     const struct acmeobj_problem *p);
/* The same for an answer that is none we can go on with; accountDoesNotExist begins anew with
 * another account, once. An order that the CA will never finish is forgotten. */
void orderstate_refused(struct order *o, const struct acmeca_answer *a);
/* Did it get lost on the way, or is the CA busy for a moment, so that asking again is right? */
bool orderstate_transient(const struct acmeca_answer *a);
/* The same; counts, and is false after three in a row. */
bool orderstate_hiccup(struct order *o, const struct acmeca_answer *a);
/* Signed by the account; payload {NULL,0}: POST-as-GET. */
void orderstate_post(struct order *o, struct slice url, struct slice payload,
                     void (*answered)(struct order *o, const struct acmeca_answer *a));
/* Begins the step again later: Retry-After within 1 s .. max_s, else a delay that grows. */
void orderstate_again(struct order *o, int64_t retry_after_s, int64_t max_s);
/* Asks for the order object; orderstate_follow comes of it, or an error. */
void orderstate_fetch(struct order *o);
/* What comes next by the order object in the answer. */
void orderstate_follow(struct order *o, const struct acmeca_answer *a);
/* job.step and everything else to disk. False: the order has failed. */
bool orderstate_save(struct order *o, enum job_step step);
/* No order is under way any more, on disk too. */
void orderstate_forget(struct order *o);
/* Seconds until the order expires, at least 0. */
int64_t orderstate_left_s(const struct order *o);
/* Copies into the job's arena (NULL text: out of memory). */
int orderstate_keep(struct order *o, struct slice from, struct slice *ret) MUST_USE;
/* Copies a problem with its subproblems into the order's texts. */
void orderstate_keep_problem(struct order *o, const struct acmeobj_problem *from,
                             struct acmeobj_problem *ret);
bool orderstate_is_problem(const struct acmeca_answer *a, const char *type);
void orderstate_event(struct order *o, enum event_level level, const char *name,
                      const struct event_field *fields, size_t n);
void orderstate_progress(struct order *o, const char *phase, struct slice name);
/* Same names in any order; addresses by value. */
bool orderstate_same_names(const struct slice *a, size_t na, const struct slice *b, size_t nb);
