/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Ends of attempts. */
#include "cert/keepend.h"

#include "cert/certclock.h"
#include "cert/keepari.h"
#include "cert/keepca.h"
#include "cert/keepcall.h"
#include "cert/keephook.h"
#include "cert/keepjob.h"
#include "cert/keeplocal.h"
#include "cert/keepname.h"

#define CA_PATIENCE 3     /* failures at the first CA before the next one is asked */
#define DEPLOYED_MS 10000 /* the confirmation by a handshake usually takes some ms */

/* The place at the CA is free; the CA is still named for hooks until the end. */
static struct keepca *leave(struct keepname *n)
{
    struct certkeep *k = n->k;
    struct keepca *ca = n->ca;
    n->stage = KEEP_IDLE;
    ca->running--;
    LIST_FOREACH (it, &k->wanted)
        container_of(it, struct keepname, node)->queued = false;
    keepstate_wake(k);
    return ca;
}

/* ---- failures ---- */

static void fall_back(struct keepname *n, const struct keepca *to)
{
    const struct event_field fields[] = {EV_TEXT("from", n->ca->url), EV_TEXT("to", to->url),
                                         EV_UINT("failures", n->job.failures),
                                         EV_TEXT("error", n->job.last_error)};
    keepname_event(n, EVENT_WARN, "ca_fallback", fields, ARRAY_LEN(fields));
}

/* Trouble that another CA would not have: nothing on our side, and no validation, which would fail
 * there too. What a CA will not do today (permanent, rate) it will not do in a minute either. */
static void next_ca(struct keepname *n, enum backoff_class class)
{
    struct certkeep *k = n->k;
    bool first = n->ca_index == 0;
    if (class == BACKOFF_LOCAL || class == BACKOFF_VALIDATION) {
        n->ca_index = n->ca_failures = 0;
        return;
    }
    n->ca_failures++;
    bool enough = !first || class != BACKOFF_NETWORK || n->ca_failures >= CA_PATIENCE;
    if (!enough)
        return;
    n->ca_failures = 0;
    if (n->ca_index + 1 >= k->settings.ndirectories) {
        n->ca_index = 0;
        return;
    }
    n->ca_index++;
    fall_back(n, &k->cas[n->ca_index]);
    n->job.next_s = certclock_now_s(k->loop);
}

/* A failed validation is tried elsewhere first; trouble of the staging CA itself must not keep
 * production waiting. */
static void next_kind(struct keepname *n, enum backoff_class class)
{
    bool validation = class == BACKOFF_VALIDATION;
    struct keepca *ca = n->staging ? NULL : n->ca;
    if (n->staging)
        n->probe = validation;
    else
        n->probe = validation && keepca_staging(ca);
}

static void tell_retry(const struct keepname *n, const struct keepfail *why)
{
    char until[32];
    const struct event_field fields[] = {EV_CSTR("class", backoff_class_text(why->class)),
                                         EV_TEXT("problem", n->job.last_problem),
                                         EV_TEXT("error", n->job.last_error),
                                         EV_UINT("failures", n->job.failures),
                                         EV_CSTR("next", keepname_time(n->job.next_s, until)),
                                         EV_TEXT("directory", n->ca->url),
                                         EV_BOOL("staging", n->staging)};
    bool loud = why->class == BACKOFF_PERMANENT || n->job.failures >= CA_PATIENCE;
    if (why->class == BACKOFF_RATE)
        keepname_event(n, EVENT_WARN, "rate_limited", fields, ARRAY_LEN(fields));
    keepname_event(n, loud ? EVENT_ERROR : EVENT_WARN, "retry_scheduled", fields,
                   ARRAY_LEN(fields));
}

void keepend_failed(struct keepname *n, const struct keepfail *why)
{
    struct keepca *ca = leave(n);
    ca->failures[why->class]++;
    keepjob_failed(n, why);
    next_kind(n, why->class);
    if (!n->staging)
        next_ca(n, why->class);
    n->forced = n->forced_breaker = false;
    tell_retry(n, why);
    keephook_failed(n);
    keepjob_save(n);
    keepcall_ended(n, why->r, why->fault);
    if (n->demanded && n->k->host->on_refused)
        n->k->host->on_refused(n->k->host->ctx, n->names[0]);
    n->ca = NULL;
}

