/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a configuration asks of the certificate engine, and orders of the operator as JSON. */
#include "cli/engine.h"

#include "../conf/loading.h"
#include "cli/engineorder.h"
#include "serve/bundle_state.h"

static void expect(const char *what, struct slice got, const char *want)
{
    if (!slice_eq(got, slice_cstr(want)))
        fail_msg("%s is \"" SLICE_F "\", not \"%s\"", what, SLICE_A(got), want);
}

static void defaults(void **state)
{
    (void)state;
    struct engine_wishes w;
    struct fault f = {0};
    struct conf *conf = loading_good("sites: {www.example.com: {respond: a}}\n");
    assert_int_equal(engine_wishes(conf, NULL, &w, &f), OK);
    print_message("%zu directories, challenges %u, keys %u\n", w.settings.ndirectories,
                  w.settings.challenges, w.settings.keys);
    assert_int_equal(w.settings.keys, CERTKEEP_ECDSA);
    assert_int_equal(w.settings.hooks, 0);
    assert_false(w.settings.on_demand);
    assert_int_equal(w.settings.resolvers.n, 0);
    assert_int_equal(w.settings.dns_server.n, 0);
    assert_int_equal(w.nnames, 1);
    assert_false(w.names[0].local);
    engine_wishes_done(&w);
    conf_free(conf);
}

/* The files hold keys: one line, whatever stands around it. */
static void everything(void **state)
{
    (void)state;
    static const char yaml[] =
        "acme:\n"
        "  email: ops@example.com\n"
        "  directory: [\"https://a.test/dir\", \"https://b.test/dir\"]\n"
        "  staging: letsencrypt-staging\n"
        "  ca_file: /roots.pem\n"
        "  profile: shortlived\n"
        "  preferred_chain: Root X\n"
        "  keys: [ecdsa, rsa]\n"
        "  challenges: [http-01, dns-01]\n"
        "  resolver: [\"127.0.0.1:5353\", \"[::1]:53\"]\n"
        "  eab: {kid: kid-1, key_file: /eab}\n"
        "  dns: {server: \"[2001:db8::1]:53\", zone: example.com, tsig_name: k., tsig_algorithm: "
        "hmac-sha512, tsig_secret_file: /tsig, propagation_timeout: 90s}\n"
        "  hooks: {pre_issue: /bin/a, failed: /bin/b, timeout: 30s}\n"
        "  on_demand: {allow: [.shop.example.com, one.example.org]}\n"
        "sites:\n"
        "  www.example.com: {respond: a, aliases: [example.com]}\n"
        "  own.example.com: {respond: a, tls: {cert: /c, key: /k}}\n"
        "  app.localhost: {respond: a}\n"
        "  mixed.localhost: {respond: a, aliases: [mixed.example.com]}\n"
        "  \"*.shop.example.com\": {respond: a, on_demand: true}\n";
    struct bundle *files = bundle_state_make();
    struct engine_wishes w;
    struct fault f = {0};
    struct conf *conf = loading_good(yaml);
    assert_int_equal(bundle_put(files, SLICE("/roots.pem"), SLICE("roots\n")), OK);
    assert_int_equal(bundle_put(files, SLICE("/eab"), SLICE(" ZWFi \r\n\n")), OK);
    assert_int_equal(bundle_put(files, SLICE("/tsig"), SLICE("dHNpZw==\n")), OK);
    if (engine_wishes(conf, files, &w, &f))
        fail_msg("%s", f.what);
    const struct certkeep_settings *s = &w.settings;
    assert_int_equal(s->ndirectories, 2);
    expect("the second directory", s->directories[1], "https://b.test/dir");
    expect("staging", s->staging, "https://acme-staging-v02.api.letsencrypt.org/directory");
    expect("email", s->email, "ops@example.com");
    expect("roots", s->ca_pem, "roots");
    expect("profile", s->profile, "shortlived");
    expect("preferred chain", s->preferred_chain, "Root X");
    expect("EAB id", s->eab_kid, "kid-1");
    expect("EAB key", s->eab_key, "ZWFi");
    expect("resolvers", s->resolvers, "127.0.0.1:5353,[::1]:53");
    expect("DNS server", s->dns_server, "[2001:db8::1]:53");
    expect("zone", s->dns_zone, "example.com");
    expect("TSIG algorithm", s->tsig_algorithm, "hmac-sha512");
    expect("TSIG secret", s->tsig_secret, "dHNpZw==");
    assert_int_equal(s->challenges, CERTKEEP_HTTP01 | CERTKEEP_DNS01);
    assert_int_equal(s->keys, CERTKEEP_ECDSA | CERTKEEP_RSA);
    assert_int_equal(s->propagation_timeout_ms, 90000);
    assert_int_equal(s->hook_timeout_ms, 30000);
    assert_int_equal(s->hooks, 1u << CERTHOST_HOOK_PRE_ISSUE | 1u << CERTHOST_HOOK_FAILED);
    assert_true(s->on_demand);
    assert_int_equal(s->nallow, 2);
    /* Not those with files of their own, nor those on demand. */
    assert_int_equal(w.nnames, 3);
    for (size_t i = 0; i < w.nnames; i++) {
        struct slice name = w.names[i].names[0];
        print_message(SLICE_F ": %zu names, %s\n", SLICE_A(name), w.names[i].nnames,
                      w.names[i].local ? "local" : "public");
        assert_int_equal(w.names[i].local, slice_eq(name, SLICE("app.localhost")));
        assert_int_equal(w.names[i].nnames, slice_eq(name, SLICE("app.localhost")) ? 1 : 2);
    }
    engine_wishes_done(&w);
    conf_free(conf);
    bundle_unref(files);
}

