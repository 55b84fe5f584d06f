/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names that would and would not get a certificate, and what is said about them. */
#include "cert/preflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../client/nameserver.h"
#include "base/err.h"
#include "base/mem.h"

/* ---- a CA that only is looked at ---- */

static struct acmeobj_directory directory;
static const char *ca_url;
static int64_t skew_s;
static bool skew_known;

const struct acmeobj_directory *acmeca_directory(const struct acmeca *ca)
{
    (void)ca;
    return &directory;
}

struct slice acmeca_url(const struct acmeca *ca)
{
    (void)ca;
    return slice_cstr(ca_url);
}

bool acmeca_skew(const struct acmeca *ca, int64_t *ret_s)
{
    (void)ca;
    *ret_s = skew_s;
    return skew_known;
}

/* ---- what was found ---- */

static struct loop *l;
static struct nameserver ns;
static int times;
static char found[4096]; /* "name level id; ..." */
static char texts[16384];
static struct preflight *running;

static void on_done(void *ctx, const struct preflight_finding *findings, size_t n)
{
    (void)ctx;
    times++;
    for (size_t i = 0; i < n; i++) {
        const struct preflight_finding *f = &findings[i];
        size_t at = strlen(found);
        snprintf(found + at, sizeof(found) - at, "%s" SLICE_F " %d %s", at ? "; " : "",
                 SLICE_A(f->name), (int)f->level, f->id);
        at = strlen(texts);
        snprintf(texts + at, sizeof(texts) - at, "%s -> %s\n", f->text, f->next);
        assert_true(f->text[0]);
        assert_int_equal(f->level == PREFLIGHT_OK, !f->next[0]);
    }
    print_message("%s\n%s", found, texts);
    preflight_free(running);
    running = NULL;
}

static const struct preflight_ops ops = {on_done};

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f))
        return -1;
    nameserver_open(&ns, l);
    nameserver_add(&ns, "test. 60 IN SOA ns1.a.test. hostmaster.a.test. 1 2 3 4 5");
    directory = (struct acmeobj_directory){.caa = {SLICE("ca.test")}, .ncaa = 1};
    ca_url = "https://ca.example.com/dir";
    skew_known = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nameserver_done(&ns);
    loop_free(l);
    return 0;
}

#define HTTP (1u << CHALLENGE_HTTP01)
#define ALPN (1u << CHALLENGE_ALPN01)
#define DNS  (1u << CHALLENGE_DNS01)

static struct preflight_plan plan_for(unsigned challenges, uint16_t port, bool listening)
{
    return (struct preflight_plan){.challenges = challenges,
                                   .http_port = port,
                                   .https_port = port,
                                   .resolvers = slice_cstr(nameserver_text(&ns)),
                                   .account_url = SLICE("https://ca.test/acct/1"),
                                   .listening = listening};
}

static const char *look(struct preflight_plan plan, const char *names)
{
    struct slice list[8], rest = slice_cstr(names);
    while (slice_next(&rest, ' ', &list[plan.nnames]))
        plan.nnames++;
    plan.names = list;
    times = 0;
    found[0] = texts[0] = 0;
    assert_int_equal(preflight_start(l, NULL, &plan, &ops, NULL, &running), OK);
    assert_int_equal(times, 0);
    memset(list, 0, sizeof(list)); /* the plan was copied */
    uint64_t end_ms = loop_now_ms(l) + 25000;
    while (!times && loop_now_ms(l) < end_ms)
        loop_turn(l, 50);
    assert_int_equal(times, 1);
    return found;
}

/* ---- ports ---- */

struct listener {
    int fd;
    uint16_t port;
};

static struct listener open_port(const char *address)
{
    struct sock_addr a;
    struct fault f;
    struct listener p;
    assert_int_equal(sock_addr_parse(slice_cstr(address), &a), OK);
    assert_int_equal(sock_listen(&a, false, 16, &p.fd, &f), OK);
    assert_int_equal(sock_local_port(p.fd, &p.port), OK);
    return p;
}

