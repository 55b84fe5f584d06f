/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What an operator asked for and waits for. */
#include "cert/keepcall.h"

#include "cert/keeplocal.h"

static void leave(struct certkeep_call *c)
{
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

static void begin(struct certkeep *k, struct certkeep_call *c)
{
    c->k = k;
    c->r = OK;
    c->left = 0;
    c->fault = (struct fault){0};
    loop_task_init(&c->task, tell);
    list_init(&c->node);
    list_push(&k->calls, &c->node);
}

static void finish(struct certkeep_call *c, int r)
{
    c->r = r;
    loop_defer(c->k->loop, &c->task);
}

static void progress(struct certkeep_call *c, const char *phase, struct slice name)
{
    if (c->on_progress)
        c->on_progress(c, phase, name);
}

static struct keepname *find(const struct certkeep *k, struct slice name)
{
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        if (slice_eq(n->names[0], name))
            return n;
    }
    return NULL;
}

static int not_wanted(struct certkeep_call *c, struct slice name)
{
    return fault_set(&c->fault, ERR_NOT_FOUND, "no site has the name " SLICE_F, SLICE_A(name));
}

static int renew_one(struct certkeep_call *c, struct keepname *n)
{
    int r = keeplocal_renew(n, &c->fault);
    progress(c, r ? "failed" : "renewed", n->names[0]);
    return r;
}

void keepcall_renew(struct certkeep *k, struct certkeep_call *c, struct slice name, bool force)
{
    int r = OK;
    size_t found = 0;
    begin(k, c);
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        bool meant = name.n ? slice_eq(n->names[0], name) : force;
        if (meant && !r)
            r = renew_one(c, n);
        found += meant;
    }
    if (!r && name.n && !found)
        r = not_wanted(c, name);
    finish(c, r);
}

void keepcall_dry_run(struct certkeep *k, struct certkeep_call *c, struct slice name)
{
    const struct keepname *n = find(k, name);
    begin(k, c);
    if (!n) {
        finish(c, not_wanted(c, name));
        return;
    }
    progress(c, n->local ? "the local CA signs it: nothing can fail" : "no CA is configured", name);
    finish(c, OK);
}

void keepcall_revoke(struct certkeep *k, struct certkeep_call *c, struct slice name)
{
    begin(k, c);
    finish(c, !find(k, name) ? not_wanted(c, name)
                             : fault_set(&c->fault, ERR_CONFIG,
                                         "the certificate of " SLICE_F " comes from no public CA",
                                         SLICE_A(name)));
}

void keepcall_account(struct certkeep *k, struct certkeep_call *c)
{
    begin(k, c);
    finish(c, fault_set(&c->fault, ERR_CONFIG, "no CA is configured"));
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
