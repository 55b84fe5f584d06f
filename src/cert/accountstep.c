/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Each order begins with the directory and what is on disk; a key left over by a rollover that was
 * cut off is asked about before anything else. decide() is the one place that picks a step. */
#include "cert/accountstep.h"

#include <stdio.h>

#include "base/err.h"
#include "cert/account_state.h"
#include "cert/accountmsg.h"
#include "cert/certclock.h"

static void decide(struct account *a);

/* ---- what is on disk ---- */

static void set_signer(struct account *a)
{
    a->signer.key = a->key;
    a->signer.kid = a->record.url;
}

static void set_key(struct account *a, struct key *key)
{
    keystore_unref(a->key);
    a->key = key;
    set_signer(a);
}

static void set_next(struct account *a, struct key *next)
{
    keystore_unref(a->next);
    a->next = next;
}

static int load(struct account *a, struct fault *f)
{
    struct accountfile x = {0};
    struct fault story = {0};
    if (a->loaded && !accountfile_changed(a->path, &a->seen))
        return OK;
    arena_done(&a->arena);
    a->record = (struct accountfile_record){0};
    int r = accountfile_load(a->path, acmeca_url(a->ca), &a->arena, &x, &story);
    a->loaded = !r;
    if (r) {
        set_key(a, NULL);
        set_next(a, NULL);
        *f = story;
        return r;
    }
    if (story.code)
        a->notice = story;
    a->record = x.record;
    set_key(a, x.key);
    set_next(a, x.next);
    BEST_EFFORT(accountfile_changed(a->path, &a->seen));
    return OK;
}

static int save(struct account *a, struct fault *f)
{
    int r = accountfile_save(a->path, &a->record, f);
    BEST_EFFORT(accountfile_changed(a->path, &a->seen));
    return r;
}

static int keep_url(struct account *a, struct slice url, struct fault *f)
{
    int r = arena_copy(&a->arena, url, &a->record.url);
    if (r)
        return fault_set(f, r, "no memory for an account");
    if (!a->record.created_s)
        a->record.created_s = certclock_now_s(a->l);
    r = save(a, f);
    if (r) /* asked for again next time, so that it is not lost with this process */
        a->record.url = SLICE_EMPTY;
    set_signer(a);
    return r;
}

/* ---- the ends ---- */

static void finish(struct account *a, int r, const struct acmeobj_problem *problem,
                   const struct fault *f)
{
    struct fault told = r ? *f : a->notice;
    bool freed = false, *outer = a->freed;
    int64_t retry_after_s = a->retry_after_s;
    a->notice = (struct fault){0};
    a->retry_after_s = -1;
    a->busy = false;
    list_take(&a->telling, &a->current);
    a->freed = &freed;
    while (!freed && !list_empty(&a->telling)) {
        struct account_call *c = container_of(a->telling.next, struct account_call, node);
        list_remove(&c->node);
        c->account = NULL;
        c->retry_after_s = retry_after_s;
        c->on_done(c, r, problem, &told);
    }
    if (freed) {
        if (outer)
            *outer = true;
        return;
    }
    a->freed = outer;
    if (!list_empty(&a->queue))
        loop_defer(a->l, &a->turn);
}

static void fail(struct account *a, int r, struct fault *f)
{
    if (!f->code)
        fault_set(f, r, "%s", err_text(r));
    finish(a, r, NULL, f);
}

static void fail_answer(struct account *a, const struct acmeca_answer *ans, const char *doing)
{
    struct fault f = ans->fault;
    fault_while(&f, "while %s", doing);
    a->retry_after_s = ans->retry_after_s;
    finish(a, ans->r, ans->r == ERR_ACME ? &ans->problem : NULL, &f);
}

/* Refused before the CA could do so. */
static void refuse(struct account *a, const char *type, const char *detail, struct fault *f)
{
    struct acmeobj_problem p = {.type = slice_cstr(type), .detail = slice_cstr(detail)};
    finish(a, ERR_ACME, &p, f);
}

static bool is_problem(const struct acmeca_answer *ans, const char *type)
{
    return ans->r == ERR_ACME && slice_eq(ans->problem.type, slice_cstr(type));
}

