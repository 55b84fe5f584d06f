/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Groups of a server and its Diffie-Hellman parameters. TLS 1.3 names its group in a
 * HelloRetryRequest, without signing anything; older versions in the key exchange. */
#include "check/auditgroups.h"

#include <string.h>

#include "check/auditask.h"
#include "check/auditcodes.h"
#include "check/auditsuites.h"

/* Primes that many servers share, by their first bytes: what is computed once against one of them
 * serves against all (Logjam). Those of RFC 7919 are meant to be shared and are not among them. */
static const struct {
    uint8_t start[12];
} common_primes[] = {
    {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2}}, /* RFC 2409, 3526 */
    {{0xb1, 0x0b, 0x8f, 0x96, 0xa0, 0x80, 0xe0, 0x1d, 0xde, 0x92, 0xde, 0x5e}}, /* RFC 5114 1024 */
    {{0xad, 0x10, 0x7e, 0x1e, 0x91, 0x23, 0xa9, 0xd0, 0xd6, 0x60, 0xfa, 0xa7}}, /* RFC 5114 2048 */
    {{0x87, 0xa8, 0xe6, 0x1d, 0xb4, 0xb6, 0x66, 0x3c, 0xff, 0xbb, 0xd1, 0x9c}}, /* RFC 5114 2048 */
    {{0xd6, 0x7d, 0xe4, 0x40, 0xcb, 0xbb, 0xdc, 0x19, 0x36, 0xd6, 0x93, 0xd3}}, /* mod_ssl */
    {{0xbb, 0xbc, 0x2d, 0xca, 0xd8, 0x46, 0x74, 0x90, 0x7c, 0x43, 0xfc, 0xf5}}, /* nginx */
    {{0xe6, 0x96, 0x9d, 0x3d, 0x49, 0x5b, 0xe3, 0x2c, 0x7c, 0xf1, 0x80, 0xc3}}, /* ProFTPD */
    {{0xda, 0x58, 0x3c, 0x16, 0xd9, 0x85, 0x22, 0x89, 0xd0, 0xe4, 0xaf, 0x75}}, /* OpenSSL 512 */
    {{0xf4, 0x88, 0xfd, 0x58, 0x4e, 0x49, 0xdb, 0xcd, 0x20, 0xb4, 0x9d, 0xe4}}, /* OpenSSL 1024 */
    {{0xfc, 0xa6, 0x82, 0xce, 0x8e, 0x12, 0xca, 0xba, 0x26, 0xef, 0xcc, 0xf7}}, /* Java 512 */
    {{0xfd, 0x7f, 0x53, 0x81, 0x1d, 0x75, 0x12, 0x29, 0x52, 0xdf, 0x4a, 0x9c}}, /* Java 1024 */
    {{0x9f, 0xdb, 0x8b, 0x8a, 0x00, 0x45, 0x44, 0xf0, 0x04, 0x5f, 0x17, 0x37}}, /* Apache 512 */
};

/* ---- groups ---- */

static void ask_group(struct audit *a, enum facts_version v);

static struct auditstate_walk *walk_of(struct audit *a, enum facts_version v)
{
    return v == FACTS_TLS13 ? &a->groups13 : &a->groups12;
}

/* Below TLS 1.3 the curves offered are also those that the certificate may have (RFC 8422 4): a
 * server with an ECDSA certificate refuses a hello without its curve. It is put behind what is
 * asked for, once. */
static void on_no_group(struct audit *a, enum facts_version v)
{
    struct auditstate_walk *w = walk_of(a, v);
    uint16_t codes[AUDITSTATE_CODES_MAX];
    if (v == FACTS_TLS13 || w->helped || !auditsuites_kind(a, v, auditsuites_signed_ecdsa, codes))
        return;
    w->helped = true;
    ask_group(a, v);
}

