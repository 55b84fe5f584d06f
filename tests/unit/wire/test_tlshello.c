/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* ClientHellos: fields, spread over records and splits, and everything malformed. */
#include "wire/tlshello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#include "base/mem.h"

/* A hello under construction: vectors are opened and closed like in the RFC's language. */
struct hello {
    uint8_t p[65536];
    size_t n;
};

static void u8(struct hello *h, unsigned v)
{
    h->p[h->n++] = (uint8_t)v;
}

static void u16(struct hello *h, unsigned v)
{
    u8(h, v >> 8);
    u8(h, v & 255);
}

static void bytes(struct hello *h, const void *p, size_t n)
{
    memcpy(h->p + h->n, p, n);
    h->n += n;
}

static size_t open_block(struct hello *h, unsigned width)
{
    h->n += width;
    return h->n;
}

static void close_block(struct hello *h, size_t start, unsigned width)
{
    size_t n = h->n - start;
    for (unsigned i = 0; i < width; i++)
        h->p[start - 1 - i] = (uint8_t)(n >> 8 * i);
}

static void extension(struct hello *h, unsigned type, const void *p, size_t n)
{
    u16(h, type);
    u16(h, (unsigned)n);
    bytes(h, p, n);
}

#define EXT(h, type, lit) extension(h, type, lit, sizeof(lit) - 1)

/* What each case adds to the extensions. */
typedef void (*adder)(struct hello *h);

static void usual(struct hello *h)
{
    EXT(h, 0x3a3a, "");
    EXT(h, 0,
        "\x00\x0e\x00\x00\x0b"
        "Example.com");
    EXT(h, 10, "\x00\x06\x2a\x2a\x00\x1d\x00\x17");
    EXT(h, 11, "\x01\x00");
    EXT(h, 13, "\x00\x04\x08\x04\x04\x03");
    EXT(h, 16, "\x00\x0c\x02h2\x08http/1.1");
    EXT(h, 35, "");
    EXT(h, 43, "\x06\x8a\x8a\x03\x04\x03\x03");
    EXT(h, 51, "\x00\x0a\x2a\x2a\x00\x01\x00\x00\x1d\x00\x01k");
    EXT(h, 42, "");
    EXT(h, 0xfe0d, "x");
    EXT(h, 41, "y");
}

static void message(struct hello *h, adder add)
{
    h->n = 0;
    u8(h, 1);
    size_t body = open_block(h, 3);
    u16(h, 0x0303);
    bytes(h, "01234567890123456789012345678901", 32);
    bytes(h, "\x04sess", 5);
    bytes(h, "\x00\x04\x1a\x1a\x13\x01", 6);
    bytes(h, "\x01\x00", 2);
    if (add) {
        size_t exts = open_block(h, 2);
        add(h);
        close_block(h, exts, 2);
    }
    close_block(h, body, 3);
}

/* The message cut into records of at most `piece` bytes. */
static void records(const struct hello *m, size_t piece, struct hello *ret)
{
    ret->n = 0;
    for (size_t at = 0; at < m->n; at += piece) {
        size_t n = m->n - at < piece ? m->n - at : piece;
        u8(ret, 22);
        u16(ret, 0x0301);
        u16(ret, (unsigned)n);
        bytes(ret, m->p + at, n);
    }
}

static struct hello msg, wire;
static uint8_t scratch[TLSHELLO_MAX_BYTES + 4];

static void check_usual(const struct tlshello *h)
{
    struct slice rest = h->alpn, name, key;
    uint16_t group, type;
    assert_int_equal(h->record_version, 0x0301);
    assert_int_equal(h->legacy_version, 0x0303);
    assert_int_equal(h->max_version, 0x0304);
    assert_true(h->has_sni && h->has_alpn && h->ecdsa && h->session_ticket);
    assert_true(h->psk && h->early_data && h->ech);
    assert_true(slice_eq(h->sni, SLICE("Example.com")));
    assert_true(slice_eq(h->session_id, SLICE("sess")));
    assert_true(slice_eq(h->ciphers, SLICE("\x1a\x1a\x13\x01")));
    assert_int_equal(h->random.n, 32);
    assert_true(slice_eq(h->message, slice_of(msg.p, msg.n)));
    assert_true(tlshello_alpn_next(&rest, &name) && slice_eq(name, SLICE("h2")));
    assert_true(tlshello_alpn_next(&rest, &name) && slice_eq(name, SLICE("http/1.1")));
    assert_false(tlshello_alpn_next(&rest, &name));
    assert_true(tlshello_offers_alpn(h, SLICE("http/1.1")));
    assert_false(tlshello_offers_alpn(h, SLICE("http/1")));
    rest = h->key_shares;
    assert_true(tlshello_share_next(&rest, &group, &key) && tlshello_is_grease(group));
    assert_true(tlshello_share_next(&rest, &group, &key) && group == 0x1d);
    assert_true(slice_eq(key, SLICE("k")));
    assert_false(tlshello_share_next(&rest, &group, &key));
    assert_true(tlshello_u16_has(h->groups, 0x17));
    assert_false(tlshello_u16_has(h->groups, 0x18));
    rest = h->extensions;
    assert_true(tlshello_ext_next(&rest, &type, &key) && type == 0x3a3a);
    assert_true(tlshello_ext_next(&rest, &type, &key) && type == 0);
}

