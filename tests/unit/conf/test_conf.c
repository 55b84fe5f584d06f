/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a configuration means: defaults, inheritance, resolved lists, options, digests, and loads
 * that run out of memory at every place. */
#include "conf/conf.h"

#include "base/mem.h"
#include "conf/directive.h"
#include "loading.h"

static const struct conf_site *site(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->nsites; i++)
        if (slice_eq(conf->sites[i].name, slice_cstr(name)))
            return &conf->sites[i];
    fail_msg("no site %s", name);
    return NULL;
}

static void assert_text(struct slice have, const char *want)
{
    if (!slice_eq(have, slice_cstr(want)))
        fail_msg("have \"%.*s\", want \"%s\"", SLICE_A(have), want);
    assert_int_equal(have.p[have.n], 0); /* also NUL-ended */
}

static void one_line_is_enough(void **state)
{
    (void)state;
    struct conf *conf = loading_good("sites: {WWW.example.com: {root: /srv/www}}\n");
    const struct conf_site *s = &conf->sites[0];
    assert_int_equal(conf->nsites, 1);
    assert_int_equal(conf->https_port, 443);
    assert_int_equal(conf->http_port, 80);
    assert_int_equal(conf->listen.count, 2);
    assert_text(conf->user, "port443");
    assert_int_equal(conf->state.n, 0);
    assert_int_equal(conf->limits.body_bytes, 64 << 20);
    assert_int_equal(conf->limits.header_timeout_ms, 15000);
    assert_int_equal(conf->log.access.kind, CONF_SINK_STDOUT);
    assert_int_equal(conf->log.events.kind, CONF_SINK_STDERR);
    assert_int_equal(conf->metrics.listen.port, 0);
    assert_text(conf->acme.urls.items[0], "https://acme-v02.api.letsencrypt.org/directory");
    assert_text(conf->file, "t.yaml");
    assert_text(s->name, "www.example.com");
    assert_int_equal(s->place.line, 1);
    assert_int_equal(s->place.column, 9);
    assert_false(s->local);
    assert_true(s->log);
    assert_int_equal(s->hsts.mode, CONF_HSTS_AUTO);
    assert_int_equal(s->tls.certs.count, 0);
    assert_int_equal(s->nroutes, 1);
    assert_text(s->routes[0].path, "/");
    assert_int_equal(s->routes[0].action, CONF_FILES);
    assert_text(s->routes[0].files.root, "/srv/www");
    assert_text(s->routes[0].files.index.items[0], "index.html");
    assert_true(s->routes[0].files.precompressed);
    assert_int_equal(s->routes[0].body_bytes, 64 << 20);
    conf_free(conf);
}

static void values_are_handed_down(void **state)
{
    (void)state;
    struct conf *conf = loading_good("sites:\n"
                                     "  a.test:\n"
                                     "    body_bytes: 2m\n"
                                     "    index: home.html\n"
                                     "    headers: {set: {X-B: '2'}}\n"
                                     "    routes:\n"
                                     "      - {path: /x/, root: /x, headers: {remove: X-A}}\n"
                                     "      - {path: /y, proxy: 'http://h', body_bytes: 3m}\n"
                                     "  b.test: {proxy: {to: 'https://h:1', retries: 9}}\n"
                                     "headers: {set: {X-A: '1'}}\n"
                                     "limits: {body_bytes: 1m}\n"
                                     "hsts: off\n"
                                     "upstream: {retries: 7, max_fails: 5}\n");
    const struct conf_site *a = site(conf, "a.test"), *b = site(conf, "b.test");
    assert_true(a->local);
    assert_int_equal(a->hsts.mode, CONF_HSTS_OFF);
    assert_text(a->routes[0].path, "/x");
    assert_int_equal(a->routes[0].body_bytes, 2 << 20);
    assert_text(a->routes[0].files.index.items[0], "home.html");
    assert_int_equal(a->routes[1].body_bytes, 3 << 20);
    assert_int_equal(a->routes[1].proxy.retries, 7);
    assert_int_equal(b->routes[0].body_bytes, 1 << 20);
    assert_int_equal(b->routes[0].proxy.retries, 9);
    assert_int_equal(b->routes[0].proxy.max_fails, 5);
    assert_true(b->routes[0].proxy.tls.verify);
    const struct conf_route *x = &a->routes[0];
    assert_int_equal(x->nheader_steps, 3);
    assert_text(x->header_steps[0].name, "X-A");
    assert_int_equal(x->header_steps[0].kind, CONF_HEADER_SET);
    assert_text(x->header_steps[1].value, "2");
    assert_int_equal(x->header_steps[2].kind, CONF_HEADER_REMOVE);
    assert_int_equal(b->routes[0].nheader_steps, 1);
    conf_free(conf);
}

