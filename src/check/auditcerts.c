/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which certificates a server shows to whom. Below TLS 1.3 they are in clear; a server that speaks
 * nothing else is visited by whole handshakes. */
#include "check/auditcerts.h"

#include <string.h>

#include "base/mem.h"
#include "check/auditask.h"
#include "check/auditsuites.h"
#include "check/httpget.h"

/* ---- chains ---- */

static bool same_leaf(const struct facts_chain *c, const struct certinfo_chain *chain)
{
    return memcmp(certinfo_at(c->chain, 0)->sha256, certinfo_at(chain, 0)->sha256, 32) == 0;
}

/* Takes the reference. */
static void keep_chain(struct facts *f, struct certinfo_chain *chain, bool without_sni)
{
    bool known = f->nchains == FACTS_CHAINS_MAX;
    for (size_t i = 0; i < f->nchains; i++)
        if (same_leaf(&f->chains[i], chain)) {
            f->chains[i].without_sni &= without_sni;
            known = true;
        }
    if (known)
        certinfo_unref(chain);
    else
        f->chains[f->nchains++] = (struct facts_chain){.chain = chain, .without_sni = without_sni};
}

void auditcerts_add(struct audit *a, const struct serverflight *flight, bool without_sni)
{
    struct slice ders[CERTINFO_CHAIN_MAX], rest = flight->certificates;
    struct certinfo_chain *chain;
    size_t n = 0;
    while (n < CERTINFO_CHAIN_MAX && serverflight_certificate_next(&rest, &ders[n]))
        n++;
    if (n && !certinfo_ders(ders, n, &chain, NULL))
        keep_chain(a->f, chain, without_sni);
}

static void on_certificate(struct ask *q, const struct serverflight *flight,
                           const struct probe_result *r)
{
    (void)r;
    if (flight && flight->has_certificates)
        auditcerts_add(q->a, flight, false);
    if (flight && flight->has_certificate_request)
        q->a->f->tls.client_certificate = FACTS_YES;
}

static const struct ask_kind certificate_kind = {on_certificate, true};

static void ask_certificate(struct audit *a, enum facts_version v,
                            bool (*kind)(const struct suite *s))
{
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_kind(a, v, kind, codes);
    if (h.nsuites)
        (void)auditask_hello(a, &h, &certificate_kind, NULL);
}

void auditcerts_begin(struct audit *a)
{
    enum facts_version v = auditsuites_best_clear(a);
    if (v < FACTS_SSL3)
        return;
    ask_certificate(a, v, auditsuites_signed_ecdsa);
    ask_certificate(a, v, auditsuites_signed_rsa);
}

/* ---- whole handshakes ---- */

/* A server that is no HTTP server says nothing: it is not waited for as long as a visit would. */
#define FRESH_TIMEOUT_MS 2000

enum purpose { WITHOUT_SNI, BY_RSA, BY_ECDSA, FRESH, RESUMED, PURPOSES };

struct visitor {
    struct httpget get;
    struct audit *a;
};

struct auditcerts {
    struct visitor visitors[PURPOSES];
    struct tlsctx *plain, *rsa, *ecdsa, *keeping;
};

static void visit(struct audit *a, enum purpose p);

static void on_got(struct httpget *g, const struct httpget_result *r)
{
    struct visitor *v = container_of(g, struct visitor, get);
    struct audit *a = v->a;
    struct facts_tls *t = &a->f->tls;
    enum purpose p = (enum purpose)(v - a->certs->visitors);
    a->pending--;
    if (r->peer && p != FRESH && p != RESUMED)
        keep_chain(a->f, certinfo_ref(r->peer), p == WITHOUT_SNI);
    if (p == WITHOUT_SNI && t->sni_required == FACTS_UNKNOWN && (r->secured || r->alert))
        t->sni_required = r->secured ? FACTS_NO : FACTS_YES;
    if (r->certificate_asked || r->secured)
        t->client_certificate = r->certificate_asked                 ? FACTS_YES
                                : t->client_certificate == FACTS_YES ? FACTS_YES
                                                                     : FACTS_NO;
    if (p == FRESH && r->secured)
        visit(a, RESUMED);
    /* A ticket of TLS 1.3 comes after the handshake: for protocols that we do not speak behind
     * STARTTLS it is not waited for. */
    bool waited = t->version[FACTS_TLS13] != FACTS_YES || !a->f->target.starttls;
    if (p == RESUMED && r->secured && (waited || r->resumed) && t->resumption != FACTS_YES) {
        t->resumption = r->resumed ? FACTS_YES : FACTS_NO;
        t->early_data = r->early_data_bytes ? FACTS_YES : FACTS_NO;
    }
    loop_defer(a->o.loop, &a->next);
}

static void visit(struct audit *a, enum purpose p)
{
    struct auditcerts *c = a->certs;
    struct tlsctx *const contexts[PURPOSES] = {c->plain, c->rsa, c->ecdsa, c->keeping, c->keeping};
    const struct facts_target *t = &a->f->target;
    struct visitor *v = &c->visitors[p];
    struct httpget_options o = {.loop = a->o.loop,
                                .run = a->o.run,
                                .to = a->o.to,
                                .tls = contexts[p],
                                .tls_name = t->sni.n ? t->sni : t->host,
                                .host = t->host,
                                .path = t->path.n ? t->path : SLICE("/"),
                                .handshake_only = p != FRESH || t->starttls};
    if (p == WITHOUT_SNI)
        o.tls_name = SLICE("127.0.0.1"); /* no SNI for addresses (RFC 6066 3) */
    if (p == FRESH && (!o.to.timeout_ms || o.to.timeout_ms > FRESH_TIMEOUT_MS))
        o.to.timeout_ms = FRESH_TIMEOUT_MS;
    v->a = a;
    v->get.on_done = on_got;
    if (o.tls && !httpget_start(&o, &v->get))
        a->pending++;
}

static struct tlsctx *context(enum key_kind kind, bool keeping)
{
    struct tlsctx_client o = {
        .insecure = true, .examines = true, .kind = kind, .remembers = keeping};
    struct tlsctx *ret;
    struct fault f;
    return tlsctx_client_new(&o, &ret, &f) ? NULL : ret;
}

/* Our library finishes handshakes of TLS 1.2 and 1.3 only. */
void auditcerts_after(struct audit *a)
{
    const struct facts_tls *t = &a->f->tls;
    bool only13 = auditsuites_best_clear(a) < FACTS_SSL3;
    if (t->version[FACTS_TLS12] != FACTS_YES && t->version[FACTS_TLS13] != FACTS_YES)
        return;
    struct auditcerts *c = a->certs = mem_alloc(sizeof(*c));
    if (!c) {
        a->lost++;
        return;
    }
    c->keeping = context(KEY_OTHER, true);
    visit(a, FRESH);
    if (!only13)
        return;
    c->plain = context(KEY_OTHER, false);
    c->rsa = context(KEY_RSA, false);
    c->ecdsa = context(KEY_ECDSA_P256, false);
    for (enum purpose p = WITHOUT_SNI; p <= BY_ECDSA; p++)
        if (p != WITHOUT_SNI || !a->f->target.is_ip || a->f->target.sni.n)
            visit(a, p);
}

void auditcerts_drop(struct audit *a)
{
    struct auditcerts *c = a->certs;
    if (!c)
        return;
    for (size_t i = 0; i < PURPOSES; i++)
        httpget_cancel(&c->visitors[i].get);
    tlsctx_unref(c->plain);
    tlsctx_unref(c->rsa);
    tlsctx_unref(c->ecdsa);
    tlsctx_unref(c->keeping);
    mem_free(c);
}
