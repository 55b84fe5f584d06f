/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The resolver against a toy name server on loopback: life times, sharing, failures, stale
 * addresses, truncated answers, /etc/hosts. */
#include "client/resolve.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cur.h"
#include "base/err.h"
#include "os/sock.h"
#include "toy.h"

enum reply { ADDRESS, NO_NAME, BROKEN, SILENT, TRUNCATED };

static struct loop *l;
static struct resolver *res;
static struct loop_io udp = {.fd = -1};
static struct toy tcp;
static char servers[32];
static enum reply mode;
static uint32_t ttl_s;
static uint8_t last_octet; /* of the address that is given out: 127.0.0.X */
static unsigned asked;     /* questions for A records */

/* One answer to one question; 0: say nothing. */
static size_t dns_answer(struct slice q, bool over_tcp, uint8_t *dst)
{
    struct cur c = cur_of(q);
    struct slice id = cur_bytes(&c, 2);
    cur_bytes(&c, 10);
    const uint8_t *name = c.p;
    size_t labels = 0;
    for (size_t n; (n = cur_u8(&c)) != 0; labels++)
        cur_bytes(&c, n);
    uint16_t type = cur_u16(&c);
    cur_u16(&c);
    assert_false(c.bad);
    size_t question = (size_t)(c.p - name);
    bool truncated = mode == TRUNCATED && !over_tcp;
    bool give = (mode == ADDRESS || (mode == TRUNCATED && over_tcp)) && type == 1;
    asked += type == 1;
    if (mode == SILENT)
        return 0;
    uint8_t rcode = mode == NO_NAME ? 3 : mode == BROKEN ? 2 : 0;
    memcpy(dst, id.p, 2);
    const uint8_t head[10] = {
        (uint8_t)(0x81 | (truncated ? 2 : 0)), (uint8_t)(0x80 | rcode), 0, 1, 0, give};
    memcpy(dst + 2, head, 10);
    memcpy(dst + 12, name, question);
    size_t n = 12 + question;
    if (give) {
        const uint8_t record[] = {
            0xc0,           12, 0, 1,   0, 1, 0,         0, (uint8_t)(ttl_s >> 8),
            (uint8_t)ttl_s, 0,  4, 127, 0, 0, last_octet};
        memcpy(dst + n, record, sizeof(record));
        n += sizeof(record);
    }
    return n;
}

static void on_udp(struct loop_io *io, uint32_t events)
{
    (void)events;
    uint8_t in[1024], out[1200];
    struct sockaddr_in from;
    socklen_t from_bytes = sizeof(from);
    ssize_t n =
        recvfrom(io->fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from, &from_bytes);
    if (n < 12)
        return;
    size_t m = dns_answer(slice_of(in, (size_t)n), false, out);
    if (m)
        assert_int_equal(sendto(io->fd, out, m, 0, (struct sockaddr *)&from, from_bytes), m);
}

static void on_tcp(struct toy_conn *c)
{
    struct slice s = buf_slice(&c->seen);
    uint8_t out[1202];
    if (s.n < 2 || s.n < 2u + (size_t)(s.p[0] << 8 | s.p[1]))
        return;
    size_t m = dns_answer(slice_from(s, 2), true, out + 2);
    out[0] = (uint8_t)(m >> 8);
    out[1] = (uint8_t)m;
    buf_consume(&c->seen, s.n);
    toy_say(c, slice_of(out, 1)); /* in two pieces */
    toy_say(c, slice_of(out + 1, m + 1));
}

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f))
        return -1;
    for (;;) { /* one port for both protocols */
        toy_open(&tcp, l, on_tcp);
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons(tcp.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        udp.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (bind(udp.fd, (struct sockaddr *)&a, sizeof(a)) == 0)
            break;
        close(udp.fd);
        toy_done(&tcp);
    }
    udp.on_ready = on_udp;
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", tcp.port);
    return loop_add_level(l, &udp);
}

static int tear_down(void **state)
{
    (void)state;
    loop_remove(l, &udp);
    close(udp.fd);
    toy_done(&tcp);
    loop_free(l);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    struct fault f;
    struct resolve_options o = {
        .servers = servers, .timeout_ms = 40, .tries = 2, .negative_ms = 300};
    mode = ADDRESS;
    ttl_s = 60;
    last_octet = 9;
    asked = 0;
    return resolve_new(l, &o, &res, &f);
}

static int stale(void **state)
{
    (void)state;
    resolve_free(res);
    return 0;
}

