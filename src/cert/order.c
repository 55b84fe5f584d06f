/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of steps, and those that make or find the order: account, resume, new order. */
#include "cert/order.h"

#include "base/cidr.h"
#include "base/mem.h"
#include "cert/certclock.h"
#include "cert/orderauthz.h"
#include "cert/ordercert.h"
#include "cert/orderstate.h"
#include "crypt/digest.h"

#define DIGEST_TEXT (2 * DIGEST_SHA256_BYTES)

/* ---- account ---- */

static int digest_names(const struct order *o, char dst[DIGEST_TEXT])
{
    struct slice sorted[ACMEOBJ_NAMES_MAX];
    uint8_t digest[DIGEST_SHA256_BYTES];
    size_t n = o->plan.nnames;
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        while (at > 0 && slice_cmp(sorted[at - 1], o->plan.names[i]) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = o->plan.names[i];
    }
    int r = digest_sha256_pieces(sorted, n, digest);
    if (!r)
        digest_hex(slice_of(digest, sizeof(digest)), dst);
    return r;
}

static bool remembered(const struct order *o)
{
    char digest[DIGEST_TEXT];
    const struct job *j = o->job;
    return j->step != JOB_NONE && j->order.n > 0 && digest_names(o, digest) == OK &&
           slice_eq(j->names_digest, slice_of(digest, sizeof(digest))) &&
           slice_eq(j->directory, acmeca_url(account_ca(o->plan.account))) &&
           slice_eq(j->account, account_signer(o->plan.account)->kid);
}

static void directory_there(struct order *o, const struct acmeca_answer *a)
{
    if (a->r) {
        orderstate_refused(o, a);
        return;
    }
    if (remembered(o)) {
        orderstate_enter(o, ORDERSTATE_RESUME);
        return;
    }
    if (o->job->step != JOB_NONE)
        orderstate_forget(o);
    orderstate_enter(o, ORDERSTATE_NEW);
}

static void on_directory(struct acmeca_call *c, const struct acmeca_answer *a)
{
    directory_there(container_of(c, struct order, call), a);
}

/* The account may come from disk; the directory says what the CA offers today. */
static void on_account(struct account_call *c, int r, const struct acmeobj_problem *problem,
                       const struct fault *f)
{
    struct order *o = container_of(c, struct order, account_call);
    if (r) {
        o->end.retry_after_s = c->retry_after_s;
        orderstate_fail(o, r, f, problem);
        return;
    }
    o->call.on_done = on_directory;
    acmeca_ready(account_ca(o->plan.account), &o->call);
}

static void begin_account(struct order *o)
{
    orderstate_progress(o, "getting the account ready", o->plan.id.name);
    o->account_call.on_done = on_account;
    account_ready(o->plan.account, &o->account_call);
}

/* ---- an order of before ---- */

static void resumed(struct order *o, const struct acmeca_answer *a)
{
    bool transient = a->r != ERR_ACME || a->status >= 500 || a->status == 429 ||
                     orderstate_is_problem(a, "accountDoesNotExist") ||
                     orderstate_is_problem(a, "rateLimited");
    if (!a->r) {
        orderstate_follow(o, a);
    } else if (transient) {
        orderstate_refused(o, a);
    } else {
        orderstate_forget(o);
        orderstate_enter(o, ORDERSTATE_NEW);
    }
}

static void begin_resume(struct order *o)
{
    struct event_field fields[] = {EV_TEXT("name", o->plan.id.name),
                                   EV_TEXT("order", o->job->order),
                                   EV_CSTR("step", job_step_text(o->job->step))};
    orderstate_event(o, EVENT_INFO, "order_resumed", fields, ARRAY_LEN(fields));
    orderstate_progress(o, "going on with the order of before", o->plan.id.name);
    orderstate_post(o, o->job->order, SLICE_EMPTY, resumed);
}

/* ---- a new order ---- */

static bool has_profile(const struct order *o, struct slice profile)
{
    const struct acmeobj_directory *d = acmeca_directory(account_ca(o->plan.account));
    for (size_t i = 0; i < d->nprofiles; i++)
        if (slice_eq(d->profiles[i], profile))
            return true;
    return false;
}

/* Never a profile that is not advertised (profiles draft), `replaces` only where ARI is offered
 * (RFC 9773 5). */
