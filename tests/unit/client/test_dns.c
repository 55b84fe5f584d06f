/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Questions to a server that answers, cuts, lies, is silent or is not there. */
#include "client/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "nameserver.h"

static struct loop *l;
static struct nameserver ns;

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f))
        return -1;
    nameserver_open(&ns, l);
    nameserver_add(&ns, "a.test. 60 IN SOA ns1.a.test. hostmaster.a.test. 1 2 3 4 5");
    nameserver_add(&ns, "a.test. 60 IN NS ns1.a.test.");
    nameserver_add(&ns, "www.a.test. 60 IN A 192.0.2.1");
    nameserver_add(&ns, "www.a.test. 60 IN A 192.0.2.2");
    nameserver_add(&ns, "www.a.test. 60 IN AAAA 2001:db8::1");
    nameserver_add(&ns, "alias.a.test. 60 IN CNAME Second.a.test.");
    nameserver_add(&ns, "second.a.test. 60 IN CNAME www.a.test.");
    nameserver_add(&ns, "loop.a.test. 60 IN CNAME loop2.a.test.");
    nameserver_add(&ns, "loop2.a.test. 60 IN CNAME loop.a.test.");
    nameserver_add(&ns, "txt.a.test. 60 IN TXT \"one \" \"two\"");
    nameserver_add(&ns, "a.test. 60 IN CAA 128 issue \"ca.test; accounturi=x\"");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nameserver_done(&ns);
    loop_free(l);
    return 0;
}

struct asked {
    struct dns_query q;
    bool done;
    int r;
    unsigned rcode;
    bool authentic;
    size_t n;
    char text[4096]; /* the answer in words */
    char why[120];
};

static void on_done(struct dns_query *q, const struct dns_answer *a)
{
    struct asked *k = container_of(q, struct asked, q);
    assert_null(q->d);
    assert_false(k->done);
    *k = (struct asked){
        .done = true, .r = a->r, .rcode = a->rcode, .authentic = a->authentic, .n = a->nrecords};
    snprintf(k->why, sizeof(k->why), "%s", a->why);
    size_t at = 0;
    for (size_t i = 0; i < a->nrecords && at < sizeof(k->text) - 600; i++) {
        const struct dns_record *rec = &a->records[i];
        char ip[CIDR_IP_TEXT] = "";
        if (rec->type == DNS_A || rec->type == DNS_AAAA)
            cidr_format_ip(&rec->ip, ip);
        at += (size_t)snprintf(
            k->text + at, sizeof(k->text) - at, "%s" SLICE_F " %u %s" SLICE_F SLICE_F SLICE_F "%s",
            i ? "; " : "", SLICE_A(rec->owner), rec->type, ip, SLICE_A(rec->target),
            SLICE_A(rec->tag), SLICE_A(rec->text), rec->authority ? " (authority)" : "");
    }
}

static void wait_for(struct asked *k)
{
    uint64_t end_ms = loop_now_ms(l) + 20000;
    while (!k->done && loop_now_ms(l) < end_ms)
        loop_turn(l, 50);
    assert_true(k->done);
}

static void ask_with(const char *servers, uint32_t timeout_ms, const char *name, enum dns_type type,
                     struct asked *k)
{
    struct dns *d;
    struct fault f = {0};
    *k = (struct asked){.q = {.on_done = on_done}};
    assert_int_equal(dns_new(l, servers, timeout_ms, &d, &f), OK);
    dns_ask(d, slice_cstr(name), type, &k->q);
    assert_false(k->done);
    wait_for(k);
    print_message("%s %d -> %s rcode %u: %s (%s)\n", name, type, err_name(k->r), k->rcode, k->text,
                  k->why);
    dns_free(d);
}

static void ask(const char *name, enum dns_type type, struct asked *k)
{
    ask_with(nameserver_text(&ns), 2000, name, type, k);
}

struct row {
    const char *name;
    enum dns_type type;
    int r;
    unsigned rcode;
    const char *text;
};

