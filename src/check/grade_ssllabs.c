/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* SSL Labs "SSL Server Rating Guide" 2009r. Three scores make a total, the total a letter, and
 * rules with names cap the letter. Forward secrecy, AEAD and 3DES are judged by what clients would
 * get, not by what is merely offered (2009p). */
#include <stdio.h>

#include "check/grade.h"
#include "check/tlsclient.h"
#include "wire/suite.h"

#define HSTS_LONG_S (180 * 86400) /* "six months" */

static const char note[] =
    "elliptic keys count as on ssllabs.com: 256 bits like RSA 3072, 384 like RSA 7680; not looked "
    "for: CVE-2016-2107, Zombie and Sleeping POODLE, GOLDENDOODLE, 0-length, Debian keys";

/* From good to bad; a cap keeps the worst. */
enum letter { A_PLUS, A, A_MINUS, B, C, D, E, F, M, T };
static const char *const letters[] = {"A+", "A", "A-", "B", "C", "D", "E", "F", "M", "T"};

struct work {
    struct facts *f;
    enum letter letter;
};

static void cap(struct work *w, enum letter at, bool applies, const char *why)
{
    struct facts_grade *g = &w->f->ssllabs;
    if (!applies)
        return;
    if (at > w->letter)
        w->letter = at;
    if (g->ncaps < ARRAY_LEN(g->caps) &&
        !arena_printf(&w->f->arena, &g->caps[g->ncaps], "%s: %s", letters[at], why))
        g->ncaps++;
}

/* ---- what must have run ---- */

static bool has_http(const struct facts *f)
{
    return !f->target.starttls; /* HSTS is a matter of HTTP only */
}

static const char *missing(const struct facts *f)
{
    static const enum facts_vuln needed[] = {FACTS_HEARTBLEED, FACTS_CCS_INJECTION, FACTS_ROBOT,
                                             FACTS_TICKETBLEED};
    const struct facts_tls *t = &f->tls;
    if (!f->nchains)
        return "no certificate was seen";
    for (size_t v = 0; v < FACTS_VERSIONS; v++)
        if (t->version[v] == FACTS_UNKNOWN)
            return "not every protocol version was tried";
    if (!t->complete)
        return "the audit is not complete: probes got no answer";
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (t->vuln[needed[i]] == FACTS_UNKNOWN)
            return "known attacks were not tried";
    if (has_http(f) && !f->http.ran)
        return "HTTP was not looked at (HSTS counts)";
    return NULL;
}

/* ---- scores ---- */

static unsigned protocol_score(const struct facts_tls *t)
{
    static const unsigned scores[FACTS_VERSIONS] = {0, 80, 90, 95, 100, 100};
    unsigned best = 0, worst = 100;
    bool any = false;
    for (size_t v = 0; v < FACTS_VERSIONS; v++)
        if (t->version[v] == FACTS_YES) {
            best = scores[v] > best ? scores[v] : best;
            worst = scores[v] < worst ? scores[v] : worst;
            any = true;
        }
    return any ? (best + worst) / 2 : 0;
}

