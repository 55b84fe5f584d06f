/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Mozilla "Server Side TLS": modern and intermediate of guideline 6.0, old of 5.8, which is where
 * it was dropped. What is offered must lie within the profile; offering less is no fault. Who
 * chooses the suite counts for old only, where the weak ones must stay last. */
#include <stdarg.h>
#include <stdio.h>

#include "check/grade.h"
#include "wire/suite.h"

#define DAY_S          86400
#define HSTS_MIN_AGE_S 63072000

enum profile { MODERN, INTERMEDIATE, OLD, PROFILES };

static const uint16_t suites13[] = {0x1301, 0x1302, 0x1303};
static const uint16_t suites12[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8};
/* ECDHE with CBC, then without forward secrecy, then 3DES. */
static const uint16_t suites_old[] = {0xc023, 0xc027, 0xc009, 0xc013, 0xc024,
                                      0xc028, 0xc00a, 0xc014, 0x009c, 0x009d,
                                      0x003c, 0x003d, 0x002f, 0x0035, 0x000a};
static const uint16_t groups[] = {0x11ec, 0x001d, 0x0017, 0x0018};

static const struct {
    enum facts_version oldest;
    bool rsa, ecdsa;
    unsigned max_days;
    unsigned dh_bits; /* 0: no finite field at all */
    bool server_order;
} profiles[PROFILES] = {
    [MODERN] = {FACTS_TLS13, false, true, 90, 0, false},
    [INTERMEDIATE] = {FACTS_TLS12, true, true, 366, 0, false},
    [OLD] = {FACTS_TLS10, true, false, 366, 2048, true},
};

static void differ(struct facts *f, enum profile p, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void differ(struct facts *f, enum profile p, const char *fmt, ...)
{
    struct facts_profile *m = &f->mozilla;
    size_t *n = &m->ndifferences[p];
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    /* A full list stays a difference. */
    if (*n < ARRAY_LEN(m->differences[p]) &&
        !arena_copy(&f->arena, slice_cstr(text), &m->differences[p][*n]))
        ++*n;
}

static bool has(const uint16_t *codes, size_t n, uint16_t code)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static bool allows_suite(enum profile p, uint16_t code)
{
    return has(suites13, ARRAY_LEN(suites13), code) ||
           (p >= INTERMEDIATE && has(suites12, ARRAY_LEN(suites12), code)) ||
           (p == OLD && has(suites_old, ARRAY_LEN(suites_old), code));
}

static void compare_versions(struct facts *f, enum profile p)
{
    for (enum facts_version v = FACTS_SSL2; v < profiles[p].oldest; v++)
        if (f->tls.version[v] == FACTS_YES)
            differ(f, p, "%s is offered", facts_version_text(v));
}

static bool seen_before(const struct facts_tls *t, enum facts_version v, uint16_t code)
{
    for (enum facts_version i = FACTS_SSL3; i < v; i++)
        if (has(t->suites[i].codes, t->suites[i].n, code))
            return true;
    return false;
}

static void compare_suites(struct facts *f, enum profile p)
{
    const struct facts_tls *t = &f->tls;
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        for (size_t i = 0; i < t->suites[v].n; i++) {
            uint16_t code = t->suites[v].codes[i];
            const struct suite *s = suite_find(code);
            if (!allows_suite(p, code) && !seen_before(t, v, code))
                differ(f, p, "%s is offered", s ? s->name : "an unknown suite");
        }
    if (profiles[p].server_order && t->server_order[FACTS_TLS12] == FACTS_NO)
        differ(f, p, "the server does not choose the suite");
}

static void compare_groups(struct facts *f, enum profile p)
{
    const struct facts_tls *t = &f->tls;
    for (size_t i = 0; i < t->ngroups; i++) {
        const struct suite_group *g = suite_group_find(t->groups[i]);
        if (!has(groups, ARRAY_LEN(groups), t->groups[i]))
            differ(f, p, "group %s is offered", g ? g->name : "of an unknown number");
    }
    if (profiles[p].dh_bits && t->dh_bits && t->dh_bits < profiles[p].dh_bits)
        differ(f, p, "Diffie-Hellman of %u bits", t->dh_bits);
}

/* SHA-256 and better; the library's names end in it or begin with it. */
static bool signed_well(const struct certinfo *c)
{
    static const struct slice hashes[] = {SLICE("SHA256"), SLICE("SHA384"), SLICE("SHA512")};
    for (size_t k = 0; k < ARRAY_LEN(hashes); k++)
        for (size_t i = 0; i + hashes[k].n <= c->sigalg.n; i++)
            if (slice_eq_nocase(slice_of(c->sigalg.p + i, hashes[k].n), hashes[k]))
                return true;
    return slice_eq_nocase(c->sigalg, SLICE("ED25519"));
}

static void compare_certificate(struct facts *f, enum profile p, const struct certinfo *c)
{
    bool ecdsa = c->key_kind == KEY_ECDSA_P256 || c->key_kind == KEY_ECDSA_P384;
    bool rsa = c->key_kind == KEY_RSA;
    int64_t days = (c->not_after_s - c->not_before_s) / DAY_S;
    if (!(ecdsa && profiles[p].ecdsa) && !(rsa && profiles[p].rsa))
        differ(f, p, "the certificate's key is %s", keystore_kind_text(c->key_kind));
    if (rsa && profiles[p].rsa && c->key_bits < 2048)
        differ(f, p, "the RSA key has %u bits", c->key_bits);
    if (!signed_well(c))
        differ(f, p, "the certificate is signed with " SLICE_F, SLICE_A(c->sigalg));
    if (days > profiles[p].max_days)
        differ(f, p, "the certificate lives %lld days, more than %u", (long long)days,
               profiles[p].max_days);
}

static void compare_hsts(struct facts *f, enum profile p)
{
    const struct facts_hsts *h = &f->http.hsts;
    if (!f->http.ran || f->target.starttls)
        return;
    if (!h->present || !h->valid)
        differ(f, p, "HSTS is missing");
    else if (h->max_age_s < HSTS_MIN_AGE_S)
        differ(f, p, "HSTS max-age is %lld, less than %d", (long long)h->max_age_s, HSTS_MIN_AGE_S);
}

void grade_mozilla(struct facts *f)
{
    struct facts_profile *m = &f->mozilla;
    if (!f->tls.complete || !f->nchains)
        return;
    for (enum profile p = MODERN; p < PROFILES; p++) {
        compare_versions(f, p);
        compare_suites(f, p);
        compare_groups(f, p);
        for (size_t i = 0; i < f->nchains; i++)
            if (!f->chains[i].without_sni)
                compare_certificate(f, p, certinfo_at(f->chains[i].chain, 0));
        compare_hsts(f, p);
    }
    m->given = true;
    m->modern = !m->ndifferences[MODERN];
    m->intermediate = !m->ndifferences[INTERMEDIATE];
    m->old = !m->ndifferences[OLD];
}
