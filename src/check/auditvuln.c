/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Known attacks: those that follow from what is offered, and those that must be tried with a
 * message that no honest client sends. */
#include "check/auditvuln.h"

/* ---- what follows from versions and suites ---- */

static bool offers(const struct facts_tls *t, enum facts_version from, enum facts_version to,
                   bool (*kind)(const struct suite *s))
{
    for (enum facts_version v = from; v <= to; v++)
        for (size_t i = 0; i < t->suites[v].n; i++) {
            const struct suite *s = suite_find(t->suites[v].codes[i]);
            if (s && kind(s))
                return true;
        }
    return false;
}

static bool is_cbc(const struct suite *s)
{
    return s->mode == SUITE_CBC;
}

static bool is_rc4(const struct suite *s)
{
    return s->cipher == SUITE_RC4;
}

static bool has_short_block(const struct suite *s)
{
    return s->cipher == SUITE_3DES || s->cipher == SUITE_DES || s->cipher == SUITE_IDEA ||
           s->cipher == SUITE_RC2;
}

static bool is_export_rsa(const struct suite *s)
{
    return s->export && s->kx == SUITE_KX_RSA;
}

static bool is_export_dhe(const struct suite *s)
{
    return s->export && s->kx == SUITE_KX_DHE;
}

static enum facts_answer yes(bool b)
{
    return b ? FACTS_YES : FACTS_NO;
}

static void derive(struct facts_tls *t)
{
    t->vuln[FACTS_POODLE_SSL3] = yes(offers(t, FACTS_SSL3, FACTS_SSL3, is_cbc));
    t->vuln[FACTS_BEAST] = yes(offers(t, FACTS_SSL3, FACTS_TLS10, is_cbc));
    t->vuln[FACTS_LUCKY13] = yes(offers(t, FACTS_TLS10, FACTS_TLS12, is_cbc));
    t->vuln[FACTS_SWEET32] = yes(offers(t, FACTS_SSL3, FACTS_TLS12, has_short_block));
    t->vuln[FACTS_RC4] = yes(offers(t, FACTS_SSL3, FACTS_TLS12, is_rc4));
    t->vuln[FACTS_FREAK] = yes(offers(t, FACTS_SSL3, FACTS_TLS12, is_export_rsa));
    t->vuln[FACTS_LOGJAM] =
        yes(offers(t, FACTS_SSL3, FACTS_TLS12, is_export_dhe) || (t->dh_bits && t->dh_bits < 1024));
    t->vuln[FACTS_DROWN] = t->version[FACTS_SSL2];
    t->vuln[FACTS_CRIME] = t->compression;
    t->vuln[FACTS_RENEGOTIATION_INSECURE] = t->secure_renegotiation == FACTS_UNKNOWN
                                                ? FACTS_UNKNOWN
                                                : yes(t->secure_renegotiation == FACTS_NO);
}

void auditvuln_begin(struct audit *a)
{
    derive(&a->f->tls);
}

void auditvuln_drop(struct audit *a)
{
    (void)a;
}
