/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a server does with the rest of a hello: extensions, compression, values that nobody has
 * defined, a hello of more than one packet, and the mark of a client that has fallen back. */
#include "check/auditexts.h"

#include "check/auditask.h"
#include "check/auditcerts.h"
#include "check/auditsuites.h"

static enum facts_answer yes(bool b)
{
    return b ? FACTS_YES : FACTS_NO;
}

/* ---- extensions ---- */

static void ask_extensions(struct audit *a, enum facts_version v, bool plain);

static void on_extensions(struct ask *q, const struct serverflight *flight,
                          const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    (void)r;
    if (!flight || flight->kind != SERVERFLIGHT_HELLO) {
        if (q->tag == 0) /* heartbeat or compression may be what it does not like */
            ask_extensions(q->a, auditsuites_best_clear(q->a), true);
        return;
    }
    t->ems = yes(flight->ems);
    t->secure_renegotiation = yes(flight->renegotiation_info);
    t->compression = yes(flight->compression != 0);
    t->ticket = yes(flight->ticket);
    t->session_id = yes(flight->session_id.n > 0);
    t->heartbeat = yes(flight->heartbeat);
    t->ocsp_stapled = yes(flight->status_response.n > 0);
    t->h2 = t->h2 == FACTS_YES ? FACTS_YES : yes(slice_eq(flight->alpn, SLICE("h2")));
    if (flight->has_certificates)
        t->client_certificate = yes(flight->has_certificate_request);
}

static const struct ask_kind extensions_kind = {on_extensions, true};

static void ask_extensions(struct audit *a, enum facts_version v, bool plain)
{
    static const struct slice alpn[] = {SLICE("h2"), SLICE("http/1.1")};
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_common(a, v, codes);
    h.ems = h.session_ticket = h.status_request = true;
    h.sct = h.heartbeat = h.deflate = !plain;
    h.alpn = alpn;
    h.nalpn = plain ? 0 : ARRAY_LEN(alpn);
    if (v == FACTS_SSL3) /* without extensions the suite says it (RFC 5746 3.3) */
        codes[h.nsuites++] = SUITE_RENEGOTIATION_SCSV;
    struct ask *q = auditask_hello(a, &h, &extensions_kind, NULL);
    if (q)
        q->tag = plain;
}

/* TLS 1.3 has no compression, no heartbeat and no renegotiation, and binds its keys to the whole
 * handshake; h2 is learned from the real one. */
static void tls13_alone(struct facts_tls *t)
{
    t->compression = t->heartbeat = FACTS_NO;
    t->secure_renegotiation = t->ems = FACTS_YES;
}

/* ---- tolerance ---- */

static void on_tolerant(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    enum facts_answer *answer = q->ctx;
    bool tls = flight && flight->kind != SERVERFLIGHT_ALERT && flight->kind != SERVERFLIGHT_NOT_TLS;
    (void)r;
    *answer = q->lost ? FACTS_UNKNOWN : yes(tls);
}

static const struct ask_kind tolerant_kind = {on_tolerant, false};

static void on_without_sni(struct ask *q, const struct serverflight *flight,
                           const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    (void)r;
    if (!q->lost)
        t->sni_required = yes(!flight || flight->kind == SERVERFLIGHT_ALERT);
    if (flight && flight->has_certificates)
        auditcerts_add(q->a, flight, true);
}

static const struct ask_kind without_sni_kind = {on_without_sni, true};

static void ask_tolerance(struct audit *a)
{
    struct facts_tls *t = &a->f->tls;
    enum facts_version v = auditsuites_best(a), clear = auditsuites_best_clear(a);
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_common(a, v, codes);
    h.grease = true;
    (void)auditask_hello(a, &h, &tolerant_kind, &t->grease_ok);
    h.grease = false;
    h.pad_to = 3000; /* more than one packet, as a post-quantum key share makes it */
    (void)auditask_hello(a, &h, &tolerant_kind, &t->large_hello_ok);
    if (a->f->target.is_ip && !a->f->target.sni.n)
        return;
    v = clear >= FACTS_TLS10 ? clear : v;
    auditask_base(a, auditsuites_version(v), &h);
    h.sni = SLICE_EMPTY;
    h.suites = codes;
    h.nsuites = auditsuites_common(a, v, codes);
    (void)auditask_hello(a, &h, &without_sni_kind, NULL);
}

/* ---- fallback ---- */

/* RFC 7507: the alert inappropriate_fallback. */
static void on_fallback(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    (void)r;
    if (flight)
        q->a->f->tls.fallback_scsv = yes(flight->kind == SERVERFLIGHT_ALERT && flight->alert == 86);
}

static const struct ask_kind fallback_kind = {on_fallback, false};

/* Without an older version there is nothing to fall back to, and no answer. */
static void ask_fallback(struct audit *a)
{
    const struct facts_tls *t = &a->f->tls;
    enum facts_version top = auditsuites_best(a), v = top;
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    while (v > FACTS_SSL3 && t->version[--v] != FACTS_YES)
        ;
    if (v == top || v < FACTS_SSL3 || t->version[v] != FACTS_YES)
        return;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_common(a, v, codes);
    codes[h.nsuites++] = SUITE_FALLBACK_SCSV;
    (void)auditask_hello(a, &h, &fallback_kind, NULL);
}

void auditexts_begin(struct audit *a)
{
    enum facts_version v = auditsuites_best_clear(a);
    if (v >= FACTS_SSL3)
        ask_extensions(a, v, false);
    else if (auditsuites_best(a) == FACTS_TLS13)
        tls13_alone(&a->f->tls);
    if (auditsuites_best(a) > FACTS_SSL3) {
        ask_tolerance(a);
        ask_fallback(a);
    }
}