/* Every prefix wants more, the whole gives the fields; however many records carry it. */
static void every_split(void **state)
{
    (void)state;
    static const size_t pieces[] = {16384, 100, 50, 7, 4};
    message(&msg, usual);
    for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
        records(&msg, pieces[k], &wire);
        for (size_t n = 0; n <= wire.n; n++) {
            struct tlshello h;
            uint8_t *copy = mem_alloc(n); /* so that a read behind n is seen */
            memcpy(copy, wire.p, n);
            int r = tlshello_read(slice_of(copy, n), scratch, &h);
            if (r != (n < wire.n ? ERR_AGAIN : OK))
                fail_msg("records of %zu, first %zu of %zu bytes: %s", pieces[k], n, wire.n,
                         err_name(r));
            if (n == wire.n)
                check_usual(&h);
            mem_free(copy);
        }
    }
    /* Bytes of later records are not looked at. */
    u8(&wire, 0x17);
    struct tlshello h;
    assert_int_equal(tlshello_read(slice_of(wire.p, wire.n), scratch, &h), OK);
}

static void minimal(void **state)
{
    (void)state;
    struct tlshello h;
    message(&msg, NULL);
    records(&msg, 16384, &wire);
    assert_int_equal(tlshello_read(slice_of(wire.p, wire.n), scratch, &h), OK);
    assert_int_equal(h.max_version, 0x0303);
    assert_false(h.has_sni || h.has_alpn || h.ecdsa || h.psk);
    assert_int_equal(tlshello_parse(slice_of(msg.p, msg.n), &h), OK);
    assert_int_equal(tlshello_parse(slice_of(msg.p, msg.n - 1), &h), ERR_AGAIN);
    u8(&msg, 0);
    assert_int_equal(tlshello_parse(slice_of(msg.p, msg.n), &h), ERR_SYNTAX);
}

#define BAD(name, type, lit)          \
    static void name(struct hello *h) \
    {                                 \
        EXT(h, type, lit);            \
    }
BAD(sni_nul, 0,
    "\x00\x06\x00\x00\x03"
    "a\0b")
BAD(sni_space, 0,
    "\x00\x06\x00\x00\x03"
    "a b")
BAD(sni_utf8, 0, "\x00\x05\x00\x00\x02\xc3\xa4")
BAD(sni_type, 0,
    "\x00\x06\x01\x00\x03"
    "abc")
BAD(sni_two, 0,
    "\x00\x08\x00\x00\x01"
    "a\x00\x00\x01"
    "b")
BAD(sni_empty_name, 0, "\x00\x03\x00\x00\x00")
BAD(sni_empty_list, 0, "\x00\x00")
BAD(sni_empty, 0, "")
BAD(sni_long, 0,
    "\x00\x07\x00\x00\x04"
    "abc")
BAD(sni_tail, 0,
    "\x00\x06\x00\x00\x03"
    "abcX")
BAD(alpn_empty, 16, "\x00\x00")
BAD(alpn_empty_name, 16, "\x00\x01\x00")
BAD(alpn_cut, 16, "\x00\x03\x03h2")
BAD(alpn_tail, 16, "\x00\x03\x02h2x")
BAD(versions_odd, 43, "\x03\x03\x04\x03")
BAD(versions_empty, 43, "\x00")
BAD(groups_odd, 10, "\x00\x03\x00\x1d\x00")
BAD(sigalgs_cut, 13, "\x00\x04\x04\x03")
BAD(share_cut, 51, "\x00\x05\x00\x1d\x00\x02k")
BAD(share_empty_key, 51, "\x00\x04\x00\x1d\x00\x00")

static void twice(struct hello *h)
{
    EXT(h, 0,
        "\x00\x06\x00\x00\x03"
        "abc");
    EXT(h, 0,
        "\x00\x06\x00\x00\x03"
        "abd");
}

static void cut_extension(struct hello *h)
{
    u16(h, 99);
    u16(h, 5);
    u8(h, 0);
}

