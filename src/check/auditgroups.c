/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Groups, signature schemes and extensions of a server, its Diffie-Hellman parameters, and the
 * certificates that it shows to other clients. TLS 1.3 names its group in a HelloRetryRequest,
 * without signing anything. */
#include "check/auditgroups.h"

#include <string.h>

#include "check/auditask.h"
#include "check/auditsuites.h"

/* Primes that many servers share: the first bytes of RFC 2409 groups 1 and 2, RFC 3526 groups 5 and
 * 14 to 18 (all begin alike), and the 1024-bit ones of Apache, Java and nginx packages. */
static const uint8_t common_primes[][8] = {
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, /* RFC 2409, 3526 and 7919 */
    {0xd6, 0x7d, 0xe4, 0x40, 0xcb, 0xbb, 0xdc, 0x19}, /* mod_ssl 1024 */
    {0xbb, 0xbc, 0x2d, 0xca, 0xd8, 0x46, 0x74, 0x90}, /* nginx 1024 */
    {0xe6, 0x96, 0x9d, 0x3d, 0x49, 0x5b, 0xe3, 0x2c}, /* ProFTPD 1024 */
    {0xda, 0x58, 0x3c, 0x16, 0xd9, 0x85, 0x22, 0x89}, /* OpenSSL's dh1024 of s_server */
    {0xfc, 0xa6, 0x82, 0xce, 0x8e, 0x12, 0xca, 0xba}, /* Java 512 */
};

static bool add_code(struct audit *a, const uint16_t **list, size_t *n, uint16_t code)
{
    for (size_t i = 0; i < *n; i++)
        if ((*list)[i] == code)
            return true;
    uint16_t *grown = arena_alloc(&a->f->arena, (*n + 1) * sizeof(*grown));
    if (!grown)
        return false;
    if (*n)
        memcpy(grown, *list, *n * sizeof(*grown));
    grown[(*n)++] = code;
    *list = grown;
    return true;
}

static enum facts_version best_below_13(const struct facts_tls *t)
{
    for (enum facts_version v = FACTS_TLS12; v >= FACTS_SSL3; v--)
        if (t->version[v] == FACTS_YES)
            return v;
    return FACTS_SSL2; /* none */
}

static enum facts_version best(const struct facts_tls *t)
{
    return t->version[FACTS_TLS13] == FACTS_YES ? FACTS_TLS13 : best_below_13(t);
}

static bool ecdhe(const struct suite *s)
{
    return s->kx == SUITE_KX_ECDHE && s->auth != SUITE_AUTH_PSK;
}

static bool dhe(const struct suite *s)
{
    return s->kx == SUITE_KX_DHE && s->auth != SUITE_AUTH_PSK;
}

static bool signed_by_rsa(const struct suite *s)
{
    return s->auth == SUITE_AUTH_RSA && s->kx != SUITE_KX_PSK && s->kx != SUITE_KX_SRP;
}

static bool signed_by_ecdsa(const struct suite *s)
{
    return s->auth == SUITE_AUTH_ECDSA;
}

static bool any(const struct suite *s)
{
    (void)s;
    return true;
}

/* The common suites of a version that are of a kind. */
static size_t suites_of(enum facts_version v, bool (*kind)(const struct suite *s), uint16_t *codes)
{
    uint16_t all[AUDITSTATE_CODES_MAX];
    size_t all_n = auditsuites_common(v, all), n = 0;
    for (size_t i = 0; i < all_n; i++) {
        const struct suite *s = suite_find(all[i]);
        if (s && kind(s))
            codes[n++] = all[i];
    }
    return n;
}

/* ---- walks over groups and schemes: what was found is not offered again ---- */

static size_t without(const uint16_t *from, size_t n, const uint16_t *found, size_t nfound,
                      uint16_t *ret)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        bool has = false;
        for (size_t k = 0; k < nfound; k++)
            has |= found[k] == from[i];
        if (!has)
            ret[left++] = from[i];
    }
    return left;
}

static void ask_group(struct audit *a, enum facts_version v);

static void on_group(struct ask *q, const struct serverflight *flight, const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    enum facts_version v = (enum facts_version)q->tag;
    size_t before = t->ngroups;
    (void)r;
    if (!auditask_accepted(flight, auditsuites_version(v)) || !flight->group)
        return;
    bool known = suite_group_find(flight->group) != NULL;
    if (known && add_code(q->a, &t->groups, &t->ngroups, flight->group) && t->ngroups > before)
        ask_group(q->a, v);
}

static const struct ask_kind group13_kind = {on_group, false}, group12_kind = {on_group, true};

