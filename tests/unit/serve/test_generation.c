/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Generations: what a reload carries over, what it does not, and how hosts find their site. */
#include "serve/generation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/resolve.h"
#include "crypt/keystore.h"
#include "crypt/localca.h"
#include "crypt/ticketring.h"
#include "os/file.h"
#include "serve/balance.h"
#include "serve/bundle_state.h"
#include "serve/kept.h"
#include "serve/metrics.h"

static struct worker w;
static struct ticketring ring;
static struct buf chain;
static struct secret key;
static char dir[64], yaml_path[96], ca_path[96];

static void write_text(const char *path, struct slice text)
{
    assert_int_equal(file_write_atomic(FILE_CWD, path, text, 0644, NULL), OK);
}

static int make(void **state)
{
    static const struct slice name = SLICE("a.test");
    struct key *k;
    struct certinfo_chain *c;
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/port443-generation-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(yaml_path, sizeof(yaml_path), "%s/c.yaml", dir);
    snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", dir);
    w = (struct worker){.ring = &ring};
    assert_int_equal(ticketring_generate(&ring), OK);
    assert_int_equal(loop_new(&w.loop, NULL), OK);
    assert_int_equal(resolve_new(w.loop, NULL, &w.resolver, NULL), OK);
    assert_int_equal(metrics_new(1, &w.shared), OK);
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &k, NULL), OK);
    const struct localca_leaf leaf = {
        .names = &name, .nnames = 1, .key = k, .now_s = loop_unix_ms(w.loop) / 1000};
    assert_int_equal(localca_selfsigned(&leaf, &c, NULL), OK);
    buf_init(&chain, 65536);
    assert_int_equal(certinfo_pem(c, &chain), OK);
    assert_int_equal(keystore_export_pem(k, &key), OK);
    keystore_unref(k);
    certinfo_unref(c);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    resolve_free(w.resolver);
    loop_free(w.loop);
    metrics_free(w.shared);
    buf_done(&chain);
    secret_done(&key);
    unlink(yaml_path);
    unlink(ca_path);
    return rmdir(dir);
}

static void keep(struct bundle *b, struct slice name)
{
    const struct kept_pair pair = {
        .source = SLICE("local"), .chain = buf_slice(&chain), .key = secret_expose(&key)};
    assert_int_equal(kept_put(b, name, &pair), OK);
}

/* A generation of this file, after `old`; NULL when it cannot be built. */
static struct generation *built(const char *yaml, const struct generation *old)
{
    const struct bundle_source src = {.path = yaml_path};
    struct conf_faults faults;
    struct conf *conf;
    struct bundle *b;
    struct generation *g = NULL;
    write_text(yaml_path, slice_cstr(yaml));
    if (bundle_collect(&src, &b, &conf, &faults))
        fail_msg("%s", faults.list[0].what);
    for (size_t i = 0; i < conf->nsites; i++)
        if (!slice_starts(conf->sites[i].name, SLICE("none")))
            keep(b, conf->sites[i].name);
    if (generation_new(&w, conf, b, old, &g, NULL))
        g = NULL;
    bundle_unref(b);
    return g;
}

/* What was made for a handshake and given up since is not served to the next one. */
static void a_certificate_on_demand_comes_and_goes(void **state)
{
    static const struct slice name = SLICE("x.d.example");
    (void)state;
    struct generation *g = built("acme: {on_demand: {allow: .example}}\n"
                                 "sites: {\"*.d.example\": {respond: d, on_demand: true}}\n",
                                 NULL);
    assert_non_null(g);
    struct bundle *b = bundle_state_make();
    struct tlsctx *first = NULL, *again = NULL;
    struct fault f = {0};
    assert_int_equal(generation_demanded(g->sites, name, b, &first, &f), ERR_NOT_FOUND);
    keep(b, name);
    assert_int_equal(generation_demanded(g->sites, name, b, &first, &f), OK);
    assert_int_equal(generation_demanded(g->sites, name, b, &again, &f), OK);
    assert_ptr_equal(first, again);
    kept_remove(b, name, KEPT_ECDSA, kept_may_go(g->conf, name));
    assert_int_equal(generation_recert(g, b, name, &f), OK);
    assert_int_equal(generation_demanded(g->sites, name, b, &again, &f), ERR_NOT_FOUND);
    keep(b, name);
    assert_int_equal(generation_recert(g, b, name, &f), OK);
    assert_int_equal(generation_demanded(g->sites, name, b, &again, &f), OK);
    generation_unref(g);
    bundle_unref(b);
}

static struct balance *group(const struct generation *g, size_t route)
{
    return g->sites[0].routes[route].balance;
}

#define PROXY(options) "sites: {a.test: {proxy: {to: [\"https://127.0.0.1:9\"]" options "}}}\n"

static void pools_live_on_where_nothing_changed(void **state)
{
    (void)state;
    struct generation *first = built(PROXY(""), NULL);
    struct generation *same = built(PROXY("") "drain_timeout: 7s\n", first);
    struct generation *other = built(PROXY(", balance: random"), same);
    assert_non_null(first);
    assert_non_null(same);
    assert_non_null(other);
    assert_int_equal(first->number + 2, other->number);
    assert_ptr_equal(group(first, 0), group(same, 0));
    assert_ptr_not_equal(group(same, 0), group(other, 0));
    generation_unref(first);
    uint64_t tried = 0; /* the old generation is gone, its group is not */
    struct upstream *u = balance_pick(group(same, 0), &tried);
    assert_non_null(u);
    upstream_unref(u);
    generation_unref(same);
    generation_unref(other);
}