static void on_group(struct ask *q, const struct serverflight *flight, const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    enum facts_version v = (enum facts_version)q->tag;
    struct auditstate_walk *w = walk_of(q->a, v);
    (void)r;
    if (q->lost)
        return;
    if (!auditask_accepted(flight, auditsuites_version(v)) || !flight->group) {
        on_no_group(q->a, v);
        return;
    }
    if (!suite_group_find(flight->group) || !auditcodes_note(w, flight->group))
        return;
    (void)auditcodes_add(q->a, &t->groups, &t->ngroups, flight->group);
    ask_group(q->a, v);
}

static const struct ask_kind group13_kind = {on_group, false}, group12_kind = {on_group, true};

static bool is_curve_of_certificates(uint16_t group)
{
    return (group >= 0x0017 && group <= 0x0019) || (group >= 0x001a && group <= 0x001c);
}

static size_t shareable(const uint16_t *groups, size_t n, uint16_t *shares)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (hellomake_can_share(groups[i]))
            shares[left++] = groups[i];
    return left;
}

static void ask_group(struct audit *a, enum facts_version v)
{
    const struct auditstate_walk *w = walk_of(a, v);
    uint16_t groups[AUDITSTATE_CODES_MAX], codes[AUDITSTATE_CODES_MAX],
        shares[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.ngroups = auditcodes_without(h.groups, h.ngroups, w, groups);
    if (!h.ngroups)
        return;
    for (size_t i = 0; w->helped && i < w->nfound; i++)
        if (is_curve_of_certificates(w->found[i]))
            groups[h.ngroups++] = w->found[i];
    h.groups = groups;
    h.suites = codes;
    h.nsuites =
        auditsuites_kind(a, v, v == FACTS_TLS13 ? auditsuites_any : auditsuites_ecdhe, codes);
    if (!h.nsuites)
        return;
    if (v == FACTS_TLS13 && a->shares13) {
        h.nshares = shareable(groups, h.ngroups, shares);
        h.shares = shares;
    }
    struct ask *q = auditask_hello(a, &h, v == FACTS_TLS13 ? &group13_kind : &group12_kind, NULL);
    if (q)
        q->tag = v;
}

void auditgroups_begin(struct audit *a)
{
    if (a->f->tls.version[FACTS_TLS13] == FACTS_YES)
        ask_group(a, FACTS_TLS13);
}

/* ---- Diffie-Hellman ---- */

static struct slice without_zeros(struct slice p)
{
    while (p.n && p.p[0] == 0)
        p = slice_from(p, 1);
    return p;
}

static uint16_t bits_of(struct slice p)
{
    uint16_t bits = (uint16_t)(p.n * 8);
    for (unsigned first = p.n ? p.p[0] : 0x80; bits && !(first & 0x80); first <<= 1)
        bits--;
    return bits;
}

static void on_dh(struct ask *q, const struct serverflight *flight, const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    (void)r;
    if (!flight || !flight->dh_p.n)
        return;
    struct slice p = without_zeros(flight->dh_p);
    uint16_t bits = bits_of(p);
    if (!t->dh_bits || bits < t->dh_bits)
        t->dh_bits = bits;
    for (size_t i = 0; i < ARRAY_LEN(common_primes); i++)
        t->dh_common_prime |=
            slice_starts(p, slice_of(common_primes[i].start, sizeof(common_primes[i].start)));
}

static const struct ask_kind dh_kind = {on_dh, true};

/* Export suites have parameters of their own. */
static void ask_dh(struct audit *a, enum facts_version v, bool export)
{
    const struct facts_suites *s = &a->f->tls.suites[v];
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    for (size_t i = 0; i < s->n; i++) {
        const struct suite *known = suite_find(s->codes[i]);
        if (known && known->kx == SUITE_KX_DHE && known->export == export)
            codes[h.nsuites++] = s->codes[i];
    }
    if (h.nsuites)
        (void)auditask_hello(a, &h, &dh_kind, NULL);
}

void auditgroups_after(struct audit *a)
{
    enum facts_version v = auditsuites_best_clear(a);
    if (v < FACTS_SSL3)
        return;
    ask_group(a, v);
    ask_dh(a, v, false);
    for (enum facts_version old = FACTS_SSL3; old <= v; old++)
        ask_dh(a, old, true);
}