/* Both versions walk at once and share the result, so none is asked for twice. */
static void ask_group(struct audit *a, enum facts_version v)
{
    const struct facts_tls *t = &a->f->tls;
    uint16_t groups[AUDITSTATE_CODES_MAX], codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.ngroups = without(h.groups, h.ngroups, t->groups, t->ngroups, groups);
    h.groups = groups;
    h.suites = codes;
    h.nsuites = suites_of(v, v == FACTS_TLS13 ? any : ecdhe, codes);
    if (!h.ngroups || !h.nsuites)
        return;
    struct ask *q = auditask_hello(a, &h, v == FACTS_TLS13 ? &group13_kind : &group12_kind, NULL);
    if (q)
        q->tag = v;
}

static void ask_sigalg12(struct audit *a);

static void on_sigalg12(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    size_t before = t->nsigalgs;
    (void)r;
    if (!auditask_accepted(flight, 0x0303) || !flight->sigalg)
        return;
    if (add_code(q->a, &t->sigalgs, &t->nsigalgs, flight->sigalg) && t->nsigalgs > before)
        ask_sigalg12(q->a);
}

static const struct ask_kind sigalg12_kind = {on_sigalg12, true};

static bool forward(const struct suite *s)
{
    return ecdhe(s) || dhe(s);
}

static void ask_sigalg12(struct audit *a)
{
    const struct facts_tls *t = &a->f->tls;
    uint16_t schemes[AUDITSTATE_CODES_MAX], codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, 0x0303, &h);
    h.nsigalgs = without(h.sigalgs, h.nsigalgs, t->sigalgs, t->nsigalgs, schemes);
    h.sigalgs = schemes;
    h.suites = codes;
    h.nsuites = suites_of(FACTS_TLS12, forward, codes);
    if (h.nsigalgs)
        (void)auditask_hello(a, &h, &sigalg12_kind, NULL);
}

static void on_sigalg13(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    (void)r;
    if (auditask_accepted(flight, 0x0304) && flight->kind == SERVERFLIGHT_HELLO)
        (void)add_code(q->a, &t->sigalgs, &t->nsigalgs, (uint16_t)q->tag);
}

static const struct ask_kind sigalg13_kind = {on_sigalg13, false};

/* The signature itself is encrypted: one scheme a hello, accepted or not. */
static void ask_sigalgs13(struct audit *a)
{
    static const uint16_t shares[] = {0x001d, 0x0017, 0x0018};
    uint16_t codes[AUDITSTATE_CODES_MAX], scheme;
    struct hellomake h;
    auditask_base(a, 0x0304, &h);
    h.suites = codes;
    h.nsuites = suites_of(FACTS_TLS13, any, codes);
    h.shares = h.groups = shares;
    h.nshares = h.ngroups = ARRAY_LEN(shares);
    for (size_t i = 0; (scheme = suite_sigalg_at(i)); i++) {
        if (scheme < 0x0403 || scheme == 0x0501 || scheme == 0x0601)
            continue; /* PKCS#1 and SHA-1 sign certificates only (RFC 8446 4.2.3) */
        h.sigalgs = &scheme;
        h.nsigalgs = 1;
        struct ask *q = auditask_hello(a, &h, &sigalg13_kind, NULL);
        if (q)
            q->tag = scheme;
    }
}

/* ---- certificates ---- */

static bool same_leaf(const struct facts_chain *c, const struct certinfo_chain *chain)
{
    return memcmp(certinfo_at(c->chain, 0)->sha256, certinfo_at(chain, 0)->sha256, 32) == 0;
}

static void add_chain(struct audit *a, const struct serverflight *flight, bool without_sni)
{
    struct slice ders[CERTINFO_CHAIN_MAX], rest = flight->certificates;
    struct certinfo_chain *chain;
    struct facts *f = a->f;
    size_t n = 0;
    while (n < CERTINFO_CHAIN_MAX && serverflight_certificate_next(&rest, &ders[n]))
        n++;
    if (!n || f->nchains == FACTS_CHAINS_MAX || certinfo_ders(ders, n, &chain, NULL))
        return;
    for (size_t i = 0; i < f->nchains; i++)
        if (same_leaf(&f->chains[i], chain)) {
            certinfo_unref(chain);
            return;
        }
    f->chains[f->nchains++] = (struct facts_chain){.chain = chain, .without_sni = without_sni};
}

static void on_certificate(struct ask *q, const struct serverflight *flight,
                           const struct probe_result *r)
{
    (void)r;
    if (flight && flight->has_certificates)
        add_chain(q->a, flight, q->tag != 0);
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
    h.nsuites = suites_of(v, kind, codes);
    (void)auditask_hello(a, &h, &certificate_kind, NULL);
}

/* ---- single questions ---- */

