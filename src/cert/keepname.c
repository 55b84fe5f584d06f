/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One wanted certificate. */
#include "cert/keepname.h"

#include <stdio.h>

#include "base/date.h"
#include "base/mem.h"
#include "cert/certclock.h"
#include "cert/keepari.h"
#include "cert/keepca.h"
#include "cert/keepcall.h"
#include "cert/keephook.h"
#include "cert/keepjob.h"
#include "cert/keeplocal.h"
#include "cert/keepocsp.h"
#include "cert/keeporder.h"
#include "os/rng.h"

#define DRAWS       1000000u
#define FIELDS_MAX  12
#define DEPLOYED_MS 10000 /* the confirmation by a handshake usually takes some ms */

/* ---- from new to free ---- */

static void on_deployed_timer(struct loop_timer *t)
{
    keephook_deployed(container_of(t, struct keepname, deployed));
}

struct keepname *keepname_new(struct certkeep *k, const struct certkeep_name *w, bool rsa)
{
    struct keepname *n = mem_alloc(sizeof(*n));
    if (!n)
        return NULL;
    n->k = k;
    n->local = w->local;
    n->temporary = !w->local && (!rsa || k->settings.keys == CERTKEEP_RSA);
    list_init(&n->node);
    keepocsp_init(n);
    arena_init(&n->meta_arena, KEEP_ARENA_BYTES);
    arena_init(&n->job_arena, KEEP_ARENA_BYTES);
    buf_init(&n->replaces, 256);
    loop_timer_init(&n->deployed, on_deployed_timer);
    n->names = mem_array(w->nnames, sizeof(*n->names));
    for (size_t i = 0; n->names && i < w->nnames; i++) {
        char *copy = mem_dup(w->names[i].p, w->names[i].n);
        if (!copy)
            break;
        n->names[i] = slice_of(copy, w->names[i].n);
        n->nnames++;
    }
    if (n->nnames < w->nnames) {
        keepname_free(n);
        return NULL;
    }
    n->id = (struct lineage_id){n->names[0], rsa};
    return n;
}

void keepname_free(struct keepname *n)
{
    keepcall_name_gone(n);
    keeporder_stop(n);
    keepari_stop(n);
    keepocsp_stop(n);
    keephook_name_gone(n);
    loop_timer_clear(&n->deployed);
    for (size_t i = 0; i < n->nnames; i++)
        mem_free((void *)(uintptr_t)n->names[i].p);
    mem_free(n->names);
    certstore_pair_done(&n->pair);
    arena_done(&n->meta_arena);
    arena_done(&n->job_arena);
    buf_done(&n->replaces);
    list_remove(&n->node);
    mem_free(n);
}

struct keepname *keepname_find(const struct certkeep *k, struct slice name, bool rsa)
{
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        if (n->id.rsa == rsa && slice_eq(n->names[0], name))
            return n;
    }
    return NULL;
}

bool keepname_has(const struct keepname *n, const struct slice *names, size_t nnames)
{
    for (size_t i = 0; i < nnames; i++) {
        bool has = false;
        for (size_t j = 0; !has && j < n->nnames; j++)
            has = slice_eq(names[i], n->names[j]);
        if (!has)
            return false;
    }
    return nnames == n->nnames;
}

bool keepname_fits_cert(const struct keepname *n, const struct certinfo *ci)
{
    for (size_t i = 0; i < n->nnames; i++) {
        bool has = false;
        for (size_t s = 0; !has && s < ci->nsans; s++)
            has = slice_eq(ci->sans[s].name, n->names[i]);
        if (!has)
            return false;
    }
    return ci->nsans == n->nnames;
}

/* ---- what it has ---- */

static void copy_text(struct arena *a, struct slice *text)
{
    struct slice copy = SLICE_EMPTY;
    *text = text->n && !arena_copy(a, *text, &copy) ? copy : SLICE_EMPTY;
}

void keepname_replan(struct keepname *n)
{
    renewal_plan(certinfo_at(n->pair.chain, 0), &n->meta, &n->plan);
}

