/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Each authorization goes its own way: fetched, answered, triggered, polled. One that fails does
 * not stop the others, so that the owner learns of all broken names at once. */
#include "cert/orderauthz.h"

#include <stdio.h>

#include "base/mem.h"

#define SIDE_BY_SIDE  8
#define POLL_FIRST_MS 500
#define POLL_MOST_MS  5000
#define POLL_RETRY_S  30
#define TIMEOUT_MS    (5 * 60 * 1000)
#define HICCUPS_MAX   3
#define KEY_AUTH_MAX  512
#define LIST_BYTES    120

struct orderauthz {
    struct order *o;
    struct acmeca_call call;
    struct challenge answer;
    struct loop_timer timer;
    void (*later)(struct orderauthz *z); /* of the timer */
    struct slice name, challenge_url;    /* in the order's texts */
    enum challenge_type type;
    uint64_t wait_ms, deadline_ms;
    unsigned hiccups;
    bool leftover;       /* pending at the CA although we gave it up */
    bool refused;        /* the CA did not want the trigger: `problem` says why */
    bool tried;          /* a challenge was chosen */
    int r;               /* how it ended */
    struct fault *fault; /* in the order's texts; NULL: none */
    struct acmeobj_problem problem;
};

static void pump(struct order *o);
static void poll(struct orderauthz *z);

void orderauthz_stop(struct order *o)
{
    if (!o->authz)
        return;
    for (size_t i = 0; i < o->next; i++) {
        struct orderauthz *z = &o->authz[i];
        acmeca_cancel(&z->call);
        loop_timer_clear(&z->timer);
        challenge_withdraw(&z->answer);
    }
    mem_free(o->authz);
    o->authz = NULL;
    o->next = o->active = o->leftover = 0;
}

static void post(struct orderauthz *z, struct slice url, struct slice payload,
                 void (*on_done)(struct acmeca_call *c, const struct acmeca_answer *a))
{
    struct account *account = z->o->plan.account;
    z->call.on_done = on_done;
    acmeca_post(account_ca(account), &z->call, url, account_signer(account), payload);
}

static void run_later(struct loop_timer *t)
{
    struct orderauthz *z = container_of(t, struct orderauthz, timer);
    z->later(z);
}

static void wait(struct orderauthz *z, int64_t retry_after_s, void (*later)(struct orderauthz *z))
{
    uint64_t ms = z->wait_ms ? z->wait_ms * 3 / 2 : POLL_FIRST_MS;
    z->wait_ms = ms > POLL_MOST_MS ? POLL_MOST_MS : ms;
    ms = z->wait_ms;
    if (retry_after_s >= 0)
        ms = 1000u * (uint64_t)(retry_after_s > POLL_RETRY_S ? POLL_RETRY_S
                                : retry_after_s > 1          ? retry_after_s
                                                             : 1);
    z->later = later;
    loop_timer_set(z->o->loop, &z->timer, ms);
}

/* Lost on the way: once more in a moment. False: the order has ended. */
static bool retry(struct orderauthz *z, const struct acmeca_answer *a,
                  void (*later)(struct orderauthz *z))
{
    if (orderstate_transient(a) && ++z->hiccups <= HICCUPS_MAX) {
        wait(z, a->retry_after_s, later);
        return true;
    }
    orderstate_refused(z->o, a);
    return false;
}

/* ---- the end of one ---- */

static void finish(struct orderauthz *z)
{
    struct order *o = z->o;
    challenge_withdraw(&z->answer);
    o->active--;
    pump(o);
}

