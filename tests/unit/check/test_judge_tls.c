/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Rules about name, TCP and TLS: each one alone on facts that are otherwise good, and silence about
 * what was not looked at. */
#include "check/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "toyfacts.h"

static const uint16_t codes_null[] = {0xc02f, 0x003b}, codes_anon[] = {0xc02f, 0xc018};
static const uint16_t codes_export[] = {0xc02f, 0x0003}, codes_des[] = {0xc02f, 0x0009};
static const uint16_t codes_rc4[] = {0xc02f, 0x0005}, codes_3des[] = {0xc02f, 0x000a};
static const uint16_t codes_rsa[] = {0xc02f, 0x009c}, codes_cbc[] = {0xc02f, 0xc013};
static const uint16_t codes_seed[] = {0xc02f, 0x0096}, only_cbc[] = {0xc013, 0xc014};
static const uint16_t only_rsa[] = {0x009c, 0x009d};
static const uint16_t p192[] = {0x11ec, 0x0013}, classic[] = {0x001d, 0x0017};
static const uint16_t sha1[] = {0x0403, 0x0201}, md5[] = {0x0403, 0x0101};

static void set_suites(struct facts *f, const uint16_t *codes)
{
    f->tls.suites[FACTS_TLS12] = (struct facts_suites){codes, 2};
}

static void only12(struct facts *f)
{
    f->tls.version[FACTS_TLS13] = FACTS_NO;
    f->tls.suites[FACTS_TLS13].n = 0;
}

static void fail_step(struct facts *f, enum facts_step_id id, int r)
{
    for (size_t i = id; i < FACTS_STEPS; i++)
        f->steps[i] = (struct facts_step){.ran = i == id};
    fault_set(&f->steps[id].fault, r, "it is so");
}

static void address(struct facts *f, const char *text, enum probe_end end)
{
    struct facts_address *a = &f->dns.addresses[f->dns.naddresses++];
    *a = (struct facts_address){.end = end, .tried = true, .connect_us = 1000};
    if (cidr_parse_ip(slice_cstr(text), &a->ip))
        fail();
}

#define CHANGE(name, ...)             \
    static void name(struct facts *f) \
    {                                 \
        __VA_ARGS__                   \
    }

CHANGE(nothing, (void)f;)
CHANGE(no_name, fail_step(f, FACTS_DNS, ERR_RESOLVE); f->dns.no_such_name = true;)
CHANGE(no_address, fail_step(f, FACTS_DNS, ERR_RESOLVE); f->dns.no_address = true;)
CHANGE(no_answer, fail_step(f, FACTS_DNS, ERR_RESOLVE);)
CHANGE(only_v4, f->dns.every_family = true; address(f, "192.0.2.1", PROBE_DONE);)
CHANGE(v4_asked_for, address(f, "192.0.2.1", PROBE_DONE);)
CHANGE(one_dead, address(f, "2001:db8::1", PROBE_TIMEOUT); address(f, "192.0.2.1", PROBE_DONE);)
CHANGE(refused, fail_step(f, FACTS_TCP, ERR_REFUSED); address(f, "192.0.2.1", PROBE_REFUSED);)
CHANGE(silent, fail_step(f, FACTS_TCP, ERR_TIMEOUT); address(f, "192.0.2.1", PROBE_TIMEOUT);)
CHANGE(no_route, fail_step(f, FACTS_TCP, ERR_UNREACHABLE);
       address(f, "192.0.2.1", PROBE_UNREACHABLE);)
CHANGE(prohibited, fail_step(f, FACTS_TCP, ERR_PERM); address(f, "192.0.2.1", PROBE_PROHIBITED);)
CHANGE(slow, address(f, "192.0.2.1", PROBE_DONE); f->dns.addresses[0].chosen = true;
       f->dns.addresses[0].connect_us = 600000;)
CHANGE(not_tls, fail_step(f, FACTS_TLS, ERR_NOT_TLS);)
CHANGE(cut, fail_step(f, FACTS_TLS, ERR_RESET);)
CHANGE(unverified, fail_step(f, FACTS_TLS, ERR_VERIFY);)
CHANGE(alert, fail_step(f, FACTS_TLS, ERR_TLS); f->tls.alert = 112;
       memset(f->tls.version, 0, sizeof(f->tls.version));)
CHANGE(alert12, fail_step(f, FACTS_TLS, ERR_TLS); f->tls.alert = 40;
       f->tls.client_certificate = FACTS_YES;)
