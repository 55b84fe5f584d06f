/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Wanted names, each with its certificate and the time of its renewal: two thirds of the way
 * through its life, so that a keeper that was down for weeks is still in time. */
#include "cert/certkeep.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "cert/certstore.h"
#include "crypt/localca.h"

#define WANTED_MAX  4096
#define NAMES_MAX   100   /* in one certificate */
#define LOOK_MAX_S  3600  /* the clock may jump: look at least once an hour */
#define RETRY_MS    60000 /* after trouble */
#define PEM_MAX     (64 * 1024)
#define LEAF_TEST_S (90 * 86400)

struct wanted {
    struct list node;
    struct slice *names; /* owned copies */
    size_t nnames;
    bool local;
    struct certstore_pair pair;
    int64_t renew_s;
};

struct certkeep {
    struct loop *loop;
    const struct certkeep_host *host;
    char *state_dir;
    struct certstore_pair root;
    struct list wanted;
    size_t nwanted;
    int64_t leaf_s; /* 0: the default */
    struct loop_timer timer;
};

static int64_t now_s(const struct certkeep *k)
{
    return loop_unix_ms(k->loop) / 1000;
}

static void free_wanted(struct wanted *w)
{
    for (size_t i = 0; i < w->nnames; i++)
        mem_free((void *)(uintptr_t)w->names[i].p);
    mem_free(w->names);
    certstore_pair_done(&w->pair);
    list_remove(&w->node);
    mem_free(w);
}

void certkeep_forget_all(struct certkeep *k)
{
    LIST_FOREACH_SAFE (it, &k->wanted)
        free_wanted(container_of(it, struct wanted, node));
    k->nwanted = 0;
    loop_timer_clear(&k->timer);
}

static int64_t renewal_of(const struct certinfo *ci)
{
    int64_t begin_s = ci->not_before_s + LOCALCA_BACKDATE_S; /* when it was made */
    return begin_s + (ci->not_after_s - begin_s) * 2 / 3;
}

static bool names_same(const struct certinfo *ci, const struct wanted *w)
{
    for (size_t i = 0; i < w->nnames; i++) {
        bool has = false;
        for (size_t s = 0; s < ci->nsans; s++)
            has |= slice_eq(ci->sans[s].name, w->names[i]);
        if (!has)
            return false;
    }
    return ci->nsans == w->nnames;
}

/* Does the stored certificate still do for what is wanted now? The root may have been made anew. */
static bool fits(const struct certkeep *k, const struct wanted *w)
{
    const struct certinfo *ci = certinfo_at(w->pair.chain, 0);
    const struct certinfo *root = certinfo_at(k->root.chain, 0);
    if (renewal_of(ci) <= now_s(k) || ci->not_before_s > now_s(k) || ci->self_signed == w->local)
        return false;
    return names_same(ci, w) && (!w->local || slice_eq(ci->issuer, root->subject));
}

static int issue(const struct certkeep *k, const struct wanted *w, struct certstore_pair *ret,
                 struct fault *f)
{
    struct certstore_pair p = {0};
    int r = keystore_generate(KEY_ECDSA_P256, &p.key, f);
    const struct localca_leaf leaf = {.names = w->names,
                                      .nnames = w->nnames,
                                      .key = p.key,
                                      .now_s = now_s(k),
                                      .lifetime_s = k->leaf_s};
    if (!r && w->local)
        r = localca_issue(k->root.chain, k->root.key, &leaf, &p.chain, f);
    else if (!r)
        r = localca_selfsigned(&leaf, &p.chain, f);
    if (r)
        certstore_pair_done(&p);
    else
        *ret = p;
    return r;
}

static void hand_out(const struct certkeep *k, const struct wanted *w)
{
    struct secret key = SECRET_EMPTY;
    struct buf chain;
    buf_init(&chain, PEM_MAX);
    if (!certinfo_pem(w->pair.chain, &chain) && !keystore_export_pem(w->pair.key, &key))
        k->host->on_certificate(k->host->ctx, w->names[0], buf_slice(&chain), secret_expose(&key));
    secret_done(&key);
    buf_done(&chain);
}

/* A fresh certificate is used even when the store does not take it (disk full), which is told. */
static int renew(struct certkeep *k, struct wanted *w, struct fault *f)
{
    struct certstore_pair fresh;
    struct fault disk = {0};
    int r = issue(k, w, &fresh, f);
    if (r)
        return r;
    certstore_pair_done(&w->pair);
    w->pair = fresh;
    w->renew_s = renewal_of(certinfo_at(fresh.chain, 0));
    if (certstore_save(k->state_dir, w->names[0], &fresh, &disk)) {
        fault_while(&disk, "while keeping the certificate of " SLICE_F, SLICE_A(w->names[0]));
        k->host->on_trouble(k->host->ctx, &disk);
    }
    hand_out(k, w);
    return OK;
}

