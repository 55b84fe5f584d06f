/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Verification and order of chains, and arithmetic on their dates. */
#include "check/judgechain.h"

#include <stdio.h>
#include <string.h>

/* ---- dates ---- */

int64_t judgechain_life_s(int64_t not_before_s, int64_t not_after_s)
{
    return not_after_s - not_before_s + 1;
}

unsigned judgechain_days_max(int64_t not_before_s)
{
    static const struct {
        int64_t from_s;
        unsigned days;
    } rules[] = {
        {1868227200, 47},  /* 2029-03-15 */
        {1805068800, 100}, /* 2027-03-15 */
        {1773532800, 200}, /* 2026-03-15 */
        {1598918400, 398}, /* 2020-09-01 */
        {1519862400, 825}, /* 2018-03-01 */
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (not_before_s >= rules[i].from_s)
            return rules[i].days;
    return 0;
}

/* ---- order ---- */

static bool contains(struct slice text, const char *word)
{
    struct slice w = slice_cstr(word);
    for (size_t i = 0; i + w.n <= text.n; i++)
        if (slice_eq_nocase(slice_of(text.p + i, w.n), w))
            return true;
    return false;
}

enum judgechain_issuer judgechain_guess_issuer(const struct facts_chain *c)
{
    static const char *const middle[] = {"intermediate", "issuing", "sub ca", "subca",
                                         "subordinate"};
    struct slice issuer = certinfo_at(c->chain, 0)->issuer;
    if (c->certs && c->certs[0].issuer_url.n)
        return JUDGECHAIN_ISSUER_INTERMEDIATE;
    for (size_t i = 0; i < ARRAY_LEN(middle); i++)
        if (contains(issuer, middle[i]))
            return JUDGECHAIN_ISSUER_INTERMEDIATE;
    return contains(issuer, "root") ? JUDGECHAIN_ISSUER_ROOT : JUDGECHAIN_ISSUER_UNKNOWN;
}

/* Which of the chain's certificates has signed number `at`: the next one when it fits, else any
 * that is not used yet. The count: none. */
static size_t issuer_of(const struct facts_chain *c, size_t at, const bool *used)
{
    size_t n = certinfo_count(c->chain);
    if (certinfo_at(c->chain, at)->self_signed)
        return n;
    for (size_t k = 1; k <= n; k++) {
        size_t i = (at + k) % n;
        if (!used[i] && certfacts_issued(c->chain, at, c->chain, i))
            return i;
    }
    return n;
}

static bool sent_before(const struct facts_chain *c, size_t i, const bool *used)
{
    for (size_t k = 0; k < certinfo_count(c->chain); k++)
        if (used[k] && certfacts_same(certinfo_at(c->chain, i), certinfo_at(c->chain, k)))
            return true;
    return false;
}

static void arrange(struct facts_chain *c)
{
    size_t n = certinfo_count(c->chain), at = 0, length = 1;
    bool used[CERTINFO_CHAIN_MAX] = {true};
    c->in_order = true;
    for (size_t next; (next = issuer_of(c, at, used)) < n; at = next, length++) {
        c->in_order &= next > at;
        used[next] = true;
    }
    c->sends_root = length > 1 && certinfo_at(c->chain, at)->self_signed;
    c->nextra = n - length;
    /* What verification used beyond that (another way up) is not too much either. */
    for (size_t i = 0; c->verified && i < n; i++)
        for (size_t k = 0; !sent_before(c, i, used) && k < certinfo_count(c->verified); k++)
            if (certfacts_same(certinfo_at(c->chain, i), certinfo_at(c->verified, k))) {
                used[i] = true;
                c->nextra--;
            }
}

static bool was_sent(const struct facts_chain *c, const struct certinfo *ci)
{
    for (size_t i = 0; i < certinfo_count(c->chain); i++)
        if (certfacts_same(certinfo_at(c->chain, i), ci))
            return true;
    return false;
}

/* Does the path break off below an intermediate that was not sent? Nobody can know it for sure: the
 * missing issuer may be an unknown root as well. The address of the issuer's certificate is given
 * by public CAs only, for leaves whose issuer is an intermediate; a certificate of a CA usually
 * hangs from its root. */
static bool breaks_off(const struct facts *f, const struct facts_chain *c,
                       const struct chainverify *trust, const struct certinfo_chain *path)
{
    size_t top = path ? certinfo_count(path) - 1 : 0;
    const struct certinfo *last = path ? certinfo_at(path, top) : NULL;
    if (!last || last->self_signed || chainverify_knows_issuer(trust, path, top))
        return false;
    for (size_t k = 0; k < certinfo_count(c->chain); k++)
        if (certfacts_issued(path, top, c->chain, k))
            return false; /* it is there; the library could not use it */
    for (size_t i = 0; i < f->nchains; i++)
        for (size_t k = 0; k < certinfo_count(f->chains[i].chain); k++)
            if (certinfo_at(f->chains[i].chain, k)->is_ca &&
                certfacts_issued(path, top, f->chains[i].chain, k) && &f->chains[i] != c)
                return true;
    return top == 0 && !last->is_ca && judgechain_guess_issuer(c) != JUDGECHAIN_ISSUER_ROOT;
}

static bool is_complete(const struct facts *f, const struct facts_chain *c,
                        const struct chainverify *trust, const struct certinfo_chain *path)
{
    if (!c->anchored)
        return !breaks_off(f, c, trust, path);
    for (size_t i = 1; path && i + 1 < certinfo_count(path); i++)
        if (!was_sent(c, certinfo_at(path, i)))
            return false;
    return true;
}

/* ---- verification ---- */

static int read_certs(struct facts *f, struct facts_chain *c)
{
    size_t n = certinfo_count(c->chain);
    struct certfacts *certs = arena_alloc(&f->arena, n * sizeof(*certs));
    int r = certs ? OK : ERR_NOMEM;
    for (size_t i = 0; !r && i < n; i++)
        r = certfacts_read(c->chain, i, &f->arena, &certs[i]);
    c->certs = r ? NULL : certs;
    return r;
}

static int keep_result(struct facts *f, struct facts_chain *c, const struct chainverify_result *res)
{
    size_t bytes = res->nerrors * sizeof(*res->errors);
    struct chainverify_error *faults = bytes ? arena_alloc(&f->arena, bytes) : NULL;
    c->verified_now = true;
    c->trusted = res->trusted;
    c->anchored = res->anchored;
    c->public_root = res->public_root;
    c->strict = res->strict;
    c->name_match = res->name_match;
    c->common_name_only = res->common_name_only;
    c->verify_code = res->code;
    memcpy(c->verify_words, res->words, sizeof(c->verify_words));
    memcpy(c->crl_words, res->crl_words, sizeof(c->crl_words));
    c->revoked = res->crl == CHAINVERIFY_CRL_REVOKED ? FACTS_YES
                 : res->crl == CHAINVERIFY_CRL_GOOD  ? FACTS_NO
                                                     : FACTS_UNKNOWN;
    if (bytes && !faults)
        return ERR_NOMEM;
    if (bytes)
        memcpy(faults, res->errors, bytes);
    c->faults = faults;
    c->nfaults = res->nerrors;
    certinfo_unref(c->verified);
    c->verified = res->anchored && res->path ? certinfo_ref(res->path) : NULL;
    return OK;
}

static int verify_one(struct facts *f, struct facts_chain *c, const struct chainverify *trust)
{
    const struct facts_target *t = &f->target;
    struct chainverify_options o = {
        .sent = c->chain, .host = t->sni.n ? t->sni : t->host, .now_s = f->now_s, .crl = c->crl};
    struct chainverify_result res;
    int r = chainverify_run(trust, &o, &res);
    if (!r && !c->certs)
        r = read_certs(f, c);
    if (!r)
        r = keep_result(f, c, &res);
    if (!r) {
        arrange(c);
        c->complete = is_complete(f, c, trust, res.path);
    }
    certinfo_unref(res.path);
    return r;
}

int judgechain_verify(struct facts *f, const struct chainverify *trust)
{
    int r = OK;
    for (size_t i = 0; !r && i < f->nchains; i++)
        r = verify_one(f, &f->chains[i], trust);
    return r;
}
