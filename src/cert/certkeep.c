/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The wish list, the one timer, and the doors that other files are behind. */
#include "cert/certkeep.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "cert/certclock.h"
#include "cert/keepari.h"
#include "cert/keepca.h"
#include "cert/keepcall.h"
#include "cert/keepdemand.h"
#include "cert/keepdns.h"
#include "cert/keephook.h"
#include "cert/keepjob.h"
#include "cert/keeplocal.h"
#include "cert/keeplock.h"
#include "cert/keeplook.h"
#include "cert/keepmetrics.h"
#include "cert/keepname.h"
#include "cert/keeporder.h"
#include "cert/keepreport.h"
#include "cert/keeprevoke.h"
#include "cert/keepset.h"
#include "os/file.h"

#define LEAF_TEST_S    (90 * 86400)
#define LOCK_LOOK_MS   200 /* challenges of the predecessor stand withdrawn meanwhile */
#define SETTINGS_BYTES (4 * 1024 * 1024)

/* ---- the timer ---- */

static void arm(struct certkeep *k)
{
    int64_t now_s = certclock_now_s(k->loop), next_s = now_s + KEEP_LOOK_MS / 1000;
    LIST_FOREACH (it, &k->wanted) {
        int64_t at_s = keepname_next_s(container_of(it, struct keepname, node));
        next_s = at_s < next_s ? at_s : next_s;
    }
    /* Seconds begin with the wall clock's, not with this moment. */
    uint64_t wait_ms = LOOP_TICK_MS, into_ms = (uint64_t)(loop_unix_ms(k->loop) % 1000);
    if (next_s > now_s)
        wait_ms = (uint64_t)(next_s - now_s) * 1000 - into_ms;
    if (k->lock_fd < 0)
        wait_ms = LOCK_LOOK_MS;
    if (certclock_is_turned() && wait_ms > CERTCLOCK_TEST_LOOK_MS)
        wait_ms = CERTCLOCK_TEST_LOOK_MS;
    loop_timer_set(k->loop, &k->timer, wait_ms);
}

/* The engine that had the store has ended: what it left counts, not what was read beside it. */
static bool take_over(struct certkeep *k)
{
    if (keeplock_take(k, NULL))
        return false;
    LIST_FOREACH (it, &k->wanted)
        keepname_reread(container_of(it, struct keepname, node));
    k->host->on_event(k->host->ctx, EVENT_INFO, "store_taken_over", NULL, 0);
    return true;
}

static void on_timer(struct loop_timer *t)
{
    struct certkeep *k = container_of(t, struct certkeep, timer);
    if (k->winding_up)
        return;
    if (k->lock_fd < 0 && !take_over(k)) {
        arm(k);
        return;
    }
    keepdemand_look(k);
    LIST_FOREACH (it, &k->wanted)
        keepname_look(container_of(it, struct keepname, node));
    arm(k);
}

/* ---- the wish list ---- */

static void drop(struct keepname *n)
{
    const struct certhost *host = n->k->host;
    if (host->on_removed && n->pair.key)
        host->on_removed(host->ctx, n->names[0], keystore_kind(n->pair.key));
    n->k->nwanted--;
    keepname_free(n);
}

static int want_one(struct certkeep *k, const struct certkeep_name *w, bool rsa, struct fault *f)
{
    struct keepname *old = w->nnames ? keepname_find(k, w->names[0], rsa) : NULL;
    if (old && old->local == w->local && keepname_has(old, w->names, w->nnames)) {
        old->keep = true;
        old->demanded = false;
        keepname_hand_out(old);
        return OK;
    }
    if (k->nwanted == KEEP_WANTED_MAX || w->nnames == 0 || w->nnames > KEEP_NAMES_MAX)
        return fault_set(f, ERR_CAP, "more than %d certificates, or more than %d names in one",
                         KEEP_WANTED_MAX, KEEP_NAMES_MAX);
    struct keepname *n = keepname_new(k, w, rsa);
    if (!n)
        return fault_set(f, ERR_NOMEM, "out of memory");
    if (old)
        keeporder_stop(old); /* its order is in the job, which n reads */
    int r = keepname_begin(n, f);
    if (r) {
        keepname_free(n);
        return r;
    }
    if (old) {
        k->nwanted--;
        keepname_free(old);
    }
    n->keep = true;
    list_push(&k->wanted, &n->node);
    k->nwanted++;
    return OK;
}

