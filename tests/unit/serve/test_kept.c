/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Pairs of the keeper in a bundle: which are served, which drive others out, what travels. */
#include "serve/kept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "serve/bundle_state.h"

#define E KEPT_ECDSA
#define R KEPT_RSA

static struct kept_pair pair(enum kept_slot slot, const char *source)
{
    return (struct kept_pair){slot, slice_cstr(source), SLICE("chain"), SLICE("key")};
}

/* What is put, in order, and what is served then. */
static void what_is_served(void **state)
{
    static const struct {
        struct {
            enum kept_slot slot;
            const char *source;
        } put[3], served[2];
    } rows[] = {
        {{{E, "local"}}, {{E, "local"}}},
        {{{R, "acme"}}, {{R, "acme"}}},
        {{{E, "acme"}, {R, "acme"}}, {{E, "acme"}, {R, "acme"}}},
        {{{R, "acme"}, {E, "acme"}}, {{E, "acme"}, {R, "acme"}}},
        {{{E, "temporary"}, {R, "acme"}}, {{R, "acme"}}},
        {{{R, "acme"}, {E, "temporary"}}, {{R, "acme"}}},
        {{{E, "temporary"}, {R, "temporary"}}, {{E, "temporary"}, {R, "temporary"}}},
        {{{E, "temporary"}, {E, "acme"}}, {{E, "acme"}}},
        {{{E, "temporary"}, {R, "acme"}, {E, "acme"}}, {{E, "acme"}, {R, "acme"}}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bundle *b = bundle_state_make();
        struct kept_pair got[KEPT_SLOTS];
        size_t want = 0;
        for (size_t k = 0; k < 3 && rows[i].put[k].source; k++) {
            struct kept_pair p = pair(rows[i].put[k].slot, rows[i].put[k].source);
            assert_int_equal(kept_put(b, SLICE("a.test"), &p), OK);
            assert_true(kept_has(b, SLICE("a.test"), &p));
        }
        while (want < 2 && rows[i].served[want].source)
            want++;
        size_t have = kept_pairs(b, SLICE("a.test"), got);
        if (have != want)
            fail_msg("row %zu: %zu pairs, not %zu", i, have, want);
        for (size_t k = 0; k < want; k++)
            if (got[k].slot != rows[i].served[k].slot ||
                !slice_eq(got[k].source, slice_cstr(rows[i].served[k].source)))
                fail_msg("row %zu: pair %zu is %d " SLICE_F, i, k, (int)got[k].slot,
                         SLICE_A(got[k].source));
        bundle_unref(b);
    }
}

static void the_last_pair_stays(void **state)
{
    struct kept_pair e = pair(E, "acme"), r = pair(R, "acme"), got[KEPT_SLOTS];
    struct bundle *b = bundle_state_make();
    (void)state;
    assert_int_equal(kept_put(b, SLICE("a"), &e), OK);
    kept_remove(b, SLICE("a"), E, false);
    assert_int_equal(kept_pairs(b, SLICE("a"), got), 1);
    assert_int_equal(kept_put(b, SLICE("a"), &r), OK);
    kept_remove(b, SLICE("a"), E, false);
    assert_int_equal(kept_pairs(b, SLICE("a"), got), 1);
    assert_int_equal(got[0].slot, R);
    kept_remove(b, SLICE("a"), R, true);
    assert_int_equal(kept_pairs(b, SLICE("a"), got), 0);
    bundle_unref(b);
}

static void what_sites_use_is_inherited(void **state)
{
    static const struct {
        const char *name;
        size_t pairs;
    } rows[] = {
        {"a.test", 1},      {"b.test", 0},        {"own.test", 0},    {"*.d.example", 1},
        {"x.d.example", 1}, {"x.y.d.example", 0}, {"x.e.example", 1}, {"d.example", 0},
    };
    static const char yaml[] = "acme: {on_demand: {allow: .example}}\n"
                               "sites:\n"
                               "  a.test: {respond: a}\n"
                               "  own.test: {respond: a, tls: {cert: /c, key: /k}}\n"
                               "  \"*.d.example\": {respond: d, on_demand: true, aliases: "
                               "\"*.e.example\"}\n";
    const struct conf_source src = {.file = "t.yaml", .text = slice_cstr(yaml)};
    struct kept_pair p = pair(E, "acme"), got[KEPT_SLOTS];
    struct bundle *from = bundle_state_make(), *to = bundle_state_make();
    struct conf_faults faults;
    struct conf *conf;
    (void)state;
    if (conf_load(&src, &conf, &faults))
        fail_msg("%s", faults.list[0].what);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(kept_put(from, slice_cstr(rows[i].name), &p), OK);
    assert_int_equal(kept_inherit(to, from, conf), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (kept_pairs(to, slice_cstr(rows[i].name), got) != rows[i].pairs)
            fail_msg("%s: not %zu pairs", rows[i].name, rows[i].pairs);
    assert_false(kept_may_go(conf, SLICE("a.test")));
    assert_false(kept_may_go(conf, SLICE("*.d.example")));
    assert_true(kept_may_go(conf, SLICE("x.d.example")));
    conf_free(conf);
    bundle_unref(from);
    bundle_unref(to);
}

static void what_is_packed_is_read_and_nothing_else(void **state)
{
    struct kept_pair p = pair(R, "acme"), got;
    struct slice name;
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(kept_pack(&b, SLICE("a.test"), &p), OK);
    assert_int_equal(kept_unpack(buf_slice(&b), &name, &got), OK);
    assert_true(slice_eq(name, SLICE("a.test")));
    assert_int_equal(got.slot, R);
    assert_true(slice_eq(got.source, SLICE("acme")));
    assert_true(slice_eq(got.chain, SLICE("chain")));
    assert_true(slice_eq(got.key, SLICE("key")));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(kept_unpack(slice_first(buf_slice(&b), n), &name, &got), ERR_SYNTAX);
    assert_int_equal(buf_add(&b, SLICE("x")), OK);
    assert_int_equal(kept_unpack(buf_slice(&b), &name, &got), ERR_SYNTAX);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_served),
        cmocka_unit_test(the_last_pair_stays),
        cmocka_unit_test(what_sites_use_is_inherited),
        cmocka_unit_test(what_is_packed_is_read_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