void keepname_take(struct keepname *n, struct lineage_loaded *fresh)
{
    struct lineage_meta m = fresh->meta;
    struct arena a;
    arena_init(&a, KEEP_ARENA_BYTES);
    copy_text(&a, &m.directory);
    copy_text(&a, &m.account);
    copy_text(&a, &m.order);
    copy_text(&a, &m.profile);
    copy_text(&a, &m.certificate);
    copy_text(&a, &m.ari_explanation);
    arena_done(&n->meta_arena);
    n->meta_arena = a;
    n->meta = m;
    certstore_pair_done(&n->pair);
    n->pair = fresh->pair;
    fresh->pair = (struct certstore_pair){0};
    n->source = KEEP_ACME;
    n->alarm = RENEWAL_FINE;
    n->mismatch = n->store_trouble = false;
    n->ari_suspicious = false;
    n->ari_failures = 0;
    n->names_differ = !keepname_fits_cert(n, certinfo_at(n->pair.chain, 0));
    keepname_replan(n);
}

/* The stored certificate, expired or for other names as it may be: better than a temporary one. */
static void load(struct keepname *n)
{
    struct lineage_loaded found = {0};
    struct fault f = {0};
    struct arena a;
    arena_init(&a, KEEP_ARENA_BYTES);
    int r = lineage_load(n->k->state_dir, &n->id, &a, &found, &f);
    if (f.code && r != ERR_NOT_FOUND) {
        n->k->store_errors++;
        keepname_trouble(n, &f, "loading");
    }
    n->store_trouble = r && r != ERR_NOT_FOUND;
    if (!r && !found.meta.staging)
        keepname_take(n, &found);
    certstore_pair_done(&found.pair);
    arena_done(&a);
}

/* A sibling of the other kind has a real certificate: that is enough. */
static bool sibling_serves(const struct keepname *n)
{
    const struct keepname *other = keepname_find(n->k, n->names[0], !n->id.rsa);
    return other && other->source == KEEP_ACME;
}

static int begin_temporary(struct keepname *n, struct fault *f)
{
    int r = keeplocal_ensure(n, f);
    if (!r)
        keepname_event(n, EVENT_WARN, "temporary_certificate", NULL, 0);
    return r;
}

int keepname_begin(struct keepname *n, struct fault *f)
{
    if (n->local)
        return keeplocal_ensure(n, f);
    load(n);
    keepjob_load(n);
    if (n->source == KEEP_ACME) {
        keepname_hand_out(n);
        keeplocal_forget(n);
        return OK;
    }
    return n->temporary && !sibling_serves(n) ? begin_temporary(n, f) : OK;
}

void keepname_reread(struct keepname *n)
{
    if (n->local)
        return;
    arena_done(&n->job_arena);
    arena_init(&n->job_arena, KEEP_ARENA_BYTES);
    n->job = (struct job){0};
    load(n);
    keepjob_load(n);
    if (n->source == KEEP_ACME && !n->away)
        keepname_hand_out(n);
}

const char *keepname_source_text(const struct keepname *n)
{
    static const char *const texts[] = {"none", "temporary", "local", "acme"};
    return texts[n->source];
}

void keepname_hand_out(const struct keepname *n)
{
    const struct certhost *host = n->k->host;
    struct secret key = SECRET_EMPTY;
    struct buf chain;
    buf_init(&chain, KEEP_PEM_MAX);
    if (n->pair.chain && !certinfo_pem(n->pair.chain, &chain) && !keepocsp_append(n, &chain) &&
        !keystore_export_pem(n->pair.key, &key)) {
        const struct certhost_pair p = {.name = n->names[0],
                                        .kind = keystore_kind(n->pair.key),
                                        .source = keepname_source_text(n),
                                        .chain_pem = buf_slice(&chain),
                                        .key_pem = secret_expose(&key)};
        host->on_certificate(host->ctx, &p);
    }
    secret_done(&key);
    buf_done(&chain);
}

/* ---- when something is due ---- */

int64_t keepname_attempt_s(const struct keepname *n)
{
    int64_t at_s = 0;
    bool settled = n->source == KEEP_ACME && !n->names_differ && !n->forced;
    if (n->local || n->away || !n->k->settings.ndirectories)
        return KEEP_NEVER;
    if (settled && n->job.step == JOB_NONE)
        at_s = n->plan.at_s;
    if (n->job.failures && !n->forced && n->job.next_s > at_s)
        at_s = n->job.next_s;
    bool over = n->wait_clock && keepca_clock(n->k) != KEEPCA_CLOCK_WRONG;
    return n->wait_until_s > at_s && !over ? n->wait_until_s : at_s;
}

/* By a wrong clock nothing expires. One that no CA has confirmed is first looked at by the renewal
 * that is due whenever an alarm is; unless that fails, or has to wait. */
