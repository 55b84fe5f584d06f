/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* First flights of real servers (tests/corpus/serverflight, recorded from OpenSSL): what is read
 * out of them; that a cut one is never taken for a whole one; and malformed ones. */
#include "wire/serverflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#include "base/mem.h"

static const char *corpus;
static uint8_t golden[64 * 1024], scratch[SERVERFLIGHT_MAX_BYTES];

static struct slice load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", corpus, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(golden, 1, sizeof(golden), f);
    fclose(f);
    assert_true(n > 0);
    return slice_of(golden, n);
}

struct expected {
    const char *name;
    enum serverflight_kind kind;
    uint16_t version, suite, group, sigalg;
    size_t certificates, dh_bytes;
    uint8_t alert;
    bool ems, reneg, ticket, done, request;
};

#define HELLO SERVERFLIGHT_HELLO
#define ALERT SERVERFLIGHT_ALERT
#define OTHER SERVERFLIGHT_NOT_TLS

static const struct expected cases[] = {
    {"tls13", HELLO, 0x0304, 0x1302, 0x001d, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"tls13_retry", SERVERFLIGHT_RETRY, 0x0304, 0x1302, 0x0018, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"tls12_ecdhe", HELLO, 0x0303, 0xc030, 0x001d, 0x0804, 1, 0, 0, 1, 1, 1, 1, 0},
    {"spread", HELLO, 0x0303, 0xc030, 0x001d, 0x0804, 1, 0, 0, 1, 1, 1, 1, 0},
    {"warning_first", HELLO, 0x0303, 0xc030, 0x001d, 0x0804, 1, 0, 112, 1, 1, 1, 1, 0},
    {"tls12_ecdsa_request", HELLO, 0x0303, 0xc02c, 0x001d, 0x0403, 1, 0, 0, 1, 1, 1, 1, 1},
    {"tls12_dhe", HELLO, 0x0303, 0x009e, 0, 0x0804, 1, 256, 0, 1, 1, 1, 1, 0},
    {"tls12_rsa", HELLO, 0x0303, 0x002f, 0, 0, 1, 0, 0, 1, 1, 1, 1, 0},
    {"tls12_anon", HELLO, 0x0303, 0xc018, 0x001d, 0, 0, 0, 0, 1, 1, 1, 1, 0},
    {"tls10", HELLO, 0x0301, 0xc014, 0x001d, 0, 1, 0, 0, 1, 1, 1, 1, 0},
    {"alert_version", ALERT, 0, 0, 0, 0, 0, 0, 70, 0, 0, 0, 0, 0},
    {"alert_suite", ALERT, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0},
    {"sslv2", SERVERFLIGHT_SSLV2, 0x0002, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"http", OTHER, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"ssh", OTHER, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
};

static size_t count_certificates(const struct serverflight *f)
{
    struct slice rest = f->certificates, der;
    size_t n = 0;
    while (serverflight_certificate_next(&rest, &der))
        n += der.n > 300;
    return n;
}

static bool same(const char *name, const char *what, unsigned long got, unsigned long wanted)
{
    if (got != wanted)
        fail_msg("%s: %s is 0x%lx, expected 0x%lx", name, what, got, wanted);
    return true;
}

static void compare(const struct expected *e, const struct serverflight *f)
{
    same(e->name, "kind", f->kind, e->kind);
    same(e->name, "version", f->version, e->version);
    same(e->name, "suite", f->suite, e->suite);
    same(e->name, "group", f->group, e->group);
    same(e->name, "sigalg", f->sigalg, e->sigalg);
    same(e->name, "certificates", count_certificates(f), e->certificates);
    same(e->name, "dh_p", f->dh_p.n, e->dh_bytes);
    same(e->name, "alert", f->alert, e->alert);
    same(e->name, "ems", f->ems, e->ems);
    same(e->name, "renegotiation_info", f->renegotiation_info, e->reneg);
    same(e->name, "ticket", f->ticket, e->ticket);
    same(e->name, "done", f->done, e->done);
    same(e->name, "request", f->has_certificate_request, e->request);
}

static void reads_golden_flights(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct serverflight f;
        int r = serverflight_read(load(cases[i].name), true, scratch, &f);
        if (r)
            fail_msg("%s: %s", cases[i].name, err_text(r));
        compare(&cases[i], &f);
    }
}

/* Every beginning of a flight says ERR_AGAIN until it is whole; then nothing behind it changes what
 * was read. Copies end where the input ends, so that a sanitizer sees every read beyond. */