static void a_replaced_ca_makes_a_new_group(void **state)
{
    char yaml[256];
    (void)state;
    snprintf(yaml, sizeof(yaml), PROXY(", tls: {ca: %s}"), ca_path);
    write_text(ca_path, buf_slice(&chain));
    struct generation *first = built(yaml, NULL), *same = built(yaml, first);
    struct buf twice;
    buf_init(&twice, 131072);
    assert_int_equal(buf_add(&twice, buf_slice(&chain)), OK);
    assert_int_equal(buf_add(&twice, SLICE("\n# replaced\n")), OK);
    write_text(ca_path, buf_slice(&twice));
    struct generation *other = built(yaml, same);
    assert_non_null(other);
    assert_ptr_equal(group(first, 0), group(same, 0));
    assert_ptr_not_equal(group(same, 0), group(other, 0));
    buf_done(&twice);
    generation_unref(other);
    generation_unref(same);
    generation_unref(first);
}

static void routes_share_a_group(void **state)
{
    (void)state;
    struct generation *g =
        built("sites: {a.test: {routes: [{path: /x, proxy: \"http://127.0.0.1:9\"},"
              " {path: /, proxy: \"http://127.0.0.1:9\"}]}}\n",
              NULL);
    assert_non_null(g);
    assert_ptr_equal(group(g, 0), group(g, 1));
    generation_unref(g);
}

static void one_that_cannot_be_whole_is_dropped(void **state)
{
    (void)state;
    struct generation *good = built(PROXY(""), NULL);
    assert_null(built("sites: {a.test: {proxy: {to: [\"https://127.0.0.1:9\"]}},"
                      " none.test: {respond: x}}\n",
                      good));
    uint64_t tried = 0;
    struct upstream *u = balance_pick(group(good, 0), &tried);
    assert_non_null(u);
    upstream_unref(u);
    generation_unref(good);
}

static void hosts_find_their_site(void **state)
{
    (void)state;
    struct generation *g = built("sites: {a.test: {aliases: [b.test], respond: a},"
                                 " \"*.w.test\": {respond: w}, x.w.test: {respond: x}}\n",
                                 NULL);
    static const struct {
        const char *host, *site;
    } rows[] = {{"a.test", "a.test"},
                {"b.test", "a.test"},
                {"x.w.test", "x.w.test"},
                {"y.w.test", "*.w.test"},
                {"w.test", NULL},
                {"z.y.w.test", NULL},
                {"", NULL},
                {".", NULL},
                {"c.test", NULL},
                {".w.test", "*.w.test"}};
    char long_host[300];
    assert_non_null(g);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct site *s = generation_site(g, slice_cstr(rows[i].host));
        struct slice got = s ? s->conf->name : SLICE("none");
        struct slice want = rows[i].site ? slice_cstr(rows[i].site) : SLICE("none");
        if (!slice_eq(got, want))
            fail_msg("%s: " SLICE_F ", not " SLICE_F, rows[i].host, SLICE_A(got), SLICE_A(want));
    }
    memset(long_host, 'a', sizeof(long_host));
    long_host[1] = '.';
    assert_null(generation_site(g, slice_of(long_host, sizeof(long_host))));
    generation_unref(g);
}

/* What the site says about its certificate belongs to the context in use. */
static void a_new_certificate_takes_the_place(void **state)
{
    (void)state;
    struct generation *g = built(PROXY(""), NULL);
    struct bundle *b;
    struct conf *conf;
    struct conf_faults faults;
    const struct bundle_source src = {.path = yaml_path};
    assert_int_equal(bundle_collect(&src, &b, &conf, &faults), OK);
    struct tlsctx *old = g->sites[0].tls;
    assert_int_not_equal(generation_recert(g, b, SLICE("a.test"), NULL), OK); /* none in it */
    assert_ptr_equal(g->sites[0].tls, old);
    keep(b, SLICE("a.test"));
    assert_int_equal(generation_recert(g, b, SLICE("other.test"), NULL), OK);
    assert_ptr_equal(g->sites[0].tls, old);
    assert_int_equal(generation_recert(g, b, SLICE("a.test"), NULL), OK);
    assert_ptr_not_equal(g->sites[0].tls, old);
    assert_true(g->sites[0].cert.subject.n > 0);
    assert_true(slice_find(g->sites[0].cert.subject, 't') < g->sites[0].cert.subject.n);
    conf_free(conf);
    bundle_unref(b);
    generation_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_live_on_where_nothing_changed),
        cmocka_unit_test(a_certificate_on_demand_comes_and_goes),
        cmocka_unit_test(a_replaced_ca_makes_a_new_group),
        cmocka_unit_test(routes_share_a_group),
        cmocka_unit_test(one_that_cannot_be_whole_is_dropped),
        cmocka_unit_test(hosts_find_their_site),
        cmocka_unit_test(a_new_certificate_takes_the_place),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
