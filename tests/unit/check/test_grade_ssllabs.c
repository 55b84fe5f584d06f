/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* SSL Labs 2009r: one row for each rule and cap, each with the rule that must be named. */
#include "check/grade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "toyfacts.h"
#include "wire/suite.h"

#define V(x) (1u << FACTS_##x)
#define GOOD (V(TLS12) | V(TLS13))

static const uint16_t rc4[] = {0x0005, 0xc02f}, only_rc4[] = {0x0005},
                      export_rc4[] = {0x0003, 0xc02f};
static const uint16_t des[] = {0x0009, 0xc02f}, anon[] = {0xc018, 0xc02f},
                      null_suite[] = {0x003b, 0xc02f};
static const uint16_t des3_first[] = {0x000a, 0xc02f, 0x002f},
                      des3_last[] = {0xc02f, 0xc030, 0x000a};
static const uint16_t static_rsa[] = {0x009c, 0x009d}, cbc[] = {0xc013, 0xc014};
static const uint16_t aes256[] = {0xc030}, dhe[] = {0xc02f, 0x009e};
static const uint16_t export_1024[] = {0xc02f, 0x0062};

struct row {
    const char *what;
    const char *cert;    /* NULL: p256 */
    unsigned versions;   /* 0: GOOD */
    const uint16_t *s12; /* suites of TLS 1.2; NULL: good ones */
    size_t ns12;
    unsigned dh_bits;
    int vuln;                /* -1: none */
    const char *finding;     /* of another judge; NULL: none */
    int64_t hsts_s;          /* 0: two years; -1: none */
    const char *grade, *cap; /* cap NULL: none at all */
    bool no_order, no_renegotiation;
};

#define SUITES(a) .s12 = a, .ns12 = ARRAY_LEN(a)

