/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What every step of an order needs: going on, waiting, failing, remembering. Knows the steps by
 * their numbers only. */
#include "cert/orderstate.h"

#include "base/cidr.h"
#include "cert/certclock.h"
#include "cert/orderauthz.h"

#define POLL_FIRST_MS   500
#define POLL_MOST_MS    5000
#define POLL_RETRY_S    30 /* Retry-After of polls that should be short */
#define STEP_TIMEOUT_MS (5 * 60 * 1000)
#define HICCUPS_MAX     3
#define ROUNDS_MAX      30
#define READY_AGAIN_MS  1000 /* polls have slowed down to this: finalize is sent again */
/* RFC 8555 7.1.3 wants "expires" in pending and valid orders; without it we wait this long. */
#define ORDER_LIFE_S 86400

void orderstate_enter(struct order *o, enum orderstate_step step)
{
    o->step = step;
    o->wait_ms = 0;
    o->looked = false;
    o->hiccups = 0;
    o->deadline_ms = loop_now_ms(o->loop) + STEP_TIMEOUT_MS;
    loop_timer_clear(&o->timer);
    loop_defer(o->loop, &o->task);
}

void orderstate_event(struct order *o, enum event_level level, const char *name,
                      const struct event_field *fields, size_t n)
{
    if (o->plan.host && o->plan.host->on_event)
        o->plan.host->on_event(o->plan.host->ctx, level, name, fields, n);
}

void orderstate_progress(struct order *o, const char *phase, struct slice name)
{
    if (o->ops.on_progress)
        o->ops.on_progress(o->ctx, phase, name);
}

/* ---- texts ---- */

int orderstate_keep(struct order *o, struct slice from, struct slice *ret)
{
    struct arena *to = o->plan.staging ? &o->texts : o->plan.arena;
    return arena_copy(to, from, ret);
}

/* Without memory the text is lost, not the error. */
static void keep_text(struct order *o, struct slice from, struct slice *ret)
{
    if (arena_copy(&o->texts, from, ret))
        *ret = SLICE_EMPTY;
}

void orderstate_keep_problem(struct order *o, const struct acmeobj_problem *from,
                             struct acmeobj_problem *ret)
{
    *ret = (struct acmeobj_problem){.status = from->status};
    keep_text(o, from->type, &ret->type);
    keep_text(o, from->detail, &ret->detail);
    keep_text(o, from->identifier, &ret->identifier);
    struct acmeobj_problem *sub =
        from->nsub ? arena_zalloc(&o->texts, from->nsub * sizeof(*sub)) : NULL;
    if (!sub)
        return;
    for (size_t i = 0; i < from->nsub; i++) {
        sub[i].status = from->sub[i].status;
        keep_text(o, from->sub[i].type, &sub[i].type);
        keep_text(o, from->sub[i].detail, &sub[i].detail);
        keep_text(o, from->sub[i].identifier, &sub[i].identifier);
    }
    ret->sub = sub;
    ret->nsub = from->nsub;
}

static bool same_name(struct slice a, struct slice b)
{
    struct ip x, y;
    if (cidr_parse_ip(a, &x) == OK && cidr_parse_ip(b, &y) == OK)
        return memcmp(x.bytes, y.bytes, sizeof(x.bytes)) == 0;
    return slice_eq_nocase(a, b);
}

static bool all_in(const struct slice *a, size_t na, const struct slice *b, size_t nb)
{
    for (size_t i = 0; i < na; i++) {
        size_t k = 0;
        while (k < nb && !same_name(a[i], b[k]))
            k++;
        if (k == nb)
            return false;
    }
    return true;
}

bool orderstate_same_names(const struct slice *a, size_t na, const struct slice *b, size_t nb)
{
    return all_in(a, na, b, nb) && all_in(b, nb, a, na);
}

/* ---- the job ---- */

static int save(struct order *o, struct fault *f)
{
    return o->plan.staging ? OK : job_save(o->plan.state_dir, &o->plan.id, o->job, f);
}

