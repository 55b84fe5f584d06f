/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which signature schemes a server uses. TLS 1.2 shows the scheme with each signature; TLS 1.3
 * encrypts it: there one scheme is offered at a time. */
#include "check/auditsigs.h"

#include "check/auditask.h"
#include "check/auditcodes.h"
#include "check/auditsuites.h"

static void found(struct audit *a, enum facts_version v, uint16_t scheme)
{
    struct facts_tls *t = &a->f->tls;
    (void)auditcodes_add(a, &t->sigalgs, &t->nsigalgs, scheme);
    (void)auditcodes_add(a, &t->signs[v].codes, &t->signs[v].n, scheme);
}

/* ---- TLS 1.2 ---- */

static void ask12(struct audit *a);

/* A scheme that was not offered any more ends the walk: the server does not look at the list. */
static void on_answer12(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    (void)r;
    if (!auditask_accepted(flight, 0x0303) || !flight->sigalg)
        return;
    if (!auditcodes_note(&q->a->sigalgs12, flight->sigalg))
        return;
    found(q->a, FACTS_TLS12, flight->sigalg);
    ask12(q->a);
}

static const struct ask_kind kind12 = {on_answer12, true};

static bool is_signed(const struct suite *s)
{
    bool by_certificate = s->auth != SUITE_AUTH_PSK && s->auth != SUITE_AUTH_ANON;
    return by_certificate && (s->kx == SUITE_KX_ECDHE || s->kx == SUITE_KX_DHE);
}

static void ask12(struct audit *a)
{
    uint16_t schemes[AUDITSTATE_CODES_MAX], codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, 0x0303, &h);
    h.nsigalgs = auditcodes_without(h.sigalgs, h.nsigalgs, &a->sigalgs12, schemes);
    h.sigalgs = schemes;
    h.suites = codes;
    h.nsuites = auditsuites_kind(a, FACTS_TLS12, is_signed, codes);
    if (h.nsigalgs && h.nsuites)
        (void)auditask_hello(a, &h, &kind12, NULL);
}

/* ---- TLS 1.3 ---- */

static void on_answer13(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    (void)r;
    if (auditask_accepted(flight, 0x0304) && flight->kind == SERVERFLIGHT_HELLO)
        found(q->a, FACTS_TLS13, (uint16_t)q->tag);
}

static const struct ask_kind kind13 = {on_answer13, false};

/* The server signs only when it needs no second hello: a share for a group that it has. */
static uint16_t group_to_share(const struct audit *a)
{
    for (size_t i = 0; i < a->groups13.nfound; i++) {
        const struct suite_group *g = suite_group_find(a->groups13.found[i]);
        if (g && !g->pq && hellomake_can_share(g->code))
            return g->code;
    }
    return a->groups13.nfound ? a->groups13.found[0] : 0x001d;
}

static void ask13(struct audit *a)
{
    uint16_t codes[AUDITSTATE_CODES_MAX], scheme, group = group_to_share(a);
    struct hellomake h;
    auditask_base(a, 0x0304, &h);
    h.suites = codes;
    h.nsuites = auditsuites_kind(a, FACTS_TLS13, auditsuites_any, codes);
    h.shares = h.groups = &group;
    h.nshares = h.ngroups = 1;
    if (!hellomake_can_share(group))
        return;
    for (size_t i = 0; (scheme = suite_sigalg_at(i)); i++) {
        if (scheme < 0x0403 || scheme == 0x0501 || scheme == 0x0601)
            continue; /* PKCS#1 and SHA-1 sign certificates only (RFC 8446 4.2.3) */
        h.sigalgs = &scheme;
        h.nsigalgs = 1;
        struct ask *q = auditask_hello(a, &h, &kind13, NULL);
        if (q)
            q->tag = scheme;
    }
}

void auditsigs_begin(struct audit *a)
{
    if (a->f->tls.version[FACTS_TLS12] == FACTS_YES)
        ask12(a);
    if (a->f->tls.version[FACTS_TLS13] == FACTS_YES)
        ask13(a);
}