static int choose_members(struct order *o)
{
    struct job *j = o->job;
    const struct acmeobj_directory *d = acmeca_directory(account_ca(o->plan.account));
    j->profile = j->replaces = SLICE_EMPTY;
    int r = OK;
    if (o->plan.profile.n && has_profile(o, o->plan.profile)) {
        r = orderstate_keep(o, o->plan.profile, &j->profile);
    } else if (o->plan.profile.n) {
        struct event_field fields[] = {EV_TEXT("name", o->plan.id.name),
                                       EV_TEXT("profile", o->plan.profile)};
        orderstate_event(o, EVENT_WARN, "profile_not_offered", fields, ARRAY_LEN(fields));
    }
    if (!r && o->plan.replaces.n && d->renewal_info.n && !o->without_replaces)
        r = orderstate_keep(o, o->plan.replaces, &j->replaces);
    return r;
}

static int write_order(const struct order *o, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_object(&j, NULL);
    json_array(&j, "identifiers");
    for (size_t i = 0; i < o->plan.nnames; i++) {
        struct ip ip;
        json_object(&j, NULL);
        json_cstr(&j, "type", cidr_parse_ip(o->plan.names[i], &ip) == OK ? "ip" : "dns");
        json_text(&j, "value", o->plan.names[i]);
        json_end(&j, '}');
    }
    json_end(&j, ']');
    if (o->job->profile.n)
        json_text(&j, "profile", o->job->profile);
    if (o->job->replaces.n)
        json_text(&j, "replaces", o->job->replaces);
    json_end(&j, '}');
    return j.r;
}

/* Clients that insisted on `replaces` let certificates expire: whatever may be because of it is
 * tried once more without it. */
static bool because_of_replaces(const struct acmeca_answer *a)
{
    if (a->r != ERR_ACME || a->status == 429 || a->status >= 500 ||
        orderstate_is_problem(a, "rateLimited") || orderstate_is_problem(a, "accountDoesNotExist"))
        return false;
    if (a->status == 409 || a->status == 404 || orderstate_is_problem(a, "alreadyReplaced") ||
        orderstate_is_problem(a, "unauthorized"))
        return true;
    for (size_t i = 0; i < a->problem.detail.n; i++)
        if (slice_eq_nocase(slice_first(slice_from(a->problem.detail, i), 7), SLICE("replace")))
            return true;
    return false;
}

static int remember(struct order *o, const struct acmeca_answer *a)
{
    struct job *j = o->job;
    char digest[DIGEST_TEXT];
    int r = digest_names(o, digest);
    if (!r)
        r = orderstate_keep(o, slice_of(digest, sizeof(digest)), &j->names_digest);
    if (!r)
        r = orderstate_keep(o, a->location, &j->order);
    if (!r)
        r = orderstate_keep(o, acmeca_url(account_ca(o->plan.account)), &j->directory);
    if (!r)
        r = orderstate_keep(o, account_signer(o->plan.account)->kid, &j->account);
    j->finalize = j->certificate = SLICE_EMPTY;
    j->ordered_s = certclock_now_s(o->loop);
    j->expires_s = 0;
    return r;
}

static void read_new(struct order *o, const struct acmeca_answer *a)
{
    struct acmeobj_order obj;
    struct fault f = {0};
    int r = acmeobj_read_order(a->body, a->arena, &obj, &f);
    if (!r && a->location.n == 0)
        r = fault_set(&f, ERR_SYNTAX, "the CA made an order and did not say where it is");
    if (!r)
        r = remember(o, a);
    if (!r)
        r = orderstate_keep(o, obj.finalize, &o->job->finalize);
    if (r) {
        orderstate_fail(o, r, &f, NULL);
        return;
    }
    o->job->expires_s = obj.expires_s;
    o->urls = NULL;
    if (!orderstate_save(o, JOB_ORDERED))
        return;
    struct event_field fields[] = {
        EV_TEXT("name", o->plan.id.name),        EV_TEXT("order", o->job->order),
        EV_TEXT("directory", o->job->directory), EV_UINT("names", o->plan.nnames),
        EV_TEXT("profile", o->job->profile),     EV_BOOL("staging", o->plan.staging)};
    orderstate_event(o, EVENT_INFO, "order_created", fields, ARRAY_LEN(fields));
    orderstate_follow(o, a);
}

