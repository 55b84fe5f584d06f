/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The words before TLS of every protocol: good conversations in one piece and byte by byte, and
 * servers that refuse, speak something else or never end. */
#include "check/starttls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#include "base/mem.h"

#define TEXT(lit) lit, sizeof(lit) - 1

/* One turn: what the server says, and what is said to it. */
struct turn {
    const char *in;
    size_t in_n;
    const char *out;
    size_t out_n;
};

struct conversation {
    const char *protocol;
    struct turn turns[4];
    size_t n;
};

static const struct conversation good[] = {
    {"smtp",
     {{TEXT("220-welcome\r\n220 mx ESMTP\r\n"), TEXT("EHLO a.test\r\n")},
      {TEXT("250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n"), TEXT("STARTTLS\r\n")},
      {TEXT("220 go\r\n"), TEXT("")}},
     3},
    {"lmtp",
     {{TEXT("220 mx\r\n"), TEXT("LHLO a.test\r\n")},
      {TEXT("250 STARTTLS\r\n"), TEXT("STARTTLS\r\n")},
      {TEXT("220 go\r\n"), TEXT("")}},
     3},
    {"imap",
     {{TEXT("* OK [CAPABILITY IMAP4rev1] hi\r\n"), TEXT("a1 STARTTLS\r\n")},
      {TEXT("* BYE or not\r\na1 OK begin\r\n"), TEXT("")}},
     2},
    {"pop3", {{TEXT("+OK hi\r\n"), TEXT("STLS\r\n")}, {TEXT("+OK\r\n"), TEXT("")}}, 2},
    {"ftp",
     {{TEXT("220-hi\r\n220 ready\r\n"), TEXT("AUTH TLS\r\n")}, {TEXT("234 go\r\n"), TEXT("")}},
     2},
    {"nntp", {{TEXT("201 hi\r\n"), TEXT("STARTTLS\r\n")}, {TEXT("382 go\r\n"), TEXT("")}}, 2},
    {"sieve",
     {{TEXT("\"SIEVE\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n"), TEXT("STARTTLS\r\n")},
      {TEXT("OK \"go\"\r\n"), TEXT("")}},
     2},
    {"postgres", {{TEXT(""), TEXT("\0\0\0\x08\x04\xd2\x16\x2f")}, {TEXT("S"), TEXT("")}}, 2},
    {"ldap",
     {{TEXT(""), TEXT("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
                      "1.3.6.1.4.1.1466.20037")},
      {TEXT("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0"), TEXT("")}},
     2},
    {"connect",
     {{TEXT(""), TEXT("CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n")},
      {TEXT("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"), TEXT("")}},
     2},
};

static int go(struct starttls *s, struct slice in, size_t *used, struct buf *out)
{
    uint8_t *copy = mem_alloc(in.n + 1); /* nothing readable behind it under a sanitizer */
    if (in.n)
        memcpy(copy, in.p, in.n);
    int r = starttls_go(s, slice_of(copy, in.n), used, out);
    assert_true(*used <= in.n);
    mem_free(copy);
    return r;
}

/* Bytes of the server come in pieces of `piece`. */
static void converse(const struct conversation *c, size_t piece)
{
    struct starttls s = {c->protocol, SLICE("a.test"), 0};
    struct buf in, out;
    int r = ERR_AGAIN;
    buf_init(&in, 65536);
    buf_init(&out, 65536);
    for (size_t t = 0; t < c->n; t++) {
        struct slice rest = slice_of(c->turns[t].in, c->turns[t].in_n);
        do {
            struct slice part = slice_first(rest, piece);
            size_t used = 0;
            assert_int_equal(buf_add(&in, part), OK);
            rest = slice_from(rest, part.n);
            r = go(&s, buf_slice(&in), &used, &out);
            buf_consume(&in, used);
        } while (rest.n && r == ERR_AGAIN);
        struct slice said = buf_slice(&out);
        if (!slice_eq(said, slice_of(c->turns[t].out, c->turns[t].out_n)))
            fail_msg("%s, turn %zu, pieces of %zu: \"%.*s\"", c->protocol, t, piece, SLICE_A(said));
        buf_consume(&out, said.n);
    }
    if (r != OK || in.n)
        fail_msg("%s, pieces of %zu: %s, %zu bytes left", c->protocol, piece, err_text(r), in.n);
    buf_done(&in);
    buf_done(&out);
}

static void conversations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        for (size_t piece = 1; piece < 100; piece = piece * 3 + 1)
            converse(&good[i], piece);
}

static void xmpp(void **state)
{
    (void)state;
    struct starttls s = {"xmpp", SLICE("a.test"), 0};
    struct buf out;
    size_t used;
    buf_init(&out, 65536);
    assert_int_equal(go(&s, SLICE_EMPTY, &used, &out), ERR_AGAIN);
    assert_non_null(memmem(buf_slice(&out).p, out.n, "to='a.test'", 11));
    buf_consume(&out, out.n);
    struct slice features = SLICE("<stream:features><starttls xmlns='x'/></stream:features>");
    assert_int_equal(go(&s, features, &used, &out), ERR_AGAIN);
    assert_true(slice_starts(buf_slice(&out), SLICE("<starttls ")));
    assert_int_equal(used, features.n);
    assert_int_equal(go(&s, SLICE("<proceed xmlns='x'"), &used, &out), ERR_AGAIN);
    assert_int_equal(go(&s, SLICE("<proceed xmlns='x'/>"), &used, &out), OK);
    buf_done(&out);
}