static bool has_v6(void)
{
    struct sock_addr a;
    struct fault f;
    int fd;
    if (sock_addr_parse(SLICE("[::1]:0"), &a) || sock_listen(&a, false, 1, &fd, &f))
        return false;
    sock_close(fd);
    return true;
}

static void ports(void **state)
{
    (void)state;
    struct listener open = open_port("127.0.0.1:0");
    ca_url = "https://127.0.0.1:14000/dir"; /* private addresses are fine for this one */
    nameserver_add(&ns, "good.test. 60 IN A 127.0.0.1");
    nameserver_add(&ns, "closed.test. 60 IN A 127.0.0.5");
    nameserver_add(&ns, "half.test. 60 IN A 127.0.0.1");
    nameserver_add(&ns, "half.test. 60 IN A 127.0.0.5");
    nameserver_add(&ns, "both.test. 60 IN A 127.0.0.1");
    nameserver_add(&ns, "both.test. 60 IN AAAA ::1");
    assert_string_equal(look(plan_for(HTTP | ALPN, open.port, true), "good.test"),
                        "good.test 0 good");
    assert_string_equal(look(plan_for(HTTP, open.port, true), "closed.test"),
                        "closed.test 1 port_closed");
    assert_non_null(strstr(texts, "connection refused"));
    assert_non_null(strstr(texts, "http-01"));
    assert_string_equal(look(plan_for(HTTP, open.port, true), "half.test"),
                        "half.test 1 port_closed");
    assert_string_equal(look(plan_for(HTTP, open.port, false), "closed.test"),
                        "closed.test 0 good");
    assert_string_equal(look(plan_for(DNS, open.port, true), "closed.test"), "closed.test 0 good");
    if (has_v6()) {
        assert_string_equal(look(plan_for(ALPN, open.port, true), "both.test"),
                            "both.test 2 ipv6_broken");
        assert_non_null(strstr(texts, "IPv6 is in DNS but does not answer at [::1]:"));
        assert_string_equal(look(plan_for(ALPN | DNS, open.port, true), "both.test"),
                            "both.test 1 ipv6_broken");
        assert_string_equal(look(plan_for(ALPN, open.port, false), "both.test"),
                            "both.test 0 good");
    }
    uint16_t port = open.port;
    sock_close(open.fd);
    assert_string_equal(look(plan_for(HTTP, port, true), "good.test"), "good.test 2 port_closed");
    struct preflight_plan p = plan_for(HTTP | ALPN, port, true);
    struct listener other = open_port("127.0.0.1:0");
    p.https_port = other.port; /* one of two types is enough */
    assert_string_equal(look(p, "good.test"), "good.test 1 port_closed");
    sock_close(other.fd);
}

static void filtered_port(void **state)
{
    (void)state;
    /* A full backlog drops further SYNs: as silent as a firewall. */
    struct sock_addr a;
    struct fault f;
    int fd, clients[8];
    uint16_t port;
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &a), OK);
    assert_int_equal(sock_listen(&a, false, 0, &fd, &f), OK);
    assert_int_equal(sock_local_addr(fd, &a), OK);
    assert_int_equal(sock_local_port(fd, &port), OK);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        assert_int_equal(sock_connect(&a, &clients[i]), OK);
    ca_url = "https://localhost/dir";
    nameserver_add(&ns, "good.test. 60 IN A 127.0.0.1");
    assert_string_equal(look(plan_for(HTTP, port, false), "good.test"),
                        "good.test 2 port_filtered");
    assert_non_null(strstr(texts, "firewall"));
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        sock_close(clients[i]);
    sock_close(fd);
}

/* ---- addresses ---- */

