/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One wanted certificate. */
#include "cert/keepname.h"

#include "base/mem.h"
#include "cert/certclock.h"
#include "cert/keeplocal.h"

struct keepname *keepname_new(struct certkeep *k, const struct certkeep_name *w, bool rsa)
{
    struct keepname *n = mem_alloc(sizeof(*n));
    if (!n)
        return NULL;
    n->k = k;
    n->local = w->local;
    list_init(&n->node);
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
    for (size_t i = 0; i < n->nnames; i++)
        mem_free((void *)(uintptr_t)n->names[i].p);
    mem_free(n->names);
    certstore_pair_done(&n->pair);
    list_remove(&n->node);
    mem_free(n);
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

int keepname_begin(struct keepname *n, struct fault *f)
{
    return keeplocal_ensure(n, f);
}

int64_t keepname_next_s(const struct keepname *n)
{
    return n->local_renew_s;
}

void keepname_look(struct keepname *n)
{
    struct fault f = {0};
    int64_t now_s = certclock_now_s(n->k->loop);
    if (n->local_renew_s > now_s || !keeplocal_renew(n, &f))
        return;
    n->local_renew_s = now_s + KEEP_RETRY_S;
    keepname_trouble(n, &f, "renewing");
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
    if (n->pair.chain && !certinfo_pem(n->pair.chain, &chain) &&
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

void keepname_trouble(const struct keepname *n, struct fault *f, const char *doing)
{
    fault_while(f, "while %s the certificate of " SLICE_F, doing, SLICE_A(n->names[0]));
    n->k->host->on_trouble(n->k->host->ctx, f);
}
