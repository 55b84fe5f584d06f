/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Challenge records put into a zone by update or hook, waited for, and taken away again whatever
 * happens; the standing record of dns-persist-01. */
#include "cert/dnssolve.h"

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
#include "crypt/digest.h"
#include "crypt/tsig.h"

static struct loop *l;
static struct nameserver ns;
static struct secret secret;

/* ---- the host ---- */

static struct {
    char calls[512];
    uint64_t id;
    char events[512];
    char trouble[512];
} host_saw;

static void run_hook(void *ctx, const struct certhost_call *c)
{
    (void)ctx;
    size_t n = strlen(host_saw.calls);
    snprintf(host_saw.calls + n, sizeof(host_saw.calls) - n, "%s" SLICE_F " " SLICE_F " " SLICE_F,
             n ? "; " : "", SLICE_A(c->arguments[0]), SLICE_A(c->arguments[1]),
             SLICE_A(c->arguments[2]));
    assert_int_equal(c->hook, CERTHOST_HOOK_DNS);
    assert_true(c->timeout_ms > 0);
    host_saw.id = c->id;
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    (void)ctx;
    (void)fields;
    assert_true(n > 0);
    size_t at = strlen(host_saw.events);
    snprintf(host_saw.events + at, sizeof(host_saw.events) - at, "%s%s:%d", at ? " " : "", name,
             level);
}

static void on_trouble(void *ctx, const struct fault *f)
{
    (void)ctx;
    fault_text(f, host_saw.trouble, sizeof(host_saw.trouble));
}

static const struct certhost host = {
    .run_hook = run_hook, .on_event = on_event, .on_trouble = on_trouble};

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    memset(&host_saw, 0, sizeof(host_saw));
    if (loop_new(&l, &f) || secret_set(&secret, SLICE("0123456789abcdef0123456789abcdef")))
        return -1;
    nameserver_open(&ns, l);
    nameserver_add(&ns, "a.test. 60 IN SOA ns1.a.test. hostmaster.a.test. 1 2 3 4 5");
    nameserver_add(&ns, "a.test. 60 IN NS ns1.a.test.");
    nameserver_add(&ns, "ns1.a.test. 60 IN A 127.0.0.1");
    nameserver_add(&ns, "_acme-challenge.alias.a.test. 60 IN CNAME x.a.test.");
    nameserver_add(&ns, "x.a.test. 60 IN CNAME end.a.test.");
    nameserver_add(&ns, "_acme-challenge.loop.a.test. 60 IN CNAME y.a.test.");
    nameserver_add(&ns, "y.a.test. 60 IN CNAME _acme-challenge.loop.a.test.");
    nameserver_add(&ns, "_acme-challenge.evil.a.test. 60 IN CNAME -o\\032x.a.test.");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nameserver_done(&ns);
    secret_done(&secret);
    loop_free(l);
    return 0;
}

struct told {
    struct dnssolve_record rec;
    int times, r;
    struct fault f;
};

static void on_done(struct dnssolve_record *rec, int r, const struct fault *f)
{
    struct told *t = container_of(rec, struct told, rec);
    t->times++;
    t->r = r;
    if (f)
        t->f = *f;
    char text[1024] = "";
    if (f)
        fault_text(f, text, sizeof(text));
    print_message("told %s %s\n", err_name(r), text);
    assert_int_equal(r != OK, f != NULL);
    if (r)
        assert_true(rec->d == NULL && rec->state == NULL);
}

static struct dnssolve_options options(bool update)
{
    return (struct dnssolve_options){.resolvers = slice_cstr(nameserver_text(&ns)),
                                     .update = update,
                                     .server = ns.addr,
                                     .propagation_timeout_ms = 3000};
}

static struct dnssolve *solver(const struct dnssolve_options *o)
{
    struct dnssolve *d = NULL;
    struct fault f = {0};
    int r = dnssolve_new(l, o, &host, &d, &f);
    if (r)
        print_message("%s\n", f.what);
    assert_int_equal(r, OK);
    return d;
}

static void until(const int *flag, int value)
{
    uint64_t end_ms = loop_now_ms(l) + 20000;
    while (*(const volatile int *)flag != value && loop_now_ms(l) < end_ms)
        loop_turn(l, 50);
    assert_int_equal(*flag, value);
}

