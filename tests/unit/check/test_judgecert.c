/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every chain of tests/e2e/lib/badchains.py, at its time: the verdict and the exact findings. Then
 * the rules that need no chain of their own. */
#include "check/judgecert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "check/judgechain.h"
#include "check/trustload.h"
#include "os/file.h"

#define NOW_S 1781524800 /* 2026-06-15 12:00:00 UTC: badchains.NOW */

static struct buf root_pem;
static const char *directory;

static void read_chain_file(const char *name, const char *suffix, struct buf *ret)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s%s", directory, name, suffix);
    buf_init(ret, 1024 * 1024);
    if (file_read(path, 1024 * 1024, ret, NULL))
        ret->n = 0;
}

/* Facts about a target that shows the chain of this name. */
static struct facts *facts_about(const char *name, const char *host)
{
    struct facts_target t = {.text = slice_cstr(host), .host = slice_cstr(host), .port = 443};
    struct facts *f;
    struct buf pem, crl;
    struct fault fault = {0};
    t.path = SLICE("/");
    f = facts_new(&t, NOW_S);
    assert_non_null(f);
    read_chain_file(name, ".pem", &pem);
    read_chain_file(name, ".crl", &crl);
    if (certinfo_parse(buf_slice(&pem), &f->chains[0].chain, &fault))
        fail_msg("%s: %s", name, fault.what);
    f->nchains = 1;
    assert_int_equal(arena_copy(&f->arena, buf_slice(&crl), &f->chains[0].crl), OK);
    buf_done(&pem);
    buf_done(&crl);
    return f;
}

static void judge(struct facts *f)
{
    struct chainverify *trust;
    assert_int_equal(chainverify_new(buf_slice(&root_pem), &trust, NULL), OK);
    assert_int_equal(judgechain_verify(f, trust), OK);
    chainverify_free(trust);
    judgecert_all(f);
}

static bool listed(struct slice list, const char *id)
{
    struct slice part;
    while (slice_next(&list, ' ', &part))
        if (slice_eq(part, slice_cstr(id)))
            return true;
    return false;
}

/* How many do not fit. */
static unsigned compare(const char *name, const struct facts *f, struct slice verdict,
                        struct slice want)
{
    const struct facts_chain *c = &f->chains[0];
    const char *got = c->strict ? "good" : c->trusted ? "strict" : "bad";
    unsigned bad = !slice_eq(verdict, slice_cstr(got));
    struct slice rest = want, id;
    if (bad)
        print_error("%s: verdict %s, wanted " SLICE_F " (%s)\n", name, got, SLICE_A(verdict),
                    c->verify_words);
    for (size_t i = 0; i < f->nfindings; i++)
        if (!listed(want, f->findings[i].id)) {
            print_error("%s: not wanted: %s " SLICE_F "\n", name, f->findings[i].id,
                        SLICE_A(f->findings[i].evidence));
            bad++;
        }
    while (slice_next(&rest, ' ', &id)) {
        char text[64];
        snprintf(text, sizeof(text), SLICE_F, SLICE_A(id));
        if (id.n && !facts_has(f, text)) {
            print_error("%s: missing: %s\n", name, text);
            bad++;
        }
    }
    return bad;
}

static void every_chain(void **state)
{
    (void)state;
    struct buf cases;
    struct slice rest, line, name, host, verdict;
    unsigned bad = 0, count = 0;
    read_chain_file("cases", ".txt", &cases);
    rest = buf_slice(&cases);
    while (slice_next(&rest, '\n', &line)) {
        char name_text[64], host_text[64];
        if (!slice_next(&line, ' ', &name) || !slice_next(&line, ' ', &host) ||
            !slice_next(&line, ' ', &verdict))
            continue;
        snprintf(name_text, sizeof(name_text), SLICE_F, SLICE_A(name));
        snprintf(host_text, sizeof(host_text), SLICE_F, SLICE_A(host));
        struct facts *f = facts_about(name_text, host_text);
        judge(f);
        bad += compare(name_text, f, verdict, line);
        count++;
        facts_free(f);
    }
    buf_done(&cases);
    assert_int_equal(bad, 0);
    assert_true(count >= 60);
}

