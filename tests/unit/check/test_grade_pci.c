/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* PCI DSS: each failure alone, with its words. */
#include "check/grade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "toyfacts.h"

static const uint16_t rc4[] = {0xc02f, 0x0005}, des3[] = {0xc02f, 0x000a},
                      null_suite[] = {0xc02f, 0x003b};
static const uint16_t anon[] = {0xc02f, 0xc018}, export_suite[] = {0xc02f, 0x0003},
                      rsa[] = {0xc02f, 0x009c};
static const uint16_t p192[] = {0x001d, 0x0013};

static const struct {
    const char *what, *cert, *finding;
    const uint16_t *s12, *groups;
    int version, vuln; /* also offered, there; 0: none */
    unsigned dh_bits;
    const char *fails; /* NULL: passes */
} rows[] = {
    {"good", .cert = "p256"},
    {"static RSA is no failure", "p256", .s12 = rsa},
    {"RSA 2048", .cert = "rsa2048"},
    {"RSA 1024", "rsa1024", .fails = "a certificate's key is below 112 bits of strength"},
    {"SSL 3.0", "p256", .version = FACTS_SSL3, .fails = "SSL 3.0 is offered"},
    {"TLS 1.0", "p256", .version = FACTS_TLS10, .fails = "TLS 1.0 is offered"},
    {"TLS 1.1", "p256", .version = FACTS_TLS11, .fails = "TLS 1.1 is offered"},
    {"RC4", "p256", .s12 = rc4, .fails = "weak suites (export, RC4, DES, 3DES) are offered"},
    {"3DES", "p256", .s12 = des3, .fails = "weak suites (export, RC4, DES, 3DES) are offered"},
    {"export", "p256", .s12 = export_suite,
     .fails = "weak suites (export, RC4, DES, 3DES) are offered"},
    {"anonymous", "p256", .s12 = anon,
     .fails = "suites without encryption or authentication are offered"},
    {"NULL", "p256", .s12 = null_suite,
     .fails = "suites without encryption or authentication are offered"},
    {"DH 1024", "p256", .dh_bits = 1024, .fails = "Diffie-Hellman below 2048 bits"},
    {"P-192", "p256", .groups = p192, .fails = "curves below 224 bits are offered"},
    {"ROBOT", "p256", .vuln = FACTS_ROBOT, .fails = "a known attack is possible; see the findings"},
    {"expired", "p256", "cert-expired", .fails = "the certificate has expired"},
    {"wrong name", "p256", "cert-name-mismatch", .fails = "the certificate is for other names"},
    {"self-signed", "p256", "cert-self-signed", .fails = "the certificate is self-signed"},
    {"SHA-1", "p256", "cert-sig-sha1", .fails = "a certificate is signed with SHA-1"},
};

static void failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = toyfacts_new(rows[i].cert);
        if (!f) {
            fail();
            return;
        }
        if (rows[i].finding)
            facts_find(f, rows[i].finding, "x");
        if (rows[i].s12)
            f->tls.suites[FACTS_TLS12] = (struct facts_suites){rows[i].s12, 2};
        if (rows[i].groups) {
            f->tls.groups = rows[i].groups;
            f->tls.ngroups = 2;
        }
        if (rows[i].version)
            f->tls.version[rows[i].version] = FACTS_YES;
        if (rows[i].vuln)
            f->tls.vuln[rows[i].vuln] = FACTS_YES;
        f->tls.dh_bits = (uint16_t)rows[i].dh_bits;
        grade_pci(f);
        const struct facts_pci *g = &f->pci;
        if (!g->given || g->pass != !rows[i].fails || g->nfailures != (rows[i].fails ? 1u : 0u) ||
            (rows[i].fails && !slice_eq(g->failures[0], slice_cstr(rows[i].fails))))
            fail_msg("%s: given %d pass %d, %zu failures, first <" SLICE_F ">, not <%s>",
                     rows[i].what, g->given, g->pass, g->nfailures, SLICE_A(g->failures[0]),
                     rows[i].fails ? rows[i].fails : "none");
        facts_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
