/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Revocation of a certificate in use: the request, its answer, and what follows for the name. */
#include "cert/keeprevoke.h"

#include "base/mem.h"
#include "cert/keepca.h"
#include "cert/keepcall.h"
#include "cert/keepname.h"
#include "crypt/digest.h"

#define DER_BYTES      (64 * 1024)
#define PAYLOAD_BYTES  (128 * 1024)
#define KEY_COMPROMISE 1

/* One revocation under way. */
struct errand {
    struct certkeep_call *c;
    struct keepca *ca;
    struct slice name; /* owned */
    bool rsa;
    struct certstore_pair pair; /* references: the name may be renewed meanwhile */
    unsigned reason;
    bool by_key;
    struct acmeca_signer own; /* the certificate's key */
    struct account_call account;
    struct acmeca_call call;
};

static void drop(struct certkeep_call *c)
{
    struct errand *e = c->state;
    c->state = NULL;
    if (!e)
        return;
    account_cancel(&e->account);
    acmeca_cancel(&e->call);
    certstore_pair_done(&e->pair);
    mem_free((void *)(uintptr_t)e->name.p);
    mem_free(e);
}

static bool same_certificate(const struct keepname *n, const struct errand *e)
{
    return n && n->source == KEEP_ACME &&
           memcmp(certinfo_at(n->pair.chain, 0)->sha256, certinfo_at(e->pair.chain, 0)->sha256,
                  sizeof(certinfo_at(n->pair.chain, 0)->sha256)) == 0;
}

/* It goes on to be served until the next one is there: better than a name that breaks at once. */
static void revoked(struct errand *e)
{
    struct certkeep *k = e->c->k;
    struct keepname *n = keepname_find(k, e->name, e->rsa);
    struct fault f = {0};
    if (!same_certificate(n, e))
        return;
    const struct event_field fields[] = {EV_TEXT("serial", certinfo_at(n->pair.chain, 0)->serial),
                                         EV_UINT("reason", e->reason)};
    keepname_event(n, EVENT_WARN, "revoked", fields, ARRAY_LEN(fields));
    n->meta.revoked = true;
    if (lineage_save_meta(k->state_dir, &n->id, &n->meta, &f))
        keepname_trouble(n, &f, "marking as revoked");
    keepname_replan(n);
    keepstate_wake(k);
}

static void on_answer(struct acmeca_call *call, const struct acmeca_answer *a)
{
    struct errand *e = container_of(call, struct errand, call);
    bool before = a->r == ERR_ACME && slice_eq(a->problem.type, SLICE("alreadyRevoked"));
    if (!a->r || before)
        revoked(e);
    else
        e->c->fault = a->fault;
    keepcall_finish(e->c, before ? OK : a->r);
}

static int payload(const struct errand *e, struct buf *out)
{
    struct buf der;
    buf_init(&der, DER_BYTES);
    int r = certinfo_der(e->pair.chain, 0, &der);
    if (!r)
        r = buf_add(out, SLICE("{\"certificate\":\""));
    if (!r)
        r = digest_base64url(buf_slice(&der), out);
    buf_done(&der);
    return r ? r : buf_printf(out, "\",\"reason\":%u}", e->reason);
}

static void post(struct errand *e)
{
    const struct acmeobj_directory *d = acmeca_directory(e->ca->ca);
    const struct acmeca_signer *by = e->by_key ? &e->own : account_signer(e->ca->account);
    struct buf text;
    buf_init(&text, PAYLOAD_BYTES);
    int r = payload(e, &text);
    if (!d || !d->revoke_cert.n)
        r = fault_set(&e->c->fault, ERR_NOT_FOUND, "this CA revokes nothing");
    else if (r)
        fault_set(&e->c->fault, r, "%s", err_text(r));
    e->call.on_done = on_answer;
    if (r)
        keepcall_finish(e->c, r);
    else
        acmeca_post(e->ca->ca, &e->call, d->revoke_cert, by, buf_slice(&text));
    buf_done(&text);
}

static void on_directory(struct acmeca_call *call, const struct acmeca_answer *a)
{
    struct errand *e = container_of(call, struct errand, call);
    if (!a->r) {
        post(e);
        return;
    }
    e->c->fault = a->fault;
    keepcall_finish(e->c, a->r);
}

static void ask_directory(struct errand *e)
{
    e->call.on_done = on_directory;
    acmeca_ready(e->ca->ca, &e->call);
}

static void on_account(struct account_call *call, int r, const struct acmeobj_problem *problem,
                       const struct fault *f)
{
    struct errand *e = container_of(call, struct errand, account);
    (void)problem;
    if (!r) {
        ask_directory(e);
        return;
    }
    e->c->fault = *f;
    keepcall_finish(e->c, r);
}

static int refuse(struct certkeep_call *c, const struct keepname *n, struct slice name)
{
    if (!n)
        return fault_set(&c->fault, ERR_NOT_FOUND, "no site has the name " SLICE_F, SLICE_A(name));
    if (n->source != KEEP_ACME || !n->meta.directory.n)
        return fault_set(&c->fault, ERR_CONFIG,
                         "the certificate of " SLICE_F " comes from no CA that could revoke it",
                         SLICE_A(name));
    if (!keepca_by_url(n->k, n->meta.directory))
        return fault_set(&c->fault, ERR_CONFIG,
                         "the CA of this certificate (" SLICE_F ") is not in the configuration",
                         SLICE_A(n->meta.directory));
    return OK;
}

/* One certificate at a call: the ECDSA one, then, asked again, the RSA one. */
static struct keepname *find(struct certkeep *k, struct slice name)
{
    struct keepname *ec = keepname_find(k, name, false), *rsa = keepname_find(k, name, true);
    bool rsa_next = rsa && (!ec || ec->source != KEEP_ACME || ec->meta.revoked);
    return rsa_next ? rsa : ec;
}

void keeprevoke_begin(struct certkeep *k, struct certkeep_call *c, struct slice name,
                      unsigned reason, bool by_key)
{
    struct keepname *n = find(k, name);
    keepcall_begin(k, c, drop);
    int r = refuse(c, n, name);
    struct errand *e = r ? NULL : mem_alloc(sizeof(*e));
    if (!e) {
        keepcall_finish(c, r ? r : fault_set(&c->fault, ERR_NOMEM, "out of memory"));
        return;
    }
    c->state = e;
    *e = (struct errand){.c = c,
                         .ca = keepca_by_url(k, n->meta.directory),
                         .name = slice_of(mem_dup(name.p, name.n), name.n),
                         .rsa = n->id.rsa,
                         .pair = {certinfo_ref(n->pair.chain), keystore_ref(n->pair.key)},
                         .reason = reason,
                         .by_key = by_key,
                         .own = {n->pair.key, SLICE_EMPTY},
                         .account = {.on_done = on_account}};
    r = e->name.p ? keepca_open(e->ca, &c->fault)
                  : fault_set(&c->fault, ERR_NOMEM, "out of memory");
    if (r)
        keepcall_finish(c, r);
    else if (by_key)
        ask_directory(e);
    else
        account_ready(e->ca->account, &e->account);
}