static const struct row rows[] = {
    {"nothing wrong", .vuln = -1, .grade = "A+"},
    {"HSTS of 100 days", .vuln = -1, .hsts_s = 8640000, .grade = "A"},
    {"HSTS of 180 days", .vuln = -1, .hsts_s = 180 * 86400, .grade = "A+"},
    {"no HSTS", .vuln = -1, .hsts_s = -1, .grade = "A-",
     .cap = "A-: HSTS is missing, invalid or off"},
    {"only TLS 1.3", .versions = V(TLS13), .vuln = -1, .grade = "A+"},
    {"no TLS 1.3", .versions = V(TLS12), .vuln = -1, .grade = "A-", .cap = "A-: no TLS 1.3"},
    {"no RFC 5746", .vuln = -1, .no_renegotiation = true, .grade = "A-",
     .cap = "A-: no secure renegotiation"},
    {"insecure renegotiation", .vuln = FACTS_RENEGOTIATION_INSECURE, .no_renegotiation = true,
     .grade = "F", .cap = "F: insecure renegotiation"},
    {"SSL 2.0", .versions = GOOD | V(SSL2), .vuln = -1, .grade = "F",
     .cap = "F: SSL 2.0 is offered"},
    {"SSL 3.0", .versions = GOOD | V(SSL3), .vuln = -1, .grade = "B",
     .cap = "B: SSL 3.0 is offered"},
    {"SSL 3.0 best", .versions = V(SSL3), .vuln = -1, .grade = "F",
     .cap = "F: SSL 3.0 is the best version"},
    {"TLS 1.0", .versions = GOOD | V(TLS10), .vuln = -1, .grade = "B",
     .cap = "B: TLS 1.0 is offered"},
    {"TLS 1.1", .versions = GOOD | V(TLS11), .vuln = -1, .grade = "B",
     .cap = "B: TLS 1.1 is offered"},
    {"TLS 1.0 best", .versions = V(TLS10), .vuln = -1, .grade = "C",
     .cap = "C: neither TLS 1.2 nor 1.3 is offered"},
    {"RC4", SUITES(rc4), .vuln = -1, .grade = "C", .cap = "C: RC4 with TLS 1.1 or newer"},
    {"only RC4", .versions = V(TLS12), SUITES(only_rc4), .vuln = -1, .grade = "F",
     .cap = "F: there is nothing but RC4"},
    {"export", SUITES(export_rc4), .vuln = -1, .grade = "F",
     .cap = "F: export suites or ciphers below 112 bits"},
    {"export of 56 bits", SUITES(export_1024), .vuln = -1, .grade = "F",
     .cap = "F: export suites or ciphers below 112 bits"},
    {"DES", SUITES(des), .vuln = -1, .grade = "F",
     .cap = "F: export suites or ciphers below 112 bits"},
    {"anonymous", SUITES(anon), .vuln = -1, .grade = "F",
     .cap = "F: suites without authentication or encryption"},
    {"NULL", SUITES(null_suite), .vuln = -1, .grade = "F",
     .cap = "F: suites without authentication or encryption"},
    {"3DES first", .versions = V(TLS12), SUITES(des3_first), .vuln = -1, .grade = "C",
     .cap = "C: 3DES is chosen with TLS 1.1 or newer"},
    {"3DES last", SUITES(des3_last), .vuln = -1, .grade = "A+"},
    {"3DES first, but the client chooses", SUITES(des3_first), .vuln = -1, .no_order = true,
     .grade = "A+"},
    {"no forward secrecy", .versions = V(TLS12), SUITES(static_rsa), .vuln = -1, .grade = "B",
     .cap = "B: no forward secrecy with modern browsers"},
    {"forward secrecy by TLS 1.3", SUITES(static_rsa), .vuln = -1, .grade = "A+"},
    {"no AEAD", .versions = V(TLS12), SUITES(cbc), .vuln = -1, .grade = "B",
     .cap = "B: no AEAD suite with modern browsers"},
    {"RSA 1024", .cert = "rsa1024", .vuln = -1, .grade = "B",
     .cap = "B: a key or Diffie-Hellman below 2048 bits"},
    {"DH 1024", SUITES(dhe), .dh_bits = 1024, .vuln = -1, .grade = "B",
     .cap = "B: a key or Diffie-Hellman below 2048 bits"},
    {"DH 768", SUITES(dhe), .dh_bits = 768, .vuln = -1, .grade = "F",
     .cap = "F: a key or Diffie-Hellman below 1024 bits"},
    {"DH 2048", SUITES(dhe), .dh_bits = 2048, .vuln = -1, .grade = "A+"},
    {"Heartbleed", .vuln = FACTS_HEARTBLEED, .grade = "F", .cap = "F: Heartbleed"},
    {"CCS", .vuln = FACTS_CCS_INJECTION, .grade = "F", .cap = "F: CCS injection (CVE-2014-0224)"},
    {"ROBOT", .vuln = FACTS_ROBOT, .grade = "F", .cap = "F: ROBOT"},
    {"Ticketbleed", .vuln = FACTS_TICKETBLEED, .grade = "F", .cap = "F: Ticketbleed"},
    {"POODLE TLS", .vuln = FACTS_POODLE_TLS, .grade = "F", .cap = "F: POODLE against TLS"},
    {"DROWN", .vuln = FACTS_DROWN, .grade = "F", .cap = "F: DROWN"},
    {"POODLE", .vuln = FACTS_POODLE_SSL3, .grade = "C", .cap = "C: POODLE"},
    {"CRIME", .vuln = FACTS_CRIME, .grade = "C", .cap = "C: TLS compression (CRIME)"},
    {"BEAST is no cap", .vuln = FACTS_BEAST, .grade = "A+"},
    {"expired", .vuln = -1, .finding = "cert-expired", .grade = "T",
     .cap = "T: the certificate is not valid at this time"},
    {"not yet", .vuln = -1, .finding = "cert-not-yet-valid", .grade = "T",
     .cap = "T: the certificate is not valid at this time"},
    {"self-signed", .vuln = -1, .finding = "cert-self-signed", .grade = "T",
     .cap = "T: the certificate is not trusted"},
    {"untrusted", .vuln = -1, .finding = "cert-untrusted", .grade = "T",
     .cap = "T: the certificate is not trusted"},
    {"SHA-1", .vuln = -1, .finding = "cert-sig-sha1", .grade = "T",
     .cap = "T: a certificate is signed with SHA-1"},
    {"MD5", .vuln = -1, .finding = "cert-sig-md5", .grade = "F",
     .cap = "F: a certificate is signed with MD5"},
    {"wrong name", .vuln = -1, .finding = "cert-name-mismatch", .grade = "M",
     .cap = "M: the certificate is for other names"},
    {"revoked", .vuln = -1, .finding = "cert-revoked", .grade = "F",
     .cap = "F: the certificate is revoked"},
    {"incomplete", .vuln = -1, .finding = "cert-chain-incomplete", .grade = "B",
     .cap = "B: an intermediate certificate is missing"},
    {"trust beats an attack", .vuln = FACTS_ROBOT, .finding = "cert-expired", .grade = "T",
     .cap = "F: ROBOT"},
};