static void refuses_extensions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        adder add;
    } rows[] = {
#define ROW(name) {#name, name}
        ROW(sni_nul),    ROW(sni_space),      ROW(sni_utf8),       ROW(sni_type),
        ROW(sni_two),    ROW(sni_empty_name), ROW(sni_empty_list), ROW(sni_empty),
        ROW(sni_long),   ROW(sni_tail),       ROW(alpn_empty),     ROW(alpn_empty_name),
        ROW(alpn_cut),   ROW(alpn_tail),      ROW(versions_odd),   ROW(versions_empty),
        ROW(groups_odd), ROW(sigalgs_cut),    ROW(share_cut),      ROW(share_empty_key),
        ROW(twice),      ROW(cut_extension),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tlshello h;
        message(&msg, rows[i].add);
        records(&msg, 16384, &wire);
        int r = tlshello_read(slice_of(wire.p, wire.n), scratch, &h);
        if (r != ERR_SYNTAX)
            fail_msg("%s: %s", rows[i].name, err_name(r));
    }
}

static void first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n;
        int r;
        enum tlshello_other other;
    } rows[] = {
        {"GET / HTTP/1.1\r\n", 16, ERR_NOT_TLS, TLSHELLO_HTTP},
        {"G", 1, ERR_NOT_TLS, TLSHELLO_HTTP},
        {"SSH-2.0", 7, ERR_NOT_TLS, TLSHELLO_HTTP},
        {"\x80\x2e\x01\x00\x02", 5, ERR_NOT_TLS, TLSHELLO_SSLV2},
        {"\x80", 1, ERR_AGAIN, 0},
        {"\x80\x2e\x02", 3, ERR_NOT_TLS, TLSHELLO_OTHER},
        {"\x15\x03\x01\x00\x02\x02\x28", 7, ERR_NOT_TLS, TLSHELLO_OTHER},
        {"\x17\x03\x03\x00\x02xx", 7, ERR_NOT_TLS, TLSHELLO_OTHER},
        {"\x16\x02\x00", 3, ERR_NOT_TLS, TLSHELLO_OTHER},
        {"\x00", 1, ERR_NOT_TLS, TLSHELLO_OTHER},
        {"\x16", 1, ERR_AGAIN, 0},
        {"\x16\x03\x01\x00\x00", 5, ERR_SYNTAX, 0},           /* empty record */
        {"\x16\x03\x01\x40\x01", 5, ERR_SYNTAX, 0},           /* over 2^14 */
        {"\x16\x03\x01\x00\x04\x02\0\0\0", 9, ERR_SYNTAX, 0}, /* a ServerHello */
        {"\x16\x03\x01\x00\x04\x01\x00\x40\x01", 9, ERR_CAP, 0},
        {"\x16\x03\x01\x00\x05\x01\0\0\0\0", 10, ERR_SYNTAX, 0}, /* bytes behind the hello */
        {"\x16\x03\x01\x00\x04\x01\0\0\0", 9, ERR_SYNTAX, 0},    /* empty hello */
        {"\x16\x03\x01\x00\x01\x01\x17", 7, ERR_AGAIN, 0},
        {"\x16\x03\x01\x00\x01\x01\x17\x03\x01\x00\x01\0", 12, ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tlshello h = {.other = TLSHELLO_OTHER};
        int r = tlshello_read(slice_of(rows[i].in, rows[i].n), scratch, &h);
        if (r != rows[i].r || (r == ERR_NOT_TLS && h.other != rows[i].other))
            fail_msg("row %zu: %s other %d", i, err_name(r), h.other);
    }
}

/* More records than any client sends, and a hello of just the largest size. */
static void caps(void **state)
{
    (void)state;
    struct tlshello h;
    message(&msg, usual);
    records(&msg, 1, &wire);
    assert_true(msg.n > TLSHELLO_MAX_RECORDS);
    assert_int_equal(tlshello_read(slice_of(wire.p, wire.n), scratch, &h), ERR_CAP);
    message(&msg, NULL);
    size_t exts = open_block(&msg, 2);
    u16(&msg, 21);
    size_t padding = open_block(&msg, 2);
    msg.n = TLSHELLO_MAX_BYTES + 4;
    close_block(&msg, padding, 2);
    close_block(&msg, exts, 2);
    close_block(&msg, 4, 3);
    records(&msg, 300, &wire);
    assert_true(wire.n <= TLSHELLO_INPUT_BYTES);
    assert_int_equal(tlshello_read(slice_of(wire.p, wire.n), scratch, &h), OK);
    assert_int_equal(h.message.n, TLSHELLO_MAX_BYTES + 4);
}

static void grease(void **state)
{
    (void)state;
    size_t hits = 0;
    for (unsigned v = 0; v < 65536; v++)
        hits += tlshello_is_grease((uint16_t)v);
    assert_int_equal(hits, 16);
    assert_true(tlshello_is_grease(0x0a0a) && tlshello_is_grease(0xfafa));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split),
        cmocka_unit_test(minimal),
        cmocka_unit_test(refuses_extensions),
        cmocka_unit_test(first_bytes),
        cmocka_unit_test(caps),
        cmocka_unit_test(grease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