/* As the size of an RSA key. */
static unsigned key_strength(const struct certinfo *leaf)
{
    switch (leaf->key_kind) {
    case KEY_ECDSA_P256:
    case KEY_ED25519:
        return 3072;
    case KEY_ECDSA_P384:
        return 7680;
    case KEY_ECDSA_P521:
        return 15360;
    case KEY_RSA:
    case KEY_OTHER:
        break;
    }
    return leaf->key_bits;
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

static bool is_anonymous(const struct suite *s)
{
    return s->auth == SUITE_AUTH_ANON || s->cipher == SUITE_NULL;
}

static bool is_export(const struct suite *s)
{
    return s->export;
}

static bool is_short(const struct suite *s)
{
    return s->bits < 112;
}

static bool is_rc4(const struct suite *s)
{
    return s->cipher == SUITE_RC4;
}

static bool is_no_rc4(const struct suite *s)
{
    return s->cipher != SUITE_RC4;
}

static bool uses_curves(const struct suite *s)
{
    return s->tls13 || s->kx == SUITE_KX_ECDHE || s->kx == SUITE_KX_ECDH;
}

/* The weakest of certificate key, Diffie-Hellman parameters and curves. */
static unsigned weakest_exchange(const struct facts *f)
{
    const struct facts_tls *t = &f->tls;
    unsigned least = 0;
    for (size_t i = 0; i < f->nchains; i++) {
        unsigned bits = key_strength(certinfo_at(f->chains[i].chain, 0));
        if (!f->chains[i].without_sni && (!least || bits < least))
            least = bits;
    }
    if (t->dh_bits && t->dh_bits < least)
        least = t->dh_bits;
    for (size_t i = 0; offers(t, uses_curves) && i < t->ngroups; i++) {
        const struct suite_group *g = suite_group_find(t->groups[i]);
        if (g && g->strength && g->strength < least)
            least = g->strength;
    }
    return least;
}

static unsigned exchange_score(const struct facts *f)
{
    unsigned bits = weakest_exchange(f);
    if (offers(&f->tls, is_anonymous))
        return 0;
    if (bits < 512)
        return 20;
    if (bits < 1024 || offers(&f->tls, is_export))
        return 40;
    return bits < 2048 ? 80 : bits < 4096 ? 90 : 100;
}

static unsigned cipher_points(unsigned bits)
{
    return bits == 0 ? 0 : bits < 128 ? 20 : bits < 256 ? 80 : 100;
}

static unsigned cipher_score(const struct facts_tls *t)
{
    unsigned strongest = 0, weakest = 10000;
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        for (size_t i = 0; i < t->suites[v].n; i++) {
            const struct suite *s = suite_find(t->suites[v].codes[i]);
            unsigned bits = s ? s->bits : 0;
            if (!s)
                continue;
            strongest = bits > strongest ? bits : strongest;
            weakest = bits < weakest ? bits : weakest;
        }
    return weakest == 10000 ? 0 : (cipher_points(strongest) + cipher_points(weakest)) / 2;
}

static enum letter letter_of(unsigned score)
{
    return score >= 80   ? A
           : score >= 65 ? B
           : score >= 50 ? C
           : score >= 35 ? D
           : score >= 20 ? E
                         : F;
}

/* ---- caps ---- */

static bool modern_only(const struct facts_tls *t)
{
    return t->version[FACTS_TLS12] == FACTS_YES || t->version[FACTS_TLS13] == FACTS_YES;
}

static bool rc4_with_newer(const struct facts_tls *t)
{
    for (enum facts_version v = FACTS_TLS11; v < FACTS_VERSIONS; v++)
        for (size_t i = 0; i < t->suites[v].n; i++) {
            const struct suite *s = suite_find(t->suites[v].codes[i]);
            if (s && is_rc4(s))
                return true;
        }
    return false;
}

static void cap_trust(struct work *w)
{
    const struct facts *f = w->f;
    bool expired = facts_has(f, "cert-expired") || facts_has(f, "cert-not-yet-valid");
    bool sha1 = facts_has(f, "cert-sig-sha1"), md5 = facts_has(f, "cert-sig-md5");
    bool wrong_name = facts_has(f, "cert-name-mismatch") || facts_has(f, "cert-common-name-only");
    bool incomplete = facts_has(f, "cert-chain-incomplete");
    bool untrusted = facts_has(f, "cert-untrusted") || facts_has(f, "cert-self-signed");
    bool otherwise = !f->chains[0].trusted && !expired && !wrong_name && !incomplete && !untrusted;
    cap(w, T, expired, "the certificate is not valid at this time");
    cap(w, T, untrusted, "the certificate is not trusted");
    cap(w, T, otherwise, "the chain does not verify");
    cap(w, T, sha1, "a certificate is signed with SHA-1");
    cap(w, F, md5, "a certificate is signed with MD5");
    cap(w, M, wrong_name, "the certificate is for other names");
    cap(w, F, facts_has(f, "cert-revoked"), "the certificate is revoked");
    cap(w, B, incomplete, "an intermediate certificate is missing");
}

static void cap_attacks(struct work *w)
{
    const enum facts_answer *v = w->f->tls.vuln;
    cap(w, F, v[FACTS_RENEGOTIATION_INSECURE] == FACTS_YES, "insecure renegotiation");
    cap(w, F, v[FACTS_HEARTBLEED] == FACTS_YES, "Heartbleed");
    cap(w, F, v[FACTS_CCS_INJECTION] == FACTS_YES, "CCS injection (CVE-2014-0224)");
    cap(w, F, v[FACTS_ROBOT] == FACTS_YES, "ROBOT");
    cap(w, F, v[FACTS_TICKETBLEED] == FACTS_YES, "Ticketbleed");
    cap(w, F, v[FACTS_POODLE_TLS] == FACTS_YES, "POODLE against TLS");
    cap(w, F, v[FACTS_DROWN] == FACTS_YES, "DROWN");
    cap(w, C, v[FACTS_POODLE_SSL3] == FACTS_YES, "POODLE");
    cap(w, C, v[FACTS_CRIME] == FACTS_YES, "TLS compression (CRIME)");
}

static void cap_offers(struct work *w)
{
    const struct facts_tls *t = &w->f->tls;
    const enum facts_answer *v = t->version;
    unsigned bits = weakest_exchange(w->f);
    bool rc4 = offers(t, is_rc4), newer = rc4_with_newer(t);
    bool ssl3_best = v[FACTS_SSL3] == FACTS_YES && v[FACTS_TLS10] != FACTS_YES &&
                     v[FACTS_TLS11] != FACTS_YES && !modern_only(t);
    cap(w, F, v[FACTS_SSL2] == FACTS_YES, "SSL 2.0 is offered");
    cap(w, F, ssl3_best, "SSL 3.0 is the best version");
    cap(w, F, rc4 && !offers(t, is_no_rc4), "there is nothing but RC4");
    cap(w, F, offers(t, is_short), "export suites or ciphers below 112 bits");
    cap(w, F, offers(t, is_anonymous), "suites without authentication or encryption");
    cap(w, F, bits < 1024, "a key or Diffie-Hellman below 1024 bits");
    cap(w, C, !ssl3_best && !modern_only(t), "neither TLS 1.2 nor 1.3 is offered");
    cap(w, C, newer, "RC4 with TLS 1.1 or newer");
    cap(w, B, rc4 && !newer, "RC4");
    cap(w, B, v[FACTS_SSL3] == FACTS_YES, "SSL 3.0 is offered");
    cap(w, B, v[FACTS_TLS10] == FACTS_YES, "TLS 1.0 is offered");
    cap(w, B, v[FACTS_TLS11] == FACTS_YES, "TLS 1.1 is offered");
    cap(w, B, bits >= 1024 && bits < 2048, "a key or Diffie-Hellman below 2048 bits");
}

static void cap_clients(struct work *w)
{
    const struct facts_tls *t = &w->f->tls;
    const struct suite *modern = tlsclient_suite(t, TLSCLIENT_BROWSER);
    const struct suite *old = tlsclient_suite(t, TLSCLIENT_OLD);
    bool newer = t->version[FACTS_TLS11] == FACTS_YES || modern_only(t);
    cap(w, C, newer && old && old->cipher == SUITE_3DES, "3DES is chosen with TLS 1.1 or newer");
    cap(w, B, !modern || !(modern->tls13 || suite_forward_secret(modern)),
        "no forward secrecy with modern browsers");
    cap(w, B, !modern || !suite_aead(modern), "no AEAD suite with modern browsers");
}

static void cap_warnings(struct work *w)
{
    const struct facts *f = w->f;
    const struct facts_hsts *h = &f->http.hsts;
    bool hsts = h->present && h->valid && h->max_age_s > 0;
    cap(w, A_MINUS, f->tls.version[FACTS_TLS13] != FACTS_YES, "no TLS 1.3");
    cap(w, A_MINUS, has_http(f) && !hsts, "HSTS is missing, invalid or off");
    cap(w, A_MINUS,
        f->tls.secure_renegotiation == FACTS_NO &&
            f->tls.vuln[FACTS_RENEGOTIATION_INSECURE] != FACTS_YES,
        "no secure renegotiation");
    if (w->letter == A && has_http(f) && hsts && h->max_age_s >= HSTS_LONG_S)
        w->letter = A_PLUS;
}

void grade_ssllabs(struct facts *f)
{
    struct facts_grade *g = &f->ssllabs;
    const char *why_not = missing(f);
    if (why_not) {
        g->missing = slice_cstr(why_not);
        return;
    }
    g->protocol = protocol_score(&f->tls);
    g->key_exchange = exchange_score(f);
    g->cipher = cipher_score(&f->tls);
    bool zero = !g->protocol || !g->key_exchange || !g->cipher;
    g->score = zero ? 0 : (30 * g->protocol + 30 * g->key_exchange + 40 * g->cipher) / 100;
    struct work w = {f, letter_of(g->score)};
    cap_trust(&w);
    cap_attacks(&w);
    cap_offers(&w);
    cap_clients(&w);
    cap_warnings(&w);
    g->given = true;
    g->note = note;
    snprintf(g->grade, sizeof(g->grade), "%s", letters[w.letter]);
}