static void addresses(void **state)
{
    (void)state;
    static const char *const no_address = "x.test 2 dns_none";
    nameserver_add(&ns, "x.test. 60 IN TXT \"no address\"");
    nameserver_add(&ns, "private.test. 60 IN A 10.1.2.3");
    struct preflight_plan p = plan_for(HTTP, 0, false);
    assert_string_equal(look(p, "x.test"), no_address);
    assert_non_null(strstr(texts, "neither an A nor an AAAA"));
    assert_string_equal(look(p, "none.test"), "none.test 2 dns_none");
    assert_non_null(strstr(texts, "NXDOMAIN"));
    assert_string_equal(look(plan_for(HTTP | DNS, 0, false), "x.test"), "x.test 1 dns_none");
    assert_string_equal(look(plan_for(DNS, 0, false), "x.test"), "x.test 0 good");
    assert_string_equal(look(p, "private.test"), "private.test 1 private_address");
    assert_string_equal(look(p, "192.0.2.1"), "192.0.2.1 0 good");
    ca_url = "https://[fd00::1]:14000/dir";
    assert_string_equal(look(p, "private.test"), "private.test 0 good");
    ca_url = "https://ca.internal:14000/dir";
    assert_string_equal(look(p, "private.test"), "private.test 0 good");
}

static void broken_dns(void **state)
{
    (void)state;
    nameserver_add(&ns, "good.test. 60 IN A 192.0.2.1");
    nameserver_add(&ns, "sub.good.test. 60 IN A 192.0.2.1");
    ns.servfail = "good.test.";
    assert_string_equal(look(plan_for(HTTP, 0, false), "good.test"),
                        "good.test 2 dns_failed; good.test 2 dns_failed");
    assert_non_null(strstr(texts, "delv good.test"));
    /* The climb for CAA comes past it. */
    assert_string_equal(look(plan_for(HTTP, 0, false), "sub.good.test"),
                        "sub.good.test 2 dns_failed");
    ns.servfail = NULL;
    ns.mode = NAMESERVER_DEAF;
    look(plan_for(HTTP, 0, false), "good.test");
    assert_string_equal(found, "good.test 1 dns_timeout; good.test 1 dns_timeout");
}

/* ---- CAA ---- */

struct caa_row {
    const char *name, *found, *text;
};

static const struct caa_row caa_rows[] = {
    {"www.allowed.test", "www.allowed.test 0 good", ""},
    {"deep.www.forbidden.test", "deep.www.forbidden.test 2 caa_forbids",
     "CAA of forbidden.test allows \"other.test\" and not \"ca.test\" -> add the record: "
     "forbidden.test. CAA 0 issue \"ca.test\""},
    {"*.forbidden.test", "*.forbidden.test 2 caa_forbids", "CAA 0 issuewild \"ca.test\""},
    {"own.forbidden.test", "own.forbidden.test 0 good", ""},
    {"alias.forbidden.test", "alias.forbidden.test 0 good", ""}, /* CAA of the CNAME's end */
    {"bare.forbidden.test", "bare.forbidden.test 2 caa_forbids", "CAA of forbidden.test"},
    {"critical.test", "critical.test 2 caa_forbids", "the critical property \"tbs\""},
    {"nobody.test", "nobody.test 2 caa_forbids", "allows no CA"},
    {"account.test", "account.test 2 caa_forbids", "accounturi=https://ca.test/acct/1"},
    {"method.test", "method.test 2 caa_forbids", "validationmethods"},
};

static void caa(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "allowed.test. 60 IN CAA 0 issue \"ca.test\"",
        "forbidden.test. 60 IN CAA 0 issue \"other.test\"",
        "own.forbidden.test. 60 IN CAA 0 issue \"ca.test\"",
        "alias.forbidden.test. 60 IN CNAME allowed.test.",
        "bare.forbidden.test. 60 IN CNAME nothing.test.",
        "nothing.test. 60 IN A 192.0.2.1",
        "critical.test. 60 IN CAA 128 tbs \"x\"",
        "nobody.test. 60 IN CAA 0 issue \";\"",
        "account.test. 60 IN CAA 0 issue \"ca.test; accounturi=https://ca.test/acct/2\"",
        "method.test. 60 IN CAA 0 issue \"ca.test; validationmethods=http-01\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        nameserver_add(&ns, lines[i]);
    for (size_t i = 0; i < ARRAY_LEN(caa_rows); i++) {
        assert_string_equal(look(plan_for(DNS, 0, false), caa_rows[i].name), caa_rows[i].found);
        assert_non_null(strstr(texts, caa_rows[i].text));
    }
    directory.ncaa = 0;
    assert_string_equal(look(plan_for(DNS, 0, false), "www.allowed.test"),
                        "www.allowed.test 1 caa_unknown");
}