static void until_idle(struct dnssolve *d)
{
    uint64_t end_ms = loop_now_ms(l) + 20000;
    while (dnssolve_busy(d) && loop_now_ms(l) < end_ms)
        loop_turn(l, 50);
    assert_int_equal(dnssolve_busy(d), 0);
}

static void until_hook(void)
{
    uint64_t end_ms = loop_now_ms(l) + 5000;
    while (!host_saw.id && loop_now_ms(l) < end_ms)
        loop_turn(l, 50);
    assert_true(host_saw.id != 0);
}

static void hook_done(struct dnssolve *d, int status, const char *output)
{
    uint64_t id = host_saw.id;
    host_saw.id = 0;
    assert_false(dnssolve_hook_done(d, id + 1, 0, SLICE_EMPTY));
    assert_true(dnssolve_hook_done(d, id, status, slice_cstr(output)));
    assert_false(dnssolve_hook_done(d, id, status, slice_cstr(output)));
}

static void present(struct dnssolve *d, struct told *t, const char *domain, const char *value)
{
    *t = (struct told){.rec = {.on_done = on_done}};
    dnssolve_present(d, &t->rec, slice_cstr(domain), slice_cstr(value));
    assert_int_equal(t->times, 0);
}

/* ---- updates ---- */

static void updates(void **state)
{
    (void)state;
    struct dnssolve_options o = options(true);
    struct dnssolve *d = solver(&o);
    struct told apex, wild;
    nameserver_add(&ns, "_acme-challenge.a.test. 60 IN TXT \"of-somebody-else\"");
    present(d, &apex, "a.test", "value-one");
    present(d, &wild, "*.a.test", "value-two");
    until(&apex.times, 1);
    until(&wild.times, 1);
    assert_int_equal(apex.r, OK);
    assert_int_equal(wild.r, OK);
    assert_int_equal(ns.nadded, 2);
    assert_non_null(strstr(ns.added[0], "_acme-challenge.a.test.\t60\tIN\tTXT\t\"value-"));
    dnssolve_withdraw(&apex.rec);
    assert_int_equal(dnssolve_busy(d), 1);
    until_idle(d);
    assert_int_equal(ns.nadded, 1);
    assert_non_null(strstr(ns.added[0], "value-two"));
    dnssolve_withdraw(&wild.rec);
    dnssolve_withdraw(&wild.rec);
    until_idle(d);
    assert_int_equal(ns.nadded, 0);
    assert_string_equal(host_saw.trouble, "");
    dnssolve_free(d);
}

static void primary_of_the_zone(void **state)
{
    (void)state;
    struct dnssolve_options o = options(true);
    struct told t;
    o.server = (struct sock_addr){.raw_bytes = 0}; /* ns1.a.test, by the SOA */
    struct dnssolve *d = solver(&o);
    present(d, &t, "deep.www.a.test", "v");
    until(&t.times, 1);
    assert_int_equal(t.r, OK);
    assert_non_null(strstr(ns.added[0], "_acme-challenge.deep.www.a.test."));
    dnssolve_withdraw(&t.rec);
    until_idle(d);
    dnssolve_free(d);
}

struct name_row {
    const char *domain, *zone;
    int r;
    const char *record, *what;
};

static const struct name_row name_rows[] = {
    {"alias.a.test", "", OK, "end.a.test.", ""},
    {"alias.a.test", "a.test.", OK, "end.a.test.", ""},
    {"loop.a.test", "", ERR_RESOLVE, "", "lead in a circle"},
    {"evil.a.test", "", ERR_SYNTAX, "", "no host name"},
    {"www.b.test", "", ERR_RESOLVE, "", "no zone holds"},
    {"www.a.test", "b.test", ERR_CONFIG, "", "not in the zone"},
};

static void names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(name_rows); i++) {
        const struct name_row *row = &name_rows[i];
        struct dnssolve_options o = options(true);
        struct told t;
        o.zone = slice_cstr(row->zone);
        struct dnssolve *d = solver(&o);
        present(d, &t, row->domain, "v");
        until(&t.times, 1);
        print_message("%s -> %s, %s\n", row->domain, err_name(t.r), ns.nadded ? ns.added[0] : "");
        assert_int_equal(t.r, row->r);
        assert_int_equal(ns.nadded, row->r == OK);
        if (row->r)
            assert_non_null(strstr(t.f.what, row->what));
        else
            assert_true(strncmp(ns.added[0], row->record, strlen(row->record)) == 0);
        dnssolve_withdraw(&t.rec);
        until_idle(d);
        assert_int_equal(ns.nadded, 0);
        dnssolve_free(d);
    }
}