/* Orders under way use the CAs of the settings before; their jobs are found again. */
static int change(struct certkeep *k, struct fault *f)
{
    keepcall_end_all(k);
    keepdemand_stop(k);
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        keeporder_stop(n);
        keepari_stop(n);
        keepjob_reset(n);
        n->looked = n->queued = false;
    }
    return keepca_settings(k, f);
}

static int take_settings(struct certkeep *k, const struct certkeep_settings *s, struct fault *f)
{
    struct arena a;
    struct certkeep_settings copy = {0};
    if (k->has_settings && keepset_same(s, &k->settings))
        return OK;
    arena_init(&a, SETTINGS_BYTES);
    int r = keepset_copy(s, &a, &copy);
    if (r) {
        arena_done(&a);
        return fault_set(f, r, "out of memory");
    }
    struct arena before = k->settings_arena;
    struct certkeep_settings gone = k->settings;
    k->settings_arena = a;
    k->settings = copy;
    k->has_settings = true;
    r = change(k, f);
    keepset_wipe(&gone);
    arena_done(&before);
    return r;
}

int certkeep_want(struct certkeep *k, const struct certkeep_settings *s,
                  const struct certkeep_name *names, size_t n, struct fault *f)
{
    int r = take_settings(k, s, f);
    if (r)
        return r;
    LIST_FOREACH (it, &k->wanted)
        container_of(it, struct keepname, node)->keep = false;
    for (size_t i = 0; !r && i < n; i++) {
        bool rsa_only = !names[i].local && s->keys == CERTKEEP_RSA;
        r = want_one(k, &names[i], rsa_only, f);
        if (!r && !names[i].local && s->keys == (CERTKEEP_RSA | CERTKEEP_ECDSA))
            r = want_one(k, &names[i], true, f);
    }
    keepdemand_keep(k);
    LIST_FOREACH_SAFE (it, &k->wanted) {
        struct keepname *old = container_of(it, struct keepname, node);
        if (!old->keep && !r)
            drop(old);
    }
    arm(k);
    return r;
}

/* ---- from open to close ---- */

static int lock(struct certkeep *k, struct fault *f)
{
    struct fault taken = {0};
    int r = file_mkdir_p(k->state_dir, 0700, f);
    if (r)
        return r;
    r = keeplock_take(k, &taken);
    if (r && f)
        *f = taken;
    if (r != ERR_EXISTS || !k->host->waits)
        return r;
    const struct event_field fields[] = {EV_CSTR("message", taken.what)};
    k->host->on_event(k->host->ctx, EVENT_WARN, "store_in_use", fields, ARRAY_LEN(fields));
    return OK;
}

static int open_all(struct certkeep *k, struct fault *f)
{
    int r = k->state_dir ? lock(k, f) : fault_set(f, ERR_NOMEM, "out of memory");
    if (!r)
        r = keeplocal_open(k, f);
    if (!r)
        r = lineage_open_store(k->state_dir, f);
    return r ? r : budget_open(k->state_dir, certclock_now_s(k->loop), &k->budget, f);
}

int certkeep_open(struct loop *l, const char *state_dir, const struct certhost *host,
                  struct certkeep **ret, struct fault *f)
{
    const char *leaf = getenv("PORT443_LEAF_SECONDS");
    uint64_t leaf_s;
    struct certkeep *k = mem_alloc(sizeof(*k));
    if (!k)
        return fault_set(f, ERR_NOMEM, "out of memory");
    k->loop = l;
    k->host = host;
    k->lock_fd = -1;
    k->state_dir = mem_strdup(state_dir);
    list_init(&k->wanted);
    list_init(&k->calls);
    list_init(&k->hooks);
    list_init(&k->dns_before);
    loop_timer_init(&k->timer, on_timer);
    arena_init(&k->settings_arena, SETTINGS_BYTES);
    if (leaf && !num_parse_u64(slice_cstr(leaf), 1, LEAF_TEST_S, &leaf_s))
        k->leaf_s = (int64_t)leaf_s;
    int r = open_all(k, f);
    if (r)
        certkeep_close(k);
    else
        *ret = k;
    return r;
}