static struct facts *made(const struct row *row)
{
    struct facts *f = toyfacts_new(row->cert ? row->cert : "p256");
    unsigned versions = row->versions ? row->versions : GOOD;
    if (!f)
        return NULL;
    for (enum facts_version v = FACTS_SSL2; v < FACTS_VERSIONS; v++) {
        bool was = f->tls.version[v] == FACTS_YES, is = versions >> v & 1;
        f->tls.version[v] = is ? FACTS_YES : FACTS_NO;
        if (is && !was && v != FACTS_SSL2) {
            f->tls.suites[v] = (struct facts_suites){cbc, ARRAY_LEN(cbc)};
            f->tls.server_order[v] = FACTS_YES;
        } else if (!is) {
            f->tls.suites[v].n = 0;
        }
    }
    if (row->s12)
        f->tls.suites[FACTS_TLS12] = (struct facts_suites){row->s12, row->ns12};
    if (row->no_order)
        f->tls.server_order[FACTS_TLS12] = FACTS_NO;
    f->tls.dh_bits = (uint16_t)row->dh_bits;
    if (row->vuln >= 0)
        f->tls.vuln[row->vuln] = FACTS_YES;
    if (row->no_renegotiation)
        f->tls.secure_renegotiation = FACTS_NO;
    if (row->finding)
        facts_find(f, row->finding, "x");
    if (row->hsts_s)
        f->http.hsts.max_age_s = row->hsts_s;
    f->http.hsts.present = row->hsts_s >= 0;
    return f;
}

static bool names(const struct facts *f, const char *cap)
{
    for (size_t i = 0; i < f->ssllabs.ncaps; i++)
        if (slice_eq(f->ssllabs.caps[i], slice_cstr(cap)))
            return true;
    return false;
}

static void caps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct facts *f = made(row);
        if (!f) {
            fail();
            return;
        }
        grade_ssllabs(f);
        if (!f->ssllabs.given)
            fail_msg("%s: no grade: " SLICE_F, row->what, SLICE_A(f->ssllabs.missing));
        if (strcmp(f->ssllabs.grade, row->grade) != 0)
            fail_msg("%s: %s (%u), not %s; first cap <" SLICE_F ">", row->what, f->ssllabs.grade,
                     f->ssllabs.score, row->grade, SLICE_A(f->ssllabs.caps[0]));
        if (row->cap ? !names(f, row->cap) : f->ssllabs.ncaps != 0)
            fail_msg("%s: %zu caps, first <" SLICE_F ">, not <%s>", row->what, f->ssllabs.ncaps,
                     SLICE_A(f->ssllabs.caps[0]), row->cap ? row->cap : "none");
        facts_free(f);
    }
}