static void evidence_says_what_was_seen(void **state)
{
    (void)state;
    static const struct {
        const char *name, *host, *id, *words;
    } rows[] = {
        {"expired", "site.example.test", "cert-expired", "on 2026-06-14, 24 hours ago"},
        {"wildcard-two-labels", "a.site.example.test", "cert-name-mismatch",
         "it has: *.example.test; a wildcard stands for one label only"},
        {"wildcard-apex", "example.test", "cert-name-mismatch",
         "it has: *.example.test; a wildcard does not stand for the name above it"},
        {"wildcard-tld", "example.test", "cert-name-mismatch",
         "it has: *.test; a wildcard of a whole top-level domain does not count"},
        {"wildcard-partial", "site.example.test", "cert-name-mismatch",
         "it has: si*.example.test; a wildcard must be a whole label"},
        {"missing-with-address", "site.example.test", "cert-chain-incomplete",
         "nothing is sent for the issuer, badchains second; to be had at "
         "http://ca.example.test/i.crt"},
        {"revocation-revoked", "site.example.test", "cert-revoked",
         "revoked on 2026-06-14: key compromise"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = facts_about(rows[i].name, rows[i].host);
        char got[400] = "(not found)";
        judge(f);
        for (size_t k = 0; k < f->nfindings; k++)
            if (strcmp(f->findings[k].id, rows[i].id) == 0)
                snprintf(got, sizeof(got), SLICE_F, SLICE_A(f->findings[k].evidence));
        assert_string_equal(got, rows[i].words);
        facts_free(f);
    }
}

static void lists_that_do_not_help_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum facts_answer revoked;
        const char *words;
    } rows[] = {
        {"revocation-none", FACTS_UNKNOWN, ""},
        {"revocation-fine", FACTS_NO, ""},
        {"revocation-revoked", FACTS_YES, "revoked on 2026-06-14: key compromise"},
        {"revocation-old-list", FACTS_UNKNOWN, "CRL has expired"},
        {"revocation-forged-list", FACTS_UNKNOWN, "CRL signature failure"},
        {"revocation-no-list", FACTS_UNKNOWN, "it is no list of revoked certificates"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = facts_about(rows[i].name, "site.example.test");
        judge(f);
        assert_int_equal(f->chains[0].revoked, rows[i].revoked);
        assert_string_equal(f->chains[0].crl_words, rows[i].words);
        facts_free(f);
    }
}