void certkeep_wind_up(struct certkeep *k)
{
    k->winding_up = true;
    loop_timer_clear(&k->timer);
    keepdemand_stop(k);
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        keeporder_stop(n);
        keepari_stop(n);
    }
    keepdns_retire(k);
}

bool certkeep_busy(const struct certkeep *k)
{
    return keepdns_busy(k) > 0;
}

void certkeep_close(struct certkeep *k)
{
    if (!k)
        return;
    k->winding_up = true;
    loop_timer_clear(&k->timer);
    keepcall_drop_all(k);
    keepdemand_done(k);
    LIST_FOREACH_SAFE (it, &k->wanted)
        keepname_free(container_of(it, struct keepname, node));
    keephook_drop_all(k);
    keepca_done(k);
    keepdns_done(k);
    if (k->challenges)
        challenge_free(k->challenges);
    acmehttp_free(k->http);
    budget_close(k->budget);
    certstore_pair_done(&k->root);
    keepset_wipe(&k->settings);
    arena_done(&k->settings_arena);
    keeplock_release(k);
    mem_free(k->state_dir);
    mem_free(k);
}

/* ---- answers of the host ---- */

static bool may_order(const struct certkeep *k)
{
    return k->lock_fd >= 0 && !k->winding_up;
}

void certkeep_published(struct certkeep *k, uint64_t version)
{
    if (k->challenges)
        challenge_published(k->challenges, version);
}

void certkeep_hook_done(struct certkeep *k, uint64_t id, int status, struct slice output)
{
    if (!keepdns_hook_done(k, id, status, output))
        keephook_done(k, id, status, output);
}

int certkeep_demand(struct certkeep *k, struct slice name, struct slice client_address)
{
    return may_order(k) ? keepdemand_ask(k, name, client_address) : ERR_PERM;
}

static struct keepname *serving(struct certkeep *k, struct slice name, enum key_kind kind)
{
    struct keepname *n = keepname_find(k, name, kind == KEY_RSA);
    return n && n->pair.chain ? n : NULL;
}

void certkeep_served(struct certkeep *k, struct slice name, enum key_kind kind,
                     const uint8_t sha256[32], int r)
{
    struct keepname *n = serving(k, name, kind);
    if (!n || r)
        return;
    bool differs = memcmp(certinfo_at(n->pair.chain, 0)->sha256, sha256, 32) != 0;
    if (differs && !n->mismatch) {
        k->served_mismatches++;
        keepname_event(n, EVENT_ERROR, "served_mismatch", NULL, 0);
    }
    n->mismatch = differs;
    if (!differs && n->deployed.deadline_ms)
        keephook_deployed(n);
}

/* ---- operators ---- */

void certkeep_renew(struct certkeep *k, struct certkeep_call *c, struct slice name, bool force)
{
    if (may_order(k))
        keepcall_renew(k, c, name, force);
    else
        keepcall_refuse(k, c);
}

void certkeep_dry_run(struct certkeep *k, struct certkeep_call *c, struct slice name)
{
    keeplook_dry_run(k, c, name);
}

void certkeep_revoke(struct certkeep *k, struct certkeep_call *c, struct slice name,
                     unsigned reason, bool by_key)
{
    if (may_order(k))
        keeprevoke_begin(k, c, name, reason, by_key);
    else
        keepcall_refuse(k, c);
}

void certkeep_account(struct certkeep *k, struct certkeep_call *c, enum certkeep_account what)
{
    if (may_order(k))
        keepcall_account(k, c, what);
    else
        keepcall_refuse(k, c);
}

void certkeep_cancel(struct certkeep_call *c)
{
    keepcall_cancel(c);
}

void certkeep_report(struct certkeep *k, struct json *j)
{
    keepreport_write(k, j);
}

int certkeep_metrics(struct certkeep *k, struct buf *out)
{
    return keepmetrics_write(k, out);
}
