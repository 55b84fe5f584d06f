/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hellos that we make are read back by wire/tlshello: every list, extension and limit. */
#include "wire/hellomake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "wire/tlshello.h"

#include "base/mem.h"

static struct buf out;
static uint8_t scratch[TLSHELLO_MAX_BYTES + 4];

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 256 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static struct tlshello read_back(const struct hellomake *h)
{
    struct tlshello t;
    buf_done(&out);
    assert_int_equal(hellomake_write(h, &out), OK);
    assert_int_equal(tlshello_read(buf_slice(&out), scratch, &t), OK);
    return t;
}

static void list_is(struct slice list, const uint16_t *codes, size_t n)
{
    uint16_t code;
    size_t i = 0;
    while (tlshello_u16_next(&list, &code)) {
        assert_true(i < n);
        if (code != codes[i])
            fail_msg("entry %zu is %04x, expected %04x", i, code, codes[i]);
        i++;
    }
    assert_int_equal(i, n);
}

static const uint16_t suites[] = {0x1301, 0xc02f, 0x002f}, versions[] = {0x0304, 0x0303},
                      groups[] = {0x001d, 0x0017}, sigalgs[] = {0x0403, 0x0804};

static void everything(void **state)
{
    (void)state;
    static const uint8_t random[32] = {1, 2, 3}, id[32] = {9};
    const struct slice alpn[] = {SLICE("h2"), SLICE("http/1.1")};
    struct hellomake h = {.legacy_version = 0x0303,
                          .sni = SLICE("a.example"),
                          .suites = suites,
                          .nsuites = ARRAY_LEN(suites),
                          .versions = versions,
                          .nversions = ARRAY_LEN(versions),
                          .groups = groups,
                          .ngroups = ARRAY_LEN(groups),
                          .shares = groups,
                          .nshares = ARRAY_LEN(groups),
                          .sigalgs = sigalgs,
                          .nsigalgs = ARRAY_LEN(sigalgs),
                          .alpn = alpn,
                          .nalpn = 2,
                          .ems = true,
                          .renegotiation_info = true,
                          .session_ticket = true,
                          .status_request = true,
                          .sct = true,
                          .heartbeat = true,
                          .random = slice_of(random, 32),
                          .session_id = slice_of(id, 32)};
    struct tlshello t = read_back(&h);
    struct slice rest, body;
    uint16_t type, group;
    assert_int_equal(t.record_version, 0x0301);
    assert_int_equal(t.legacy_version, 0x0303);
    assert_int_equal(t.max_version, 0x0304);
    assert_true(slice_eq(t.sni, SLICE("a.example")));
    assert_true(slice_eq(t.random, slice_of(random, 32)));
    assert_true(slice_eq(t.session_id, slice_of(id, 32)));
    list_is(t.ciphers, suites, ARRAY_LEN(suites));
    list_is(t.versions, versions, ARRAY_LEN(versions));
    list_is(t.groups, groups, ARRAY_LEN(groups));
    list_is(t.sigalgs, sigalgs, ARRAY_LEN(sigalgs));
    assert_true(tlshello_offers_alpn(&t, SLICE("http/1.1")) && t.ecdsa && t.session_ticket);
    rest = t.key_shares;
    assert_true(tlshello_share_next(&rest, &group, &body));
    assert_int_equal(group, 0x001d);
    assert_int_equal(body.n, 32);
    assert_true(tlshello_share_next(&rest, &group, &body));
    assert_int_equal(body.n, 65);
    unsigned seen = 0;
    static const uint16_t wanted[] = {0, 23, 0xff01, 10, 11, 35, 16, 5, 13, 18, 15, 43, 45, 51};
    for (rest = t.extensions; tlshello_ext_next(&rest, &type, &body); seen++)
        if (seen >= ARRAY_LEN(wanted) || type != wanted[seen])
            fail_msg("extension %u is %u", seen, type);
    assert_int_equal(seen, ARRAY_LEN(wanted));
}

static void old_ones(void **state)
{
    (void)state;
    struct hellomake h = {.record_version = 0x0300,
                          .legacy_version = 0x0300,
                          .sni = SLICE("a.example"),
                          .suites = suites + 2,
                          .nsuites = 1,
                          .no_extensions = true,
                          .deflate = true};
    struct tlshello t = read_back(&h);
    assert_int_equal(t.record_version, 0x0300);
    assert_false(t.has_sni);
    assert_int_equal(t.extensions.n, 0);
    /* record 5, message 4, version 2, random 32, no id 1, suites 2 + 2, compression 1 + 2 */
    assert_int_equal(out.n, 5 + 4 + 2 + 32 + 1 + 4 + 3);
    assert_memory_equal(buf_slice(&out).p + out.n - 3, "\2\1\0", 3);
}