/* A refusal that another try will not change. */
static bool is_final(const struct acmeca_answer *ans)
{
    return ans->r == ERR_ACME && ans->status < 500 && ans->status != 429;
}

/* ---- requests ---- */

/* url and payload are copied. */
static void post(struct account *a, struct slice url, const struct acmeca_signer *by,
                 const struct buf *payload,
                 void (*on_done)(struct acmeca_call *c, const struct acmeca_answer *ans))
{
    a->rq.on_done = on_done;
    acmeca_post(a->ca, &a->rq, url, by, buf_slice(payload));
}

/* newAccount by a key that stands in the header itself. */
static void post_new_account(struct account *a, struct key *key, const struct buf *payload,
                             void (*on_done)(struct acmeca_call *, const struct acmeca_answer *))
{
    const struct acmeca_signer by = {.key = key};
    post(a, acmeca_directory(a->ca)->new_account, &by, payload, on_done);
}

static void explain_binding(struct account *a, struct fault *f)
{
    if (a->eab_kid[0] && !a->eab_key.n)
        fault_next(f, "the key of acme.eab was used for an account already; ask the CA for a new "
                      "one, or start again to use it once more");
    else if (a->eab_kid[0])
        fault_next(f, "check acme.eab: the CA takes its key id and MAC key only as it gave them");
    else
        fault_next(f, "set acme.eab to the key id and MAC key that the CA gave you");
}

/* The answer to newAccount, found or made. */
static int take_account(struct account *a, const struct acmeca_answer *ans, struct fault *f)
{
    struct acmeobj_account x = {.status = SLICE("valid")};
    char where[192];
    snprintf(where, sizeof(where), SLICE_F, SLICE_A(slice_first(acmeca_url(a->ca), 190)));
    int r = ans->location.n ? OK : fault_set(f, ERR_SYNTAX, "the CA gave no URL of the account");
    if (!r && ans->body.n && (r = acmeobj_read_account(ans->body, ans->arena, &x, f)))
        fault_while(f, "while reading the CA's answer");
    if (r) {
        fault_at(f, where, 0, 0);
        return r;
    }
    if (slice_eq(x.status, SLICE("valid")))
        return keep_url(a, ans->location, f);
    fault_set(f, ERR_ACME, "the account " SLICE_F " is " SLICE_F, SLICE_A(ans->location),
              SLICE_A(slice_first(x.status, 40)));
    fault_next(f, "move %s away: then a new account is made", a->path);
    return ERR_ACME;
}

static void end_registration(struct account *a, const struct acmeca_answer *ans)
{
    struct fault f = {0};
    int r = take_account(a, ans, &f);
    if (!r)
        decide(a);
    else if (r == ERR_ACME)
        refuse(a, "unauthorized", "the account is not valid any more", &f);
    else
        fail(a, r, &f);
}

static void on_registered(struct acmeca_call *c, const struct acmeca_answer *ans)
{
    struct account *a = container_of(c, struct account, rq);
    if (ans->r) {
        struct acmeca_answer told = *ans;
        if (is_problem(ans, "externalAccountRequired") || (is_final(ans) && a->eab_kid[0]))
            explain_binding(a, &told.fault);
        fail_answer(a, &told, "making an account");
        return;
    }
    secret_done(&a->eab_key); /* single-use with many CAs */
    end_registration(a, ans);
}

static void register_account(struct account *a)
{
    const struct acmeobj_directory *d = acmeca_directory(a->ca);
    struct accountmsg_binding b = {.kid = slice_cstr(a->eab_kid),
                                   .mac_key = secret_expose(&a->eab_key),
                                   .url = d->new_account,
                                   .account = a->key};
    struct fault f = {0};
    struct buf payload;
    if (!b.mac_key.n)
        b.kid = SLICE_EMPTY;
    if (d->external_account_required && !b.kid.n) {
        fault_set(&f, ERR_ACME,
                  "the CA at " SLICE_F " wants accounts to be bound to a customer "
                  "(external account binding)",
                  SLICE_A(slice_first(acmeca_url(a->ca), 150)));
        explain_binding(a, &f);
        refuse(a, "externalAccountRequired", "no external account binding is configured", &f);
        return;
    }
    buf_init(&payload, ACCOUNTMSG_BYTES_MAX);
    a->record.contact = slice_cstr(a->email);
    int r = accountmsg_register(slice_cstr(a->email), &b, &payload, &f);
    if (r)
        fail(a, r, &f);
    else
        post_new_account(a, a->key, &payload, on_registered);
    buf_done(&payload);
}