CHANGE(alert13, f->tls.alert = 116;)
CHANGE(ended13, f->tls.client_certificate = FACTS_YES; f->http.r = ERR_RESET;)
CHANGE(optional, f->tls.client_certificate = FACTS_YES;)
CHANGE(ssl2, f->tls.version[FACTS_SSL2] = FACTS_YES;)
CHANGE(ssl3, f->tls.version[FACTS_SSL3] = FACTS_YES;)
CHANGE(tls10, f->tls.version[FACTS_TLS10] = FACTS_YES;)
CHANGE(tls11, f->tls.version[FACTS_TLS11] = FACTS_YES;)
CHANGE(only13, f->tls.version[FACTS_TLS12] = FACTS_NO; f->tls.suites[FACTS_TLS12].n = 0;)
CHANGE(null_suite, set_suites(f, codes_null);)
CHANGE(anonymous, set_suites(f, codes_anon);)
CHANGE(export_suite, set_suites(f, codes_export);)
CHANGE(des, set_suites(f, codes_des);)
CHANGE(rc4, set_suites(f, codes_rc4);)
CHANGE(triple, set_suites(f, codes_3des);)
CHANGE(static_rsa, set_suites(f, codes_rsa);)
CHANGE(cbc, set_suites(f, codes_cbc);)
CHANGE(seed, set_suites(f, codes_seed);)
CHANGE(no_aead, only12(f); set_suites(f, only_cbc);)
CHANGE(no_secrecy, only12(f); set_suites(f, only_rsa);)
CHANGE(client_order, f->tls.server_order[FACTS_TLS12] = FACTS_NO;)
CHANGE(weak_curve, f->tls.groups = p192; f->tls.ngroups = 2;)
CHANGE(no_pq, f->tls.groups = classic; f->tls.ngroups = 2;)
CHANGE(dh768, f->tls.dh_bits = 768;)
CHANGE(dh1024, f->tls.dh_bits = 1024;)
CHANGE(dh2048, f->tls.dh_bits = 2048; f->tls.dh_common_prime = true;)
CHANGE(common, f->tls.dh_bits = 1024; f->tls.dh_common_prime = true;)
CHANGE(signs_sha1, f->tls.sigalgs = sha1; f->tls.nsigalgs = 2;)
CHANGE(signs_md5, f->tls.sigalgs = md5; f->tls.nsigalgs = 2;)
CHANGE(compression, f->tls.compression = FACTS_YES;)
CHANGE(insecure, f->tls.vuln[FACTS_RENEGOTIATION_INSECURE] = FACTS_YES;
       f->tls.secure_renegotiation = FACTS_NO;)
CHANGE(no_5746, f->tls.secure_renegotiation = FACTS_NO;)
CHANGE(renegotiates, f->tls.vuln[FACTS_RENEGOTIATION_CLIENT] = FACTS_YES;)
CHANGE(no_ems, f->tls.ems = FACTS_NO;)
CHANGE(no_scsv, f->tls.fallback_scsv = FACTS_NO;)
CHANGE(early, f->tls.early_data = FACTS_YES;)
CHANGE(no_resumption, f->tls.resumption = FACTS_NO;)
CHANGE(no_h2, f->tls.h2 = FACTS_NO;)
CHANGE(intolerant, f->tls.grease_ok = FACTS_NO;)
CHANGE(large, f->tls.large_hello_ok = FACTS_NO;)
CHANGE(limited, f->tls.backed_off = true;)
CHANGE(heartbleed, f->tls.vuln[FACTS_HEARTBLEED] = FACTS_YES;)
CHANGE(robot, f->tls.vuln[FACTS_ROBOT] = FACTS_YES;)
CHANGE(drown, f->tls.vuln[FACTS_DROWN] = FACTS_YES;)
CHANGE(unknown, memset(&f->tls, 0, sizeof(f->tls));)

