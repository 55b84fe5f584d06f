/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One thing at a time: calls wait in a queue; all that want the account ready are served together.
 */
#include "cert/account.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "cert/account_state.h"
#include "cert/accountmsg.h"
#include "cert/accountstep.h"
#include "cert/certclock.h"
#include "crypt/jws.h"

#define DAY_S     86400
#define LOST_MOST 2 /* a day */

static void on_turn(struct loop_task *t)
{
    struct account *a = container_of(t, struct account, turn);
    if (a->busy || list_empty(&a->queue))
        return;
    struct account_call *first = container_of(a->queue.next, struct account_call, node);
    a->busy = true;
    a->kind = (enum account_kind)first->kind;
    list_remove(&first->node);
    list_push(&a->current, &first->node);
    if (a->kind == ACCOUNT_READY)
        LIST_FOREACH_SAFE (it, &a->queue)
            if (container_of(it, struct account_call, node)->kind == ACCOUNT_READY) {
                list_remove(it);
                list_push(&a->current, it);
            }
    accountstep_begin(a);
}

static void start(struct account *a, struct account_call *c, enum account_kind kind)
{
    c->account = a;
    c->kind = (int)kind;
    list_init(&c->node);
    if (a->busy && kind == ACCOUNT_READY && a->kind == ACCOUNT_READY) {
        list_push(&a->current, &c->node);
        return;
    }
    list_push(&a->queue, &c->node);
    loop_defer(a->l, &a->turn);
}

void account_ready(struct account *a, struct account_call *c)
{
    start(a, c, ACCOUNT_READY);
}

void account_rollover(struct account *a, struct account_call *c)
{
    start(a, c, ACCOUNT_ROLLOVER);
}

void account_deactivate(struct account *a, struct account_call *c)
{
    start(a, c, ACCOUNT_DEACTIVATE);
}

void account_update(struct account *a, struct account_call *c)
{
    start(a, c, ACCOUNT_UPDATE);
}

/* What is under way goes on without it: a registration that was sent must be written down. */
void account_cancel(struct account_call *c)
{
    if (!c->account)
        return;
    list_remove(&c->node);
    c->account = NULL;
}

int account_new(struct acmeca *ca, const struct account_options *o, struct account **ret,
                struct fault *f)
{
    struct account *a = mem_alloc(sizeof(*a));
    if (!a)
        return fault_set(f, ERR_NOMEM, "no memory for an account");
    a->ca = ca;
    a->l = acmeca_loop(ca);
    a->retry_after_s = -1;
    list_init(&a->queue);
    list_init(&a->current);
    list_init(&a->telling);
    loop_task_init(&a->turn, on_turn);
    arena_init(&a->arena, ACCOUNTMSG_BYTES_MAX);
    a->state_dir = mem_strdup(o->state_dir);
    a->email = mem_dup(o->email.n ? o->email.p : (const uint8_t *)"", o->email.n);
    a->eab_kid = mem_dup(o->eab_kid.n ? o->eab_kid.p : (const uint8_t *)"", o->eab_kid.n);
    int r = a->state_dir && a->email && a->eab_kid ? OK : ERR_NOMEM;
    if (!r && o->eab_key)
        r = secret_set(&a->eab_key, secret_expose(o->eab_key));
    if (r)
        fault_set(f, r, "no memory for an account");
    else
        r = accountfile_dir(a->state_dir, acmeca_url(ca), a->path, f);
    if (r)
        account_free(a);
    else
        *ret = a;
    return r;
}

static void forget(struct list *calls)
{
    for (struct list *n; (n = list_pop(calls));)
        container_of(n, struct account_call, node)->account = NULL;
}

void account_free(struct account *a)
{
    if (!a)
        return;
    if (a->freed)
        *a->freed = true;
    acmeca_cancel(&a->rq);
    loop_task_cancel(&a->turn);
    forget(&a->queue);
    forget(&a->current);
    forget(&a->telling);
    keystore_unref(a->key);
    keystore_unref(a->next);
    secret_done(&a->eab_key);
    arena_done(&a->arena);
    mem_free(a->state_dir);
    mem_free(a->email);
    mem_free(a->eab_kid);
    mem_free(a);
}

int account_lost(struct account *a, struct fault *f)
{
    int64_t now_s = certclock_now_s(a->l);
    int lately = 0;
    if (!a->record.url.n) /* the same news by another order */
        return OK;
    for (size_t i = 0; i < ACCOUNTFILE_LOST; i++)
        lately += a->record.lost_s[i] > now_s - DAY_S && a->record.lost_s[i] <= now_s + DAY_S;
    if (lately >= LOST_MOST) {
        fault_set(f, ERR_CAP, "the CA has lost the account %d times within a day", lately + 1);
        fault_next(f, "a new one is not made before a day is over; ask the CA what is wrong");
        return ERR_CAP;
    }
    return accountstep_forget(a, now_s, f);
}

const struct acmeca_signer *account_signer(const struct account *a)
{
    return &a->signer;
}

struct acmeca *account_ca(const struct account *a)
{
    return a->ca;
}

int account_key_authorization(const struct account *a, struct slice token, struct buf *out,
                              struct fault *f)
{
    if (!a->key)
        return fault_set(f, ERR_NOT_FOUND, "there is no account any more");
    int r = buf_add(out, token);
    if (!r)
        r = buf_add(out, SLICE("."));
    return r ? fault_set(f, r, "%s", err_text(r)) : jws_thumbprint(a->key, out, f);
}

/* ---- lists ---- */

struct walk {
    const char *dir;
    struct arena *arena;
    void (*each)(void *ctx, const struct account_info *info, const struct fault *f);
    void *ctx;
};

static int thumbprint(const struct key *key, struct arena *a, struct slice *ret, struct fault *f)
{
    struct buf b;
    buf_init(&b, 256);
    int r = jws_thumbprint(key, &b, f);
    if (!r && arena_copy(a, buf_slice(&b), ret))
        r = fault_set(f, ERR_NOMEM, "no memory for the list of accounts");
    buf_done(&b);
    return r;
}

static int on_entry(void *ctx, const char *name, const struct file_info *entry)
{
    struct walk *w = ctx;
    struct account_info info = {0};
    struct accountfile x = {0};
    struct fault f = {0};
    if (!entry->is_dir || strstr(name, ".deactivated-") || strstr(name, ".broken-"))
        return OK;
    if (arena_printf(w->arena, &info.path, "%s/%s", w->dir, name))
        return ERR_NOMEM;
    if (!accountfile_peek((const char *)info.path.p, w->arena, &x, &f) &&
        !thumbprint(x.key, w->arena, &info.thumbprint, &f)) {
        info.directory = x.record.directory;
        info.url = x.record.url;
        info.contact = x.record.contact;
        info.created_s = x.record.created_s;
    }
    keystore_unref(x.key);
    w->each(w->ctx, &info, &f);
    return OK;
}

int account_each(const char *state_dir, struct arena *arena,
                 void (*each)(void *ctx, const struct account_info *info, const struct fault *f),
                 void *ctx)
{
    char dir[ACCOUNTFILE_PATH_BYTES];
    int root, fd;
    snprintf(dir, sizeof(dir), "%s/accounts", state_dir);
    struct walk w = {dir, arena, each, ctx};
    int r = file_open_root(dir, &root, NULL);
    if (r)
        return r == ERR_NOT_FOUND ? OK : r;
    r = file_open_beneath(root, ".", &fd, NULL);
    if (!r) {
        r = file_list(fd, on_entry, &w);
        file_close(fd);
    }
    file_close(root);
    return r;
}