static void refused_updates(void **state)
{
    (void)state;
    static const struct {
        unsigned rcode;
        int r;
        const char *what, *next;
    } rows[] = {
        {DNS_REFUSED, ERR_PERM, "does not let us change", "TSIG key"},
        {DNS_NOTAUTH, ERR_CONFIG, "not responsible for the zone a.test", "primary"},
        {DNS_NOTIMP, ERR_CONFIG, "takes no dynamic updates", "hook"},
        {DNS_SERVFAIL, ERR_RESOLVE, "could not store", "journal"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dnssolve_options o = options(true);
        struct dnssolve *d = solver(&o);
        struct told t;
        ns.update_rcode = rows[i].rcode;
        ns.updates = 0;
        present(d, &t, "a.test", "v");
        until(&t.times, 1);
        assert_int_equal(t.r, rows[i].r);
        assert_non_null(strstr(t.f.what, rows[i].what));
        assert_non_null(strstr(t.f.next, rows[i].next));
        if (rows[i].rcode != DNS_SERVFAIL) /* else nobody knows what stands there */
            assert_int_equal(dnssolve_busy(d), 0);
        ns.update_rcode = 0;
        until_idle(d);
        assert_int_equal(ns.updates, rows[i].rcode == DNS_SERVFAIL ? 2 : 1);
        dnssolve_free(d);
    }
}

/* ---- signatures ---- */

static unsigned claim; /* TSIG error that the server answers unsigned */
static unsigned reply_rcode;
static bool tamper;
static int64_t server_ahead_s;

static void put(struct buf *b, uint64_t v, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        uint8_t byte = (uint8_t)(v >> (8 * (width - 1 - i)));
        assert_int_equal(buf_add(b, slice_of(&byte, 1)), OK);
    }
}

#define KEY_WIRE       SLICE("\6update\3key\0")
#define ALGORITHM_WIRE SLICE("\13hmac-sha256\0")

/* RFC 8945 by its text, beside crypt/tsig: head and signature of a reply. */
static size_t signing_server(struct nameserver *n, struct slice message, uint8_t *out, size_t cap)
{
    (void)n;
    /* The request's MAC stands at its end, before id, error and other length. */
    struct slice of_request = slice_of(message.p + message.n - 32 - 6, 32);
    uint8_t head[12] = {message.p[0], message.p[1], 0xa8, (uint8_t)reply_rcode};
    uint8_t mac[DIGEST_SHA256_BYTES];
    uint64_t now_s = (uint64_t)(loop_unix_ms(l) / 1000 + server_ahead_s);
    uint64_t other = claim == TSIG_BADTIME ? 6 : 0;
    struct buf b;
    buf_init(&b, 4096);
    put(&b, 32, 2);
    assert_int_equal(buf_add(&b, of_request), OK);
    assert_int_equal(buf_add(&b, slice_of(head, sizeof(head))), OK);
    assert_int_equal(buf_add(&b, KEY_WIRE), OK);
    put(&b, 255, 2);
    put(&b, 0, 4);
    assert_int_equal(buf_add(&b, ALGORITHM_WIRE), OK);
    put(&b, now_s, 6);
    put(&b, 300, 2);
    put(&b, claim, 2);
    put(&b, other, 2);
    put(&b, now_s, (unsigned)other);
    assert_int_equal(digest_hmac_sha256(secret_expose(&secret), buf_slice(&b), mac), OK);
    buf_done(&b);
    head[11] = 1;
    head[3] ^= tamper;
    assert_int_equal(buf_add(&b, slice_of(head, sizeof(head))), OK);
    assert_int_equal(buf_add(&b, KEY_WIRE), OK);
    put(&b, 250, 2);
    put(&b, 255, 2);
    put(&b, 0, 4);
    put(&b, ALGORITHM_WIRE.n + 16 + 32 + other, 2);
    assert_int_equal(buf_add(&b, ALGORITHM_WIRE), OK);
    put(&b, now_s, 6);
    put(&b, 300, 2);
    put(&b, 32, 2);
    assert_int_equal(buf_add(&b, slice_of(mac, sizeof(mac))), OK);
    assert_int_equal(buf_add(&b, slice_of(head, 2)), OK);
    put(&b, claim, 2);
    put(&b, other, 2);
    put(&b, now_s, (unsigned)other);
    size_t size = b.n;
    assert_true(size <= cap);
    memcpy(out, b.p + b.off, size);
    buf_done(&b);
    return size;
}

