/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificates that need nobody: from the local root, and the temporary ones of public names. They
 * are renewed two thirds of the way through their life, so that a keeper that was down for weeks is
 * still in time. */
#include "cert/keeplocal.h"

#include "cert/certclock.h"
#include "cert/keepname.h"
#include "crypt/localca.h"

static int64_t renewal_of(const struct certinfo *ci)
{
    int64_t begin_s = ci->not_before_s + LOCALCA_BACKDATE_S; /* when it was made */
    return begin_s + (ci->not_after_s - begin_s) * 2 / 3;
}

/* Does the stored certificate still do for what is wanted now? The root may have been made anew. */
static bool fits(const struct keepname *n, const struct certstore_pair *p)
{
    const struct certinfo *ci = certinfo_at(p->chain, 0);
    const struct certinfo *root = certinfo_at(n->k->root.chain, 0);
    int64_t now_s = certclock_now_s(n->k->loop);
    if (renewal_of(ci) <= now_s || ci->not_before_s > now_s || ci->self_signed == n->local ||
        (ci->key_kind == KEY_RSA) != n->id.rsa)
        return false;
    return keepname_fits_cert(n, ci) && (!n->local || slice_eq(ci->issuer, root->subject));
}

static int issue(const struct keepname *n, struct certstore_pair *ret, struct fault *f)
{
    const struct certkeep *k = n->k;
    struct certstore_pair p = {0};
    int r = keystore_generate(n->id.rsa ? KEY_RSA : KEY_ECDSA_P256, &p.key, f);
    const struct localca_leaf leaf = {.names = n->names,
                                      .nnames = n->nnames,
                                      .key = p.key,
                                      .now_s = certclock_now_s(k->loop),
                                      .lifetime_s = k->leaf_s};
    if (!r && n->local)
        r = localca_issue(k->root.chain, k->root.key, &leaf, &p.chain, f);
    else if (!r)
        r = localca_selfsigned(&leaf, &p.chain, f);
    if (r)
        certstore_pair_done(&p);
    else
        *ret = p;
    return r;
}

static void use(struct keepname *n, const struct certstore_pair *p)
{
    certstore_pair_done(&n->pair);
    n->pair = *p;
    n->source = n->local ? KEEP_LOCAL : KEEP_TEMPORARY;
    n->local_renew_s = renewal_of(certinfo_at(p->chain, 0));
}

/* A fresh certificate is used even when the store does not take it (disk full), which is told. */
int keeplocal_renew(struct keepname *n, struct fault *f)
{
    struct certstore_pair fresh;
    struct fault disk = {0};
    int r = issue(n, &fresh, f);
    if (r)
        return r;
    use(n, &fresh);
    if (certstore_save(n->k->state_dir, n->names[0], &fresh, &disk))
        keepname_trouble(n, &disk, "keeping");
    keepname_hand_out(n);
    return OK;
}

int keeplocal_ensure(struct keepname *n, struct fault *f)
{
    struct certstore_pair stored = {0};
    if (certstore_load(n->k->state_dir, n->names[0], &stored, NULL) || !fits(n, &stored)) {
        certstore_pair_done(&stored);
        return keeplocal_renew(n, f);
    }
    use(n, &stored);
    keepname_hand_out(n);
    return OK;
}

void keeplocal_forget(const struct keepname *n)
{
    if (!n->local && n->k->lock_fd >= 0)
        BEST_EFFORT(certstore_remove(n->k->state_dir, n->names[0], NULL));
}

static int make_root(struct certkeep *k, struct fault *f)
{
    int r = keystore_generate(KEY_ECDSA_P256, &k->root.key, f);
    if (!r)
        r = localca_root(k->root.key, certclock_now_s(k->loop), &k->root.chain, f);
    return r ? r : certstore_save_root(k->state_dir, &k->root, f);
}

/* A root that exists and cannot be read is never replaced: machines trust it. */
int keeplocal_open(struct certkeep *k, struct fault *f)
{
    int r = certstore_load_root(k->state_dir, &k->root, f);
    if (r == ERR_NOT_FOUND)
        return make_root(k, f);
    if (r) {
        fault_next(f, "repair or move away %s/ca: a new local root is made when there is none",
                   k->state_dir);
        return r;
    }
    if (certinfo_at(k->root.chain, 0)->not_after_s >= certclock_now_s(k->loop) + LOCALCA_LEAF_S)
        return OK;
    certstore_pair_done(&k->root);
    return make_root(k, f);
}