static void unusable_files(void **state)
{
    (void)state;
    static const struct {
        const char *content; /* NULL: not there */
        int r;
        const char *what;
    } rows[] = {
        {NULL, ERR_NOT_FOUND, "/tsig is missing"},
        {" \n\r\n", ERR_CONFIG, "/tsig is empty"},
    };
    struct conf *conf = loading_good(
        "acme: {email: o@example.com, challenges: [dns-01], dns: {server: \"127.0.0.1:53\", "
        "tsig_name: k., tsig_secret_file: /tsig}}\n"
        "sites: {www.example.com: {respond: a}}\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bundle *files = bundle_state_make();
        struct engine_wishes w;
        struct fault f = {0};
        if (rows[i].content)
            assert_int_equal(bundle_put(files, SLICE("/tsig"), slice_cstr(rows[i].content)), OK);
        assert_int_equal(engine_wishes(conf, files, &w, &f), rows[i].r);
        assert_string_equal(f.what, rows[i].what);
        engine_wishes_done(&w);
        bundle_unref(files);
    }
    conf_free(conf);
}

static void orders(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int r;
        enum engineorder_what what;
        const char *name;
        bool force;
        unsigned reason;
    } rows[] = {
        {"{\"do\":\"renew\"}", OK, ENGINEORDER_RENEW, "", false, 0},
        {"{\"do\":\"issue\",\"name\":\"a.test\",\"force\":true}", OK, ENGINEORDER_RENEW, "a.test",
         true, 0},
        {"{\"do\":\"dry-run\",\"name\":\"a.test\"}", OK, ENGINEORDER_DRY_RUN, "a.test", false, 0},
        {"{\"do\":\"revoke\",\"name\":\"a.test\",\"reason\":1}", OK, ENGINEORDER_REVOKE, "a.test",
         false, 1},
        {"{\"do\":\"account\",\"what\":\"rollover\"}", OK, ENGINEORDER_ROLLOVER, "", false, 0},
        {"{\"do\":\"account\",\"what\":\"update\"}", OK, ENGINEORDER_UPDATE, "", false, 0},
        {"{\"do\":\"account\"}", ERR_CONFIG, 0, "", false, 0},
        {"{\"do\":\"account\",\"what\":\"steal\"}", ERR_CONFIG, 0, "", false, 0},
        {"{\"do\":\"revoke\",\"name\":\"a.test\",\"reason\":11}", ERR_CONFIG, 0, "", false, 0},
        {"{\"do\":\"revoke\",\"name\":\"a.test\",\"reason\":-1}", ERR_CONFIG, 0, "", false, 0},
        {"{}", ERR_CONFIG, 0, "", false, 0},
        {"{\"do\":\"renew\",\"do\":\"revoke\"}", ERR_SYNTAX, 0, "", false, 0},
        {"[\"renew\"]", ERR_SYNTAX, 0, "", false, 0},
        {"renew", ERR_SYNTAX, 0, "", false, 0},
        {"", ERR_SYNTAX, 0, "", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct engineorder o = {0};
        struct fault f = {0};
        int r = engineorder_read(slice_cstr(rows[i].json), &o, &f);
        if (r != rows[i].r)
            fail_msg("%s: %s, not %s", rows[i].json, err_name(r), err_name(rows[i].r));
        if (r)
            continue;
        assert_int_equal(o.what, rows[i].what);
        expect("the name", o.name, rows[i].name);
        assert_int_equal(o.force, rows[i].force);
        assert_int_equal(o.reason, rows[i].reason);
    }
}

static void a_name_that_is_too_long(void **state)
{
    (void)state;
    char json[400], name[300];
    struct engineorder o;
    struct fault f = {0};
    memset(name, 'a', sizeof(name));
    for (size_t n = 255; n <= 256; n++) {
        snprintf(json, sizeof(json), "{\"do\":\"renew\",\"name\":\"%.*s\"}", (int)n, name);
        assert_int_equal(engineorder_read(slice_cstr(json), &o, &f), n < 256 ? OK : ERR_CONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything),
        cmocka_unit_test(unusable_files),
        cmocka_unit_test(orders),
        cmocka_unit_test(a_name_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
