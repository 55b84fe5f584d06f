/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Calls of operators. */
#include "cert/keepcall.h"

#include <stdio.h>

#include "base/mem.h"
#include "cert/certclock.h"
#include "cert/keepca.h"
#include "cert/keepjob.h"
#include "cert/keeplocal.h"
#include "cert/keepname.h"

/* ---- one call ---- */

static void forget_waiter(struct certkeep_call *c)
{
    LIST_FOREACH (it, &c->k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        for (size_t i = 0; i < KEEP_WAITERS; i++)
            if (n->waiters[i] == c)
                n->waiters[i] = NULL;
    }
}

static void leave(struct certkeep_call *c)
{
    forget_waiter(c);
    if (c->drop)
        c->drop(c);
    loop_task_cancel(&c->task);
    list_remove(&c->node);
    c->k = NULL;
}

static void tell(struct loop_task *t)
{
    struct certkeep_call *c = container_of(t, struct certkeep_call, task);
    struct fault f = c->fault;
    int r = c->r;
    leave(c);
    c->on_done(c, r, &f);
}

void keepcall_begin(struct certkeep *k, struct certkeep_call *c,
                    void (*drop)(struct certkeep_call *c))
{
    c->k = k;
    c->r = OK;
    c->left = 0;
    c->state = NULL;
    c->drop = drop;
    c->fault = (struct fault){0};
    loop_task_init(&c->task, tell);
    list_init(&c->node);
    list_push(&k->calls, &c->node);
}

void keepcall_finish(struct certkeep_call *c, int r)
{
    c->r = r;
    loop_defer(c->k->loop, &c->task);
}

void keepcall_tell(struct certkeep_call *c, const char *phase, struct slice name)
{
    if (c->on_progress)
        c->on_progress(c, phase, name);
}

static int not_wanted(struct certkeep_call *c, struct slice name)
{
    return fault_set(&c->fault, ERR_NOT_FOUND, "no site has the name " SLICE_F, SLICE_A(name));
}

void keepcall_cancel(struct certkeep_call *c)
{
    if (c->k)
        leave(c);
}

void keepcall_drop_all(struct certkeep *k)
{
    LIST_FOREACH_SAFE (it, &k->calls)
        leave(container_of(it, struct certkeep_call, node));
}

void keepcall_end_all(struct certkeep *k)
{
    LIST_FOREACH (it, &k->calls) {
        struct certkeep_call *c = container_of(it, struct certkeep_call, node);
        if (!c->drop)
            continue;
        c->drop(c);
        c->drop = NULL;
        keepcall_finish(c, fault_set(&c->fault, ERR_ABORTED, "the configuration was changed"));
    }
}

/* ---- who waits for an attempt ---- */

void keepcall_progress(const struct keepname *n, const char *phase, struct slice name)
{
    for (size_t i = 0; i < KEEP_WAITERS; i++)
        if (n->waiters[i])
            keepcall_tell(n->waiters[i], phase, name);
}

/* The first error counts; the others were told as progress. */
static void one_less(struct certkeep_call *c, int r, const struct fault *f)
{
    if (r && !c->r) {
        c->r = r;
        c->fault = f ? *f : (struct fault){.code = r};
    }
    if (--c->left == 0)
        keepcall_finish(c, c->r);
}

void keepcall_ended(struct keepname *n, int r, const struct fault *f)
{
    for (size_t i = 0; i < KEEP_WAITERS; i++) {
        struct certkeep_call *c = n->waiters[i];
        n->waiters[i] = NULL;
        if (!c)
            continue;
        keepcall_tell(c, r ? (f && f->what[0] ? f->what : err_text(r)) : "issued", n->names[0]);
        one_less(c, r, f);
    }
}

void keepcall_held_back(struct keepname *n, const char *why, int64_t until_s)
{
    struct fault f = {0};
    char until[32];
    n->forced = n->forced_breaker = false;
    n->job.forced_s = 0;
    fault_set(&f, ERR_CAP, "nothing is ordered for " SLICE_F " until %s: %s", SLICE_A(n->names[0]),
              keepname_time(until_s, until), why);
    keepcall_ended(n, ERR_CAP, &f);
}

void keepcall_name_gone(struct keepname *n)
{
    struct fault f = {0};
    fault_set(&f, ERR_NOT_FOUND, SLICE_F " is wanted no longer", SLICE_A(n->names[0]));
    keepcall_ended(n, ERR_NOT_FOUND, &f);
}

/* ---- renew ---- */