bool orderstate_save(struct order *o, enum job_step step)
{
    struct fault f = {0};
    enum job_step before = o->job->step;
    o->job->step = step;
    int r = save(o, &f);
    if (!r)
        return true;
    o->job->step = before;
    orderstate_fail(o, r, &f, NULL);
    return false;
}

/* The file first: a job without its key would order again, a key without its job is only clutter.
 */
void orderstate_forget(struct order *o)
{
    struct job *j = o->job;
    struct fault f = {0};
    j->step = JOB_NONE;
    j->order = j->finalize = j->certificate = SLICE_EMPTY;
    j->profile = j->replaces = j->names_digest = SLICE_EMPTY;
    j->ordered_s = j->expires_s = 0;
    keystore_unref(o->key);
    o->key = NULL;
    if (save(o, &f)) {
        struct event_field fields[] = {EV_TEXT("name", o->plan.id.name), EV_CSTR("error", f.what)};
        orderstate_event(o, EVENT_WARN, "job_not_saved", fields, ARRAY_LEN(fields));
        return;
    }
    if (!o->plan.staging)
        lineage_drop_pending_key(o->plan.state_dir, &o->plan.id);
}

int64_t orderstate_left_s(const struct order *o)
{
    int64_t end = o->job->expires_s > 0 ? o->job->expires_s : o->job->ordered_s + ORDER_LIFE_S;
    int64_t left = end - certclock_now_s(o->loop);
    return left > 0 ? left : 0;
}

/* ---- the end with an error ---- */

void orderstate_fail(struct order *o, int r, const struct fault *f, const struct acmeobj_problem *p)
{
    orderauthz_stop(o);
    acmeca_cancel(&o->call);
    account_cancel(&o->account_call);
    o->end.r = r;
    if (f && f->code)
        o->end.fault = *f;
    else
        fault_set(&o->end.fault, r, "%s", err_text(r));
    if (p)
        orderstate_keep_problem(o, p, &o->end.problem);
    o->end.class = backoff_class_of(r, p && p->type.n ? &o->end.problem : NULL);
    fault_while(&o->end.fault, "while getting a certificate for " SLICE_F,
                SLICE_A(o->plan.id.name));
    orderstate_enter(o, ORDERSTATE_END);
}

bool orderstate_is_problem(const struct acmeca_answer *a, const char *type)
{
    return a->r == ERR_ACME && slice_eq(a->problem.type, slice_cstr(type));
}

static void begin_anew(struct order *o)
{
    struct fault f = {0};
    int r = account_lost(o->plan.account, &f);
    if (r) {
        orderstate_fail(o, r, &f, NULL);
        return;
    }
    struct event_field fields[] = {EV_TEXT("name", o->plan.id.name),
                                   EV_TEXT("directory", acmeca_url(account_ca(o->plan.account)))};
    orderstate_event(o, EVENT_WARN, "account_lost", fields, ARRAY_LEN(fields));
    o->lost = true;
    orderauthz_stop(o);
    orderstate_forget(o);
    orderstate_enter(o, ORDERSTATE_ACCOUNT);
}

static bool for_later(const struct acmeca_answer *a)
{
    return a->r != ERR_ACME || a->status >= 500 || a->status == 429 ||
           orderstate_is_problem(a, "rateLimited");
}

void orderstate_refused(struct order *o, const struct acmeca_answer *a)
{
    if (orderstate_is_problem(a, "accountDoesNotExist") && !o->lost) {
        begin_anew(o);
        return;
    }
    o->end.retry_after_s = a->retry_after_s;
    if (!for_later(a) && o->job->step != JOB_NONE)
        orderstate_forget(o);
    orderstate_fail(o, a->r, &a->fault, a->r == ERR_ACME ? &a->problem : NULL);
}

bool orderstate_transient(const struct acmeca_answer *a)
{
    if (a->r != ERR_ACME)
        return a->r != ERR_NOMEM && a->r != ERR_BUG;
    bool told = a->status == 429 && a->retry_after_s >= 0;
    return (a->status >= 500 || told) && a->retry_after_s <= POLL_RETRY_S;
}

