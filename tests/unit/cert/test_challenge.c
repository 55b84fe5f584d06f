/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which challenge is tried, and the table of answers as the host sees it. */
#include "cert/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypt/digest.h"
#include "os/loop.h"

#define HTTP    (1u << CHALLENGE_HTTP01)
#define ALPN    (1u << CHALLENGE_ALPN01)
#define DNS     (1u << CHALLENGE_DNS01)
#define PERSIST (1u << CHALLENGE_PERSIST01)
#define NONE    (-1)

/* ---- dns-01 in place of cert/dnssolve ---- */

static struct {
    struct dnssolve_record *rec;
    char domain[64], value[64];
    unsigned withdrawn;
} dns;

void dnssolve_present(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                      struct slice value)
{
    rec->d = d;
    dns.rec = rec;
    snprintf(dns.domain, sizeof(dns.domain), SLICE_F, SLICE_A(domain));
    snprintf(dns.value, sizeof(dns.value), SLICE_F, SLICE_A(value));
}

void dnssolve_withdraw(struct dnssolve_record *rec)
{
    rec->d = NULL;
    dns.withdrawn++;
}

void dnssolve_check_persist(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                            bool wildcard, struct slice issuer, struct slice account_url)
{
    rec->d = d;
    dns.rec = rec;
    snprintf(dns.domain, sizeof(dns.domain), "%s " SLICE_F, wildcard ? "wild" : "one",
             SLICE_A(domain));
    snprintf(dns.value, sizeof(dns.value), SLICE_F " " SLICE_F, SLICE_A(issuer),
             SLICE_A(account_url));
}

/* ---- the choice ---- */

static const struct choice {
    const char *label;
    bool wildcard, is_ip;
    unsigned offered, enabled;
    int last;
    unsigned failed;
    int want;
} choices[] = {
    {"http-01 is first", false, false, HTTP | ALPN | DNS, HTTP | ALPN | DNS, NONE, 0,
     CHALLENGE_HTTP01},
    {"the offer decides", false, false, ALPN | DNS, HTTP | ALPN | DNS, NONE, 0, CHALLENGE_ALPN01},
    {"so do the settings", false, false, HTTP | ALPN | DNS, ALPN, NONE, 0, CHALLENGE_ALPN01},
    {"what worked last is first", false, false, HTTP | ALPN | DNS, HTTP | ALPN | DNS,
     CHALLENGE_DNS01, 0, CHALLENGE_DNS01},
    {"unless it is not offered", false, false, HTTP, HTTP | ALPN, CHALLENGE_ALPN01, 0,
     CHALLENGE_HTTP01},
    {"or has failed now", false, false, HTTP | ALPN, HTTP | ALPN, CHALLENGE_ALPN01, ALPN,
     CHALLENGE_HTTP01},
    {"the failed one is left out", false, false, HTTP | ALPN, HTTP | ALPN, NONE, HTTP,
     CHALLENGE_ALPN01},
    {"all have failed", false, false, HTTP | ALPN, HTTP | ALPN, NONE, HTTP | ALPN, NONE},
    {"wildcards only by dns", true, false, HTTP | ALPN | DNS, HTTP | ALPN | DNS, CHALLENGE_HTTP01,
     0, CHALLENGE_DNS01},
    {"or by a standing record", true, false, PERSIST, HTTP | PERSIST, NONE, 0, CHALLENGE_PERSIST01},
    {"wildcard without dns", true, false, HTTP | ALPN, HTTP | ALPN, NONE, 0, NONE},
    {"addresses never by dns", false, true, HTTP | ALPN | DNS, DNS | ALPN, CHALLENGE_DNS01, 0,
     CHALLENGE_ALPN01},
    {"address with dns only", false, true, DNS, DNS | HTTP, NONE, 0, NONE},
    {"nothing offered", false, false, 0, HTTP, NONE, 0, NONE},
};

static void chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        const struct choice *c = &choices[i];
        struct acmeobj_authz z = {
            .name = SLICE("a.example"), .wildcard = c->wildcard, .is_ip = c->is_ip};
        /* The order of the offer must not matter. */
        for (int t = CHALLENGE_TYPES - 1; t >= 0; t--)
            if (c->offered & 1u << t)
                z.challenges[z.nchallenges++] = (struct acmeobj_challenge){
                    .type = slice_cstr(challenge_type_text((enum challenge_type)t)),
                    .token = t == CHALLENGE_PERSIST01 ? SLICE_EMPTY : SLICE("tok")};
        enum challenge_type type = CHALLENGE_HTTP01;
        struct fault f = {0};
        const struct acmeobj_challenge *got =
            challenge_choose(&z, c->enabled, c->last, c->failed, &type, &f);
        int is = got ? (int)type : NONE;
        if (is != c->want)
            fail_msg("%s: chose %d, want %d", c->label, is, c->want);
        if (got)
            assert_true(slice_eq(got->type, slice_cstr(challenge_type_text(type))));
        else
            assert_true(f.code == ERR_CONFIG && f.next[0]);
    }
}

