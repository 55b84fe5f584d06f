/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Known attacks: those that follow from what is offered, and those that must be tried with a
 * message that no honest client sends. */
#include "check/auditvuln.h"

#include "base/mem.h"
#include "check/auditask.h"
#include "check/auditreneg.h"
#include "check/auditrobot.h"
#include "check/auditsuites.h"

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

/* Attacks on the padding of CBC need a handshake of which the records are then forged; without CBC
 * below TLS 1.3 there is nothing to forge, else the answer stays unknown (docs/check-schema.md). */
static void derive(struct facts_tls *t)
{
    bool old_unknown = t->version[FACTS_SSL2] == FACTS_UNKNOWN;
    t->vuln[FACTS_POODLE_SSL3] = yes(offers(t, FACTS_SSL3, FACTS_SSL3, is_cbc));
    t->vuln[FACTS_POODLE_TLS] =
        offers(t, FACTS_TLS10, FACTS_TLS12, is_cbc) ? FACTS_UNKNOWN : FACTS_NO;
    t->vuln[FACTS_BEAST] = yes(offers(t, FACTS_SSL3, FACTS_TLS10, is_cbc));
    t->vuln[FACTS_LUCKY13] = yes(offers(t, FACTS_TLS10, FACTS_TLS12, is_cbc));
    t->vuln[FACTS_SWEET32] = yes(offers(t, FACTS_SSL3, FACTS_TLS12, has_short_block));
    t->vuln[FACTS_RC4] = yes(offers(t, FACTS_SSL3, FACTS_TLS12, is_rc4));
    t->vuln[FACTS_FREAK] = yes(offers(t, FACTS_SSL3, FACTS_TLS12, is_export_rsa));
    t->vuln[FACTS_LOGJAM] =
        yes(offers(t, FACTS_SSL3, FACTS_TLS12, is_export_dhe) || (t->dh_bits && t->dh_bits < 1024));
    t->vuln[FACTS_DROWN] = old_unknown ? FACTS_UNKNOWN : t->version[FACTS_SSL2];
    t->vuln[FACTS_CRIME] = t->compression;
    t->vuln[FACTS_RENEGOTIATION_INSECURE] = t->secure_renegotiation == FACTS_UNKNOWN
                                                ? FACTS_UNKNOWN
                                                : yes(t->secure_renegotiation == FACTS_NO);
}

/* What was not found may only be called absent when every question about it was answered. */
static void doubt(struct facts_tls *t, const struct audit *a)
{
    static const enum facts_vuln by_suites[] = {FACTS_POODLE_SSL3, FACTS_POODLE_TLS, FACTS_BEAST,
                                                FACTS_LUCKY13,     FACTS_SWEET32,    FACTS_FREAK,
                                                FACTS_LOGJAM,      FACTS_RC4};
    bool whole = a->lost == 0;
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        whole &= t->version[v] != FACTS_UNKNOWN;
    for (size_t i = 0; !whole && i < ARRAY_LEN(by_suites); i++)
        if (t->vuln[by_suites[i]] == FACTS_NO)
            t->vuln[by_suites[i]] = FACTS_UNKNOWN;
}

/* ---- what must be tried ---- */

struct auditvuln {
    struct attack heartbleed, ccs;
    struct auditrobot robot;
    struct auditreneg *reneg;
};

static bool alert_or_heartbeat(struct attack *t, struct slice after)
{
    (void)t;
    return after.n >= 5 && (after.p[0] != 21 || after.n >= 7);
}

/* RFC 6520 4: a request whose payload is said to be longer than it is must be dropped (Heartbleed,
 * CVE-2014-0160). The broken handshake record behind it makes a good server say something, so that
 * nobody waits for its silence. */
static int make_heartbeat(struct attack *t, const struct serverflight *flight, struct buf *out)
{
    if (!flight->heartbeat)
        return ERR_NOT_FOUND;
    int r = auditattack_record(out, 24, t->version, slice_of("\1\x10\0", 3));
    return r ? r : auditattack_record(out, 22, t->version, slice_of("\xff\0\0\0", 4));
}