static void tell_failed(const struct orderauthz *z)
{
    const struct acmeobj_problem *p = &z->problem;
    const struct acmeobj_problem *sub = p->nsub ? &p->sub[0] : NULL;
    struct event_field fields[] = {
        EV_TEXT("name", z->name),
        EV_CSTR("challenge", z->tried ? challenge_type_text(z->type) : ""),
        EV_TEXT("problem", p->type),
        EV_TEXT("detail", p->type.n || !z->fault ? p->detail : slice_cstr(z->fault->what)),
        EV_TEXT("subproblem", sub ? sub->type : SLICE_EMPTY),
        EV_TEXT("subdetail", sub ? sub->detail : SLICE_EMPTY),
        EV_TEXT("subidentifier", sub ? sub->identifier : SLICE_EMPTY),
        EV_BOOL("staging", z->o->plan.staging)};
    orderstate_event(z->o, EVENT_WARN, "challenge_failed", fields, ARRAY_LEN(fields));
}

static void fail(struct orderauthz *z, int r, const struct fault *f)
{
    z->r = r;
    if (f && f->code) {
        z->fault = arena_alloc(&z->o->texts, sizeof(*z->fault));
        if (z->fault)
            *z->fault = *f;
    }
    tell_failed(z);
    finish(z);
}

static const struct acmeobj_problem *error_of(const struct acmeobj_authz *obj, const char *type)
{
    const struct acmeobj_problem *any = NULL;
    for (size_t i = 0; i < obj->nchallenges; i++) {
        const struct acmeobj_challenge *c = &obj->challenges[i];
        if (c->error.type.n == 0 && c->error.detail.n == 0)
            continue;
        if (slice_eq(c->type, slice_cstr(type)))
            return &c->error;
        any = &c->error;
    }
    return any;
}

static void fail_by_ca(struct orderauthz *z, const struct acmeobj_authz *obj)
{
    const struct acmeobj_problem *p = error_of(obj, z->tried ? challenge_type_text(z->type) : "");
    struct fault f = {0};
    if (p)
        orderstate_keep_problem(z->o, p, &z->problem);
    else
        fault_set(&f, ERR_ACME, "the authorization is %s, and the CA does not say why",
                  acmeobj_status_text(obj->status));
    fail(z, ERR_ACME, &f);
}

/* ---- waiting for the CA ---- */

static void still_pending(struct orderauthz *z, const struct acmeca_answer *a)
{
    struct fault f = {0};
    if (!z->refused && loop_now_ms(z->o->loop) < z->deadline_ms && orderstate_left_s(z->o) > 0) {
        wait(z, a->retry_after_s, poll);
        return;
    }
    z->leftover = true;
    if (z->refused) {
        fail(z, ERR_ACME, NULL);
        return;
    }
    fault_set(&f, ERR_TIMEOUT, "the CA has not looked at the challenge within %u minutes",
              TIMEOUT_MS / 60000);
    fail(z, ERR_TIMEOUT, &f);
}

static int read_authz(struct orderauthz *z, const struct acmeca_answer *a,
                      struct acmeobj_authz *ret)
{
    struct fault f = {0};
    int r = acmeobj_read_authz(a->body, a->arena, ret, &f);
    if (r)
        orderstate_fail(z->o, r, &f, NULL);
    return r;
}

static void polled(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct orderauthz *z = container_of(c, struct orderauthz, call);
    struct acmeobj_authz obj;
    if (a->r) {
        retry(z, a, poll);
        return;
    }
    if (read_authz(z, a, &obj))
        return;
    z->hiccups = 0;
    if (obj.status == ACMEOBJ_VALID) {
        z->o->job->last_challenge = slice_cstr(challenge_type_text(z->type));
        finish(z);
    } else if (obj.status == ACMEOBJ_PENDING || obj.status == ACMEOBJ_PROCESSING) {
        still_pending(z, a);
    } else {
        fail_by_ca(z, &obj);
    }
}

static void poll(struct orderauthz *z)
{
    post(z, z->o->urls[z - z->o->authz], SLICE_EMPTY, polled);
}

/* ---- the challenge ---- */

static void trigger(struct orderauthz *z);