struct asker {
    struct resolve_query q;
    bool done, stale;
    int r;
    size_t n;
    struct ip first;
    char why[64];
};

static void on_done(struct resolve_query *q, const struct resolve_answer *a)
{
    struct asker *k = container_of(q, struct asker, q);
    assert_false(k->done);
    k->done = true;
    k->r = a->r;
    k->stale = a->stale;
    k->n = a->n;
    if (!a->r)
        k->first = a->ips[0];
    snprintf(k->why, sizeof(k->why), "%s", a->why);
}

static void begin(struct asker *k, const char *name)
{
    *k = (struct asker){.q.on_done = on_done};
    resolve_start(res, slice_cstr(name), &k->q);
    assert_false(k->done);
}

static void wait_for(struct asker *k)
{
    uint64_t end_ms = loop_now_ms(l) + 5000;
    while (!k->done && loop_now_ms(l) < end_ms)
        loop_turn(l, 50);
    assert_true(k->done);
}

static void pass_ms(uint64_t ms)
{
    uint64_t end_ms = loop_now_ms(l) + ms;
    while (loop_now_ms(l) < end_ms)
        loop_turn(l, 20);
}

static void expect(const char *name, int r, const char *ip)
{
    struct asker k;
    char text[CIDR_IP_TEXT] = "";
    begin(&k, name);
    wait_for(&k);
    print_message("%s: %s %s\n", name, err_name(k.r), k.why);
    assert_int_equal(k.r, r);
    if (!k.r)
        cidr_format_ip(&k.first, text);
    assert_string_equal(text, ip);
    assert_int_equal(r ? k.why[0] != 0 : 1, 1);
}

static void kinds_of_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int r;
        const char *ip;
        unsigned asked;
    } rows[] = {
        {"192.0.2.7", OK, "192.0.2.7", 0},
        {"2001:db8::7", OK, "2001:db8::7", 0},
        {"[2001:db8::7]", OK, "2001:db8::7", 0},
        {"localhost", OK, "127.0.0.1", 0},
        {"LocalHost.", OK, "127.0.0.1", 0},
        {"app.localhost", OK, "127.0.0.1", 0},
        {"", ERR_RESOLVE, "", 0},
        {"app.test", OK, "127.0.0.9", 1},
        {"APP.test", OK, "127.0.0.9", 0},
        {"a..b", ERR_RESOLVE, "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        asked = 0;
        expect(rows[i].name, rows[i].r, rows[i].ip);
        assert_int_equal(asked, rows[i].asked);
    }
}

static void one_lookup_for_many(void **state)
{
    (void)state;
    struct asker k[20], late;
    for (int i = 0; i < 20; i++)
        begin(&k[i], "many.test");
    resolve_cancel(&k[3].q);
    resolve_cancel(&k[3].q);
    for (int i = 0; i < 20; i++)
        if (i != 3)
            wait_for(&k[i]);
    assert_false(k[3].done);
    assert_int_equal(asked, 1);
    begin(&late, "many.test");
    resolve_cancel(&late.q); /* its answer was ready */
    loop_turn(l, 0);
    loop_turn(l, 0);
    assert_false(late.done);
}

static void lives_for_its_ttl(void **state)
{
    (void)state;
    ttl_s = 0; /* at least one second */
    expect("short.test", OK, "127.0.0.9");
    last_octet = 8;
    expect("short.test", OK, "127.0.0.9");
    assert_int_equal(asked, 1);
    pass_ms(1050);
    expect("short.test", OK, "127.0.0.8");
    assert_int_equal(asked, 2);
}

static void failure_is_remembered(void **state)
{
    (void)state;
    mode = NO_NAME;
    expect("gone.test", ERR_RESOLVE, "");
    unsigned before = asked;
    expect("gone.test", ERR_RESOLVE, "");
    assert_int_equal(asked, before);
    pass_ms(350);
    mode = ADDRESS;
    expect("gone.test", OK, "127.0.0.9");
}

static void old_addresses_while_servers_are_down(void **state)
{
    (void)state;
    static const enum reply ways[] = {SILENT, BROKEN};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct asker k;
        char name[16];
        snprintf(name, sizeof(name), "old%zu.test", i);
        mode = ADDRESS;
        ttl_s = 1;
        expect(name, OK, "127.0.0.9");
        mode = ways[i];
        pass_ms(1050);
        begin(&k, name);
        wait_for(&k);
        assert_int_equal(k.r, OK);
        assert_true(k.stale);
        assert_int_equal(k.first.bytes[15], 9);
        pass_ms(350); /* time to ask again; but they are known to be down: nobody waits */
        begin(&k, name);
        loop_turn(l, 0);
        assert_true(k.done);
        assert_true(k.stale);
        struct resolve_stats s;
        resolve_stats(res, &s);
        assert_true(s.stale_answers >= 2);
    }
    /* A server that knows better ends it: the name is gone, old addresses are not used. */
    mode = NO_NAME;
    pass_ms(350);
    struct asker k;
    begin(&k, "old0.test");
    wait_for(&k); /* may still be stale: the look-up runs behind it */
    pass_ms(100);
    expect("old0.test", ERR_RESOLVE, "");
}