static void on_found(struct acmeca_call *c, const struct acmeca_answer *ans)
{
    struct account *a = container_of(c, struct account, rq);
    if (!ans->r)
        end_registration(a, ans);
    else if (is_problem(ans, "accountDoesNotExist") && a->kind == ACCOUNT_READY)
        register_account(a);
    else
        fail_answer(a, ans, "looking for the account of a key");
}

/* The new key is the CA's, so it becomes ours. */
static int adopt_next(struct account *a, struct fault *f)
{
    struct key *next = a->next;
    int r = accountfile_save_key(a->path, next, f);
    if (!r)
        r = accountfile_drop_next(a->path, f);
    a->next = NULL;
    a->changed = true;
    set_key(a, next);
    return r;
}

/* Whether a rollover that was cut off has reached the CA. */
static void on_probed(struct acmeca_call *c, const struct acmeca_answer *ans)
{
    struct account *a = container_of(c, struct account, rq);
    struct fault f = {0};
    bool ours = !ans->r && (!a->record.url.n || slice_eq(a->record.url, ans->location));
    int r = OK;
    if (ans->r && !is_final(ans)) {
        fail_answer(a, ans, "asking which key the account has");
        return;
    }
    if (ours) {
        r = adopt_next(a, &f);
        if (!r)
            end_registration(a, ans);
        else
            fail(a, r, &f);
        return;
    }
    r = is_problem(ans, "accountDoesNotExist") ? accountfile_drop_next(a->path, &f)
                                               : accountfile_set_next_aside(a->path, &f);
    set_next(a, NULL);
    if (r)
        fail(a, r, &f);
    else
        decide(a);
}

static void ask_for(struct account *a, struct key *key,
                    void (*on_done)(struct acmeca_call *c, const struct acmeca_answer *ans))
{
    struct fault f = {0};
    struct buf payload;
    buf_init(&payload, ACCOUNTMSG_BYTES_MAX);
    int r = accountmsg_find(&payload);
    if (r)
        fail(a, r, &f);
    else
        post_new_account(a, key, &payload, on_done);
    buf_done(&payload);
}

static int make_key(struct account *a, struct fault *f)
{
    struct key *key = NULL;
    int r = keystore_generate(KEY_ECDSA_P256, &key, f);
    if (!r)
        r = accountfile_save_key(a->path, key, f);
    if (r) {
        keystore_unref(key);
        return r;
    }
    set_key(a, key);
    return OK;
}

/* ---- account orders ---- */

static int keep_refusal(struct account *a, const struct acmeca_answer *ans)
{
    struct acmeobj_problem *p = &a->refusal_problem;
    *p = (struct acmeobj_problem){.status = ans->problem.status};
    int r = arena_copy(&a->arena, ans->problem.type, &p->type);
    if (!r)
        r = arena_copy(&a->arena, ans->problem.detail, &p->detail);
    if (!r)
        a->refusal = ans->fault;
    return r;
}

static void on_rolled_over(struct acmeca_call *c, const struct acmeca_answer *ans)
{
    struct account *a = container_of(c, struct account, rq);
    struct fault f = {0};
    if (!ans->r) {
        int r = adopt_next(a, &f);
        if (r)
            fail(a, r, &f);
        else
            decide(a);
        return;
    }
    /* A refusal may be of a message that was sent twice because the first answer got lost; and
     * without an answer nobody knows at all. So the new key stays until it was asked for, now or by
     * the next call. */
    if (!is_final(ans) || keep_refusal(a, ans)) {
        fail_answer(a, ans, "changing the key of the account");
        return;
    }
    decide(a);
}