static void triggered(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct orderauthz *z = container_of(c, struct orderauthz, call);
    bool account = orderstate_is_problem(a, "accountDoesNotExist");
    z->deadline_ms = loop_now_ms(z->o->loop) + TIMEOUT_MS;
    if (!a->r) {
        z->hiccups = 0;
        wait(z, a->retry_after_s, poll);
    } else if (a->r == ERR_ACME && a->status < 500 && a->status != 429 && !account) {
        /* It may be valid by now (a CA that reuses authorizations): the object decides. */
        orderstate_keep_problem(z->o, &a->problem, &z->problem);
        z->refused = true;
        poll(z);
    } else {
        retry(z, a, trigger);
    }
}

static void trigger(struct orderauthz *z)
{
    post(z, z->challenge_url, SLICE("{}"), triggered);
}

static void presented(struct challenge *ch, int r, const struct fault *f)
{
    struct orderauthz *z = container_of(ch, struct orderauthz, answer);
    if (r) {
        z->leftover = true;
        fail(z, r, f);
        return;
    }
    struct event_field fields[] = {EV_TEXT("name", z->name),
                                   EV_CSTR("challenge", challenge_type_text(z->type)),
                                   EV_BOOL("staging", z->o->plan.staging)};
    orderstate_event(z->o, EVENT_INFO, "challenge_presented", fields, ARRAY_LEN(fields));
    char phase[64];
    snprintf(phase, sizeof(phase), "waiting for validation (%s)", challenge_type_text(z->type));
    orderstate_progress(z->o, phase, z->name);
    trigger(z);
}

/* dns-persist-01 answers with a standing record instead of a token. */
static int present(struct orderauthz *z, const struct acmeobj_authz *obj,
                   const struct acmeobj_challenge *c, struct fault *f)
{
    struct order *o = z->o;
    struct buf ka;
    z->answer.on_presented = presented;
    if (z->type == CHALLENGE_PERSIST01) {
        char name[300];
        int n = snprintf(name, sizeof(name), "%s" SLICE_F, obj->wildcard ? "*." : "",
                         SLICE_A(slice_first(obj->name, 253)));
        challenge_present(o->plan.challenges, &z->answer, z->type, slice_of(name, (size_t)n),
                          c->nissuer_domains ? c->issuer_domains[0] : SLICE_EMPTY,
                          account_signer(o->plan.account)->kid);
        return OK;
    }
    buf_init(&ka, KEY_AUTH_MAX);
    int r = account_key_authorization(o->plan.account, c->token, &ka, f);
    if (!r)
        challenge_present(o->plan.challenges, &z->answer, z->type, obj->name, c->token,
                          buf_slice(&ka));
    buf_done(&ka);
    return r;
}

static void answer(struct orderauthz *z, const struct acmeobj_authz *obj)
{
    struct order *o = z->o;
    struct fault f = {0};
    enum challenge_type last;
    int last_type = challenge_type_parse(o->plan.job->last_challenge, &last) ? -1 : (int)last;
    const struct acmeobj_challenge *c =
        challenge_choose(obj, o->plan.enabled, last_type, o->plan.avoid, &z->type, NULL);
    if (!c)
        c = challenge_choose(obj, o->plan.enabled, last_type, 0, &z->type, &f);
    if (!c) {
        z->leftover = true;
        fail(z, ERR_CONFIG, &f);
        return;
    }
    z->tried = true;
    int r = arena_copy(&o->texts, c->url, &z->challenge_url);
    if (!r)
        r = present(z, obj, c, &f);
    if (r)
        orderstate_fail(o, r, &f, NULL);
}

static void fetch(struct orderauthz *z);

static void fetched(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct orderauthz *z = container_of(c, struct orderauthz, call);
    struct acmeobj_authz obj;
    if (a->r) {
        retry(z, a, fetch);
        return;
    }
    if (read_authz(z, a, &obj))
        return;
    z->hiccups = 0;
    if (arena_copy(&z->o->texts, obj.name, &z->name)) {
        orderstate_fail(z->o, ERR_NOMEM, NULL, NULL);
        return;
    }
    /* The status first: a valid one needs no challenge, even if some are listed. */
    if (obj.status == ACMEOBJ_VALID)
        finish(z);
    else if (obj.status == ACMEOBJ_PENDING || obj.status == ACMEOBJ_PROCESSING)
        answer(z, &obj);
    else
        fail_by_ca(z, &obj);
}