/* Rules for public CAs hold for the system's roots, not for what an administrator has added. */
static void public_rules(void **state)
{
    (void)state;
    char path[512];
    struct chainverify *trust;
    snprintf(path, sizeof(path), "%s/root.pem", directory);
    assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
    for (int local = 0; local < 2; local++) {
        struct facts *f = facts_about("good", "site.example.test");
        assert_int_equal(chainverify_new(SLICE_EMPTY, &trust, NULL), OK);
        trustload_mark(trust, local ? directory : "/no/such/directory");
        assert_int_equal(judgechain_verify(f, trust), OK);
        chainverify_free(trust);
        judgecert_all(f);
        assert_true(f->chains[0].trusted);
        assert_int_equal(f->chains[0].public_root, !local);
        assert_int_equal(facts_has(f, "cert-no-sct"), !local);
        assert_int_equal(facts_has(f, "cert-no-revocation"), !local);
        assert_false(facts_has(f, "cert-lifetime"));
        facts_free(f);
    }
    struct facts *f = facts_about("lives-long", "site.example.test");
    assert_int_equal(chainverify_new(SLICE_EMPTY, &trust, NULL), OK);
    assert_int_equal(judgechain_verify(f, trust), OK);
    chainverify_free(trust);
    judgecert_all(f);
    assert_true(facts_has(f, "cert-lifetime"));
    facts_free(f);
    static const struct {
        int64_t from_s;
        unsigned days;
    } rows[] = {
        {1519862399, 0},   {1519862400, 825}, {1598918399, 825}, {1598918400, 398},
        {1773532799, 398}, {1773532800, 200}, {1805068799, 200}, {1805068800, 100},
        {1868227199, 100}, {1868227200, 47},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(judgechain_days_max(rows[i].from_s), rows[i].days);
    assert_int_equal(judgechain_life_s(0, 86399), 86400);
}

static void caa_compared_with_the_issuer(void **state)
{
    (void)state;
    static const struct {
        const char *caa[3], *issuer_dn;
        bool other;
    } rows[] = {
        {{"issue letsencrypt.org"}, "C=US, O=Let's Encrypt, CN=E7", false},
        {{"issue LetsEncrypt.org; validationmethods=dns-01"}, "O=Let's Encrypt, CN=E7", false},
        {{"issue digicert.com"}, "C=US, O=Let's Encrypt, CN=E7", true},
        {{"issue digicert.com", "issue letsencrypt.org"}, "O=Let's Encrypt, CN=E7", false},
        {{"issue ;"}, "C=US, O=Let's Encrypt, CN=E7", true},
        {{"iodef mailto:a@example.test"}, "C=US, O=Let's Encrypt, CN=E7", false},
        {{"issue digicert.com", "issuewild letsencrypt.org"}, "O=Let's Encrypt, CN=E7", true},
        {{"issue digicert.com"}, "O=A CA that nobody listed, CN=1", false},
        {{"issue comodoca.com"}, "C=AT, O=ZeroSSL, CN=ZeroSSL ECC", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = facts_about("good", "site.example.test");
        struct chainverify *trust;
        struct certfacts certs[CERTINFO_CHAIN_MAX];
        assert_int_equal(chainverify_new(buf_slice(&root_pem), &trust, NULL), OK);
        assert_int_equal(judgechain_verify(f, trust), OK);
        chainverify_free(trust);
        memcpy(certs, f->chains[0].certs, certinfo_count(f->chains[0].chain) * sizeof(certs[0]));
        certs[0].issuer_dn = slice_cstr(rows[i].issuer_dn);
        f->chains[0].certs = certs;
        for (size_t k = 0; k < 3 && rows[i].caa[k]; k++)
            f->dns.caa[f->dns.ncaa++] = slice_cstr(rows[i].caa[k]);
        judgecert_all(f);
        print_message("%s, %s\n", rows[i].caa[0], rows[i].issuer_dn);
        assert_int_equal(facts_has(f, "dns-caa-other-ca"), rows[i].other);
        facts_free(f);
    }
}

/* What is wrong with the answer to clients without SNI is its own. */
static void without_sni(void **state)
{
    (void)state;
    struct facts *f = facts_about("good", "site.example.test");
    struct buf pem;
    read_chain_file("self-signed", ".pem", &pem);
    assert_int_equal(certinfo_parse(buf_slice(&pem), &f->chains[1].chain, NULL), OK);
    f->chains[1].without_sni = true;
    f->nchains = 2;
    judge(f);
    assert_true(facts_has(f, "cert-without-sni"));
    assert_false(facts_has(f, "cert-self-signed"));
    assert_int_equal(f->chains[0].nerrors, 0);
    assert_string_equal(f->chains[1].errors[0], "cert-self-signed");
    buf_done(&pem);
    facts_free(f);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        print_error("use: badchains.py --run %s\n", argv[0]);
        return 1;
    }
    directory = argv[1];
    read_chain_file("root", ".pem", &root_pem);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chain),
        cmocka_unit_test(evidence_says_what_was_seen),
        cmocka_unit_test(lists_that_do_not_help_say_why),
        cmocka_unit_test(public_rules),
        cmocka_unit_test(caa_compared_with_the_issuer),
        cmocka_unit_test(without_sni),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&root_pem);
    return r;
}