static const struct row rows[] = {
    {"www.a.test", DNS_A, OK, 0, "www.a.test 1 192.0.2.1; www.a.test 1 192.0.2.2"},
    {"WWW.a.test.", DNS_AAAA, OK, 0, "www.a.test 28 2001:db8::1"},
    {"alias.a.test", DNS_A, OK, 0,
     "alias.a.test 5 second.a.test; second.a.test 5 www.a.test; www.a.test 1 192.0.2.1; "
     "www.a.test 1 192.0.2.2"},
    {"alias.a.test", DNS_CNAME, OK, 0, "alias.a.test 5 second.a.test"},
    {"alias.a.test", DNS_TXT, OK, 0, "alias.a.test 5 second.a.test; second.a.test 5 www.a.test"},
    {"loop.a.test", DNS_A, ERR_SYNTAX, 0, ""},
    {"txt.a.test", DNS_TXT, OK, 0, "txt.a.test 16 one two"},
    {"a.test", DNS_CAA, OK, 0, "a.test 257 issueca.test; accounturi=x"},
    {"a.test", DNS_SOA, OK, 0, "a.test 6 ns1.a.test"},
    {"a.test", DNS_NS, OK, 0, "a.test 2 ns1.a.test"},
    {"none.www.a.test", DNS_SOA, OK, 3, "a.test 6 ns1.a.test (authority)"},
    {"www.a.test", DNS_SOA, OK, 0, "a.test 6 ns1.a.test (authority)"},
    {"www.a.test", DNS_TXT, OK, 0, ""},
    {"none.a.test", DNS_A, OK, 3, ""},
    {"", DNS_A, ERR_SYNTAX, 0, ""},
    {"a..test", DNS_A, ERR_SYNTAX, 0, ""},
};

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asked k;
        ask(rows[i].name, rows[i].type, &k);
        assert_int_equal(k.r, rows[i].r);
        assert_int_equal(k.rcode, rows[i].rcode);
        assert_string_equal(k.text, rows[i].text);
        assert_int_equal(k.why[0] != 0, k.r != OK);
    }
    struct asked k;
    char label[80];
    memset(label, 'a', 70);
    memcpy(label + 70, ".test", 6);
    ask(label, DNS_A, &k);
    assert_int_equal(k.r, ERR_SYNTAX);
    assert_int_equal(ns.tcp_asked, 0);
    ns.authentic = true;
    ask("www.a.test", DNS_A, &k);
    assert_true(k.authentic);
}

static void over_tcp_when_cut(void **state)
{
    (void)state;
    struct asked k;
    ns.mode = NAMESERVER_TRUNCATE;
    ask("www.a.test", DNS_A, &k);
    assert_int_equal(k.r, OK);
    assert_int_equal(k.n, 2);
    assert_int_equal(ns.tcp_asked, 1);
    ns.mode = NAMESERVER_TRUNCATE | NAMESERVER_CUT_TCP;
    ask("www.a.test", DNS_A, &k);
    assert_int_equal(k.r, ERR_RESET);
    ns.mode = NAMESERVER_TRUNCATE | NAMESERVER_HANG_TCP;
    ask_with(nameserver_text(&ns), 60, "www.a.test", DNS_A, &k);
    assert_int_equal(k.r, ERR_TIMEOUT);
}

static void large_answers(void **state)
{
    (void)state;
    static char lines[300][60];
    struct asked k;
    for (int i = 0; i < 300; i++) {
        snprintf(lines[i], sizeof(lines[i]), "big.a.test. 60 IN TXT \"value-%d\"", i);
        if (i == DNS_RECORDS_MAX) {
            ask("big.a.test", DNS_TXT, &k);
            assert_int_equal(k.r, OK);
            assert_int_equal(k.n, DNS_RECORDS_MAX);
            assert_int_equal(ns.tcp_asked, 1);
        }
        nameserver_add(&ns, lines[i]);
    }
    ask("big.a.test", DNS_TXT, &k);
    assert_int_equal(k.r, ERR_CAP);
    assert_int_equal(k.n, 0);
}