bool orderstate_hiccup(struct order *o, const struct acmeca_answer *a)
{
    return orderstate_transient(a) && ++o->hiccups <= HICCUPS_MAX;
}

/* ---- requests ---- */

static void on_answer(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct order *o = container_of(c, struct order, call);
    o->answered(o, a);
}

void orderstate_post(struct order *o, struct slice url, struct slice payload,
                     void (*answered)(struct order *o, const struct acmeca_answer *a))
{
    o->answered = answered;
    o->call.on_done = on_answer;
    acmeca_post(account_ca(o->plan.account), &o->call, url, account_signer(o->plan.account),
                payload);
}

void orderstate_again(struct order *o, int64_t retry_after_s, int64_t max_s)
{
    if (retry_after_s >= 0) {
        int64_t s = retry_after_s > max_s ? max_s : retry_after_s;
        loop_timer_set(o->loop, &o->timer, (uint64_t)(s > 1 ? s : 1) * 1000);
        return;
    }
    o->wait_ms = o->wait_ms ? o->wait_ms * 3 / 2 : POLL_FIRST_MS;
    if (o->wait_ms > POLL_MOST_MS)
        o->wait_ms = POLL_MOST_MS;
    loop_timer_set(o->loop, &o->timer, o->wait_ms);
}

static void fetched(struct order *o, const struct acmeca_answer *a)
{
    if (!a->r)
        orderstate_follow(o, a);
    else if (orderstate_hiccup(o, a))
        orderstate_again(o, a->retry_after_s, POLL_RETRY_S);
    else
        orderstate_refused(o, a);
}

void orderstate_fetch(struct order *o)
{
    orderstate_post(o, o->job->order, SLICE_EMPTY, fetched);
}

/* ---- by the CA's order object ---- */

/* The CA does not get it done in time, or never will. */
static void give_up(struct order *o, const char *state)
{
    struct fault f = {0};
    fault_set(&f, ERR_TIMEOUT, "the order was still %s when its time was over", state);
    if (orderstate_left_s(o) == 0)
        orderstate_forget(o);
    orderstate_fail(o, ERR_TIMEOUT, &f, NULL);
}

static void wait_ready(struct order *o, const struct acmeca_answer *a)
{
    if (orderstate_left_s(o) == 0 || loop_now_ms(o->loop) >= o->deadline_ms)
        give_up(o, "pending");
    else
        orderstate_again(o, a->retry_after_s, POLL_RETRY_S);
}

static void wait_processing(struct order *o, const struct acmeca_answer *a)
{
    int64_t left = orderstate_left_s(o);
    if (left == 0)
        give_up(o, "being processed");
    else
        orderstate_again(o, a->retry_after_s, left);
}

static void on_pending(struct order *o, const struct acmeca_answer *a)
{
    if (o->step == ORDERSTATE_RESUME || o->step == ORDERSTATE_NEW)
        orderstate_enter(o, ORDERSTATE_AUTHORIZE);
    else
        wait_ready(o, a);
}

/* Still ready behind finalize: the CA is slow to notice, or the request did not arrive. */
static void on_ready(struct order *o, const struct acmeca_answer *a)
{
    if (o->step != ORDERSTATE_PROCESS && o->step != ORDERSTATE_FINALIZE)
        orderstate_enter(o, ORDERSTATE_KEY);
    else if (o->step == ORDERSTATE_FINALIZE)
        orderstate_enter(o, ORDERSTATE_PROCESS);
    else if (++o->rounds > ROUNDS_MAX)
        give_up(o, "ready, although it was finalized,");
    else if (a->retry_after_s > 0 || o->wait_ms < READY_AGAIN_MS)
        wait_processing(o, a);
    else
        orderstate_enter(o, ORDERSTATE_FINALIZE);
}