static void signed_updates(void **state)
{
    (void)state;
    static const struct {
        unsigned rcode, claim;
        int64_t ahead_s;
        int r;
        const char *what;
    } rows[] = {
        {0, 0, 0, OK, ""},
        {5, 0, 0, ERR_PERM, "does not let us change"},
        {9, TSIG_BADKEY, 0, ERR_PERM, "does not know the key \"Update.Key.\" with hmac-sha256"},
        {9, TSIG_BADSIG, 0, ERR_PERM, "signature with the key \"Update.Key.\" is wrong"},
        {9, TSIG_BADTIME, 400, ERR_PERM, "400 seconds behind that of name server"},
        {0, 0, -400, ERR_EXPIRED, "400 seconds ahead of that of name server"},
    };
    struct dnssolve_options o = options(true);
    o.tsig_name = SLICE("Update.Key.");
    o.tsig_algorithm = SLICE("HMAC-SHA256.");
    o.tsig_secret = &secret;
    ns.on_update = signing_server;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dnssolve *d = solver(&o);
        struct told t;
        reply_rcode = rows[i].rcode;
        claim = rows[i].claim;
        tamper = false;
        server_ahead_s = rows[i].ahead_s;
        present(d, &t, "a.test", "v");
        until(&t.times, 1);
        assert_int_equal(t.r, rows[i].r);
        assert_non_null(strstr(t.f.what, rows[i].what));
        reply_rcode = claim = 0;
        server_ahead_s = 0;
        dnssolve_withdraw(&t.rec);
        until_idle(d);
        dnssolve_free(d);
    }
    /* Changed on its way, or not signed at all: neither is the server's word. */
    for (int i = 0; i < 2; i++) {
        struct dnssolve *d = solver(&o);
        struct told t;
        ns.on_update = i ? NULL : signing_server;
        reply_rcode = 1;
        tamper = true; /* becomes NOERROR */
        present(d, &t, "a.test", "v");
        until(&t.times, 1);
        assert_int_equal(t.r, ERR_VERIFY);
        assert_int_equal(dnssolve_busy(d), 1); /* the record may stand */
        dnssolve_free(d);
    }
}

/* ---- propagation ---- */

static void every_server_is_waited_for(void **state)
{
    (void)state;
    struct nameserver second;
    nameserver_open_at(&second, l, "127.0.0.2", 0);
    nameserver_add(&ns, "a.test. 60 IN NS ns2.a.test.");
    nameserver_add(&ns, "ns2.a.test. 60 IN A 127.0.0.2");
    nameserver_add(&second, "a.test. 60 IN SOA ns1.a.test. hostmaster.a.test. 1 2 3 4 5");
    char list[200];
    snprintf(list, sizeof(list), "%s,127.0.0.2:%u", nameserver_text(&ns), second.port);
    struct dnssolve_options o = options(true);
    o.resolvers = slice_cstr(list);
    struct dnssolve *d = solver(&o);
    struct told t;
    present(d, &t, "a.test", "late");
    uint64_t end_ms = loop_now_ms(l) + 600;
    while (loop_now_ms(l) < end_ms)
        loop_turn(l, 20);
    assert_int_equal(t.times, 0);
    assert_true(second.udp_asked >= 2);
    nameserver_add(&second, "_acme-challenge.a.test. 60 IN TXT \"late\"");
    until(&t.times, 1);
    assert_int_equal(t.r, OK);
    assert_string_equal(host_saw.events, "dns_record_seen:1");
    dnssolve_withdraw(&t.rec);
    until_idle(d);
    /* Never there: who lacks it is named, and what was added goes away. */
    second.nlines--;
    o.propagation_timeout_ms = 400;
    dnssolve_free(d);
    d = solver(&o);
    present(d, &t, "a.test", "never");
    until(&t.times, 1);
    assert_int_equal(t.r, ERR_TIMEOUT);
    assert_non_null(strstr(t.f.what, "still missing at 127.0.0.2:"));
    assert_null(strstr(t.f.what, "127.0.0.1"));
    until_idle(d);
    assert_int_equal(ns.nadded, 0);
    dnssolve_free(d);
    nameserver_done(&second);
}