static int wait_for(struct certkeep_call *c, struct keepname *n)
{
    for (size_t i = 0; i < KEEP_WAITERS; i++)
        if (!n->waiters[i]) {
            n->waiters[i] = c;
            c->left++;
            return OK;
        }
    return fault_set(&c->fault, ERR_CAP, "%d others wait for " SLICE_F " already", KEEP_WAITERS,
                     SLICE_A(n->names[0]));
}

static int renew_local(struct certkeep_call *c, struct keepname *n, bool force)
{
    if (!n->local && n->k->settings.ndirectories == 0)
        return fault_set(&c->fault, ERR_CONFIG, "no CA is configured for " SLICE_F,
                         SLICE_A(n->names[0]));
    if (!force && n->local_renew_s > certclock_now_s(n->k->loop)) {
        keepcall_tell(c, "is not due", n->names[0]);
        return OK;
    }
    int r = keeplocal_renew(n, &c->fault);
    if (!r)
        keepcall_tell(c, "renewed by the local CA", n->names[0]);
    return r;
}

static bool due(const struct keepname *n)
{
    return n->source != KEEP_ACME || n->names_differ || n->job.failures || n->wait_until_s ||
           n->stage != KEEP_IDLE || n->plan.at_s <= certclock_now_s(n->k->loop);
}

static int renew_one(struct certkeep_call *c, struct keepname *n, bool force)
{
    char text[96], at[32];
    if (n->local || n->k->settings.ndirectories == 0)
        return renew_local(c, n, force);
    if (!force && !due(n)) {
        snprintf(text, sizeof(text), "is not due until %s", keepname_time(n->plan.at_s, at));
        keepcall_tell(c, text, n->names[0]);
        return OK;
    }
    int r = wait_for(c, n);
    if (r || n->stage != KEEP_IDLE)
        return r;
    n->forced = true;
    n->forced_breaker = force;
    n->probe = n->queued = false;
    n->wait_until_s = 0;
    n->job.forced_s = certclock_now_s(n->k->loop);
    keepjob_save(n);
    return OK;
}

void keepcall_renew(struct certkeep *k, struct certkeep_call *c, struct slice name, bool force)
{
    size_t found = 0;
    int r = OK;
    keepcall_begin(k, c, NULL);
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        if (r || (name.n && !slice_eq(n->names[0], name)))
            continue;
        r = renew_one(c, n, force);
        found++;
    }
    if (!r && name.n && !found)
        r = not_wanted(c, name);
    keepstate_wake(k);
    if (r)
        forget_waiter(c);
    if (r || !c->left)
        keepcall_finish(c, r);
}

void keepcall_refuse(struct certkeep *k, struct certkeep_call *c)
{
    keepcall_begin(k, c, NULL);
    fault_set(&c->fault, ERR_AGAIN,
              k->winding_up ? "the server is stopping"
                            : "another process still works on the store");
    fault_next(&c->fault, "try again in some seconds");
    keepcall_finish(c, ERR_AGAIN);
}

/* ---- the account ---- */

struct errand {
    struct certkeep_call *c;
    struct account_call account;
};

static void drop_errand(struct certkeep_call *c)
{
    struct errand *e = c->state;
    c->state = NULL;
    if (!e)
        return;
    account_cancel(&e->account);
    mem_free(e);
}

static void on_account(struct account_call *call, int r, const struct acmeobj_problem *problem,
                       const struct fault *f)
{
    struct errand *e = container_of(call, struct errand, account);
    (void)problem;
    if (r)
        e->c->fault = *f;
    keepcall_finish(e->c, r);
}

void keepcall_account(struct certkeep *k, struct certkeep_call *c, enum certkeep_account what)
{
    static void (*const orders[])(struct account * a, struct account_call * call) = {
        [CERTKEEP_ROLLOVER] = account_rollover,
        [CERTKEEP_DEACTIVATE] = account_deactivate,
        [CERTKEEP_UPDATE] = account_update,
    };
    int r = OK;
    keepcall_begin(k, c, drop_errand);
    struct errand *e = mem_alloc(sizeof(*e));
    if (!e)
        r = fault_set(&c->fault, ERR_NOMEM, "out of memory");
    else if (!k->settings.ndirectories)
        r = fault_set(&c->fault, ERR_CONFIG, "no CA is configured");
    else
        r = keepca_open(&k->cas[0], &c->fault);
    c->state = e;
    if (e)
        *e = (struct errand){.c = c, .account = {.on_done = on_account}};
    if (r)
        keepcall_finish(c, r);
    else
        orders[what](k->cas[0].account, &e->account);
}