static void scores(void **state)
{
    (void)state;
    static const struct {
        struct row row;
        unsigned protocol, key_exchange, cipher, score;
    } cases[] = {
        {{"as it comes", .vuln = -1}, 100, 90, 90, 93},
        {{"AES-256 only", .versions = V(TLS12), SUITES(aes256), .vuln = -1}, 100, 90, 100, 97},
        {{"TLS 1.0 as well", .versions = GOOD | V(TLS10), .vuln = -1}, 95, 90, 90, 91},
        {{"SSL 2.0 as well", .versions = GOOD | V(SSL2), .vuln = -1}, 50, 90, 90, 78},
        {{"RSA 4096, but X25519", .cert = "rsa4096", .vuln = -1}, 100, 90, 90, 93},
        {{"RSA 1024", .cert = "rsa1024", .vuln = -1}, 100, 80, 90, 90},
        {{"3DES last", SUITES(des3_last), .vuln = -1}, 100, 90, 60, 81},
        {{"export", SUITES(export_rc4), .vuln = -1}, 100, 40, 60, 66},
        {{"anonymous", SUITES(anon), .vuln = -1}, 100, 0, 90, 0},
        {{"NULL", SUITES(null_suite), .vuln = -1}, 100, 0, 50, 0},
        {{"DH 512", SUITES(dhe), .dh_bits = 511, .vuln = -1}, 100, 20, 90, 72},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct facts *f = made(&cases[i].row);
        if (!f) {
            fail();
            return;
        }
        grade_ssllabs(f);
        const struct facts_grade *g = &f->ssllabs;
        if (g->protocol != cases[i].protocol || g->key_exchange != cases[i].key_exchange ||
            g->cipher != cases[i].cipher || g->score != cases[i].score)
            fail_msg("%s: %u %u %u %u, not %u %u %u %u", cases[i].row.what, g->protocol,
                     g->key_exchange, g->cipher, g->score, cases[i].protocol, cases[i].key_exchange,
                     cases[i].cipher, cases[i].score);
        assert_non_null(g->note);
        facts_free(f);
    }
}

/* P-384 and RSA 4096 without a weaker curve is what gets 100. */
static void strong_exchange(void **state)
{
    (void)state;
    static const uint16_t p384[] = {0x0018};
    struct facts *f = toyfacts_new("rsa4096");
    if (!f) {
        fail();
        return;
    }
    f->tls.groups = p384;
    f->tls.ngroups = 1;
    grade_ssllabs(f);
    assert_int_equal(f->ssllabs.key_exchange, 100);
    facts_free(f);
}

static void forget_version(struct facts *f)
{
    f->tls.version[FACTS_SSL2] = FACTS_UNKNOWN;
}

static void forget_robot(struct facts *f)
{
    f->tls.vuln[FACTS_ROBOT] = FACTS_UNKNOWN;
}

static void forget_audit(struct facts *f)
{
    f->tls.complete = false;
}

static void forget_http(struct facts *f)
{
    f->http.ran = false;
}

static void forget_certificate(struct facts *f)
{
    certinfo_unref(f->chains[0].chain);
    f->nchains = 0;
}

static void refuses(void **state)
{
    (void)state;
    static void (*const ways[])(struct facts * f) = {forget_version, forget_robot, forget_audit,
                                                     forget_http, forget_certificate};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct facts *f = toyfacts_new("p256");
        if (!f) {
            fail();
            return;
        }
        ways[i](f);
        grade_ssllabs(f);
        if (f->ssllabs.given || !f->ssllabs.missing.n)
            fail_msg("way %zu: a grade %s", i, f->ssllabs.grade);
        facts_free(f);
    }
}

/* Without HTTP by nature there is no HSTS to miss, and no A+ either. */
static void starttls_has_no_hsts(void **state)
{
    (void)state;
    struct facts *f = toyfacts_new("p256");
    if (!f) {
        fail();
        return;
    }
    f->target.starttls = "smtp";
    f->http.ran = false;
    f->http.hsts.present = false;
    grade_ssllabs(f);
    assert_true(f->ssllabs.given);
    assert_string_equal(f->ssllabs.grade, "A");
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps),
        cmocka_unit_test(scores),
        cmocka_unit_test(refuses),
        cmocka_unit_test(strong_exchange),
        cmocka_unit_test(starttls_has_no_hsts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
