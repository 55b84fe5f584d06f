/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every row of directive.def has an example that is taken and one that is refused; a row without
 * them fails here. table file: one line per directive. */
#include "conf/directive.h"

#include "loading.h"

/* The file round one "name: value" of a scope. Values may bring what must stand beside them. */
static const char *const around[SCOPE_COUNT] = {
    [SCOPE_SERVER] = "{%s, sites: {a.test: {root: /srv}}}",
    [SCOPE_ACME] = "{acme: {%s}, sites: {a.test: {root: /srv}}}",
    [SCOPE_ACME_EAB] = "{acme: {eab: {%s}}, sites: {a.test: {root: /srv}}}",
    [SCOPE_ACME_DNS] = "{acme: {dns: {%s}}, sites: {a.test: {root: /srv}}}",
    [SCOPE_ACME_HOOKS] = "{acme: {hooks: {%s}}, sites: {a.test: {root: /srv}}}",
    [SCOPE_ACME_ON_DEMAND] = "{acme: {on_demand: {%s}}, sites: {a.test: {root: /srv}}}",
    [SCOPE_LOG] = "{log: {%s}, sites: {a.test: {root: /srv}}}",
    [SCOPE_METRICS] = "{metrics: {%s}, sites: {a.test: {root: /srv}}}",
    [SCOPE_LIMITS] = "{limits: {%s}, sites: {a.test: {root: /srv}}}",
    [SCOPE_HEADERS] = "{headers: {%s}, sites: {a.test: {root: /srv}}}",
    [SCOPE_HSTS] = "{hsts: {%s}, sites: {a.test: {root: /srv}}}",
    [SCOPE_TLS] = "{tls: {%s}, sites: {a.test: {root: /srv}}}",
    [SCOPE_SITE] = "{sites: {a.test: {%s}}}",
    [SCOPE_SITE_TLS] = "{sites: {a.test: {root: /srv, tls: {%s}}}}",
    [SCOPE_CERT] = "{sites: {a.test: {root: /srv, tls: {certs: [{%s}]}}}}",
    [SCOPE_ROUTE] = "{sites: {a.test: {routes: [{%s}]}}}",
    [SCOPE_RULE] = "{sites: {a.test: {%s}}}",
    [SCOPE_FILES] = "{sites: {a.test: {%s}}}",
    [SCOPE_PROXY] = "{sites: {a.test: {proxy: {%s}}}}",
    [SCOPE_UPSTREAM] = "{sites: {a.test: {proxy: {to: \"https://h\", %s}}}}",
    [SCOPE_HEALTH] = "{sites: {a.test: {proxy: {to: \"http://h\", health: {%s}}}}}",
    [SCOPE_UPSTREAM_TLS] = "{sites: {a.test: {proxy: {to: \"https://h\", tls: {%s}}}}}",
    [SCOPE_REDIRECT] = "{sites: {a.test: {redirect: {%s}}}}",
    [SCOPE_RESPOND] = "{sites: {a.test: {respond: {%s}}}}",
};

struct example {
    enum directive_scope scope;
    const char *name, *good, *bad;
};