/* ---- the rest ---- */

static void challenges(void **state)
{
    (void)state;
    nameserver_add(&ns, "good.test. 60 IN A 192.0.2.1");
    assert_string_equal(look(plan_for(HTTP | ALPN, 0, false), "*.good.test"),
                        "*.good.test 2 no_challenge");
    assert_string_equal(look(plan_for(DNS, 0, false), "192.0.2.1"), "192.0.2.1 2 no_challenge");
    assert_string_equal(look(plan_for(0, 0, false), "good.test"), "good.test 2 no_challenge");
    assert_string_equal(look(plan_for(DNS, 0, false), "*.good.test"), "*.good.test 0 good");
}

static void clocks(void **state)
{
    (void)state;
    static const struct {
        int64_t skew_s;
        const char *found, *text;
    } rows[] = {
        {300, "g.test 0 good", ""},
        {-301, " 1 clock_skew; g.test 0 good", "5 minutes behind"},
        {86400, " 1 clock_skew; g.test 0 good", "24 hours ahead of"},
        {-90000, " 2 clock_skew; g.test 0 good", "25 hours behind"},
    };
    nameserver_add(&ns, "g.test. 60 IN A 192.0.2.1");
    skew_known = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        skew_s = rows[i].skew_s;
        assert_string_equal(look(plan_for(HTTP, 0, false), "g.test"), rows[i].found);
        assert_non_null(strstr(texts, rows[i].text));
    }
}

static void many_names_and_none(void **state)
{
    (void)state;
    nameserver_add(&ns, "g.test. 60 IN A 192.0.2.1");
    look(plan_for(HTTP, 0, false), "g.test g.test g.test none.test g.test g.test g.test g.test");
    size_t good = 0;
    for (const char *p = found; (p = strstr(p, "0 good")); p++)
        good++;
    assert_int_equal(good, 7);
    struct preflight_plan p = plan_for(HTTP, 0, false);
    times = 0;
    found[0] = texts[0] = 0;
    assert_int_equal(preflight_start(l, NULL, &p, &ops, NULL, &running), OK);
    while (!times)
        loop_turn(l, 50);
    assert_string_equal(found, "");
    p.nnames = ACMEOBJ_NAMES_MAX + 1;
    assert_int_equal(preflight_start(l, NULL, &p, &ops, NULL, &running), ERR_CAP);
    p.nnames = 0;
    p.resolvers = SLICE("nobody");
    assert_int_equal(preflight_start(l, NULL, &p, &ops, NULL, &running), ERR_CONFIG);
}

static void freed_under_way(void **state)
{
    (void)state;
    struct slice name = SLICE("closed.test");
    ca_url = "https://localhost/dir";
    nameserver_add(&ns, "closed.test. 60 IN A 127.0.0.1");
    for (int turns = 0; turns < 6; turns++) {
        struct preflight_plan p = plan_for(HTTP | ALPN, 9, true);
        p.names = &name;
        p.nnames = 1;
        times = 0;
        assert_int_equal(preflight_start(l, NULL, &p, &ops, NULL, &running), OK);
        for (int i = 0; i < turns; i++)
            loop_turn(l, 5);
        preflight_free(running);
        running = NULL;
    }
    for (uint64_t k = 1; k < 30; k++) {
        struct preflight_plan p = plan_for(HTTP, 9, true);
        p.names = &name;
        p.nnames = 1;
        times = 0;
        found[0] = texts[0] = 0;
        mem_fail_at(k);
        int r = preflight_start(l, NULL, &p, &ops, NULL, &running);
        while (!r && !times)
            loop_turn(l, 50);
        mem_fail_at(0);
        assert_null(strstr(found, "good"));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ports),
        TEST(filtered_port),
        TEST(addresses),
        TEST(broken_dns),
        TEST(caa),
        TEST(challenges),
        TEST(clocks),
        TEST(many_names_and_none),
        TEST(freed_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