static void ordered(struct order *o, const struct acmeca_answer *a)
{
    if (!a->r) {
        read_new(o, a);
        return;
    }
    if (o->job->replaces.n && because_of_replaces(a)) {
        struct event_field fields[] = {EV_TEXT("name", o->plan.id.name),
                                       EV_TEXT("problem", a->problem.type),
                                       EV_TEXT("detail", a->problem.detail)};
        orderstate_event(o, EVENT_WARN, "replaces_refused", fields, ARRAY_LEN(fields));
        o->without_replaces = true;
        o->end.replaces_refused = true;
        orderstate_enter(o, ORDERSTATE_NEW);
        return;
    }
    orderstate_refused(o, a);
}

static void begin_new(struct order *o)
{
    struct buf payload;
    orderstate_progress(o, "ordering", o->plan.id.name);
    buf_init(&payload, ORDERSTATE_PAYLOAD_BYTES);
    int r = choose_members(o);
    if (!r)
        r = write_order(o, &payload);
    if (r)
        orderstate_fail(o, r, NULL, NULL);
    else
        orderstate_post(o, acmeca_directory(account_ca(o->plan.account))->new_order,
                        buf_slice(&payload), ordered);
    buf_done(&payload);
}

/* ---- the table ---- */

static void begin_end(struct order *o)
{
    o->ops.on_done(o->ctx, &o->end);
}

static const struct orderstate_row table[ORDERSTATE_STEPS] = {
    [ORDERSTATE_ACCOUNT] = {"account", begin_account},
    [ORDERSTATE_RESUME] = {"resuming", begin_resume},
    [ORDERSTATE_NEW] = {"ordering", begin_new},
    [ORDERSTATE_AUTHORIZE] = {"authorizing", orderauthz_begin},
    [ORDERSTATE_READY] = {"waiting", orderstate_fetch},
    [ORDERSTATE_KEY] = {"key", ordercert_key},
    [ORDERSTATE_FINALIZE] = {"finalizing", ordercert_finalize},
    [ORDERSTATE_PROCESS] = {"processing", ordercert_process},
    [ORDERSTATE_DOWNLOAD] = {"downloading", ordercert_download},
    [ORDERSTATE_VERIFY] = {"verifying", ordercert_verify},
    [ORDERSTATE_COMMIT] = {"committing", ordercert_commit},
    [ORDERSTATE_END] = {"done", begin_end},
};

static void run_task(struct loop_task *t)
{
    struct order *o = container_of(t, struct order, task);
    o->table[o->step].begin(o);
}

static void run_timer(struct loop_timer *t)
{
    struct order *o = container_of(t, struct order, timer);
    o->table[o->step].begin(o);
}

int order_start(struct loop *l, const struct order_plan *plan, const struct order_ops *ops,
                void *ctx, struct order **ret, struct fault *f)
{
    if (plan->nnames == 0 || plan->nnames > ACMEOBJ_NAMES_MAX)
        return fault_set(f, ERR_CAP, "an order takes 1 to %d names", ACMEOBJ_NAMES_MAX);
    struct order *o = mem_alloc(sizeof(*o));
    if (!o)
        return fault_set(f, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    o->loop = l;
    o->plan = *plan;
    o->ops = *ops;
    o->ctx = ctx;
    o->table = table;
    o->job = plan->staging ? &o->probe : plan->job;
    o->end.retry_after_s = -1;
    arena_init(&o->texts, ORDERSTATE_TEXT_BYTES);
    loop_task_init(&o->task, run_task);
    loop_timer_init(&o->timer, run_timer);
    orderstate_enter(o, ORDERSTATE_ACCOUNT);
    *ret = o;
    return OK;
}

void order_free(struct order *o)
{
    if (!o)
        return;
    orderauthz_stop(o);
    acmeca_cancel(&o->call);
    account_cancel(&o->account_call);
    loop_timer_clear(&o->timer);
    loop_task_cancel(&o->task);
    keystore_unref(o->key);
    certinfo_unref(o->chain);
    arena_done(&o->texts);
    mem_free(o);
}

const char *order_phase(const struct order *o)
{
    return o->table[o->step].name;
}