static void fetch(struct orderauthz *z)
{
    post(z, z->o->urls[z - z->o->authz], SLICE_EMPTY, fetched);
}

/* ---- all together ---- */

/* What the order ends with: the CA's refusal before troubles of our own. */
static const struct orderauthz *worst(const struct order *o)
{
    const struct orderauthz *w = NULL;
    for (size_t i = 0; i < o->nurls; i++) {
        const struct orderauthz *z = &o->authz[i];
        if (z->r && (!w || (w->r != ERR_ACME && z->r == ERR_ACME)))
            w = z;
    }
    return w;
}

static void list_others(const struct order *o, const struct orderauthz *w, char dst[LIST_BYTES])
{
    size_t n = 0;
    dst[0] = 0;
    for (size_t i = 0; i < o->nurls; i++) {
        const struct orderauthz *z = &o->authz[i];
        if (!z->r || z == w || n + 2 >= LIST_BYTES)
            continue;
        int k = snprintf(dst + n, LIST_BYTES - n, "%s" SLICE_F,
                         n ? ", " : "; also: ", SLICE_A(slice_first(z->name, 253)));
        n += k > 0 ? (size_t)k : 0;
    }
}

static void conclude(struct order *o)
{
    const struct orderauthz *w = worst(o);
    if (!w)
        return;
    struct acmeobj_problem problem = w->problem;
    struct fault f = {0};
    char others[LIST_BYTES];
    int r = w->r;
    list_others(o, w, others);
    if (w->problem.type.n)
        fault_set(&f, r, "validation of " SLICE_F " by %s failed: " SLICE_F " (" SLICE_F ")%s",
                  SLICE_A(w->name), w->tried ? challenge_type_text(w->type) : "the CA",
                  SLICE_A(slice_first(problem.detail, 160)), SLICE_A(problem.type), others);
    else if (w->fault)
        f = *w->fault;
    orderstate_forget(o);
    orderstate_fail(o, r, &f, problem.type.n ? &problem : NULL);
    if (r == ERR_ACME && problem.type.n == 0)
        o->end.class = BACKOFF_VALIDATION;
}

static void deactivate(struct order *o, const struct acmeca_answer *a)
{
    (void)a; /* a courtesy: pending leftovers count against limits of some CAs */
    while (o->leftover < o->nurls && !o->authz[o->leftover].leftover)
        o->leftover++;
    if (o->leftover == o->nurls)
        conclude(o);
    else
        orderstate_post(o, o->urls[o->leftover++], SLICE("{\"status\":\"deactivated\"}"),
                        deactivate);
}

static void count_failures(struct order *o)
{
    for (size_t i = 0; i < o->nurls; i++) {
        const struct orderauthz *z = &o->authz[i];
        if (!z->r)
            continue;
        if (z->r == ERR_ACME && o->end.nfailed < ACMEOBJ_NAMES_MAX)
            o->end.failed[o->end.nfailed++] = z->name;
        if (z->tried)
            o->end.failed_types |= 1u << z->type;
    }
}

static void pump(struct order *o)
{
    while (o->active < SIDE_BY_SIDE && o->next < o->nurls) {
        struct orderauthz *z = &o->authz[o->next++];
        z->o = o;
        loop_timer_init(&z->timer, run_later);
        o->active++;
        fetch(z);
    }
    if (o->active > 0)
        return;
    if (worst(o)) {
        count_failures(o);
        deactivate(o, NULL);
        return;
    }
    orderauthz_stop(o);
    orderstate_enter(o, ORDERSTATE_READY);
}

void orderauthz_begin(struct order *o)
{
    orderstate_progress(o, "proving control of the names", o->plan.id.name);
    o->authz = mem_array(o->nurls + 1, sizeof(*o->authz));
    if (!o->authz) {
        orderstate_fail(o, ERR_NOMEM, NULL, NULL);
        return;
    }
    o->next = o->active = o->leftover = 0;
    pump(o);
}