static void on_invalid(struct order *o, const struct acmeobj_order *obj)
{
    bool resumed = o->step == ORDERSTATE_RESUME;
    struct fault f = {0};
    if (obj->error.type.n || obj->error.detail.n)
        fault_set(&f, ERR_ACME, "the order has failed: " SLICE_F " (" SLICE_F ")",
                  SLICE_A(slice_first(obj->error.detail, 220)), SLICE_A(obj->error.type));
    else
        fault_set(&f, ERR_ACME, "the order has failed (%s), and the CA does not say why",
                  acmeobj_status_text(obj->status));
    orderstate_forget(o);
    if (resumed)
        orderstate_enter(o, ORDERSTATE_NEW);
    else
        orderstate_fail(o, ERR_ACME, &f, &obj->error);
}

static void on_valid(struct order *o, const struct acmeobj_order *obj)
{
    struct fault f = {0};
    if (obj->certificate.n == 0) {
        fault_set(&f, ERR_SYNTAX, "the order is valid but names no certificate");
        orderstate_forget(o);
        orderstate_fail(o, ERR_SYNTAX, &f, NULL);
        return;
    }
    if (orderstate_keep(o, obj->certificate, &o->job->certificate)) {
        orderstate_fail(o, ERR_NOMEM, NULL, NULL);
        return;
    }
    if (orderstate_save(o, JOB_FINALIZED))
        orderstate_enter(o, ORDERSTATE_DOWNLOAD);
}

/* What a later step needs of the object. */
static int take_over(struct order *o, const struct acmeobj_order *obj)
{
    o->job->expires_s = obj->expires_s > 0 ? obj->expires_s : o->job->expires_s;
    if (!slice_eq(obj->finalize, o->job->finalize)) {
        int r = orderstate_keep(o, obj->finalize, &o->job->finalize);
        if (r)
            return r;
    }
    if (o->urls)
        return OK;
    o->urls = arena_zalloc(&o->texts, (obj->nauthorizations + 1) * sizeof(*o->urls));
    if (!o->urls)
        return ERR_NOMEM;
    for (size_t i = 0; i < obj->nauthorizations; i++) {
        int r = arena_copy(&o->texts, obj->authorizations[i], &o->urls[i]);
        if (r)
            return r;
    }
    o->nurls = obj->nauthorizations;
    return OK;
}

static void by_status(struct order *o, const struct acmeca_answer *a,
                      const struct acmeobj_order *obj)
{
    switch (obj->status) {
    case ACMEOBJ_PENDING:
        on_pending(o, a);
        break;
    case ACMEOBJ_READY:
        on_ready(o, a);
        break;
    case ACMEOBJ_PROCESSING:
        if (o->step == ORDERSTATE_PROCESS)
            wait_processing(o, a);
        else if (orderstate_save(o, JOB_FINALIZED))
            orderstate_enter(o, ORDERSTATE_PROCESS);
        o->retry_after_s = a->retry_after_s;
        break;
    case ACMEOBJ_VALID:
        on_valid(o, obj);
        break;
    case ACMEOBJ_INVALID:
    case ACMEOBJ_DEACTIVATED:
    case ACMEOBJ_EXPIRED:
    case ACMEOBJ_REVOKED:
        on_invalid(o, obj);
        break;
    }
}

void orderstate_follow(struct order *o, const struct acmeca_answer *a)
{
    struct acmeobj_order obj;
    struct fault f = {0};
    o->hiccups = 0;
    int r = acmeobj_read_order(a->body, a->arena, &obj, &f);
    if (!r && !orderstate_same_names(obj.names, obj.nnames, o->plan.names, o->plan.nnames)) {
        orderstate_forget(o);
        if (o->step == ORDERSTATE_RESUME) {
            orderstate_enter(o, ORDERSTATE_NEW);
            return;
        }
        r = fault_set(&f, ERR_SYNTAX, "the CA made an order for other names than those asked for");
    }
    if (!r)
        r = take_over(o, &obj);
    if (r)
        orderstate_fail(o, r, &f, NULL);
    else
        by_status(o, a, &obj);
}