static const struct {
    const char *what;
    void (*change)(struct facts *f);
    const char *finds; /* the worst of them; NULL: nothing */
    const char * not ; /* what it is not */
} rows[] = {
    {"nothing", nothing, NULL, NULL},
    {"nothing was looked at", unknown, NULL, NULL},
    {"no such name", no_name, "dns-no-such-name", "dns-failed"},
    {"no address", no_address, "dns-no-address", "dns-failed"},
    {"no answer", no_answer, "dns-failed", "dns-no-such-name"},
    {"IPv4 only", only_v4, "dns-no-ipv6", NULL},
    {"-4", v4_asked_for, NULL, "dns-no-ipv6"},
    {"one dead address", one_dead, "dns-address-dead", "tcp-filtered"},
    {"refused", refused, "tcp-refused", "tcp-filtered"},
    {"silent", silent, "tcp-filtered", "tcp-refused"},
    {"no route", no_route, "tcp-unreachable", "tcp-filtered"},
    {"prohibited", prohibited, "tcp-prohibited", "tcp-unreachable"},
    {"slow", slow, "tcp-slow", NULL},
    {"not TLS", not_tls, "tls-not-tls", "tls-failed"},
    {"reset", cut, "tls-failed", "tls-alert"},
    {"unverified", unverified, "cert-untrusted", "tls-failed"},
    {"alert", alert, "tls-alert", "tls-failed"},
    {"client certificate, TLS 1.2", alert12, "tls-client-cert-required", "tls-alert"},
    {"client certificate, TLS 1.3", alert13, "tls-client-cert-required", "tls-alert"},
    {"client certificate, lost alert", ended13, "tls-client-cert-required", NULL},
    {"client certificate, not needed", optional, NULL, NULL},
    {"SSL 2.0", ssl2, "tls-ssl2", "tls-only-old"},
    {"SSL 3.0", ssl3, "tls-ssl3", NULL},
    {"TLS 1.0", tls10, "tls-tls10", "tls-tls11"},
    {"TLS 1.1", tls11, "tls-tls11", "tls-tls10"},
    {"TLS 1.2 only", only12, "tls-no-tls13", "tls-only-old"},
    {"TLS 1.3 only", only13, "tls-no-tls12", "tls-no-tls13"},
    {"NULL", null_suite, "suite-null", "suite-weak"},
    {"anonymous", anonymous, "suite-anonymous", NULL},
    {"export", export_suite, "suite-export", "suite-weak"},
    {"DES", des, "suite-weak", "suite-export"},
    {"RC4", rc4, "suite-rc4", "suite-weak"},
    {"3DES", triple, "suite-3des", "suite-weak"},
    {"static RSA", static_rsa, "suite-static-rsa", "suite-no-forward-secrecy"},
    {"CBC", cbc, "suite-cbc", "suite-no-aead"},
    {"SEED", seed, "suite-obsolete", NULL},
    {"no AEAD", no_aead, "suite-no-aead", "suite-no-forward-secrecy"},
    {"no forward secrecy", no_secrecy, "suite-no-forward-secrecy", "suite-no-aead"},
    {"client order", client_order, "suite-no-server-order", NULL},
    {"weak curve", weak_curve, "group-weak-curve", "group-no-pq"},
    {"no hybrid", no_pq, "group-no-pq", "group-weak-curve"},
    {"DH 768", dh768, "group-dh-weak", "group-dh-1024"},
    {"DH 1024", dh1024, "group-dh-1024", "group-dh-common"},
    {"DH 1024, common", common, "group-dh-1024", "group-dh-weak"},
    {"DH 2048, common", dh2048, NULL, "group-dh-common"},
    {"signs with SHA-1", signs_sha1, "sigalg-sha1", "sigalg-md5"},
    {"signs with MD5", signs_md5, "sigalg-md5", "sigalg-sha1"},
    {"compression", compression, "tls-compression", NULL},
    {"insecure renegotiation", insecure, "tls-renegotiation-insecure", "tls-renegotiation-missing"},
    {"no RFC 5746", no_5746, "tls-renegotiation-missing", "tls-renegotiation-insecure"},
    {"client renegotiation", renegotiates, "tls-renegotiation-client", NULL},
    {"no EMS", no_ems, "tls-no-ems", NULL},
    {"no SCSV", no_scsv, "tls-no-fallback-scsv", NULL},
    {"0-RTT", early, "tls-early-data", NULL},
    {"no resumption", no_resumption, "tls-no-resumption", NULL},
    {"no h2", no_h2, "tls-no-alpn-h2", NULL},
    {"GREASE", intolerant, "tls-version-intolerant", NULL},
    {"large hello", large, "tls-large-hello", NULL},
    {"rate limit", limited, "tls-rate-limited", NULL},
    {"Heartbleed", heartbleed, "vuln-heartbleed", NULL},
    {"ROBOT", robot, "vuln-robot", NULL},
    {"DROWN", drown, "vuln-drown", NULL},
};

static void rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = toyfacts_new("p256");
        if (!f) {
            fail();
            return;
        }
        rows[i].change(f);
        judge_tls(f);
        if (rows[i].finds ? !facts_has(f, rows[i].finds) : f->nfindings != 0)
            fail_msg("%s: %zu findings, first %s, not %s", rows[i].what, f->nfindings,
                     f->nfindings ? f->findings[0].id : "none",
                     rows[i].finds ? rows[i].finds : "none");
        if (rows[i].not &&facts_has(f, rows[i].not ))
            fail_msg("%s: finds %s, too", rows[i].what, rows[i].not );
        for (size_t k = 0; k < f->nfindings; k++)
            if (!f->findings[k].evidence.n)
                fail_msg("%s: %s without evidence", rows[i].what, f->findings[k].id);
        facts_free(f);
    }
}

/* A list of a hundred suites does not become an evidence of a hundred names. */
static void long_lists(void **state)
{
    (void)state;
    static const uint16_t codes[] = {0xc013, 0xc014, 0xc009, 0xc00a,
                                     0x002f, 0x0035, 0xc027, 0xc028};
    struct facts *f = toyfacts_new("p256");
    if (!f) {
        fail();
        return;
    }
    f->tls.suites[FACTS_TLS12] = (struct facts_suites){codes, ARRAY_LEN(codes)};
    judge_tls(f);
    for (size_t i = 0; i < f->nfindings; i++)
        if (strcmp(f->findings[i].id, "suite-cbc") == 0) {
            assert_true(slice_ends(f->findings[i].evidence, SLICE(" and 2 more")));
            facts_free(f);
            return;
        }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules), cmocka_unit_test(long_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
