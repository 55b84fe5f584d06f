/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The wish list and the one timer of the engine. */
#include "cert/certkeep.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "cert/certclock.h"
#include "cert/keepcall.h"
#include "cert/keeplocal.h"
#include "cert/keepname.h"
#include "cert/keepreport.h"
#include "cert/keepset.h"

#define LEAF_TEST_S    (90 * 86400)
#define SETTINGS_BYTES (4 * 1024 * 1024)

static void arm(struct certkeep *k)
{
    int64_t now_s = certclock_now_s(k->loop), next_s = now_s + KEEP_LOOK_MS / 1000;
    LIST_FOREACH (it, &k->wanted) {
        int64_t at_s = keepname_next_s(container_of(it, struct keepname, node));
        next_s = at_s < next_s ? at_s : next_s;
    }
    uint64_t wait_ms = next_s > now_s ? (uint64_t)(next_s - now_s) * 1000 : LOOP_TICK_MS;
    if (certclock_is_turned() && wait_ms > CERTCLOCK_TEST_LOOK_MS)
        wait_ms = CERTCLOCK_TEST_LOOK_MS;
    loop_timer_set(k->loop, &k->timer, wait_ms);
}

static void on_timer(struct loop_timer *t)
{
    struct certkeep *k = container_of(t, struct certkeep, timer);
    LIST_FOREACH (it, &k->wanted)
        keepname_look(container_of(it, struct keepname, node));
    arm(k);
}

/* ---- the wish list ---- */

static struct keepname *find(const struct certkeep *k, const struct certkeep_name *w, bool rsa)
{
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        if (n->id.rsa == rsa && slice_eq(n->names[0], w->names[0]))
            return n;
    }
    return NULL;
}

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
    struct keepname *n = find(k, w, rsa);
    if (n && n->local == w->local && keepname_has(n, w->names, w->nnames)) {
        n->keep = true;
        keepname_hand_out(n);
        return OK;
    }
    struct keepname *old = n;
    if (k->nwanted == KEEP_WANTED_MAX || w->nnames == 0 || w->nnames > KEEP_NAMES_MAX)
        return fault_set(f, ERR_CAP, "more than %d certificates, or more than %d names in one",
                         KEEP_WANTED_MAX, KEEP_NAMES_MAX);
    n = keepname_new(k, w, rsa);
    if (!n)
        return fault_set(f, ERR_NOMEM, "out of memory");
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

static int take_settings(struct certkeep *k, const struct certkeep_settings *s, struct fault *f)
{
    struct arena a;
    struct certkeep_settings copy;
    if (k->nwanted && keepset_same(s, &k->settings))
        return OK;
    arena_init(&a, SETTINGS_BYTES);
    int r = keepset_copy(s, &a, &copy);
    if (r) {
        keepset_wipe(&copy);
        arena_done(&a);
        return fault_set(f, r, "out of memory");
    }
    keepset_wipe(&k->settings);
    arena_done(&k->settings_arena);
    k->settings_arena = a;
    k->settings = copy;
    return OK;
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
    LIST_FOREACH_SAFE (it, &k->wanted) {
        struct keepname *old = container_of(it, struct keepname, node);
        if (!old->keep && !r)
            drop(old);
    }
    arm(k);
    return r;
}

/* ---- from open to close ---- */

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
    k->state_dir = mem_strdup(state_dir);
    list_init(&k->wanted);
    list_init(&k->calls);
    loop_timer_init(&k->timer, on_timer);
    arena_init(&k->settings_arena, SETTINGS_BYTES);
    if (leaf && !num_parse_u64(slice_cstr(leaf), 1, LEAF_TEST_S, &leaf_s))
        k->leaf_s = (int64_t)leaf_s;
    int r = k->state_dir ? keeplocal_open(k, f) : fault_set(f, ERR_NOMEM, "out of memory");
    if (r)
        certkeep_close(k);
    else
        *ret = k;
    return r;
}

void certkeep_close(struct certkeep *k)
{
    if (!k)
        return;
    loop_timer_clear(&k->timer);
    keepcall_drop_all(k);
    LIST_FOREACH_SAFE (it, &k->wanted)
        keepname_free(container_of(it, struct keepname, node));
    certstore_pair_done(&k->root);
    keepset_wipe(&k->settings);
    arena_done(&k->settings_arena);
    mem_free(k->state_dir);
    mem_free(k);
}

/* ---- the doors that other files are behind ---- */

void certkeep_renew(struct certkeep *k, struct certkeep_call *c, struct slice name, bool force)
{
    keepcall_renew(k, c, name, force);
}

void certkeep_dry_run(struct certkeep *k, struct certkeep_call *c, struct slice name)
{
    keepcall_dry_run(k, c, name);
}

void certkeep_revoke(struct certkeep *k, struct certkeep_call *c, struct slice name,
                     unsigned reason, bool by_key)
{
    (void)reason;
    (void)by_key;
    keepcall_revoke(k, c, name);
}

void certkeep_account(struct certkeep *k, struct certkeep_call *c, enum certkeep_account what)
{
    (void)what;
    keepcall_account(k, c);
}

void certkeep_cancel(struct certkeep_call *c)
{
    keepcall_cancel(c);
}

void certkeep_report(struct certkeep *k, struct json *j)
{
    keepreport_json(k, j);
}

int certkeep_metrics(struct certkeep *k, struct buf *out)
{
    return keepreport_metrics(k, out);
}

/* ---- answers of the host: nothing is asked of it yet ---- */

void certkeep_published(struct certkeep *k, uint64_t version)
{
    (void)k;
    (void)version;
}

void certkeep_hook_done(struct certkeep *k, uint64_t id, int status, struct slice output)
{
    (void)k;
    (void)id;
    (void)status;
    (void)output;
}

int certkeep_demand(struct certkeep *k, struct slice name, struct slice client_address)
{
    (void)k;
    (void)name;
    (void)client_address;
    return ERR_PERM;
}

void certkeep_served(struct certkeep *k, struct slice name, enum key_kind kind,
                     const uint8_t sha256[32], int r)
{
    (void)k;
    (void)name;
    (void)kind;
    (void)sha256;
    (void)r;
}