static void without_token(void **state)
{
    (void)state;
    struct acmeobj_authz z = {
        .name = SLICE("a.example"), .nchallenges = 1, .challenges = {{.type = SLICE("http-01")}}};
    enum challenge_type type;
    assert_null(challenge_choose(&z, HTTP, NONE, 0, &type, NULL));
}

static void type_names(void **state)
{
    (void)state;
    enum challenge_type type;
    for (unsigned t = 0; t < CHALLENGE_TYPES; t++) {
        const char *text = challenge_type_text((enum challenge_type)t);
        assert_int_equal(challenge_type_parse(slice_cstr(text), &type), OK);
        assert_int_equal(type, t);
    }
    assert_int_equal(challenge_type_parse(SLICE("http-02"), &type), ERR_NOT_FOUND);
    assert_int_equal(challenge_type_parse(SLICE_EMPTY, &type), ERR_NOT_FOUND);
}

/* ---- the table ---- */

struct rig {
    struct loop *loop;
    struct challenges *all;
    struct certhost host;
    unsigned publications;
    uint64_t version;
    size_t n;
    struct certhost_answer seen[8];
    char texts[8][3][128];
    struct challenge ch[4];
    unsigned presented;
    int r;
};

static struct rig *current;

static void keep(struct slice *s, char *dst)
{
    snprintf(dst, 128, SLICE_F, SLICE_A(*s));
    *s = slice_cstr(dst);
}

static void on_publish(void *ctx, uint64_t version, const struct certhost_answer *answers, size_t n)
{
    struct rig *g = ctx;
    g->publications++;
    assert_true(version > g->version);
    g->version = version;
    g->n = n;
    for (size_t i = 0; i < n; i++) {
        g->seen[i] = answers[i];
        keep(&g->seen[i].name, g->texts[i][0]);
        keep(&g->seen[i].token, g->texts[i][1]);
        keep(&g->seen[i].content, g->texts[i][2]);
    }
}

static void on_presented(struct challenge *ch, int r, const struct fault *f)
{
    (void)ch;
    current->presented++;
    current->r = r;
    assert_true(r == OK || (f && f->what[0]));
}

static int make(void **state)
{
    static struct rig g;
    memset(&g, 0, sizeof(g));
    memset(&dns, 0, sizeof(dns));
    g.host = (struct certhost){.ctx = &g, .publish = on_publish};
    for (size_t i = 0; i < ARRAY_LEN(g.ch); i++)
        g.ch[i].on_presented = on_presented;
    *state = current = &g;
    return loop_new(&g.loop, NULL) || challenge_new(g.loop, &g.host, &g.all);
}

static int unmake(void **state)
{
    struct rig *g = *state;
    challenge_free(g->all);
    loop_free(g->loop);
    return 0;
}

static void turns(struct rig *g)
{
    for (int i = 0; i < 4; i++)
        loop_turn(g->loop, 0);
}

static void one_publication_for_many(void **state)
{
    struct rig *g = *state;
    uint8_t digest[32];
    challenge_present(g->all, &g->ch[0], CHALLENGE_HTTP01, SLICE("a.example"), SLICE("t1"),
                      SLICE("t1.thumb"));
    challenge_present(g->all, &g->ch[1], CHALLENGE_ALPN01, SLICE("192.0.2.1"), SLICE("t2"),
                      SLICE("t2.thumb"));
    assert_int_equal(g->publications, 0);
    turns(g);
    assert_int_equal(g->publications, 1);
    assert_int_equal(g->n, 2);
    assert_int_equal(challenge_count(g->all), 2);
    assert_int_equal(g->seen[0].kind, CERTHOST_HTTP01);
    assert_string_equal((const char *)g->seen[0].name.p, "a.example");
    assert_string_equal((const char *)g->seen[0].token.p, "t1");
    assert_string_equal((const char *)g->seen[0].content.p, "t1.thumb");
    assert_int_equal(g->seen[1].kind, CERTHOST_ALPN01);
    assert_string_equal((const char *)g->seen[1].name.p, "192.0.2.1");
    assert_int_equal(digest_sha256(SLICE("t2.thumb"), digest), OK);
    assert_memory_equal(g->seen[1].digest, digest, 32);

    assert_int_equal(g->presented, 0); /* nobody has answered yet */
    challenge_published(g->all, g->version - 1);
    turns(g);
    assert_int_equal(g->presented, 0); /* an old answer */
    challenge_published(g->all, g->version);
    assert_int_equal(g->presented, 0); /* never from inside */
    turns(g);
    assert_int_equal(g->presented, 2);
    assert_int_equal(g->r, OK);
    challenge_published(g->all, g->version);
    turns(g);
    assert_int_equal(g->presented, 2); /* once */

    challenge_withdraw(&g->ch[0]);
    turns(g);
    assert_int_equal(g->publications, 2);
    assert_int_equal(g->n, 1);
    assert_int_equal(g->seen[0].kind, CERTHOST_ALPN01);
    challenge_withdraw(&g->ch[0]); /* does nothing */
    challenge_withdraw(&g->ch[1]);
    turns(g);
    assert_int_equal(g->publications, 3);
    assert_int_equal(g->n, 0);
}