static void arm(struct certkeep *k)
{
    int64_t next_s = now_s(k) + LOOK_MAX_S;
    LIST_FOREACH (it, &k->wanted) {
        const struct wanted *w = container_of(it, struct wanted, node);
        next_s = w->renew_s < next_s ? w->renew_s : next_s;
    }
    int64_t wait_s = next_s - now_s(k);
    loop_timer_set(k->loop, &k->timer, wait_s > 0 ? (uint64_t)wait_s * 1000 : RETRY_MS);
}

static void on_timer(struct loop_timer *t)
{
    struct certkeep *k = container_of(t, struct certkeep, timer);
    LIST_FOREACH (it, &k->wanted) {
        struct fault f = {0};
        struct wanted *w = container_of(it, struct wanted, node);
        if (w->renew_s <= now_s(k) && renew(k, w, &f)) {
            fault_while(&f, "while renewing " SLICE_F, SLICE_A(w->names[0]));
            k->host->on_trouble(k->host->ctx, &f);
        }
    }
    arm(k);
}

static struct wanted *copy_names(const struct slice *names, size_t nnames)
{
    struct wanted *w = mem_alloc(sizeof(*w));
    if (!w)
        return NULL;
    list_init(&w->node);
    w->names = mem_array(nnames, sizeof(*w->names));
    for (size_t i = 0; w->names && i < nnames; i++) {
        char *copy = mem_dup(names[i].p, names[i].n);
        if (!copy)
            break;
        w->names[i] = slice_of(copy, names[i].n);
        w->nnames++;
    }
    if (w->nnames == nnames)
        return w;
    free_wanted(w);
    return NULL;
}

int certkeep_want(struct certkeep *k, const struct slice *names, size_t nnames, bool local,
                  struct fault *f)
{
    if (k->nwanted == WANTED_MAX || nnames == 0 || nnames > NAMES_MAX)
        return fault_set(f, ERR_CAP, "more than %d certificates, or more than %d names in one",
                         WANTED_MAX, NAMES_MAX);
    struct wanted *w = copy_names(names, nnames);
    if (!w)
        return fault_set(f, ERR_NOMEM, "out of memory");
    w->local = local;
    int r = OK;
    if (!certstore_load(k->state_dir, names[0], &w->pair, NULL) && fits(k, w)) {
        w->renew_s = renewal_of(certinfo_at(w->pair.chain, 0));
        hand_out(k, w);
    } else {
        r = renew(k, w, f);
    }
    if (r) {
        free_wanted(w);
        return r;
    }
    list_push(&k->wanted, &w->node);
    k->nwanted++;
    arm(k);
    return OK;
}

void certkeep_report(struct certkeep *k, struct json *j)
{
    json_array(j, "certificates");
    LIST_FOREACH (it, &k->wanted) {
        const struct wanted *w = container_of(it, struct wanted, node);
        json_object(j, NULL);
        json_text(j, "name", w->names[0]);
        json_cstr(j, "kind", w->local ? "local" : "temporary");
        json_int(j, "not_after", certinfo_at(w->pair.chain, 0)->not_after_s);
        json_int(j, "renewal", w->renew_s);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static int make_root(struct certkeep *k, struct fault *f)
{
    int r = keystore_generate(KEY_ECDSA_P256, &k->root.key, f);
    if (!r)
        r = localca_root(k->root.key, now_s(k), &k->root.chain, f);
    return r ? r : certstore_save_root(k->state_dir, &k->root, f);
}

/* A root that exists and cannot be read is never replaced: machines trust it. */
static int open_root(struct certkeep *k, struct fault *f)
{
    int r = certstore_load_root(k->state_dir, &k->root, f);
    if (r == ERR_NOT_FOUND)
        return make_root(k, f);
    if (r) {
        fault_next(f, "repair or move away %s/ca: a new local root is made when there is none",
                   k->state_dir);
        return r;
    }
    if (certinfo_at(k->root.chain, 0)->not_after_s >= now_s(k) + LOCALCA_LEAF_S)
        return OK;
    certstore_pair_done(&k->root);
    return make_root(k, f);
}

int certkeep_open(struct loop *l, const char *state_dir, const struct certkeep_host *host,
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
    loop_timer_init(&k->timer, on_timer);
    if (leaf && !num_parse_u64(slice_cstr(leaf), 1, LEAF_TEST_S, &leaf_s))
        k->leaf_s = (int64_t)leaf_s;
    int r = k->state_dir ? open_root(k, f) : fault_set(f, ERR_NOMEM, "out of memory");
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
    certkeep_forget_all(k);
    certstore_pair_done(&k->root);
    mem_free(k->state_dir);
    mem_free(k);
}