static void rollover(struct account *a)
{
    const struct acmeobj_directory *d = acmeca_directory(a->ca);
    struct key *next = NULL;
    struct fault f = {0};
    struct buf payload;
    buf_init(&payload, ACCOUNTMSG_BYTES_MAX);
    int r = d->key_change.n
                ? OK
                : fault_set(&f, ERR_NOT_IMPLEMENTED, "the CA has no way to change the key");
    if (!r)
        r = keystore_generate(KEY_ECDSA_P256, &next, &f);
    if (!r && (r = accountfile_save_next(a->path, next, &f)))
        keystore_unref(next);
    else if (!r)
        set_next(a, next);
    if (!r)
        r = accountmsg_key_change(d->key_change, a->record.url, a->key, a->next, &payload, &f);
    if (r)
        fail(a, r, &f);
    else
        post(a, d->key_change, &a->signer, &payload, on_rolled_over);
    buf_done(&payload);
}

static void on_deactivated(struct acmeca_call *c, const struct acmeca_answer *ans)
{
    struct account *a = container_of(c, struct account, rq);
    struct fault f = {0};
    if (ans->r) {
        fail_answer(a, ans, "deactivating the account");
        return;
    }
    int r = accountfile_retire(a->path, &f);
    a->loaded = false;
    a->record.url = SLICE_EMPTY;
    set_key(a, NULL);
    set_next(a, NULL);
    if (r)
        fail(a, r, &f);
    else
        finish(a, OK, NULL, &f);
}

static void on_updated(struct acmeca_call *c, const struct acmeca_answer *ans)
{
    struct account *a = container_of(c, struct account, rq);
    struct fault f = {0};
    if (ans->r) {
        fail_answer(a, ans, "changing the contact of the account");
        return;
    }
    a->record.contact = slice_cstr(a->email);
    int r = save(a, &f);
    if (r)
        fail(a, r, &f);
    else
        finish(a, OK, NULL, &f);
}

static void change(struct account *a)
{
    struct fault f = {0};
    struct buf payload;
    bool update = a->kind == ACCOUNT_UPDATE;
    buf_init(&payload, ACCOUNTMSG_BYTES_MAX);
    int r = update ? accountmsg_contact(slice_cstr(a->email), &payload)
                   : accountmsg_deactivate(&payload);
    if (r)
        fail(a, r, &f);
    else
        post(a, a->record.url, &a->signer, &payload, update ? on_updated : on_deactivated);
    buf_done(&payload);
}

/* ---- what comes next ---- */

static void decide(struct account *a)
{
    struct fault f = {0};
    if (a->next) {
        ask_for(a, a->next, on_probed);
    } else if (!a->key && a->kind != ACCOUNT_READY) {
        fail(a, fault_set(&f, ERR_NOT_FOUND, "there is no account in %s", a->path), &f);
    } else if (!a->key) {
        int r = make_key(a, &f);
        if (r)
            fail(a, r, &f);
        else
            register_account(a);
    } else if (!a->record.url.n) {
        ask_for(a, a->key, on_found);
    } else if (a->kind == ACCOUNT_READY || (a->kind == ACCOUNT_ROLLOVER && a->changed)) {
        finish(a, OK, NULL, &f);
    } else if (a->refusal.code) {
        finish(a, ERR_ACME, &a->refusal_problem, &a->refusal);
    } else if (a->kind == ACCOUNT_ROLLOVER) {
        rollover(a);
    } else {
        change(a);
    }
}

static void on_directory(struct acmeca_call *c, const struct acmeca_answer *ans)
{
    struct account *a = container_of(c, struct account, rq);
    struct fault f = {0};
    if (ans->r) {
        fail_answer(a, ans, "reading the directory of the CA");
        return;
    }
    int r = load(a, &f);
    if (r)
        fail(a, r, &f);
    else
        decide(a);
}

void accountstep_begin(struct account *a)
{
    a->changed = false;
    a->refusal.code = OK;
    a->rq.on_done = on_directory;
    acmeca_ready(a->ca, &a->rq);
}

int accountstep_forget(struct account *a, int64_t now_s, struct fault *f)
{
    memmove(&a->record.lost_s[1], &a->record.lost_s[0],
            (ACCOUNTFILE_LOST - 1) * sizeof(a->record.lost_s[0]));
    a->record.lost_s[0] = now_s;
    a->record.url = SLICE_EMPTY;
    set_signer(a);
    return save(a, f);
}
