/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Attempts: their beginning. How they end is keepend.c's. */
#include "cert/keeporder.h"

#include <stdio.h>

#include "base/text.h"
#include "cert/certclock.h"
#include "cert/keepca.h"
#include "cert/keepcall.h"
#include "cert/keepdns.h"
#include "cert/keepend.h"
#include "cert/keephook.h"
#include "cert/keeplook.h"
#include "cert/keepname.h"

#define CLOCK_WAIT_S 3600
#define VALIDATIONS  (CERTKEEP_HTTP01 | CERTKEEP_ALPN01 | CERTKEEP_DNS01 | CERTKEEP_PERSIST01)

/* ---- may it begin? ---- */

/* An order of before is finished where it was begun. */
static struct keepca *choose(struct keepname *n)
{
    struct certkeep *k = n->k;
    struct keepca *begun = n->job.step != JOB_NONE ? keepca_by_url(k, n->job.directory) : NULL;
    size_t i = n->ca_index < k->settings.ndirectories ? n->ca_index : 0;
    struct keepca *ca = begun ? begun : &k->cas[i];
    struct keepca *staging = n->probe && !begun ? keepca_staging(ca) : NULL;
    n->staging = staging != NULL;
    return staging ? staging : ca;
}

static int64_t life_of(const struct keepname *n)
{
    if (n->source != KEEP_ACME)
        return 0;
    const struct certinfo *leaf = certinfo_at(n->pair.chain, 0);
    return leaf->not_after_s - leaf->not_before_s;
}

static bool wait(struct keepname *n, int64_t until_s, const char *why)
{
    char text[32];
    if (n->wait_why != why || n->wait_until_s != until_s) {
        const struct event_field fields[] = {EV_CSTR("why", why),
                                             EV_CSTR("until", keepname_time(until_s, text))};
        keepname_event(n, EVENT_WARN, "order_held_back", fields, ARRAY_LEN(fields));
    }
    n->wait_until_s = until_s;
    n->wait_clock = false;
    n->wait_why = why;
    keepcall_held_back(n, why, until_s);
    return false;
}

/* Breaker and bucket; an order that exists already costs nothing more. */
static bool affordable(struct keepname *n, const struct keepca *ca)
{
    static const struct job unissued;
    int64_t at_s, now_s = certclock_now_s(n->k->loop);
    if (n->job.step != JOB_NONE && !n->staging)
        return true;
    if (!n->staging && !n->forced_breaker && n->plan.why != RENEWAL_REVOKED &&
        budget_breaker(n->names_differ ? &unissued : &n->job, life_of(n), now_s, &at_s))
        return wait(n, at_s, "as many certificates as may be were issued for these names");
    if (n->k->budget && budget_ask(n->k->budget, ca->url, n->names, n->nnames, now_s, &at_s))
        return wait(n, at_s, "too many failed validations for one of the names");
    n->wait_until_s = 0;
    n->wait_why = NULL;
    n->wait_clock = false;
    return true;
}

/* ---- preflight and hook ---- */

static void begin_order(struct keepname *n);

static void ask_hook(struct keepname *n)
{
    struct fault f = {0};
    n->stage = KEEP_HOOK;
    int r = n->staging || n->job.step != JOB_NONE ? ERR_NOT_FOUND : keephook_ask(n);
    if (r == ERR_NOT_FOUND)
        begin_order(n);
    else if (r)
        keepend_local(n, fault_set(&f, r, "the pre-issue hook could not be run"), &f);
}

void keeporder_allowed(struct keepname *n, int status, struct slice output)
{
    struct fault f = {0};
    char said[512];
    if (n->stage != KEEP_HOOK)
        return;
    if (!status) {
        begin_order(n);
        return;
    }
    text_escape(slice_first(output, 120), said, sizeof(said));
    fault_set(&f, ERR_HOOK, "the pre-issue hook refuses (status %d)%s%s", status,
              said[0] ? ": " : "", said);
    keepend_local(n, ERR_HOOK, &f);
}

static void look_first(struct keepname *n)
{
    struct fault f = {0};
    if (!keeplook_wanted(n)) {
        ask_hook(n);
        return;
    }
    n->stage = KEEP_PREFLIGHT;
    if (keeplook_begin(n))
        keepend_local(n, fault_set(&f, ERR_NOMEM, "out of memory"), &f);
}

void keeporder_looked(struct keepname *n, int r, const struct fault *f)
{
    if (r)
        keepend_local(n, r, f);
    else
        ask_hook(n);
}

/* ---- the order ---- */

static void on_progress(void *ctx, const char *phase, struct slice name)
{
    struct keepname *n = ctx;
    snprintf(n->phase, sizeof(n->phase), "%s", phase);
    keepcall_progress(n, phase, name);
}

static void on_done(void *ctx, struct order_end *end)
{
    keepend_order(ctx, end);
}

