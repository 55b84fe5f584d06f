/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One rule a function: a look at the chain, a finding with what was seen. */
#include "check/judgecert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "check/expiry.h"
#include "check/judgechain.h"

#define DAY_S        86400
#define NAMES_SHOWN  5
#define LONG_CHAIN   3 /* certificates besides the root that a browser's CA needs at most */
#define SHORT_LIFE_S (10 * (int64_t)DAY_S) /* CA/B 1.2.2: such ones need no revocation */
#define EVIDENCE     300

/* A chain under judgement. */
struct bench {
    struct facts *f;
    struct facts_chain *c;
    const struct certinfo *leaf;
    bool malformed;
    char label[40]; /* which of several certificates; "" when there is one */
};

static struct slice host_of(const struct facts *f)
{
    return f->target.sni.n ? f->target.sni : f->target.host;
}

static void find(struct bench *b, bool error, const char *id, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* What is wrong with the answer to clients without SNI concerns them alone: no finding. */
static void find(struct bench *b, bool error, const char *id, const char *fmt, ...)
{
    struct facts_chain *c = b->c;
    char text[EVIDENCE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (!c->without_sni)
        facts_find(b->f, id, "%s%s", b->label, text);
    for (size_t i = 0; i < c->nerrors; i++)
        if (strcmp(c->errors[i], id) == 0)
            return;
    if (error && c->nerrors < ARRAY_LEN(c->errors))
        c->errors[c->nerrors++] = id;
}

static const char *day(int64_t s, char *dst)
{
    date_format_rfc3339(s * 1000, dst);
    dst[10] = 0;
    return dst;
}

/* "3 days", "5 hours". */
static const char *span(int64_t s, char *dst, size_t cap)
{
    int64_t n = s >= 2 * DAY_S ? s / DAY_S : s / 3600;
    snprintf(dst, cap, "%lld %s%s", (long long)n, s >= 2 * DAY_S ? "day" : "hour",
             n == 1 ? "" : "s");
    return dst;
}

static const char *called(const struct certinfo *ci)
{
    return ci->subject.n ? (const char *)ci->subject.p
           : ci->nsans   ? (const char *)ci->sans[0].name.p
                         : "(no name)";
}

/* ---- times ---- */

static void judge_dates(struct bench *b)
{
    const struct certinfo *ci = b->leaf;
    int64_t now_s = b->f->now_s;
    char at[DATE_RFC3339_BYTES + 1], left[40], life[40];
    span(judgechain_life_s(ci->not_before_s, ci->not_after_s), life, sizeof(life));
    switch (expiry_judge(ci->not_before_s, ci->not_after_s, now_s)) {
    case EXPIRY_WARN:
        find(b, true, "cert-expires-soon", "%s of %s left, until %s",
             span(ci->not_after_s - now_s, left, sizeof(left)), life, day(ci->not_after_s, at));
        break;
    case EXPIRY_CRITICAL:
        find(b, true, "cert-expires-critical", "%s of %s left, until %s",
             span(ci->not_after_s - now_s, left, sizeof(left)), life, day(ci->not_after_s, at));
        break;
    case EXPIRY_EXPIRED:
        find(b, true, "cert-expired", "on %s, %s ago", day(ci->not_after_s, at),
             span(now_s - ci->not_after_s, left, sizeof(left)));
        break;
    case EXPIRY_NOT_YET:
        find(b, true, "cert-not-yet-valid", "it begins on %s, in %s", day(ci->not_before_s, at),
             span(ci->not_before_s - now_s, left, sizeof(left)));
        break;
    case EXPIRY_GOOD:
    case EXPIRY_UNSEEN:
    case EXPIRY_STATES:
        break;
    }
}

static void judge_life(struct bench *b)
{
    const struct certinfo *ci = b->leaf;
    unsigned days = judgechain_days_max(ci->not_before_s);
    int64_t life_s = judgechain_life_s(ci->not_before_s, ci->not_after_s);
    char at[DATE_RFC3339_BYTES + 1];
    if (b->c->public_root && days && life_s > days * (int64_t)DAY_S)
        find(b, true, "cert-lifetime", "%lld days; %u were allowed on %s",
             (long long)((life_s + DAY_S - 1) / DAY_S), days, day(ci->not_before_s, at));
}

static void judge_issuers_dates(struct bench *b)
{
    const struct certinfo_chain *path = b->c->verified ? b->c->verified : b->c->chain;
    char at[DATE_RFC3339_BYTES + 1];
    if (!b->c->verified && (!b->c->in_order || b->c->nextra))
        return;
    for (size_t i = 1; i < certinfo_count(path); i++) {
        const struct certinfo *ci = certinfo_at(path, i);
        if (ci->not_after_s < b->leaf->not_after_s && ci->not_after_s >= b->f->now_s)
            find(b, true, "cert-intermediate-expires", "%s ends on %s", called(ci),
                 day(ci->not_after_s, at));
    }
}

/* ---- names ---- */

static void list_names(const struct certinfo *ci, char *dst, size_t cap)
{
    size_t at = 0;
    dst[0] = 0;
    for (size_t i = 0; i < ci->nsans && i < NAMES_SHOWN && at < cap; i++)
        at += (size_t)snprintf(dst + at, cap - at, "%s%.60s", i ? ", " : "",
                               (const char *)ci->sans[i].name.p);
    if (ci->nsans > NAMES_SHOWN && at < cap)
        snprintf(dst + at, cap - at, " and %zu more", ci->nsans - NAMES_SHOWN);
    if (ci->nsans == 0)
        snprintf(dst, cap, "none");
}

/* Why a wildcard that looks as if it fitted does not (RFC 9525 6.3). */
static const char *wildcard_words(const struct certinfo *ci, struct slice host)
{
    for (size_t i = 0; i < ci->nsans; i++) {
        struct slice name = ci->sans[i].name;
        size_t star = slice_find(name, '*');
        if (star == name.n)
            continue;
        struct slice rest = slice_from(name, star + 1);
        if (star > 0 || rest.n < 2 || rest.p[0] != '.')
            return slice_ends(host, rest) ? "; a wildcard must be a whole label" : "";
        if (slice_eq_nocase(slice_from(rest, 1), host))
            return "; a wildcard does not stand for the name above it";
        if (host.n > rest.n && slice_eq_nocase(slice_from(host, host.n - rest.n), rest))
            return slice_find(slice_from(rest, 1), '.') + 1 == rest.n
                       ? "; a wildcard of a whole top-level domain does not count"
                       : "; a wildcard stands for one label only";
    }
    return "";
}

static void judge_name(struct bench *b)
{
    const struct certinfo *ci = b->leaf;
    struct slice host = host_of(b->f);
    char names[220];
    const struct certinfo_san *san = chainverify_covering(ci, host);
    if (b->c->common_name_only)
        find(b, true, "cert-common-name-only", "common name %s, no subjectAltName", called(ci));
    else if (!san) {
        list_names(ci, names, sizeof(names));
        find(b, true, "cert-name-mismatch", "it has: %s%s", names, wildcard_words(ci, host));
    } else if (slice_starts(san->name, SLICE("*.")))
        find(b, false, "cert-wildcard", "%s", (const char *)san->name.p);
}

/* ---- trust: what the library found ---- */

static void judge_unknown_issuer(struct bench *b, const struct chainverify_error *e)
{
    const struct facts_chain *c = b->c;
    const struct certinfo *ci = b->leaf;
    bool has_address = c->certs && c->certs[0].issuer_url.n;
    if (!c->complete)
        find(b, true, "cert-chain-incomplete", "nothing is sent for the issuer, %s%s%.120s",
             (const char *)ci->issuer.p, has_address ? "; to be had at " : "",
             has_address ? (const char *)c->certs[0].issuer_url.p : "");
    /* Without a hint it may be an unknown root as well. */
    if (c->complete || judgechain_guess_issuer(c) == JUDGECHAIN_ISSUER_UNKNOWN)
        find(b, true, "cert-untrusted", "the chain ends with %s, whose issuer is not known here",
             e->subject);
}

static void judge_hash_of_issuer(struct bench *b, const struct chainverify_error *e)
{
    const struct certinfo_chain *path = b->c->verified;
    size_t at = (size_t)e->depth;
    bool md5 = path && at < certinfo_count(path) &&
               slice_find(certinfo_at(path, at)->sigalg, '5') < certinfo_at(path, at)->sigalg.n;
    if (md5)
        find(b, true, "cert-sig-md5", "%s", e->subject);
    else
        find(b, true, "cert-sig-sha1", "%s", e->subject);
}

static void judge_fault(struct bench *b, const struct chainverify_error *e)
{
    static const char *const ids[] = {
        [CHAINVERIFY_ANCHOR] = "cert-untrusted",
        [CHAINVERIFY_SELF] = "cert-self-signed",
        [CHAINVERIFY_EXPIRED] = "cert-expired",
        [CHAINVERIFY_NOT_YET] = "cert-not-yet-valid",
        [CHAINVERIFY_PURPOSE] = "cert-eku",
        [CHAINVERIFY_NOT_CA] = "cert-untrusted",
        [CHAINVERIFY_PATH_LENGTH] = "cert-path-length",
        [CHAINVERIFY_NAME_CONSTRAINTS] = "cert-name-constraints",
        [CHAINVERIFY_SIGNATURE] = "cert-untrusted",
        [CHAINVERIFY_WEAK_KEY] = "cert-key-weak",
        [CHAINVERIFY_EXTENSION] = "cert-malformed",
        [CHAINVERIFY_STRICT] = "cert-not-strict",
        [CHAINVERIFY_OTHER] = "cert-untrusted",
    };
    switch (e->kind) {
    case CHAINVERIFY_UNKNOWN_ISSUER:
        judge_unknown_issuer(b, e);
        return;
    case CHAINVERIFY_WEAK_HASH:
        judge_hash_of_issuer(b, e);
        return;
    case CHAINVERIFY_REVOKED:
        find(b, true, "cert-revoked", "%s", b->c->crl_words);
        return;
    case CHAINVERIFY_EXPIRED:
    case CHAINVERIFY_NOT_YET:
        if (e->depth == 0)
            return; /* judge_dates says more */
        break;
    case CHAINVERIFY_ANCHOR:
    case CHAINVERIFY_SELF:
    case CHAINVERIFY_PURPOSE:
    case CHAINVERIFY_NOT_CA:
    case CHAINVERIFY_PATH_LENGTH:
    case CHAINVERIFY_NAME_CONSTRAINTS:
    case CHAINVERIFY_SIGNATURE:
    case CHAINVERIFY_WEAK_KEY:
    case CHAINVERIFY_EXTENSION:
    case CHAINVERIFY_STRICT:
    case CHAINVERIFY_OTHER:
        break;
    }
    find(b, true, ids[e->kind], "%s: %s", e->subject, e->words);
}

/* An error that another one explains: who cannot read a certificate finds no issuer for it, and who
 * may not issue is of no use as an issuer. */
static bool follows(const struct bench *b, const struct chainverify_error *e)
{
    if (b->malformed && (e->kind == CHAINVERIFY_UNKNOWN_ISSUER || e->kind == CHAINVERIFY_STRICT ||
                         e->kind == CHAINVERIFY_PURPOSE))
        return true;
    for (size_t i = 0; e->kind == CHAINVERIFY_PURPOSE && i < b->c->nfaults; i++)
        if (b->c->faults[i].kind == CHAINVERIFY_NOT_CA && b->c->faults[i].depth == e->depth)
            return true;
    return false;
}

/* ---- arrangement ---- */

/* Trusted all the same, because the store happens to know what is missing. */
static void judge_gap(struct bench *b)
{
    const struct certinfo_chain *path = b->c->verified;
    for (size_t i = 1; !b->c->complete && path && i + 1 < certinfo_count(path); i++)
        find(b, true, "cert-chain-incomplete", "%s is not sent; it was at hand here, elsewhere not",
             called(certinfo_at(path, i)));
}

static void judge_arrangement(struct bench *b)
{
    const struct facts_chain *c = b->c;
    size_t n = certinfo_count(c->chain), bytes = 0;
    for (size_t i = 0; c->certs && i < n; i++)
        bytes += c->certs[i].der_bytes;
    judge_gap(b);
    if (!c->in_order)
        find(b, true, "cert-chain-order", "%zu certificates, not each before its issuer", n);
    if (c->nextra)
        find(b, true, "cert-chain-extra", "%zu of %zu", c->nextra, n);
    if (c->sends_root)
        find(b, false, "cert-chain-root", "%zu certificates, the root among them", n);
    if (n - c->sends_root - c->nextra > LONG_CHAIN)
        find(b, true, "cert-chain-long", "%zu certificates, %zu bytes", n, bytes);
}

/* ---- keys, signatures, contents ---- */

/* Certificates at work: the verified path, else what was sent. */
static const struct certinfo_chain *at_work(const struct facts_chain *c)
{
    return c->verified ? c->verified : c->chain;
}

static void judge_key(struct bench *b, const struct certinfo *ci, const struct certfacts *cf)
{
    bool rsa = cf->rsa_exponent != 0;
    if (rsa && (cf->rsa_exponent == 1 || cf->rsa_exponent % 2 == 0))
        find(b, true, "cert-key-weak", "%s: RSA exponent %llu", called(ci),
             (unsigned long long)cf->rsa_exponent);
    else if ((rsa && ci->key_bits < 1024) || (!rsa && ci->key_bits < 224))
        find(b, true, "cert-key-weak", "%s: %u bits", called(ci), ci->key_bits);
    else if (rsa && ci->key_bits < 2048)
        find(b, true, "cert-key-1024", "%s: %u bits", called(ci), ci->key_bits);
}

static void judge_contents(struct bench *b, const struct certinfo *ci, const struct certfacts *cf,
                           bool anchor)
{
    judge_key(b, ci, cf);
    if (!anchor && !ci->self_signed && cf->hash == CERTFACTS_MD5)
        find(b, true, "cert-sig-md5", "%s: %s", called(ci), (const char *)ci->sigalg.p);
    if (!anchor && !ci->self_signed && cf->hash == CERTFACTS_SHA1)
        find(b, true, "cert-sig-sha1", "%s: %s", called(ci), (const char *)ci->sigalg.p);
    if (!anchor && cf->version < 3)
        find(b, true, "cert-version-1", "%s: version %u", called(ci), cf->version);
    b->malformed |= cf->duplicate_extension || cf->unreadable.n;
    if (cf->duplicate_extension)
        find(b, true, "cert-malformed", "%s: extension %s twice", called(ci),
             (const char *)cf->duplicate.p);
    else if (cf->unreadable.n)
        find(b, true, "cert-malformed", "%s: extension %s cannot be read", called(ci),
             (const char *)cf->unreadable.p);
}

static void judge_path(struct bench *b)
{
    const struct certinfo_chain *path = at_work(b->c);
    size_t n = certinfo_count(path);
    for (size_t i = 0; i < n; i++) {
        struct certfacts cf;
        if (certfacts_read(path, i, &b->f->arena, &cf) == OK)
            judge_contents(b, certinfo_at(path, i), &cf, b->c->verified && i + 1 == n && n > 1);
    }
}

static void judge_leaf(struct bench *b)
{
    const struct certinfo *ci = b->leaf;
    const struct facts_chain *c = b->c;
    int64_t life_s = judgechain_life_s(ci->not_before_s, ci->not_after_s);
    /* Chrome and Safari: two timestamps, three above 180 days. */
    unsigned scts = life_s > 180 * (int64_t)DAY_S ? 3 : 2;
    if (ci->is_ca)
        find(b, true, "cert-is-ca", "basicConstraints of %s", called(ci));
    if (c->public_root && ci->scts < scts)
        find(b, true, "cert-no-sct", "%u of %u timestamps in the certificate", ci->scts, scts);
    if (ci->must_staple && b->f->tls.ocsp_stapled == FACTS_NO)
        find(b, true, "cert-must-staple", "TLS feature status_request, no stapled answer");
    if (c->public_root && c->certs && !c->certs[0].ncrl_urls && !ci->has_ocsp_url &&
        life_s > SHORT_LIFE_S)
        find(b, false, "cert-no-revocation", "neither a CRL nor an OCSP address");
}

/* ---- CAA ---- */

static const struct {
    const char *word, *domain;
} issuers[] = {
#define CAISSUER(word, domain) {word, domain},
#include "check/caissuer.def"
#undef CAISSUER
};

static bool contains(struct slice text, struct slice word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if (slice_eq_nocase(slice_of(text.p + i, word.n), word))
            return true;
    return false;
}

/* "issue letsencrypt.org; validationmethods=dns-01": the domain, when the tag is the one asked for.
 */
static bool caa_domain(struct slice record, struct slice tag, struct slice *ret)
{
    size_t space = slice_find(record, ' ');
    if (!slice_eq_nocase(slice_first(record, space), tag))
        return false;
    struct slice value = slice_from(record, space < record.n ? space + 1 : space);
    *ret = slice_trim(slice_first(value, slice_find(value, ';')));
    return true;
}

/* issuewild stands alone for wildcards where there is one (RFC 8659 4.3). */
static struct slice caa_tag(const struct facts *f, bool wildcard)
{
    struct slice domain;
    for (size_t i = 0; wildcard && i < f->dns.ncaa; i++)
        if (caa_domain(f->dns.caa[i], SLICE("issuewild"), &domain))
            return SLICE("issuewild");
    return SLICE("issue");
}

static bool issuer_has(struct slice issuer_dn, struct slice domain, bool *known)
{
    for (size_t i = 0; i < ARRAY_LEN(issuers); i++) {
        if (!contains(issuer_dn, slice_cstr(issuers[i].word)))
            continue;
        *known = true;
        if (slice_eq_nocase(slice_cstr(issuers[i].domain), domain))
            return true;
    }
    return false;
}

static void judge_caa(struct bench *b)
{
    const struct facts_dns *d = &b->f->dns;
    const struct certinfo_san *san = chainverify_covering(b->leaf, host_of(b->f));
    struct slice domain, example = SLICE_EMPTY;
    bool known = false, asked = false;
    if (!b->c->certs || !b->c->anchored || d->ncaa == 0)
        return;
    struct slice dn = b->c->certs[0].issuer_dn;
    struct slice tag = caa_tag(b->f, san && slice_starts(san->name, SLICE("*.")));
    (void)issuer_has(dn, SLICE_EMPTY, &known);
    for (size_t i = 0; i < d->ncaa; i++) {
        if (!caa_domain(d->caa[i], tag, &domain))
            continue;
        asked = true;
        example = domain;
        if (issuer_has(dn, domain, &known))
            return;
    }
    if (known && asked)
        find(b, true, "dns-caa-other-ca", "CAA " SLICE_F " \"" SLICE_F "\", issued by %.120s",
             SLICE_A(tag), SLICE_A(slice_first(example, 80)), (const char *)dn.p);
}

/* ---- all ---- */

static void judge_one(struct bench *b)
{
    judge_dates(b);
    judge_life(b);
    judge_issuers_dates(b);
    judge_name(b);
    judge_path(b);
    for (size_t i = 0; i < b->c->nfaults; i++)
        if (!follows(b, &b->c->faults[i]))
            judge_fault(b, &b->c->faults[i]);
    judge_arrangement(b);
    judge_leaf(b);
    judge_caa(b);
}

void judgecert_all(struct facts *f)
{
    size_t named = 0;
    for (size_t i = 0; i < f->nchains; i++)
        named += !f->chains[i].without_sni;
    for (size_t i = 0; i < f->nchains; i++) {
        struct bench b = {.f = f, .c = &f->chains[i], .leaf = certinfo_at(f->chains[i].chain, 0)};
        if (!b.c->verified_now)
            continue;
        if (named > 1)
            snprintf(b.label, sizeof(b.label),
                     "%s certificate: ", keystore_kind_text(b.leaf->key_kind));
        b.c->nerrors = 0;
        judge_one(&b);
        if (b.c->without_sni && named)
            facts_find(f, "cert-without-sni", "%s", called(b.leaf));
    }
}