static void on_heartbeat(struct attack *t, bool said, struct slice after,
                         const struct probe_result *r)
{
    enum facts_answer *ret = &t->a->f->tls.vuln[FACTS_HEARTBLEED];
    bool answered = after.n >= 5 && after.p[0] == 24 && (after.p[3] || after.p[4] > 3 + 16);
    bool ended = after.n || r->end == PROBE_CLOSED || r->end == PROBE_RESET;
    if (said)
        *ret = answered ? FACTS_YES : ended || r->end == PROBE_TIMEOUT ? FACTS_NO : FACTS_UNKNOWN;
}

static const struct attack_kind heartbleed_kind = {make_heartbeat, alert_or_heartbeat,
                                                   on_heartbeat};

/* CVE-2014-0224: a ChangeCipherSpec before the key exchange must be refused. A server that took it
 * tries to decrypt what follows, and complains of that. */
static int make_ccs(struct attack *t, const struct serverflight *flight, struct buf *out)
{
    static const uint8_t garbage[64] = {20, 0, 0, 12, 0x5a};
    (void)flight;
    int r = auditattack_record(out, 20, t->version, slice_of("\1", 1));
    return r ? r : auditattack_record(out, 22, t->version, slice_of(garbage, sizeof(garbage)));
}

static void on_ccs(struct attack *t, bool said, struct slice after, const struct probe_result *r)
{
    enum facts_answer *ret = &t->a->f->tls.vuln[FACTS_CCS_INJECTION];
    uint8_t alert = auditattack_alert(after);
    bool decrypted = alert == 20 || alert == 21 || alert == 51;
    bool ended = after.n || r->end == PROBE_CLOSED || r->end == PROBE_RESET;
    if (said)
        *ret = decrypted ? FACTS_YES : ended ? FACTS_NO : FACTS_UNKNOWN;
}

static const struct attack_kind ccs_kind = {make_ccs, alert_or_heartbeat, on_ccs};

static void try_raw(struct audit *a, enum facts_version v)
{
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_kind(a, v, auditsuites_any, codes);
    auditattack_start(a, &a->vuln->ccs, &h, &ccs_kind);
    h.heartbeat = true;
    h.no_extensions = false;
    if (a->f->tls.heartbeat == FACTS_YES)
        auditattack_start(a, &a->vuln->heartbleed, &h, &heartbleed_kind);
    else
        a->f->tls.vuln[FACTS_HEARTBLEED] = a->f->tls.heartbeat;
}

/* None of the attacks exists in TLS 1.3. */
static void tls13_alone(struct facts_tls *t)
{
    static const enum facts_vuln none[] = {FACTS_HEARTBLEED, FACTS_CCS_INJECTION, FACTS_ROBOT,
                                           FACTS_TICKETBLEED, FACTS_RENEGOTIATION_CLIENT};
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        t->vuln[none[i]] = FACTS_NO;
}

void auditvuln_begin(struct audit *a)
{
    struct facts_tls *t = &a->f->tls;
    enum facts_version v = auditsuites_best_clear(a);
    if (auditsuites_best(a) < FACTS_SSL3)
        return; /* nothing is known of it */
    derive(t);
    doubt(t, a);
    if (v < FACTS_SSL3) {
        tls13_alone(t);
        return;
    }
    if (!a->o.vulnerabilities)
        return;
    if (!(a->vuln = mem_alloc(sizeof(*a->vuln)))) {
        a->lost++;
        return;
    }
    try_raw(a, v);
    auditrobot_begin(a, &a->vuln->robot);
    a->vuln->reneg = auditreneg_begin(a);
}

void auditvuln_drop(struct audit *a)
{
    if (!a->vuln)
        return;
    auditattack_drop(&a->vuln->heartbleed);
    auditattack_drop(&a->vuln->ccs);
    auditrobot_drop(&a->vuln->robot);
    auditreneg_drop(a->vuln->reneg);
    mem_free(a->vuln);
}