static void unreachable_servers(void **state)
{
    (void)state;
    /* Port 53 of 127.0.0.3: nobody. */
    for (int all = 0; all < 2; all++) {
        static const char *lines[] = {"ns1.a.test. 60 IN A 127.0.0.1",
                                      "ns1.a.test. 60 IN A 127.0.0.3"};
        ns.lines[2] = lines[all];
        if (!all) {
            nameserver_add(&ns, "a.test. 60 IN NS ns3.a.test.");
            nameserver_add(&ns, "ns3.a.test. 60 IN A 127.0.0.3");
        }
        struct dnssolve_options o = options(true);
        struct dnssolve *d = solver(&o);
        struct told t;
        host_saw.events[0] = 0;
        present(d, &t, "a.test", "v");
        until(&t.times, 1);
        assert_int_equal(t.r, OK);
        assert_string_equal(host_saw.events, "dns_record_seen:2");
        dnssolve_withdraw(&t.rec);
        until_idle(d);
        dnssolve_free(d);
    }
}

/* ---- hooks ---- */

static void hooks(void **state)
{
    (void)state;
    struct dnssolve_options o = options(false);
    struct dnssolve *d = solver(&o);
    struct told t;
    present(d, &t, "alias.a.test", "v");
    until_hook();
    assert_string_equal(host_saw.calls, "present end.a.test v");
    nameserver_add(&ns, "end.a.test. 60 IN TXT \"v\"");
    hook_done(d, 0, "");
    until(&t.times, 1);
    assert_int_equal(t.r, OK);
    dnssolve_withdraw(&t.rec);
    until_hook();
    assert_string_equal(host_saw.calls, "present end.a.test v; cleanup end.a.test v");
    assert_int_equal(dnssolve_busy(d), 1);
    hook_done(d, 1, "it broke\nin two lines");
    assert_int_equal(dnssolve_busy(d), 0);
    assert_non_null(strstr(host_saw.trouble, "status 1: it broke"));
    dnssolve_free(d);
}

static void hook_without_a_zone(void **state)
{
    (void)state;
    struct dnssolve_options o = options(false);
    struct dnssolve *d = solver(&o);
    struct told t;
    present(d, &t, "www.b.test", "v");
    until_hook();
    nameserver_add(&ns, "_acme-challenge.www.b.test. 60 IN TXT \"v\"");
    hook_done(d, 0, "");
    until(&t.times, 1);
    assert_int_equal(t.r, OK);
    assert_string_equal(host_saw.events, "dns_record_seen:2"); /* by the resolvers alone */
    dnssolve_free(d);
}

static void clean_up_after_a_failed_hook(void **state)
{
    (void)state;
    struct dnssolve_options o = options(false);
    struct dnssolve *d = solver(&o);
    struct told t;
    present(d, &t, "a.test", "v");
    until_hook();
    hook_done(d, 3, "no \x1b[31mcredentials");
    assert_int_equal(t.times, 1);
    assert_int_equal(t.r, ERR_HOOK);
    assert_non_null(strstr(t.f.what, "status 3: no \\x1b[31mcredentials"));
    until_hook();
    assert_non_null(strstr(host_saw.calls, "; cleanup _acme-challenge.a.test v"));
    dnssolve_withdraw(&t.rec); /* over already */
    hook_done(d, 0, "");
    assert_int_equal(dnssolve_busy(d), 0);
    assert_string_equal(host_saw.trouble, "");
    dnssolve_free(d);
}