static void upstreams_have_parts(void **state)
{
    static const struct {
        const char *text, *normal, *host, *path;
        enum conf_scheme scheme;
        unsigned port;
    } rows[] = {
        {"http://h", "http://h:80", "h", "", CONF_HTTP, 80},
        {"https://h/", "https://h:443", "h", "", CONF_HTTPS, 443},
        {"http://[::1]:8080", "http://[::1]:8080", "::1", "", CONF_HTTP, 8080},
        {"http://my_container:3000", "http://my_container:3000", "my_container", "", CONF_HTTP,
         3000},
        {"unix:/run/a.sock", "unix:/run/a.sock", "", "/run/a.sock", CONF_UNIX, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        snprintf(text, sizeof(text), "sites: {a.test: {proxy: \"%s\"}}\n", rows[i].text);
        struct conf *conf = loading_good(text);
        const struct conf_upstream *u = &conf->sites[0].routes[0].proxy.to.items[0];
        assert_text(u->text, rows[i].normal);
        assert_int_equal(u->scheme, rows[i].scheme);
        assert_int_equal(u->port, rows[i].port);
        assert_true(slice_eq(u->host, slice_cstr(rows[i].host)));
        assert_true(slice_eq(u->path, slice_cstr(rows[i].path)));
        conf_free(conf);
    }
}

static void prefixes_end_at_segments(void **state)
{
    (void)state;
    struct conf *conf = loading_good("sites: {a.test: {routes: [{path: /api, respond: a}, "
                                     "{path: /apix, respond: b}, {path: /ap, respond: c}, "
                                     "{path: /, redirect: /api/new}]}}\n");
    assert_int_equal(conf->sites[0].nroutes, 4);
    conf_free(conf);
}

static void verification_ends_with_the_long_word_only(void **state)
{
    static const struct {
        const char *text;
        bool verify;
    } rows[] = {
        {"sites: {a.test: {proxy: 'https://h'}}\n", true},
        {"sites: {a.test: {proxy: {to: 'https://h', tls: {insecure_skip_verify: true}}}}\n", false},
        {"sites: {a.test: {proxy: {to: 'https://h', tls: {insecure_skip_verify: false}}}}\n", true},
        {"sites: {a.test: {proxy: 'https://h'}}\nupstream: {tls: {insecure_skip_verify: true}}\n",
         false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf *conf = loading_good(rows[i].text);
        if (conf->sites[0].routes[0].proxy.tls.verify != rows[i].verify)
            fail_msg("%s: verify is %d", rows[i].text, !rows[i].verify);
        conf_free(conf);
    }
}

static void certificates_become_one_list(void **state)
{
    (void)state;
    struct conf *conf = loading_good(
        "sites:\n"
        "  a.test: {root: /a, tls: {cert: /c, key: /k}}\n"
        "  b.test: {root: /a, tls: {certs: [{cert: /1, key: /2}, {cert: /3, key: /4}]}}\n");
    assert_int_equal(conf->sites[0].tls.certs.count, 1);
    assert_text(conf->sites[0].tls.certs.items[0].key, "/k");
    assert_int_equal(conf->sites[1].tls.certs.count, 2);
    assert_text(conf->sites[1].tls.certs.items[1].cert, "/3");
    conf_free(conf);
}

static void keep_path_follows_the_target(void **state)
{
    static const struct {
        const char *redirect;
        bool keep;
    } rows[] = {
        {"\"https://b.test\"", true},
        {"\"https://b.test/\"", true},
        {"\"https://b.test/docs\"", false},
        {"{to: \"https://b.test/docs\", keep_path: true}", true},
        {"{to: \"https://b.test\", keep_path: false}", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        snprintf(text, sizeof(text), "sites: {a.test: {redirect: %s}}\n", rows[i].redirect);
        struct conf *conf = loading_good(text);
        if (conf->sites[0].routes[0].redirect.keep_path != rows[i].keep)
            fail_msg("%s: keep_path is %d", rows[i].redirect, !rows[i].keep);
        assert_int_equal(conf->sites[0].routes[0].redirect.status, 308);
        conf_free(conf);
    }
}

static void challenges_follow_what_is_open(void **state)
{
    static const struct {
        const char *top;
        unsigned offered;
    } rows[] = {
        {"", CONF_HTTP01 | CONF_ALPN01},
        {"only_443: true\n", CONF_ALPN01},
        {"acme: {dns: {hook: /h}}\n", CONF_HTTP01 | CONF_ALPN01 | CONF_DNS01},
        {"acme: {dns: {server: \"192.0.2.1:53\"}}\nonly_443: true\n", CONF_ALPN01 | CONF_DNS01},
        {"acme: {challenges: http-01}\n", CONF_HTTP01},
        {"acme: {challenges: [dns-persist-01, tls-alpn-01]}\n", CONF_PERSIST01 | CONF_ALPN01},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];
        snprintf(text, sizeof(text), "%ssites: {a.test: {root: /srv}}\n", rows[i].top);
        struct conf *conf = loading_good(text);
        if (conf->acme.offered != rows[i].offered)
            fail_msg("%s: offers %x, not %x", text, conf->acme.offered, rows[i].offered);
        conf_free(conf);
    }
}

static void options_win_over_the_file(void **state)
{
    static const struct conf_setting good[] = {{"https_port", "9443"}, {"state", "/tmp/s"}};
    static const struct conf_setting bad[] = {{"https_port", "99999"}, {"limits", "1"}};
    struct conf_source src = {.file = "t.yaml",
                              .text = SLICE("https_port: 8443\nsites: {a.test: {root: /a}}\n"),
                              .settings = good,
                              .nsettings = 2};
    struct conf *conf = NULL;
    (void)state;
    assert_int_equal(conf_load(&src, &conf, &loading_faults), OK);
    assert_int_equal(conf->https_port, 9443);
    assert_text(conf->state, "/tmp/s");
    size_t offset;
    assert_true(conf->set & directive_bit(directive_find(SCOPE_SERVER, SLICE("state"), &offset)));
    conf_free(conf);
    src.settings = bad;
    assert_int_equal(conf_load(&src, &conf, &loading_faults), ERR_CONFIG);
    assert_string_equal(loading_story(),
                        "--https-port: \"https_port\" must be from 1 to 65535, not 99999\n"
                        "    99999\n    ^\n"
                        "--limits: there is no server directive \"limits\"\n    1\n    ^");
}

static uint64_t digest_of(const char *text, uint64_t *ret_proxy)
{
    struct conf *conf = loading_good(text);
    uint64_t digest = conf_site_digest(&conf->sites[0]);
    *ret_proxy = conf->sites[0].routes[0].proxy.digest;
    conf_free(conf);
    return digest;
}

static void digests_tell_what_changed(void **state)
{
    uint64_t p0, p1, p2, p3;
    (void)state;
    uint64_t s0 = digest_of("sites: {a.test: {proxy: 'http://h'}}\n", &p0);
    /* Another spelling of the same values, on other lines. */
    uint64_t s1 = digest_of("# words\nupstream: {retries: 1}\n\nsites:\n  A.test:\n    proxy:\n"
                            "      to: http://h:80/\n",
                            &p1);
    uint64_t s2 = digest_of("sites: {a.test: {proxy: 'http://h', api: true}}\n", &p2);
    uint64_t s3 = digest_of("sites: {a.test: {proxy: 'http://h'}}\nupstream: {retries: 2}\n", &p3);
    assert_true(s0 == s1);
    assert_true(p0 == p1);
    assert_true(s0 != s2); /* the site changed, its pool did not */
    assert_true(p0 == p2);
    assert_true(s0 != s3);
    assert_true(p0 != p3);
    uint64_t s4 = digest_of("sites: {a.test: {proxy: 'http://h'}}\nheaders: {set: {A: b}}\n", &p3);
    assert_true(s0 != s4); /* inherited fields are part of the site */
}

static void every_allocation_may_fail(void **state)
{
    static const char text[] = "headers: {set: {A: b}}\nsites:\n"
                               "  a.test: {aliases: [b.test], proxy: [http://h, unix:/s]}\n"
                               "  c.test: {routes: [{path: /, root: /a}]}\n";
    (void)state;
    for (uint64_t k = 1;; k++) {
        struct conf *conf = NULL;
        mem_fail_at(k);
        int r = loading_text(text, &conf);
        bool fired = mem_fault_fired();
        mem_fail_at(0);
        if (r != OK && r != ERR_NOMEM)
            fail_msg("allocation %u: %s %s", (unsigned)k, err_name(r), loading_story());
        assert_true(r == OK || fired);
        conf_free(conf);
        if (!fired)
            break;
    }
    conf_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_is_enough),
        cmocka_unit_test(values_are_handed_down),
        cmocka_unit_test(upstreams_have_parts),
        cmocka_unit_test(prefixes_end_at_segments),
        cmocka_unit_test(verification_ends_with_the_long_word_only),
        cmocka_unit_test(certificates_become_one_list),
        cmocka_unit_test(keep_path_follows_the_target),
        cmocka_unit_test(challenges_follow_what_is_open),
        cmocka_unit_test(options_win_over_the_file),
        cmocka_unit_test(digests_tell_what_changed),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