static const struct example examples[] = {
    {SCOPE_SERVER, "acme", "{email: a@b.example}", "on"},
    {SCOPE_SERVER, "only_443", "true", "maybe"},
    {SCOPE_SERVER, "https_port", "8443", "65536"},
    {SCOPE_SERVER, "http_port", "8080", "-1"},
    {SCOPE_SERVER, "listen", "[127.0.0.1, \"::1\"]", "eth0"},
    {SCOPE_SERVER, "workers", "256", "257"},
    {SCOPE_SERVER, "user", "www-data", "\"a b\""},
    {SCOPE_SERVER, "state", "/var/lib/x", "var/lib/x"},
    {SCOPE_SERVER, "drain_timeout", "24h", "25h"},
    {SCOPE_SERVER, "log", "{format: json}", "json"},
    {SCOPE_SERVER, "metrics", "{listen: \"127.0.0.1:9443\"}", "127.0.0.1:9443"},
    {SCOPE_SERVER, "trusted_proxies", "10.0.0.0/8", "10.0.0.0/33"},
    {SCOPE_SERVER, "limits", "{h2_streams: 1}", "[]"},
    {SCOPE_SERVER, "headers", "{remove: Server}", "Server"},
    {SCOPE_SERVER, "hsts", "180d", "forever"},
    {SCOPE_SERVER, "tls", "{min_version: \"1.3\"}", "\"1.3\""},
    {SCOPE_SERVER, "upstream", "{retries: 0}", "{to: \"http://h\"}"},
    {SCOPE_SERVER, "sites", NULL, NULL}, /* stands in every example */
    {SCOPE_ACME, "email", "ops@example.com", "ops@"},
    {SCOPE_ACME, "staging", "https://ca.test/staging", "nobody"},
    {SCOPE_ACME, "directory", "[letsencrypt-staging, \"https://ca/dir\"]", "nobody"},
    {SCOPE_ACME, "ca_file", "/ca.pem", "ca.pem"},
    {SCOPE_ACME, "challenges", "[tls-alpn-01, http-01]", "[dns-01]"},
    {SCOPE_ACME, "keys", "[ecdsa, rsa]", "dsa"},
    {SCOPE_ACME, "profile", "shortlived", "\"a\\nb\""},
    {SCOPE_ACME, "preferred_chain", "ISRG Root X1", "[a]"},
    {SCOPE_ACME, "reuse_key", "true", "always"},
    {SCOPE_ACME, "preflight", "off", "never"},
    {SCOPE_ACME, "resolver", "[\"192.0.2.1:53\", \"[2001:db8::1]:53\"]", "192.0.2.1"},
    {SCOPE_ACME, "eab", "{kid: a, key_file: /k}", "{kid: a}"},
    {SCOPE_ACME, "dns", "{hook: /h}", "{hook: /h, server: \"192.0.2.1:53\"}"},
    {SCOPE_ACME, "hooks", "{deployed: /d}", "/d"},
    {SCOPE_ACME, "on_demand", "{allow: .a.example}", "{}, on_demand: {}"},
    {SCOPE_ACME_EAB, "kid", "k, key_file: /k", "k"},
    {SCOPE_ACME_EAB, "key_file", "/k, kid: k", "k, kid: k"},
    {SCOPE_ACME_DNS, "server", "\"192.0.2.1:53\"", "ns.example"},
    {SCOPE_ACME_DNS, "zone", "a.example, server: \"[::1]:53\"", "a.example"},
    {SCOPE_ACME_DNS, "tsig_name", "k, server: \"[::1]:53\", tsig_secret_file: /k",
     "k, server: \"[::1]:53\""},
    {SCOPE_ACME_DNS, "tsig_algorithm", "hmac-sha512", "hmac-md5"},
    {SCOPE_ACME_DNS, "tsig_secret_file", "/k, tsig_name: k, server: \"[::1]:53\"", "/k"},
    {SCOPE_ACME_DNS, "hook", "/usr/local/bin/h", "h"},
    {SCOPE_ACME_DNS, "propagation_timeout", "10m", "10"},
    {SCOPE_ACME_DNS, "hook_timeout", "1s", "999ms"},
    {SCOPE_ACME_HOOKS, "pre_issue", "/h", "h"},
    {SCOPE_ACME_HOOKS, "deployed", "/h", "h"},
    {SCOPE_ACME_HOOKS, "failed", "/h", "h"},
    {SCOPE_ACME_HOOKS, "expiring", "/h", "h"},
    {SCOPE_ACME_HOOKS, "timeout", "1h", "2h"},
    {SCOPE_ACME_ON_DEMAND, "ask", "\"http://127.0.0.1:5555/ask\"", "\"http://h/ask?a=b\""},
    {SCOPE_ACME_ON_DEMAND, "allow", "[a.example, .B.example]", "\"*.a.example\""},
    {SCOPE_LOG, "access", "/var/log/a", "a.log"},
    {SCOPE_LOG, "format", "combined", "common"},
    {SCOPE_LOG, "events", "stdout", "syslog"},
    {SCOPE_METRICS, "listen", "\"[::1]:1\"", "\"[::2]:1\""},
    {SCOPE_LIMITS, "header_bytes", "1m", "2m"},
    {SCOPE_LIMITS, "header_fields", "8", "7"},
    {SCOPE_LIMITS, "line_bytes", "256", "255"},
    {SCOPE_LIMITS, "body_bytes", "0", "1e9"},
    {SCOPE_LIMITS, "header_timeout", "100ms", "99ms"},
    {SCOPE_LIMITS, "idle_timeout", "1d", "0"},
    {SCOPE_LIMITS, "body_timeout", "1h", "1w"},
    {SCOPE_LIMITS, "body_min_rate", "0", "2g"},
    {SCOPE_LIMITS, "response_timeout", "10s", "10"},
    {SCOPE_LIMITS, "handshake_timeout", "10m", "11m"},
    {SCOPE_LIMITS, "connections", "1", "0"},
    {SCOPE_LIMITS, "connections_per_ip", "10", "ten"},
    {SCOPE_LIMITS, "requests_per_connection", "1000", "+1"},
    {SCOPE_LIMITS, "h2_streams", "1000", "1001"},
    {SCOPE_HEADERS, "set", "{X-A: b}", "[X-A]"},
    {SCOPE_HEADERS, "add", "{X-A: ''}", "{X-A: [b]}"},
    {SCOPE_HEADERS, "remove", "[Server]", "[\"\"]"},
    {SCOPE_HSTS, "max_age", "1d", "1"},
    {SCOPE_HSTS, "include_subdomains", "true", "all"},
    {SCOPE_HSTS, "preload", "true, include_subdomains: true", "true"},
    {SCOPE_TLS, "min_version", "\"1.2\"", "1.0"},
    {SCOPE_TLS, "ticket_lifetime", "7d", "8d"},
    {SCOPE_SITE, "aliases", "[b.test], root: /a", "[a.test], root: /a"},
    {SCOPE_SITE, "api", "on, root: /a", "1, root: /a"},
    {SCOPE_SITE, "log", "off, root: /a", "/log, root: /a"},
    {SCOPE_SITE, "on_demand", "false, root: /a", "true, root: /a"},
    {SCOPE_SITE, "tls", "{cert: /c, key: /k}, root: /a", "{}, root: /a"},
    {SCOPE_SITE, "hsts", "off, root: /a", "11y, root: /a"},
    {SCOPE_SITE, "routes", "[{path: /, root: /a}]", "[]"},
    {SCOPE_SITE_TLS, "cert", "/c, key: /k", "/c"},
    {SCOPE_SITE_TLS, "key", "/k, cert: /c", "/k"},
    {SCOPE_SITE_TLS, "certs", "[{cert: /c, key: /k}]", "{cert: /c, key: /k}"},
    {SCOPE_CERT, "cert", "/c, key: /k", "c, key: /k"},
    {SCOPE_CERT, "key", "/k, cert: /c", "k, cert: /c"},
    {SCOPE_ROUTE, "path", "/a, root: /a", "\"/a#b\", root: /a"},
    {SCOPE_ROUTE, "strip_prefix", "true, path: /a, root: /a", "true, path: /a, respond: ok"},
    {SCOPE_RULE, "proxy", "\"http://h:1\"", "\"http://h:65536\""},
    {SCOPE_RULE, "redirect", "\"https://b.test\"", "\"ftp://b.test\""},
    {SCOPE_RULE, "respond", "\"\"", "[ok]"},
    {SCOPE_RULE, "return", "404", "not found"},
    {SCOPE_RULE, "headers", "{set: {A: b}}, root: /a", "{replace: {A: b}}, root: /a"},
    {SCOPE_RULE, "body_bytes", "1t, root: /a", "2t, root: /a"},
    {SCOPE_FILES, "root", "/srv/www", "./www"},
    {SCOPE_FILES, "index", "a.html, root: /a", ".htaccess, root: /a"},
    {SCOPE_FILES, "listing", "true, root: /a", "true, respond: ok"},
    {SCOPE_FILES, "precompressed", "false, root: /a", "gzip, root: /a"},
    {SCOPE_FILES, "spa", "/index.html, root: /a", "index.html, root: /a"},
    {SCOPE_FILES, "not_found", "/404.html, root: /a", "/../404.html, root: /a"},
    {SCOPE_FILES, "cache_control", "no-store, root: /a", "\"a\\nb\", root: /a"},
    {SCOPE_PROXY, "to", "[\"http://h\", \"http://g\"]", "[]"},
    {SCOPE_UPSTREAM, "balance", "random", "rand"},
    {SCOPE_UPSTREAM, "host", "upstream", "localhost"},
    {SCOPE_UPSTREAM, "connect_timeout", "10ms", "9ms"},
    {SCOPE_UPSTREAM, "timeout", "1d", "never"},
    {SCOPE_UPSTREAM, "keepalive", "0", "10001"},
    {SCOPE_UPSTREAM, "keepalive_timeout", "1m", "1"},
    {SCOPE_UPSTREAM, "max_fails", "0", "1001"},
    {SCOPE_UPSTREAM, "fail_timeout", "1s", "0"},
    {SCOPE_UPSTREAM, "retries", "10", "11"},
    {SCOPE_UPSTREAM, "health", "{path: /h}", "/h"},
    {SCOPE_UPSTREAM, "tls", "{ca: /ca.pem}", "{verify: false}"},
    {SCOPE_HEALTH, "path", "\"/h?a=b\"", "/h h"},
    {SCOPE_HEALTH, "interval", "1h, path: /h", "50ms, path: /h"},
    {SCOPE_HEALTH, "timeout", "1s, path: /h", "1, path: /h"},
    {SCOPE_HEALTH, "expect", "204, path: /h", "2xx, path: /h"},
    {SCOPE_UPSTREAM_TLS, "ca", "/ca.pem", "ca.pem"},
    {SCOPE_UPSTREAM_TLS, "server_name", "a.example", "\"a b\""},
    {SCOPE_UPSTREAM_TLS, "verify", "true", "false"},
    {SCOPE_UPSTREAM_TLS, "insecure_skip_verify", "true", "very"},
    {SCOPE_UPSTREAM_TLS, "cert", "/c, key: /k", "/c"},
    {SCOPE_UPSTREAM_TLS, "key", "/k, cert: /c", "/k"},
    {SCOPE_REDIRECT, "to", "\"https://b.test/x\"", "\"https://b.test/ x\""},
    {SCOPE_REDIRECT, "status", "301, to: \"https://b.test\"", "304, to: \"https://b.test\""},
    {SCOPE_REDIRECT, "keep_path", "false, to: \"https://b.test\"", "some, to: \"https://b.test\""},
    {SCOPE_RESPOND, "status", "599", "600"},
    {SCOPE_RESPOND, "body", "\"a\\tb\"", "{a: b}"},
    {SCOPE_RESPOND, "content_type", "text/html", "\"a\\rb\""},
};