/* RFC 9773 5: only where the CA knows the certificate, as the account that got it. */
static struct slice replaced(struct keepname *n)
{
    const struct acmeobj_directory *d = acmeca_directory(n->ca->ca);
    const struct acmeca_signer *by = account_signer(n->ca->account);
    buf_reset(&n->replaces);
    bool same = n->source == KEEP_ACME && d && d->renewal_info.n && by && !n->staging &&
                slice_eq(n->meta.directory, n->ca->url) &&
                (!by->kid.n || slice_eq(n->meta.account, by->kid));
    if (!same || renewal_certid(n->pair.chain, &n->replaces))
        return SLICE_EMPTY;
    return buf_slice(&n->replaces);
}

static void begin_order(struct keepname *n)
{
    static const struct order_ops ops = {on_progress, on_done};
    const struct certkeep_settings *s = &n->k->settings;
    bool reuse = s->reuse_key && n->source == KEEP_ACME && n->plan.why != RENEWAL_REVOKED;
    const struct order_plan plan = {.state_dir = n->k->state_dir,
                                    .id = n->id,
                                    .names = n->names,
                                    .nnames = n->nnames,
                                    .account = n->ca->account,
                                    .challenges = n->k->challenges,
                                    .enabled = s->challenges & VALIDATIONS,
                                    .avoid = n->failed_types,
                                    .profile = s->profile,
                                    .replaces = replaced(n),
                                    .preferred_chain = s->preferred_chain,
                                    .reuse = reuse ? n->pair.key : NULL,
                                    .staging = n->staging,
                                    .job = &n->job,
                                    .arena = &n->job_arena,
                                    .host = n->k->host};
    struct fault f = {0};
    n->stage = KEEP_ORDER;
    int r = order_start(n->k->loop, &plan, &ops, n, &n->order, &f);
    if (r)
        keepend_local(n, r, &f);
}

/* ---- the beginning ---- */

/* Whether it is old is what a wrong clock cannot tell; what is revoked, missing or asked for by an
 * operator is ordered all the same. */
static bool for_its_age(const struct keepname *n)
{
    return n->source == KEEP_ACME && !n->names_differ && !n->forced && n->job.step == JOB_NONE &&
           n->plan.why != RENEWAL_REVOKED;
}

static void hold_back(struct keepname *n)
{
    keepend_unjudged(n);
    wait(n, certclock_now_s(n->k->loop) + CLOCK_WAIT_S,
         "the clock differs from the CA's by more than a day");
    n->wait_clock = true;
}

static void on_ready(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct keepname *n = container_of(c, struct keepname, ready);
    if (a->r) {
        const struct keepfail why = {a->r, backoff_class_of(a->r, &a->problem), &a->fault,
                                     &a->problem, a->retry_after_s};
        keepend_failed(n, &why);
        return;
    }
    keepca_check_clock(n->ca);
    if (keepca_clock(n->k) == KEEPCA_CLOCK_WRONG && for_its_age(n))
        hold_back(n);
    else
        look_first(n);
}

void keeporder_start(struct keepname *n)
{
    struct keepca *ca = choose(n);
    struct fault f = {0};
    if (!affordable(n, ca))
        return;
    if (ca->running >= KEEPCA_RUNNING_MAX || keepdns_must_wait(n->k)) {
        n->queued = true;
        return;
    }
    n->ca = ca;
    ca->running++;
    ca->attempts++;
    n->stage = KEEP_DIRECTORY;
    n->began_ms = loop_now_ms(n->k->loop);
    n->phase[0] = 0;
    int r = n->store_trouble
                ? fault_set(&f, ERR_SYS, "the store cannot be read: nothing is ordered")
                : keepca_open(ca, &f);
    if (r) {
        keepend_local(n, r, &f);
        return;
    }
    if (keepca_clock(n->k) != KEEPCA_CLOCK_RIGHT)
        acmeca_stale(ca->ca); /* its Date is wanted */
    n->ready.on_done = on_ready;
    acmeca_ready(ca->ca, &n->ready);
}

void keeporder_stop(struct keepname *n)
{
    if (n->stage == KEEP_IDLE)
        return;
    acmeca_cancel(&n->ready);
    keeplook_stop(n);
    order_free(n->order);
    n->order = NULL;
    n->stage = KEEP_IDLE;
    n->ca->running--;
    n->ca = NULL;
    keephook_name_gone(n);
}

const char *keeporder_stage_text(const struct keepname *n)
{
    switch (n->stage) {
    case KEEP_IDLE:
        return NULL;
    case KEEP_DIRECTORY:
        return "asking for the CA's directory";
    case KEEP_PREFLIGHT:
        return "looking whether the validation can succeed";
    case KEEP_HOOK:
        return "waiting for the pre-issue hook";
    case KEEP_ORDER:
        break;
    }
    return n->phase[0] ? n->phase : order_phase(n->order);
}