static void no_server_no_address(void **state)
{
    (void)state;
    mode = SILENT;
    expect("never.test", ERR_RESOLVE, "");
}

static void truncated_answers_come_over_tcp(void **state)
{
    (void)state;
    struct fault f;
    struct resolve_options o = {.servers = servers, .timeout_ms = 2000, .tries = 1};
    resolve_free(res);
    assert_int_equal(resolve_new(l, &o, &res, &f), OK);
    mode = TRUNCATED;
    unsigned before = tcp.accepted;
    expect("big.test", OK, "127.0.0.9");
    assert_true(tcp.accepted > before);
}

/* The first name of /etc/hosts that is not localhost. */
static void hosts_file(void **state)
{
    (void)state;
    FILE *f = fopen("/etc/hosts", "r");
    char line[256], ip[64] = "", name[128] = "";
    while (f && fgets(line, sizeof(line), f)) {
        struct slice rest = slice_cstr(line), word[2] = {SLICE_EMPTY, SLICE_EMPTY};
        for (size_t i = 0; i < rest.n; i++)
            if (line[i] == '\t' || line[i] == '\n')
                line[i] = ' ';
        for (size_t i = 0; i < 2; i++)
            while (word[i].n == 0 && slice_next(&rest, ' ', &word[i]))
                ;
        if (!word[1].n || word[0].p[0] == '#' || slice_find(word[0], ':') < word[0].n ||
            slice_starts(word[1], SLICE("localhost")))
            continue;
        snprintf(ip, sizeof(ip), SLICE_F, SLICE_A(word[0]));
        snprintf(name, sizeof(name), SLICE_F, SLICE_A(word[1]));
        break;
    }
    if (f)
        fclose(f);
    if (!name[0])
        skip();
    expect(name, OK, ip);
    assert_int_equal(asked, 0);
}

/* Names without end do not grow the cache without end. */
static void cache_is_bounded(void **state)
{
    (void)state;
    struct resolve_stats s;
    for (int i = 0; i < RESOLVE_NAMES_MAX + 200; i++) {
        struct asker k;
        char name[32];
        snprintf(name, sizeof(name), "n%d.test", i);
        begin(&k, name);
        wait_for(&k);
        assert_int_equal(k.r, OK);
    }
    resolve_stats(res, &s);
    assert_int_equal(s.names, RESOLVE_NAMES_MAX);
    assert_int_equal(s.lookups, RESOLVE_NAMES_MAX + 200);
}

static void freed_with_queries_under_way(void **state)
{
    (void)state;
    struct resolver *other;
    struct fault f;
    struct resolve_options o = {.servers = servers, .timeout_ms = 40, .tries = 2};
    struct asker a = {.q.on_done = on_done}, b = {.q.on_done = on_done};
    assert_int_equal(resolve_new(l, &o, &other, &f), OK);
    resolve_start(other, SLICE("x.test"), &a.q);
    resolve_start(other, SLICE("127.0.0.1"), &b.q);
    resolve_free(other);
    loop_turn(l, 0);
    assert_false(a.done || b.done);
    resolve_cancel(&a.q); /* harmless */
}

static void bad_servers(void **state)
{
    (void)state;
    struct resolver *other;
    struct fault f = {.code = 0};
    struct resolve_options o = {.servers = "not an address"};
    assert_int_equal(resolve_new(l, &o, &other, &f), ERR_CONFIG);
    assert_string_not_equal(f.what, "");
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, fresh, stale)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(kinds_of_names),
        FRESH(one_lookup_for_many),
        FRESH(lives_for_its_ttl),
        FRESH(failure_is_remembered),
        FRESH(old_addresses_while_servers_are_down),
        FRESH(no_server_no_address),
        FRESH(truncated_answers_come_over_tcp),
        FRESH(hosts_file),
        FRESH(cache_is_bounded),
        FRESH(freed_with_queries_under_way),
        FRESH(bad_servers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