static const struct example *example_of(const struct directive *d)
{
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        if (examples[i].scope == d->scope && strcmp(examples[i].name, d->name) == 0)
            return &examples[i];
    fail_msg("%s.%s has no example", directive_scope_info(d->scope)->id, d->name);
    return examples; /* never reached */
}

static int try(const struct directive *d, const char *value, char *text, size_t cap)
{
    char pair[256];
    struct conf *conf = NULL;
    snprintf(pair, sizeof(pair), "%s: %s", d->name, value);
    const char *frame = around[d->scope], *hole = strstr(frame, "%s");
    snprintf(text, cap, "%.*s%s%s\n", (int)(hole - frame), frame, pair, hole + 2);
    int r = loading_text(text, &conf);
    conf_free(conf);
    return r;
}

static void every_row_has_examples(void **state)
{
    size_t rows = 0;
    (void)state;
    for (enum directive_scope scope = 0; scope < SCOPE_COUNT; scope++) {
        const struct directive_scope_info *info = directive_scope_info(scope);
        for (size_t i = 0; i < info->count; i++, rows++) {
            const struct directive *d = &info->rows[i];
            const struct example *e = example_of(d);
            char text[512];
            if (e->good && try(d, e->good, text, sizeof(text)))
                fail_msg("refused: %s%s", text, loading_story());
            if (e->bad && try(d, e->bad, text, sizeof(text)) != ERR_CONFIG)
                fail_msg("taken: %s", text);
            if (e->bad && loading_faults.list[0].line != 1)
                fail_msg("without a place: %s%s", text, loading_story());
        }
    }
    assert_int_equal(rows, ARRAY_LEN(examples));
}

