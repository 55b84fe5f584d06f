/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Mozilla 6.0 and 5.8: what each profile takes and what it says about the rest. */
#include "check/grade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "toyfacts.h"

enum { MODERN = 4, INTERMEDIATE = 2, OLD = 1 };

static const uint16_t cbc[] = {0xc02f, 0xc013}, des3[] = {0xc02f, 0x000a}, rc4[] = {0xc02f, 0x0005};
static const uint16_t dhe[] = {0xc02f, 0x009e}, ccm[] = {0x1301, 0x1304}, rsa[] = {0xc02f, 0x009c};
static const uint16_t p521[] = {0x001d, 0x0019}, all_groups[] = {0x11ec, 0x001d, 0x0017, 0x0018};

static const struct {
    const char *what, *cert;
    enum facts_version oldest; /* and all newer ones */
    const uint16_t *s12, *s13, *groups;
    unsigned dh_bits;
    int64_t hsts_s; /* 0: two years */
    unsigned fits;
    const char *says[3]; /* of modern, intermediate, old; NULL: not looked at */
    bool client_order;
} rows[] = {
    {"modern", "p256", FACTS_TLS13, .fits = MODERN | INTERMEDIATE,
     .says = {NULL, NULL, "the certificate's key is ECDSA P-256"}},
    {"TLS 1.2 as well", "p256", FACTS_TLS12, .fits = INTERMEDIATE, .says = {"tls1.2 is offered"}},
    {"RSA 2048", "rsa2048", FACTS_TLS12, .fits = INTERMEDIATE | OLD,
     .says = {"the certificate's key is RSA"}},
    {"RSA with 1.3 only", "rsa2048", FACTS_TLS13, .fits = INTERMEDIATE | OLD},
    {"RSA 1024", "rsa1024", FACTS_TLS12, .fits = 0,
     .says = {NULL, "the RSA key has 1024 bits", "the RSA key has 1024 bits"}},
    {"400 days", "p256long", FACTS_TLS12, .fits = 0,
     .says = {"the certificate lives 400 days, more than 90",
              "the certificate lives 400 days, more than 366"}},
    {"SHA-1", "rsasha1", FACTS_TLS12, .fits = 0,
     .says = {NULL, "the certificate is signed with sha1WithRSAEncryption"}},
    {"TLS 1.0", "rsa2048", FACTS_TLS10, .fits = OLD, .says = {NULL, "tls1.0 is offered"}},
    {"SSL 3.0", "rsa2048", FACTS_SSL3, .fits = 0, .says = {NULL, NULL, "ssl3 is offered"}},
    {"CBC", "rsa2048", FACTS_TLS12, .s12 = cbc, .fits = OLD,
     .says = {NULL, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is offered"}},
    {"static RSA", "rsa2048", FACTS_TLS12, .s12 = rsa, .fits = OLD,
     .says = {NULL, "TLS_RSA_WITH_AES_128_GCM_SHA256 is offered"}},
    {"3DES", "rsa2048", FACTS_TLS12, .s12 = des3, .fits = OLD},
    {"3DES, client order", "rsa2048", FACTS_TLS12, .s12 = des3, .fits = 0,
     .says = {NULL, NULL, "the server does not choose the suite"}, .client_order = true},
    {"client order", "p256", FACTS_TLS12, .fits = INTERMEDIATE, .client_order = true},
    {"RC4", "rsa2048", FACTS_TLS12, .s12 = rc4, .fits = 0,
     .says = {NULL, NULL, "TLS_RSA_WITH_RC4_128_SHA is offered"}},
    {"DHE left with 5.8", "rsa2048", FACTS_TLS12, .s12 = dhe, .dh_bits = 2048, .fits = 0,
     .says = {NULL, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 is offered"}},
    {"DH 1024", "rsa2048", FACTS_TLS12, .dh_bits = 1024, .fits = INTERMEDIATE,
     .says = {NULL, NULL, "Diffie-Hellman of 1024 bits"}},
    {"CCM", "p256", FACTS_TLS13, .s13 = ccm, .fits = 0,
     .says = {"TLS_AES_128_CCM_SHA256 is offered"}},
    {"P-521", "p256", FACTS_TLS13, .groups = p521, .fits = 0,
     .says = {"group secp521r1 is offered"}},
    {"P-384 key", "p384", FACTS_TLS13, .fits = MODERN | INTERMEDIATE},
    {"short HSTS", "p256", FACTS_TLS13, .hsts_s = 31536000, .fits = 0,
     .says = {"HSTS max-age is 31536000, less than 63072000"}},
    {"no HSTS", "p256", FACTS_TLS13, .hsts_s = -1, .fits = 0, .says = {"HSTS is missing"}},
};

static bool says(const struct facts *f, size_t profile, const char *text)
{
    for (size_t i = 0; i < f->mozilla.ndifferences[profile]; i++)
        if (slice_eq(f->mozilla.differences[profile][i], slice_cstr(text)))
            return true;
    return false;
}

static struct facts *made(size_t i)
{
    struct facts *f = toyfacts_new(rows[i].cert);
    if (!f)
        return NULL;
    for (enum facts_version v = FACTS_SSL3; v < FACTS_TLS13; v++) {
        f->tls.version[v] = v >= rows[i].oldest ? FACTS_YES : FACTS_NO;
        if (v < rows[i].oldest)
            f->tls.suites[v].n = 0;
    }
    if (rows[i].s12)
        f->tls.suites[FACTS_TLS12] = (struct facts_suites){rows[i].s12, 2};
    if (rows[i].s13)
        f->tls.suites[FACTS_TLS13] = (struct facts_suites){rows[i].s13, 2};
    f->tls.groups = rows[i].groups ? rows[i].groups : all_groups;
    f->tls.ngroups = rows[i].groups ? 2 : ARRAY_LEN(all_groups);
    f->tls.dh_bits = (uint16_t)rows[i].dh_bits;
    f->tls.server_order[FACTS_TLS12] = rows[i].client_order ? FACTS_NO : FACTS_YES;
    f->http.hsts.present = rows[i].hsts_s >= 0;
    if (rows[i].hsts_s > 0)
        f->http.hsts.max_age_s = rows[i].hsts_s;
    return f;
}

static void profiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = made(i);
        if (!f) {
            fail();
            return;
        }
        grade_mozilla(f);
        const struct facts_profile *m = &f->mozilla;
        unsigned fits =
            (m->modern ? MODERN : 0u) | (m->intermediate ? INTERMEDIATE : 0u) | (m->old ? OLD : 0u);
        if (!m->given || fits != rows[i].fits)
            fail_msg("%s: given %d fits %u, not %u; " SLICE_F " / " SLICE_F " / " SLICE_F,
                     rows[i].what, m->given, fits, rows[i].fits, SLICE_A(m->differences[0][0]),
                     SLICE_A(m->differences[1][0]), SLICE_A(m->differences[2][0]));
        for (size_t p = 0; p < 3; p++)
            if (rows[i].says[p] && !says(f, p, rows[i].says[p]))
                fail_msg("%s: profile %zu says <" SLICE_F ">, not <%s>", rows[i].what, p,
                         SLICE_A(m->differences[p][0]), rows[i].says[p]);
        facts_free(f);
    }
}

static void refuses(void **state)
{
    (void)state;
    struct facts *f = toyfacts_new("p256");
    if (!f) {
        fail();
        return;
    }
    f->tls.complete = false;
    grade_mozilla(f);
    grade_pci(f);
    assert_false(f->mozilla.given);
    assert_false(f->pci.given);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(profiles), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