static bool may_judge(const struct keepname *n, int64_t now_s)
{
    enum keepca_clock clock = keepca_clock(n->k);
    if (clock != KEEPCA_CLOCK_UNKNOWN)
        return clock == KEEPCA_CLOCK_RIGHT;
    return n->job.failures || (n->stage == KEEP_IDLE && keepname_attempt_s(n) > now_s);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of the alarm that comes next. */
static int64_t alarm_s(const struct keepname *n)
{
    const struct certinfo *leaf = certinfo_at(n->pair.chain, 0);
    int64_t tenth_s = leaf->not_after_s - (leaf->not_after_s - leaf->not_before_s) / 10;
    switch (n->alarm) {
    case RENEWAL_FINE:
        return sooner(n->plan.at_s + (leaf->not_after_s - n->plan.at_s) / 2, tenth_s);
    case RENEWAL_WARN:
        return tenth_s;
    case RENEWAL_CRITICAL:
        return leaf->not_after_s;
    case RENEWAL_EXPIRED:
        break;
    }
    return KEEP_NEVER;
}

int64_t keepname_next_s(const struct keepname *n)
{
    bool own = n->source == KEEP_LOCAL || n->source == KEEP_TEMPORARY;
    int64_t at_s = own ? n->local_renew_s : KEEP_NEVER;
    if (n->source == KEEP_ACME)
        at_s = sooner(may_judge(n, certclock_now_s(n->k->loop)) ? alarm_s(n) : KEEP_NEVER,
                      sooner(keepari_next_s(n), keepocsp_next_s(n)));
    return n->stage == KEEP_IDLE && !n->queued ? sooner(at_s, keepname_attempt_s(n)) : at_s;
}

static void raise_alarm(struct keepname *n, int64_t now_s)
{
    enum renewal_alarm alarm = renewal_alarm(certinfo_at(n->pair.chain, 0), &n->plan, now_s);
    if (alarm == n->alarm || (alarm > n->alarm && !may_judge(n, now_s)))
        return;
    bool worse = alarm > n->alarm;
    n->alarm = alarm;
    if (worse)
        keephook_expiring(n);
}

static void look_local(struct keepname *n, int64_t now_s)
{
    struct fault f = {0};
    if (n->local_renew_s > now_s || !keeplocal_renew(n, &f))
        return;
    n->local_renew_s = now_s + KEEP_RETRY_S;
    keepname_trouble(n, &f, "renewing");
}

void keepname_look(struct keepname *n)
{
    int64_t now_s = certclock_now_s(n->k->loop);
    if (n->source == KEEP_LOCAL || n->source == KEEP_TEMPORARY)
        look_local(n, now_s);
    if (n->source == KEEP_ACME) {
        raise_alarm(n, now_s);
        if (keepari_next_s(n) <= now_s)
            keepari_poll(n);
        if (keepocsp_next_s(n) <= now_s)
            keepocsp_ask(n);
    }
    if (n->stage != KEEP_IDLE || n->queued || keepname_attempt_s(n) > now_s)
        return;
    if (n->store_trouble) {
        load(n);
        if (n->source == KEEP_ACME)
            keepname_hand_out(n);
    }
    if (keepname_attempt_s(n) <= now_s)
        keeporder_start(n);
}

/* ---- what it tells ---- */

void keepname_trouble(const struct keepname *n, struct fault *f, const char *doing)
{
    fault_while(f, "while %s the certificate of " SLICE_F, doing, SLICE_A(n->names[0]));
    n->k->host->on_trouble(n->k->host->ctx, f);
}

void keepname_event(const struct keepname *n, enum event_level level, const char *event,
                    const struct event_field *fields, size_t nfields)
{
    const struct certhost *host = n->k->host;
    struct event_field all[FIELDS_MAX] = {EV_TEXT("name", n->names[0]),
                                          EV_CSTR("key", n->id.rsa ? "rsa" : "ecdsa")};
    size_t count = 2;
    for (size_t i = 0; i < nfields && count < FIELDS_MAX; i++)
        all[count++] = fields[i];
    if (host->on_event)
        host->on_event(host->ctx, level, event, all, count);
}

uint32_t keepname_draw(void)
{
    uint32_t draw = DRAWS / 2;
    return rng_bytes(&draw, sizeof(draw)) ? DRAWS / 2 : draw % DRAWS;
}

const char *keepname_time(int64_t at_s, char *dst)
{
    char text[DATE_RFC3339_BYTES];
    dst[0] = 0;
    if (at_s > 0 && at_s < KEEP_NEVER / 1000) {
        date_format_rfc3339(at_s * 1000, text);
        snprintf(dst, 32, "%.19sZ", text);
    }
    return dst;
}