static void withdrawn_at_every_step(void **state)
{
    (void)state;
    struct dnssolve_options o = options(false);
    struct dnssolve *d = solver(&o);
    struct told t;
    present(d, &t, "a.test", "v"); /* while the zone is looked for: nothing was done */
    dnssolve_withdraw(&t.rec);
    assert_int_equal(dnssolve_busy(d), 0);
    present(d, &t, "a.test", "v"); /* while the hook runs: it ends first */
    until_hook();
    dnssolve_withdraw(&t.rec);
    assert_int_equal(dnssolve_busy(d), 1);
    assert_string_equal(host_saw.calls, "present _acme-challenge.a.test v");
    hook_done(d, 0, "");
    until_hook();
    assert_non_null(strstr(host_saw.calls, "cleanup"));
    hook_done(d, 0, "");
    assert_int_equal(dnssolve_busy(d), 0);
    host_saw.calls[0] = 0;
    present(d, &t, "a.test", "v"); /* while it is waited for */
    until_hook();
    hook_done(d, 0, "");
    loop_turn(l, 20);
    dnssolve_withdraw(&t.rec);
    until_hook();
    assert_non_null(strstr(host_saw.calls, "cleanup"));
    assert_int_equal(t.times, 0);
    dnssolve_free(d); /* gives the rest up */
}

static void freed_under_way(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        struct dnssolve_options o = options(true);
        struct dnssolve *d = solver(&o);
        struct told t;
        present(d, &t, "a.test", "v");
        for (int i = 0; i < turns; i++)
            loop_turn(l, 5);
        dnssolve_free(d);
        assert_null(t.rec.d);
        ns.nadded = 0;
    }
}

static void without_memory(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 40; k++) {
        struct dnssolve_options o = options(true);
        struct dnssolve *d = solver(&o);
        struct told t;
        mem_fail_at(k);
        present(d, &t, "a.test", "v");
        until(&t.times, 1);
        mem_fail_at(0);
        dnssolve_withdraw(&t.rec);
        until_idle(d);
        dnssolve_free(d);
        ns.nadded = 0;
    }
}

/* ---- settings ---- */

static void settings(void **state)
{
    (void)state;
    struct dnssolve *d;
    struct fault f = {0};
    struct dnssolve_options o = options(true);
    o.tsig_algorithm = SLICE("hmac-md5");
    assert_int_equal(dnssolve_new(l, &o, &host, &d, &f), ERR_CONFIG);
    assert_non_null(strstr(f.next, "hmac-sha256"));
    o = options(true);
    o.tsig_secret = &secret;
    assert_int_equal(dnssolve_new(l, &o, &host, &d, &f), ERR_CONFIG);
    o = options(true);
    o.resolvers = SLICE("nowhere");
    assert_int_equal(dnssolve_new(l, &o, &host, &d, &f), ERR_CONFIG);
}

/* ---- dns-persist-01 ---- */

static void persistent_records(void **state)
{
    (void)state;
    static const struct {
        unsigned rcode;
        bool wildcard;
        int r;
        const char *next;
    } rows[] = {
        {0, false, OK, ""},
        {0, true, ERR_PERM, "\"ca.test; accounturi=https://ca.test/1; policy=wildcard\""},
        {DNS_SERVFAIL, false, ERR_RESOLVE, ""},
        {DNS_NXDOMAIN, false, ERR_NOT_FOUND, "\"ca.test; accounturi=https://ca.test/1\""},
    };
    struct dnssolve_options o = options(false);
    struct dnssolve *d = solver(&o);
    nameserver_add(&ns, "_validation-persist.a.test. 60 IN TXT \"noise\"");
    nameserver_add(&ns, "_validation-persist.a.test. 60 IN TXT "
                        "\"ca.test; accounturi=https:\" \"//ca.test/1\"");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct told t = {.rec = {.on_done = on_done}};
        ns.rcode = rows[i].rcode;
        dnssolve_check_persist(d, &t.rec, SLICE("a.test"), rows[i].wildcard, SLICE("ca.test"),
                               SLICE("https://ca.test/1"));
        until(&t.times, 1);
        assert_int_equal(t.r, rows[i].r);
        assert_null(t.rec.d);
        assert_non_null(strstr(t.f.next, rows[i].next));
    }
    dnssolve_free(d);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(updates),
        TEST(primary_of_the_zone),
        TEST(names),
        TEST(refused_updates),
        TEST(signed_updates),
        TEST(every_server_is_waited_for),
        TEST(unreachable_servers),
        TEST(hooks),
        TEST(hook_without_a_zone),
        TEST(clean_up_after_a_failed_hook),
        TEST(withdrawn_at_every_step),
        TEST(freed_under_way),
        TEST(without_memory),
        TEST(settings),
        TEST(persistent_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