static void rows_fit_their_scope(void **state)
{
    (void)state;
    for (enum directive_scope scope = 0; scope < SCOPE_COUNT; scope++) {
        const struct directive_scope_info *info = directive_scope_info(scope);
        uint64_t bits = 0;
        for (size_t i = 0; i < info->count; i++) {
            const struct directive *d = &info->rows[i];
            assert_int_equal(d->scope, scope);
            assert_true(d->offset >= sizeof(uint64_t)); /* `set` comes first */
            assert_true(d->offset + d->size <= info->size);
            assert_false(bits & directive_bit(d));
            bits |= directive_bit(d);
            assert_true(d->help[0] != 0);
        }
    }
}

static void names_are_found_through_the_chain(void **state)
{
    size_t offset = 0;
    const char *words[DIRECTIVE_ROWS_MAX];
    (void)state;
    const struct directive *d = directive_find(SCOPE_SITE, SLICE("listing"), &offset);
    assert_non_null(d);
    assert_int_equal(d->scope, SCOPE_FILES);
    assert_int_equal(offset, offsetof(struct conf_site, all) + offsetof(struct conf_route, files));
    assert_null(directive_find(SCOPE_ROUTE, SLICE("aliases"), &offset));
    assert_null(directive_find(SCOPE_UPSTREAM, SLICE("to"), &offset));
    assert_int_equal(directive_names(SCOPE_ROUTE, words), 2 + 6 + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_examples),
        cmocka_unit_test(rows_fit_their_scope),
        cmocka_unit_test(names_are_found_through_the_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