static void later_answers_wait_for_their_own(void **state)
{
    struct rig *g = *state;
    challenge_present(g->all, &g->ch[0], CHALLENGE_HTTP01, SLICE("a.example"), SLICE("t1"),
                      SLICE("t1.thumb"));
    turns(g);
    challenge_present(g->all, &g->ch[1], CHALLENGE_HTTP01, SLICE("b.example"), SLICE("t2"),
                      SLICE("t2.thumb"));
    challenge_published(g->all, g->version); /* of the table without b */
    turns(g);
    assert_int_equal(g->presented, 1);
    challenge_published(g->all, g->version);
    turns(g);
    assert_int_equal(g->presented, 2);
}

static void withdrawn_before_the_answer(void **state)
{
    struct rig *g = *state;
    challenge_present(g->all, &g->ch[0], CHALLENGE_HTTP01, SLICE("a.example"), SLICE("t1"),
                      SLICE("t1.thumb"));
    turns(g);
    challenge_published(g->all, g->version);
    challenge_withdraw(&g->ch[0]);
    turns(g);
    assert_int_equal(g->presented, 0);
}

static void dns_record(void **state)
{
    struct rig *g = *state;
    int solver;
    challenge_present(g->all, &g->ch[0], CHALLENGE_DNS01, SLICE("a.example"), SLICE("t1"),
                      SLICE("t1.thumb"));
    turns(g);
    assert_int_equal(g->presented, 1);
    assert_int_equal(g->r, ERR_CONFIG); /* not configured */
    challenge_withdraw(&g->ch[0]);
    assert_int_equal(dns.withdrawn, 0);

    challenge_set_dns(g->all, (struct dnssolve *)(void *)&solver);
    challenge_present(g->all, &g->ch[0], CHALLENGE_DNS01, SLICE("a.example"), SLICE("t1"),
                      SLICE("t1.thumb"));
    assert_string_equal(dns.domain, "a.example");
    /* printf t1.thumb | openssl dgst -sha256 -binary | basenc --base64url */
    assert_string_equal(dns.value, "be5xrt-WdYbpkDKnNI18fFOGC8XFMVVJGNYp3Vees6c");
    turns(g);
    assert_int_equal(g->presented, 1);
    dns.rec->on_done(dns.rec, OK, NULL);
    assert_int_equal(g->presented, 2);
    assert_int_equal(g->r, OK);
    challenge_withdraw(&g->ch[0]);
    assert_int_equal(dns.withdrawn, 1);
    turns(g);
    assert_int_equal(g->publications, 0); /* no business of the table */
}

static void standing_record(void **state)
{
    struct rig *g = *state;
    int solver;
    challenge_set_dns(g->all, (struct dnssolve *)(void *)&solver);
    challenge_present(g->all, &g->ch[0], CHALLENGE_PERSIST01, SLICE("*.a.example"),
                      SLICE("ca.example"), SLICE("https://ca.example/acct/1"));
    assert_string_equal(dns.domain, "wild a.example");
    assert_string_equal(dns.value, "ca.example https://ca.example/acct/1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen),
        cmocka_unit_test(without_token),
        cmocka_unit_test(type_names),
        cmocka_unit_test_setup_teardown(one_publication_for_many, make, unmake),
        cmocka_unit_test_setup_teardown(later_answers_wait_for_their_own, make, unmake),
        cmocka_unit_test_setup_teardown(withdrawn_before_the_answer, make, unmake),
        cmocka_unit_test_setup_teardown(dns_record, make, unmake),
        cmocka_unit_test_setup_teardown(standing_record, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