static void mysql(void **state)
{
    (void)state;
    static const char greeting[] = "\x31\0\0\0\x0a"
                                   "8.0.36\0\1\0\0\0saltsalt\0\xff\xff\x21\2\0\xff\xdf\x15"
                                   "\0\0\0\0\0\0\0\0\0\0saltsaltsalt";
    struct slice in = slice_of(greeting, 4 + 0x31);
    uint8_t plain[sizeof(greeting)];
    struct buf out;
    buf_init(&out, 65536);
    for (size_t n = 0; n <= in.n; n++) {
        struct starttls s = {"mysql", SLICE("a.test"), 0};
        size_t used;
        int r = go(&s, slice_first(in, n), &used, &out);
        if (r != (n < in.n ? ERR_AGAIN : OK))
            fail_msg("cut at %zu: %s", n, err_text(r));
    }
    assert_int_equal(out.n, 36);
    memcpy(plain, greeting, sizeof(plain));
    plain[4 + 1 + 7 + 4 + 8 + 1 + 1] &= 0xf7; /* without CLIENT_SSL */
    struct starttls s = {"mysql", SLICE("a.test"), 0};
    size_t used;
    assert_int_equal(go(&s, slice_of(plain, in.n), &used, &out), ERR_SYNTAX);
    buf_done(&out);
}

static void hostile(void **state)
{
    static const struct {
        const char *protocol, *in;
        size_t n;
        int r;
    } rows[] = {
        {"smtp", TEXT("554 no service\r\n"), ERR_SYNTAX},
        {"smtp", TEXT("HTTP/1.1 400 Bad Request\r\n"), ERR_SYNTAX},
        {"smtp", TEXT("\n"), ERR_SYNTAX},
        {"smtp", TEXT("220"), ERR_AGAIN},
        {"imap", TEXT("* BYE too many\r\n"), ERR_SYNTAX},
        {"pop3", TEXT("-ERR\r\n"), ERR_SYNTAX},
        {"ftp", TEXT("421 too many\r\n"), ERR_SYNTAX},
        {"sieve", TEXT("BYE\r\n"), ERR_SYNTAX},
        {"mysql", TEXT("\x10\0\0\0\xff\x10\x04Too many"), ERR_SYNTAX},
        {"mysql", TEXT("\xff\xff\xff\0\x0a"), ERR_SYNTAX},
        {"mysql", TEXT("\2\0\0\0\x0a\0"), ERR_SYNTAX},
        {"nonsense", TEXT("220 hi\r\n"), ERR_NOT_FOUND},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct starttls s = {rows[i].protocol, SLICE("a.test"), 0};
        struct buf out;
        size_t used;
        buf_init(&out, 65536);
        int r = go(&s, slice_of(rows[i].in, rows[i].n), &used, &out);
        if (r != rows[i].r)
            fail_msg("%s, row %zu: %s, expected %s", rows[i].protocol, i, err_text(r),
                     err_text(rows[i].r));
        buf_done(&out);
    }
}

/* Second answers that are a no. */
static void refuses_after_the_question(void **state)
{
    static const struct {
        const char *protocol, *in;
        size_t n;
        int r;
    } rows[] = {
        {"postgres", TEXT("N"), ERR_SYNTAX},
        {"postgres", TEXT("E"), ERR_SYNTAX},
        {"ldap", TEXT("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\0\x04\0"), ERR_SYNTAX},
        {"ldap", TEXT("\x30\x84\xff\xff\xff\xff\x02\x01\x01\x78\x07"), ERR_SYNTAX},
        {"ldap", TEXT("SSH-2.0-OpenSSH"), ERR_SYNTAX},
        {"ldap", TEXT("\x30\x0c\x02\x01"), ERR_AGAIN},
        {"connect", TEXT("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), ERR_SYNTAX},
        {"connect", TEXT("HTTP/1.1 200 OK\r\n"), ERR_AGAIN},
        {"connect", TEXT("SSH-2.0-OpenSSH\r\n\r\n"), ERR_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct starttls s = {rows[i].protocol, SLICE("a.test"), 0};
        struct buf out;
        size_t used;
        buf_init(&out, 65536);
        assert_int_equal(go(&s, SLICE_EMPTY, &used, &out), ERR_AGAIN);
        int r = go(&s, slice_of(rows[i].in, rows[i].n), &used, &out);
        if (r != rows[i].r)
            fail_msg("%s, row %zu: %s, expected %s", rows[i].protocol, i, err_text(r),
                     err_text(rows[i].r));
        buf_done(&out);
    }
}

/* Without an end of line, a stream feature or a head: given up on. */
static void never_ending(void **state)
{
    static const char *const protocols[] = {"smtp", "imap", "xmpp", "connect"};
    static uint8_t endless[STARTTLS_ANSWER_MAX + 1];
    (void)state;
    memset(endless, 'a', sizeof(endless));
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        struct starttls s = {protocols[i], SLICE("a.test"), 0};
        struct buf out;
        size_t used;
        buf_init(&out, 65536);
        (void)go(&s, SLICE_EMPTY, &used, &out);
        int r = go(&s, slice_of(endless, sizeof(endless)), &used, &out);
        if (r != ERR_CAP && r != ERR_SYNTAX)
            fail_msg("%s: %s", protocols[i], err_text(r));
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations), cmocka_unit_test(xmpp),
        cmocka_unit_test(mysql),         cmocka_unit_test(hostile),
        cmocka_unit_test(never_ending),  cmocka_unit_test(refuses_after_the_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