static void forged_answers_are_ignored(void **state)
{
    (void)state;
    static const unsigned modes[] = {NAMESERVER_WRONG_ID, NAMESERVER_WRONG_NAME,
                                     NAMESERVER_WRONG_ID | NAMESERVER_WRONG_NAME};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct asked k;
        ns.mode = modes[i];
        ns.udp_asked = 0;
        ask("www.a.test", DNS_A, &k);
        assert_int_equal(k.r, OK);
        assert_int_equal(ns.udp_asked, 1);
        ns.mode |= NAMESERVER_WRONG_ONLY;
        ask_with(nameserver_text(&ns), 60, "www.a.test", DNS_A, &k);
        assert_int_equal(k.r, ERR_TIMEOUT);
        assert_int_equal(ns.udp_asked, 3);
    }
}

static void malformed_answers(void **state)
{
    (void)state;
    struct asked k;
    ns.mode = NAMESERVER_GARBAGE;
    ask("www.a.test", DNS_A, &k);
    assert_int_equal(k.r, ERR_SYNTAX);
    assert_int_equal(ns.udp_asked, 2);
}

static void servers_without_edns(void **state)
{
    (void)state;
    struct asked k;
    ns.mode = NAMESERVER_NO_EDNS;
    ask("www.a.test", DNS_A, &k);
    assert_int_equal(k.r, OK);
    assert_int_equal(ns.udp_asked, 2);
}

static void several_servers_in_turn(void **state)
{
    (void)state;
    struct nameserver bad;
    struct asked k;
    char list[200], first[SOCK_ADDR_TEXT];
    nameserver_open(&bad, l);
    snprintf(first, sizeof(first), "%s", nameserver_text(&bad));
    snprintf(list, sizeof(list), "%s, %s", first, nameserver_text(&ns));
    bad.mode = NAMESERVER_DEAF;
    ask_with(list, 60, "www.a.test", DNS_A, &k);
    assert_int_equal(k.r, OK);
    assert_int_equal(bad.udp_asked, 1);
    bad.mode = 0;
    bad.rcode = DNS_SERVFAIL;
    ask_with(list, 60, "www.a.test", DNS_A, &k);
    assert_int_equal(k.r, OK);
    /* SERVFAIL of one and silence of the other: what was said is told. */
    ns.mode = NAMESERVER_DEAF;
    ask_with(list, 60, "www.a.test", DNS_A, &k);
    assert_int_equal(k.r, ERR_RESOLVE);
    assert_int_equal(k.rcode, DNS_SERVFAIL);
    nameserver_done(&bad); /* nobody listens there now */
    ns.mode = 0;
    ask_with(list, 60, "www.a.test", DNS_A, &k);
    assert_int_equal(k.r, OK);
    ask_with(first, 60, "www.a.test", DNS_A, &k);
    assert_int_equal(k.r, ERR_REFUSED);
}

static void lists_of_servers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int r;
    } lists[] = {
        {"127.0.0.1", OK},
        {"127.0.0.1:5353,[::1]:53, ::1", OK},
        {"", OK},
        {"127.0.0.1:x", ERR_CONFIG},
        {"localhost", ERR_CONFIG},
        {"unix:/run/x", ERR_CONFIG},
        {"127.0.0.1,", ERR_CONFIG},
        {"1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1", ERR_CONFIG},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct dns *d = NULL;
        struct fault f = {0};
        int r = dns_new(l, lists[i].text, 0, &d, &f);
        print_message("%s -> %s %s\n", lists[i].text, err_name(r), f.what);
        assert_int_equal(r, lists[i].r);
        if (!r)
            dns_free(d);
    }
    struct dns *d = NULL;
    struct fault f = {0};
    assert_int_equal(dns_new(l, NULL, 0, &d, &f), OK); /* resolv.conf, or none */
    dns_free(d);
}