static enum facts_answer yes(bool b)
{
    return b ? FACTS_YES : FACTS_NO;
}

static void on_extensions(struct ask *q, const struct serverflight *flight,
                          const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    (void)r;
    if (!flight || flight->kind != SERVERFLIGHT_HELLO)
        return;
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

static void ask_extensions(struct audit *a, enum facts_version v)
{
    static const struct slice alpn[] = {SLICE("h2"), SLICE("http/1.1")};
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_common(v, codes);
    h.ems = h.session_ticket = h.status_request = h.sct = h.heartbeat = h.deflate = true;
    h.alpn = alpn;
    h.nalpn = ARRAY_LEN(alpn);
    h.no_extensions = false;
    (void)auditask_hello(a, &h, &extensions_kind, NULL);
}

static void on_tolerant(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    enum facts_answer *answer = q->ctx;
    (void)r;
    *answer =
        yes(flight && flight->kind != SERVERFLIGHT_ALERT && flight->kind != SERVERFLIGHT_NOT_TLS);
}

static const struct ask_kind tolerant_kind = {on_tolerant, false};

static void on_without_sni(struct ask *q, const struct serverflight *flight,
                           const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    (void)r;
    t->sni_required = yes(!flight || flight->kind == SERVERFLIGHT_ALERT);
    if (flight && flight->has_certificates)
        add_chain(q->a, flight, true);
}

static const struct ask_kind without_sni_kind = {on_without_sni, true};

/* RFC 7507: the alert inappropriate_fallback. */
static void on_fallback(struct ask *q, const struct serverflight *flight,
                        const struct probe_result *r)
{
    (void)r;
    if (flight)
        q->a->f->tls.fallback_scsv = yes(flight->kind == SERVERFLIGHT_ALERT && flight->alert == 86);
}

static const struct ask_kind fallback_kind = {on_fallback, false};

static void ask_fallback(struct audit *a)
{
    const struct facts_tls *t = &a->f->tls;
    enum facts_version top = best(t), v = top;
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    while (v > FACTS_SSL3 && t->version[--v] != FACTS_YES)
        ;
    if (v == top || t->version[v] != FACTS_YES || v < FACTS_SSL3)
        return;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_common(v, codes);
    codes[h.nsuites++] = SUITE_FALLBACK_SCSV;
    (void)auditask_hello(a, &h, &fallback_kind, NULL);
}

static void ask_tolerance(struct audit *a)
{
    struct facts_tls *t = &a->f->tls;
    enum facts_version v = best(t);
    uint16_t codes[AUDITSTATE_CODES_MAX];
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_common(v, codes);
    h.grease = true;
    (void)auditask_hello(a, &h, &tolerant_kind, &t->grease_ok);
    h.grease = false;
    h.pad_to = 3000; /* more than one packet, as a post-quantum key share makes it */
    (void)auditask_hello(a, &h, &tolerant_kind, &t->large_hello_ok);
    h.pad_to = 0;
    h.sni = SLICE_EMPTY;
    if (!a->f->target.is_ip)
        (void)auditask_hello(a, &h, &without_sni_kind, NULL);
}

void auditgroups_begin(struct audit *a)
{
    const struct facts_tls *t = &a->f->tls;
    enum facts_version v = best_below_13(t);
    if (t->version[FACTS_TLS13] == FACTS_YES) {
        ask_group(a, FACTS_TLS13);
        ask_sigalgs13(a);
    }
    if (v >= FACTS_TLS10)
        ask_group(a, v);
    if (t->version[FACTS_TLS12] == FACTS_YES)
        ask_sigalg12(a);
    if (v >= FACTS_SSL3) {
        ask_extensions(a, v);
        ask_certificate(a, v, signed_by_ecdsa);
        ask_certificate(a, v, signed_by_rsa);
    }
    if (best(t) > FACTS_SSL3) {
        ask_tolerance(a);
        ask_fallback(a);
    }
}

/* ---- Diffie-Hellman ---- */

static uint16_t bits_of(struct slice p)
{
    while (p.n && p.p[0] == 0)
        p = slice_from(p, 1);
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
    uint16_t bits = bits_of(flight->dh_p);
    if (!t->dh_bits || bits < t->dh_bits)
        t->dh_bits = bits;
    for (size_t i = 0; i < ARRAY_LEN(common_primes); i++)
        t->dh_common_prime |=
            flight->dh_p.n >= 8 && memcmp(flight->dh_p.p, common_primes[i], 8) == 0;
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
    enum facts_version v = best_below_13(&a->f->tls);
    if (v < FACTS_SSL3)
        return;
    ask_dh(a, v, false);
    for (enum facts_version old = FACTS_SSL3; old <= v; old++)
        ask_dh(a, old, true);
}