/* Every share has the length that its group wants, and an empty list asks for a retry. */
static void shares(void **state)
{
    (void)state;
    static const struct {
        uint16_t group;
        size_t bytes;
    } rows[] = {{0x001d, 32},        {0x001e, 56},        {0x0017, 65},       {0x0018, 97},
                {0x0019, 133},       {0x0100, 256},       {0x0101, 384},      {0x0102, 512},
                {0x11ec, 1184 + 32}, {0x11eb, 65 + 1184}, {0x11ed, 97 + 1568}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hellomake h = {.legacy_version = 0x0303,
                              .suites = suites,
                              .nsuites = 1,
                              .versions = versions,
                              .nversions = 1,
                              .shares = &rows[i].group,
                              .nshares = 1};
        struct tlshello t = read_back(&h);
        struct slice rest = t.key_shares, key;
        uint16_t group;
        assert_true(hellomake_can_share(rows[i].group));
        assert_true(tlshello_share_next(&rest, &group, &key));
        if (group != rows[i].group || key.n != rows[i].bytes)
            fail_msg("group %04x: %zu bytes, expected %zu", group, key.n, rows[i].bytes);
        h.nshares = 0;
        assert_int_equal(read_back(&h).key_shares.n, 0);
    }
    assert_false(hellomake_can_share(0x0012));
}

static void padding(void **state)
{
    (void)state;
    struct hellomake h = {.legacy_version = 0x0303,
                          .sni = SLICE("a.example"),
                          .suites = suites,
                          .nsuites = ARRAY_LEN(suites)};
    for (size_t want = 100; want < 4000; want += 61) {
        h.pad_to = want;
        size_t got = read_back(&h).message.n;
        if (got != want)
            fail_msg("%zu bytes of message, expected %zu", got, want);
    }
    h.pad_to = 10; /* it is longer already */
    assert_in_range(read_back(&h).message.n, 50, 99);
}

static void grease(void **state)
{
    (void)state;
    struct hellomake h = {.legacy_version = 0x0303,
                          .suites = suites,
                          .nsuites = 1,
                          .versions = versions,
                          .nversions = 2,
                          .groups = groups,
                          .ngroups = 2,
                          .shares = groups,
                          .nshares = 1,
                          .grease = true};
    struct tlshello t = read_back(&h);
    struct slice rest = t.ciphers;
    uint16_t code;
    assert_true(tlshello_u16_next(&rest, &code) && tlshello_is_grease(code));
    rest = t.groups;
    assert_true(tlshello_u16_next(&rest, &code) && tlshello_is_grease(code));
    rest = t.versions;
    assert_true(tlshello_u16_next(&rest, &code) && tlshello_is_grease(code));
    assert_int_equal(t.max_version, 0x0304);
}

/* More than a record holds becomes two; what no length field can say is refused. */
static void limits(void **state)
{
    (void)state;
    static uint16_t many[16000];
    struct hellomake h = {.legacy_version = 0x0303, .suites = many, .nsuites = 8000};
    const uint16_t bad = 0x0012;
    buf_done(&out);
    h.pad_to = 20000;
    assert_int_equal(hellomake_write(&h, &out), OK);
    assert_int_equal(out.n, 5 + 16384 + 5 + 20000 - 16384);
    assert_true(slice_starts(slice_from(buf_slice(&out), 3), SLICE("\x40\0")));
    assert_true(slice_starts(slice_from(buf_slice(&out), 5 + 16384), SLICE("\x16\3")));
    h.nsuites = ARRAY_LEN(many);
    h.pad_to = 40000;
    assert_int_equal(hellomake_write(&h, &out), ERR_RANGE);
    h = (struct hellomake){.legacy_version = 0x0303,
                           .suites = many,
                           .nsuites = 1,
                           .versions = versions,
                           .nversions = 1,
                           .shares = &bad,
                           .nshares = 1};
    assert_int_equal(hellomake_write(&h, &out), ERR_RANGE);
    static const uint8_t long_name[256];
    struct slice alpn = slice_of(long_name, sizeof(long_name));
    h.nshares = 0;
    h.alpn = &alpn;
    h.nalpn = 1;
    assert_int_equal(hellomake_write(&h, &out), ERR_RANGE);
}

static void sslv2(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {0x010080, 0x0700c0};
    static const uint8_t wanted[] = {0x80, 19, 1,    0, 2, 0,    6,   0,   0,   0,  4,
                                     1,    0,  0x80, 7, 0, 0xc0, 'a', 'b', 'c', 'd'};
    buf_done(&out);
    assert_int_equal(hellomake_sslv2(kinds, 2, SLICE("abcd"), &out), OK);
    assert_int_equal(out.n, sizeof(wanted));
    assert_memory_equal(buf_slice(&out).p, wanted, sizeof(wanted));
    static const uint8_t long_challenge[33];
    assert_int_equal(hellomake_sslv2(kinds, 2, slice_of(long_challenge, 33), &out), ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything), cmocka_unit_test(old_ones), cmocka_unit_test(shares),
        cmocka_unit_test(padding),    cmocka_unit_test(grease),   cmocka_unit_test(limits),
        cmocka_unit_test(sslv2),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
