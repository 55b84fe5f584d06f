/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* PCI DSS 4.0.1, requirement 4.2.1, as far as it can be seen from outside: trusted and valid
 * certificates, no insecure version or algorithm, strength of at least 112 bits. The standard lists
 * no suites; these are the usual reading of "strong cryptography" by approved scanners. */
#include "check/grade.h"
#include "wire/suite.h"

static void fail(struct facts *f, bool applies, const char *why)
{
    struct facts_pci *g = &f->pci;
    if (applies && g->nfailures < ARRAY_LEN(g->failures))
        g->failures[g->nfailures++] = slice_cstr(why);
}

static bool offers(const struct facts_tls *t, bool (*is)(const struct suite *s))
{
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        for (size_t i = 0; i < t->suites[v].n; i++) {
            const struct suite *s = suite_find(t->suites[v].codes[i]);
            if (s && is(s))
                return true;
        }
    return false;
}

/* 3DES has 112 bits and has been withdrawn all the same (NIST SP 800-131A). */
static bool is_weak(const struct suite *s)
{
    return (s->bits < 112 && s->cipher != SUITE_NULL) || s->export || s->cipher == SUITE_RC4 ||
           s->cipher == SUITE_3DES || s->cipher == SUITE_DES || s->cipher == SUITE_RC2;
}

static bool is_open(const struct suite *s)
{
    return s->cipher == SUITE_NULL || s->auth == SUITE_AUTH_ANON;
}

static bool has_weak_key(const struct facts *f)
{
    for (size_t i = 0; i < f->nchains; i++) {
        const struct certinfo *c = certinfo_at(f->chains[i].chain, 0);
        if ((c->key_kind == KEY_RSA && c->key_bits < 2048) ||
            (c->key_kind == KEY_OTHER && c->key_bits < 224))
            return true;
    }
    return false;
}

static bool has_weak_curve(const struct facts_tls *t)
{
    for (size_t i = 0; i < t->ngroups; i++) {
        const struct suite_group *g = suite_group_find(t->groups[i]);
        if (g && !g->pq && g->bits < 224)
            return true;
    }
    return false;
}

static bool is_vulnerable(const struct facts_tls *t)
{
    static const enum facts_vuln holes[] = {
        FACTS_HEARTBLEED,  FACTS_CCS_INJECTION, FACTS_ROBOT,
        FACTS_TICKETBLEED, FACTS_POODLE_SSL3,   FACTS_POODLE_TLS,
        FACTS_DROWN,       FACTS_CRIME,         FACTS_RENEGOTIATION_INSECURE};
    for (size_t i = 0; i < ARRAY_LEN(holes); i++)
        if (t->vuln[holes[i]] == FACTS_YES)
            return true;
    return false;
}

static void fail_certificate(struct facts *f)
{
    static const struct {
        const char *id, *why;
    } rules[] = {
        {"cert-expired", "the certificate has expired"},
        {"cert-not-yet-valid", "the certificate is not valid yet"},
        {"cert-name-mismatch", "the certificate is for other names"},
        {"cert-common-name-only", "the certificate has its name where no client looks"},
        {"cert-self-signed", "the certificate is self-signed"},
        {"cert-untrusted", "the certificate's authority is not trusted"},
        {"cert-chain-incomplete", "an intermediate certificate is missing"},
        {"cert-revoked", "the certificate is revoked"},
        {"cert-sig-sha1", "a certificate is signed with SHA-1"},
        {"cert-sig-md5", "a certificate is signed with MD5"},
    };
    size_t before = f->pci.nfailures;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        fail(f, facts_has(f, rules[i].id), rules[i].why);
    fail(f, !f->chains[0].trusted && f->pci.nfailures == before, "the chain does not verify");
    fail(f, has_weak_key(f), "a certificate's key is below 112 bits of strength");
}

void grade_pci(struct facts *f)
{
    const struct facts_tls *t = &f->tls;
    if (!t->complete || !f->nchains)
        return;
    fail_certificate(f);
    fail(f, t->version[FACTS_SSL2] == FACTS_YES, "SSL 2.0 is offered");
    fail(f, t->version[FACTS_SSL3] == FACTS_YES, "SSL 3.0 is offered");
    fail(f, t->version[FACTS_TLS10] == FACTS_YES, "TLS 1.0 is offered");
    fail(f, t->version[FACTS_TLS11] == FACTS_YES, "TLS 1.1 is offered");
    fail(f, offers(t, is_open), "suites without encryption or authentication are offered");
    fail(f, offers(t, is_weak), "weak suites (export, RC4, DES, 3DES) are offered");
    fail(f, t->dh_bits && t->dh_bits < 2048, "Diffie-Hellman below 2048 bits");
    fail(f, has_weak_curve(t), "curves below 224 bits are offered");
    fail(f, is_vulnerable(t), "a known attack is possible; see the findings");
    f->pci.given = true;
    f->pci.pass = f->pci.nfailures == 0;
}