void keepend_local(struct keepname *n, int r, const struct fault *f)
{
    const struct keepfail why = {.r = r, .class = BACKOFF_LOCAL, .fault = f, .retry_after_s = -1};
    keepend_failed(n, &why);
}

static void order_failed(struct keepname *n, struct order_end *end)
{
    int64_t now_s = certclock_now_s(n->k->loop);
    bool answered = end->problem.type.n || end->problem.status;
    const struct keepfail why = {end->r,
                                 answered ? backoff_class_of(end->r, &end->problem) : end->class,
                                 &end->fault, &end->problem, end->retry_after_s};
    for (size_t i = 0; n->k->budget && i < end->nfailed; i++)
        budget_spend(n->k->budget, n->ca->url, end->failed[i], now_s);
    n->failed_types |= end->failed_types;
    unsigned all = n->k->settings.challenges;
    if ((all & ~n->failed_types) == 0)
        n->failed_types = 0;       /* every type had its turn */
    struct order *over = n->order; /* texts of the problem live as long as it */
    n->order = NULL;
    keepend_failed(n, &why);
    order_free(over);
}

void keepend_unjudged(struct keepname *n)
{
    leave(n)->attempts--;
    n->ca = NULL;
}

/* ---- success ---- */

static void probed(struct keepname *n)
{
    const struct event_field fields[] = {EV_TEXT("directory", n->ca->url)};
    keepname_event(n, EVENT_INFO, "staging_succeeded", fields, ARRAY_LEN(fields));
    order_free(n->order);
    n->order = NULL;
    leave(n)->successes++;
    n->probe = false;
    n->job.next_s = certclock_now_s(n->k->loop);
    keepjob_save(n);
    n->ca = NULL;
}

/* The temporary certificate of the other kind of key would be chosen by clients that like it. */
static void drop_temporary_sibling(struct keepname *n)
{
    const struct certhost *host = n->k->host;
    struct keepname *other = keepname_find(n->k, n->names[0], !n->id.rsa);
    if (!other || other->source != KEEP_TEMPORARY)
        return;
    if (host->on_removed)
        host->on_removed(host->ctx, other->names[0], keystore_kind(other->pair.key));
    certstore_pair_done(&other->pair);
    other->source = KEEP_NOTHING;
}

static void tell_renewal(const struct keepname *n)
{
    char at[32], until[32];
    const struct certinfo *leaf = certinfo_at(n->pair.chain, 0);
    const struct event_field fields[] = {
        EV_CSTR("at", keepname_time(n->plan.at_s, at)),
        EV_CSTR("why", renewal_why_text(n->plan.why)),
        EV_CSTR("not_after", keepname_time(leaf->not_after_s, until))};
    keepname_event(n, EVENT_INFO, "renew_scheduled", fields, ARRAY_LEN(fields));
}

static void issued(struct keepname *n, struct order_end *end)
{
    struct keepca *ca = leave(n);
    ca->successes++;
    ca->order_ms += loop_now_ms(n->k->loop) - n->began_ms;
    keepari_stop(n);
    keepjob_succeeded(n);
    keepname_take(n, &end->fresh);
    order_free(n->order);
    n->order = NULL;
    n->ca = NULL;
    n->forced = n->forced_breaker = false;
    n->looked = true;
    keepname_hand_out(n);
    drop_temporary_sibling(n);
    keeplocal_forget(n);
    keepjob_save(n);
    tell_renewal(n);
    loop_timer_set(n->k->loop, &n->deployed, DEPLOYED_MS);
    keepcall_ended(n, OK, NULL);
}

void keepend_order(struct keepname *n, struct order_end *end)
{
    if (end->r)
        order_failed(n, end);
    else if (n->staging)
        probed(n);
    else
        issued(n, end);
    if (n->k->host->on_change)
        n->k->host->on_change(n->k->host->ctx);
}