static void cut_at_every_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice in = load(cases[i].name);
        struct serverflight f;
        bool decided = false;
        for (size_t n = 0; n <= in.n; n++) {
            uint8_t *copy = mem_alloc(n ? n : 1);
            memcpy(copy, in.p, n);
            int r = serverflight_read(slice_of(copy, n), true, scratch, &f);
            if (r != OK && r != ERR_AGAIN)
                fail_msg("%s cut at %zu: %s", cases[i].name, n, err_text(r));
            if (decided && r)
                fail_msg("%s cut at %zu: again after an answer", cases[i].name, n);
            decided |= r == OK;
            if (r == OK && cases[i].kind != OTHER)
                compare(&cases[i], &f);
            else if (r == OK)
                same(cases[i].name, "kind", f.kind, OTHER);
            mem_free(copy);
        }
        assert_true(decided);
    }
}

/* Without `whole` the ServerHello is enough. */
static void stops_after_the_hello(void **state)
{
    (void)state;
    struct serverflight f;
    struct slice in = load("tls12_ecdhe");
    assert_int_equal(serverflight_read(slice_first(in, 5 + 65), false, scratch, &f), OK);
    assert_int_equal(f.suite, 0xc030);
    assert_false(f.has_certificates);
    assert_int_equal(serverflight_read(slice_first(in, 5 + 64), false, scratch, &f), ERR_AGAIN);
}

#define BYTES(lit) lit, sizeof(lit) - 1

static void refuses_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *what, *bytes;
        size_t n;
        int r;
        enum serverflight_kind kind;
    } rows[] = {
        {"nothing", BYTES(""), ERR_AGAIN, HELLO},
        {"one byte of a record", BYTES("\x16"), ERR_AGAIN, HELLO},
        {"a warning alone", BYTES("\x15\3\3\0\2\1\x70"), ERR_AGAIN, ALERT},
        {"close_notify", BYTES("\x15\3\3\0\2\1\0"), OK, ALERT},
        {"an alert of one byte", BYTES("\x15\3\3\0\1\2"), ERR_SYNTAX, HELLO},
        {"a record too long", BYTES("\x16\3\3\x7f\xff"), OK, OTHER},
        {"another protocol's type", BYTES("\x16\4\0\0\1"), OK, OTHER},
        {"data first", BYTES("\x17\3\3\0\1\0"), ERR_SYNTAX, HELLO},
        {"certificate before the hello", BYTES("\x16\3\3\0\7\13\0\0\3\0\0\0"), ERR_SYNTAX, HELLO},
        {"a message of 16 MB", BYTES("\x16\3\3\0\4\2\xff\xff\xff"), ERR_CAP, HELLO},
        {"a hello of two bytes", BYTES("\x16\3\3\0\6\2\0\0\2\3\3"), ERR_SYNTAX, HELLO},
        {"HelloRequest first", BYTES("\x16\3\3\0\4\0\0\0\0"), ERR_AGAIN, HELLO},
        {"an SSLv2 error", BYTES("\x80\3\0\0\1\0\0"), OK, OTHER},
        {"SSLv2, cut", BYTES("\x80\x26\4\0\1\0\2"), ERR_AGAIN, HELLO},
        {"SSLv2, lengths beyond the record", BYTES("\x80\x0b\4\0\1\0\2\xff\xff\0\3\0\x10"),
         ERR_SYNTAX, HELLO},
        {"SSLv2, lengths beyond the record, and more behind it",
         BYTES("\x80\x0b\4\0\1\0\2\0\0\0\3\0\x10"
               "012345678901234567890123456789"),
         ERR_SYNTAX, HELLO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct serverflight f;
        int r = serverflight_read(slice_of(rows[i].bytes, rows[i].n), true, scratch, &f);
        if (r != rows[i].r || f.kind != rows[i].kind)
            fail_msg("%s: %s and kind %d, expected %s and %d", rows[i].what, err_text(r),
                     (int)f.kind, err_text(rows[i].r), (int)rows[i].kind);
    }
}

/* Records without end, each with one byte: given up on, in bounded time. */
static void gives_up_on_endless_flights(void **state)
{
    (void)state;
    static uint8_t endless[6 * 5000];
    struct serverflight f;
    for (size_t i = 0; i < sizeof(endless); i += 6)
        memcpy(endless + i, "\x16\3\3\0\1\0", 6);
    assert_int_equal(serverflight_read(slice_of(endless, sizeof(endless)), true, scratch, &f),
                     ERR_CAP);
}

static void extensions(void **state)
{
    (void)state;
    struct serverflight f;
    struct slice body;
    assert_int_equal(serverflight_read(load("tls12_ecdhe"), true, scratch, &f), OK);
    assert_true(serverflight_extension(&f, 23, &body));
    assert_int_equal(body.n, 0);
    assert_false(serverflight_extension(&f, 16, &body));
    assert_string_equal(serverflight_alert_text(40), "handshake_failure");
    assert_string_equal(serverflight_alert_text(200), "unknown alert");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_golden_flights),        cmocka_unit_test(cut_at_every_offset),
        cmocka_unit_test(stops_after_the_hello),       cmocka_unit_test(refuses_malformed),
        cmocka_unit_test(gives_up_on_endless_flights), cmocka_unit_test(extensions),
    };
    corpus = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