static void cancelled(void **state)
{
    (void)state;
    struct dns *d;
    struct fault f;
    struct asked a = {.q = {.on_done = on_done}}, b = a;
    assert_int_equal(dns_new(l, nameserver_text(&ns), 2000, &d, &f), OK);
    dns_ask(d, SLICE("www.a.test"), DNS_A, &a.q);
    dns_ask(d, SLICE("www.a.test"), DNS_A, &b.q);
    dns_cancel(&a.q);
    dns_cancel(&a.q);
    wait_for(&b);
    assert_false(a.done);
    dns_ask(d, SLICE("www.a.test"), DNS_A, &a.q);
    dns_free(d);
    assert_null(a.q.d);
    for (int i = 0; i < 5; i++)
        loop_turn(l, 1);
    assert_false(a.done);
}

static void without_memory(void **state)
{
    (void)state;
    struct dns *d;
    struct fault f;
    for (uint64_t k = 1; k < 4; k++) {
        struct asked a = {.q = {.on_done = on_done}};
        assert_int_equal(dns_new(l, nameserver_text(&ns), 2000, &d, &f), OK);
        mem_fail_at(k);
        dns_ask(d, SLICE("www.a.test"), DNS_A, &a.q);
        wait_for(&a);
        bool fired = mem_fault_fired();
        mem_fail_at(0);
        print_message("allocation %d: %s\n", (int)k, err_name(a.r));
        assert_int_equal(a.r, fired ? ERR_NOMEM : OK);
        dns_free(d);
    }
}

static void one_server_without_recursion(void **state)
{
    (void)state;
    struct dns *d;
    struct fault f;
    struct asked a = {.q = {.on_done = on_done}};
    assert_int_equal(dns_new(l, "127.0.0.1:1", 100, &d, &f), OK);
    dns_ask_at(d, &ns.addr, SLICE("www.a.test"), DNS_A, &a.q);
    wait_for(&a);
    assert_int_equal(a.r, OK);
    dns_free(d);
}

struct exchanged {
    struct dns_exchange x;
    bool done;
    int r;
    size_t n;
};

static void on_exchanged(struct dns_exchange *x, int r, struct slice answer, const char *why)
{
    struct exchanged *k = container_of(x, struct exchanged, x);
    print_message("exchange: %s, %zu bytes (%s)\n", err_name(r), answer.n, why);
    k->done = true;
    k->r = r;
    k->n = answer.n;
}

static void exchanges(void **state)
{
    (void)state;
    static const uint8_t question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\1a\4test\0\0\1\0";
    struct dns *d;
    struct fault f;
    assert_int_equal(dns_new(l, "127.0.0.1:1", 100, &d, &f), OK);
    for (int i = 0; i < 2; i++) {
        struct exchanged k = {.x = {.on_done = on_exchanged}};
        ns.mode = i ? NAMESERVER_CUT_TCP : 0;
        dns_send(d, &ns.addr, slice_of(question, sizeof(question)), &k.x);
        while (!k.done)
            loop_turn(l, 50);
        assert_int_equal(k.r, i ? ERR_RESET : OK);
        assert_int_equal(k.n > 40, !i);
    }
    struct exchanged k = {.x = {.on_done = on_exchanged}};
    dns_send(d, &ns.addr, slice_of(question, sizeof(question)), &k.x);
    dns_cancel_exchange(&k.x);
    dns_cancel_exchange(&k.x);
    loop_turn(l, 0);
    assert_false(k.done);
    dns_free(d);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(answers),
        TEST(over_tcp_when_cut),
        TEST(large_answers),
        TEST(forged_answers_are_ignored),
        TEST(malformed_answers),
        TEST(servers_without_edns),
        TEST(several_servers_in_turn),
        TEST(lists_of_servers),
        TEST(cancelled),
        TEST(without_memory),
        TEST(one_server_without_recursion),
        TEST(exchanges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
