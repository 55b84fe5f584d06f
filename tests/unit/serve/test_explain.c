/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What is explained of a URL: the words, and that they follow the server's own decisions. */
#include "serve/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char normal[] = /* line numbers are part of the explanations */
    "headers: {set: {X-Team: web}}\n"
    "acme: {dns: {hook: /h}}\n"
    "sites:\n"
    "  a.example:\n"
    "    aliases: [www.a.example]\n"
    "    hsts: {max_age: 1h}\n"
    "    tls: {cert: /c.pem, key: /k.pem}\n"
    "    routes:\n"
    "      - path: /api\n"
    "        proxy: {to: [\"http://127.0.0.1:3000\", \"http://127.0.0.1:3001\"]}\n"
    "        strip_prefix: true\n"
    "        body_bytes: 1m\n"
    "      - path: /old\n"
    "        redirect: {to: \"https://b.example\", status: 301}\n"
    "      - path: /ok\n"
    "        respond: {status: 204}\n"
    "        headers: {remove: [X-Team], add: {X-More: \"1\"}}\n"
    "  \"*.wild.example\": {root: /srv/wild, hsts: off}\n"
    "  exact.wild.example: {root: /srv/exact}\n"
    "  api.example: {api: true, proxy: \"http://127.0.0.1:1\"}\n";

struct row {
    const char *url;
    int r;
    const char *in[8];
    const char *out[4];
};

static const struct row rows[] = {
    {"https://a.example/api/x?q=1",
     OK,
     {"https://a.example/api/x?q=1\n  host       a.example\n  path       /api/x\n",
      "  site       a.example  (t.yaml:4)\n", "  cert       /c.pem\n",
      "  route      /api  (t.yaml:9)\n  action     proxy\n"
      "  upstream   http://127.0.0.1:3000\n  upstream   http://127.0.0.1:3001\n"
      "  balance    round robin\n",
      "  prefix     is taken off\n", "  header     set X-Team: web\n",
      "  hsts       max-age=3600\n"},
     {"port 80", "wildcard", "301"}},
    {"https://a.example/apix", ERR_NOT_FOUND, {"  route      none matches: 404\n"}, {"action"}},
    {"https://a.example/", ERR_NOT_FOUND, {"  route      none matches: 404\n"}, {"action"}},
    {"https://a.example/x/../old",
     OK,
     {"  path       /old\n", "  action     redirect 301 to https://b.example"},
     {"proxy"}},
    {"https://A.Example:443/%6fk",
     OK,
     {"  host       a.example\n", "  path       /ok\n", "  action     answer 204\n",
      "  header     set X-Team: web\n", "  header     remove X-Team\n",
      "  header     add X-More: 1\n"},
     {"prefix"}},
    {"www.a.example/ok",
     OK,
     {"www.a.example/ok\n", "  host       www.a.example\n", "  site       a.example  (",
      "  action     answer 204\n"},
     {"port 80"}},
    {"a.example", ERR_NOT_FOUND, {"  path       /\n", "  site       a.example  ("}, {"port 80"}},
    {"https://x.wild.example/f",
     OK,
     {"  site       *.wild.example (wildcard)  (t.yaml:18)\n", "  cert       ACME\n",
      "  action     files below /srv/wild\n", "  hsts       off\n"},
     {"upstream"}},
    {"https://exact.wild.example/",
     OK,
     {"  site       exact.wild.example  (t.yaml:19)\n", "  action     files below /srv/exact\n"},
     {"(wildcard)"}},
    {"https://x.y.wild.example/",
     ERR_NOT_FOUND,
     {"  site       none has this name: the handshake ends with unrecognized_name\n"},
     {"route"}},
    {"https://wild.example/", ERR_NOT_FOUND, {"  site       none has this name"}, {"route"}},
    {"https://other.example/", ERR_NOT_FOUND, {"  site       none has this name"}, {"route"}},
    {"http://a.example/ok",
     OK,
     {"  site       a.example  (", "  answer     308 to the same address with https\n"},
     {"action", "cert", "403"}},
    {"http://api.example/x",
     OK,
     {"  answer     403 problem+json: an API is served over https only\n"},
     {"308", "action"}},
    {"https://api.example/x", OK, {"  action     proxy\n"}, {"403"}},
    {"http://other.example/", ERR_NOT_FOUND, {"  site       none has this name"}, {"308"}},
    {"ftp://a.example/", ERR_SYNTAX, {NULL}, {"a.example"}},
    {"", ERR_SYNTAX, {NULL}, {"host"}},
    {"/path", ERR_SYNTAX, {NULL}, {"host"}},
    {"https://", ERR_SYNTAX, {NULL}, {"host"}},
    {"https://a.example/%zz", ERR_SYNTAX, {NULL}, {"host"}},
    {"https://a.example/%00", ERR_SYNTAX, {NULL}, {"host"}},
    {"https://a.example/a b", ERR_SYNTAX, {NULL}, {"host"}},
    {"https://user@a.example/", ERR_SYNTAX, {NULL}, {"host"}},
    {"https://a_b\x01/", ERR_SYNTAX, {NULL}, {"host"}},
};

static struct conf *load(const char *yaml)
{
    struct conf *conf = NULL;
    struct conf_faults faults;
    const struct conf_source src = {.file = "t.yaml", .text = slice_cstr(yaml)};
    if (conf_load(&src, &conf, &faults))
        fail_msg("%d: %s", faults.list[0].line, faults.list[0].what);
    return conf;
}

static void expect(const struct conf *conf, const struct row *t)
{
    struct fault f = {0};
    struct buf b;
    buf_init(&b, 65536);
    int r = explain_url(conf, slice_cstr(t->url), &b, &f);
    assert_int_equal(buf_add(&b, slice_of("", 1)), OK);
    const char *text = (const char *)buf_slice(&b).p;
    if (r != t->r)
        print_error("%s: %s\n%s", t->url, f.what, text);
    assert_int_equal(r, t->r);
    assert_int_equal(f.code, t->r);
    for (size_t i = 0; i < ARRAY_LEN(t->in) && t->in[i]; i++)
        if (!strstr(text, t->in[i]))
            fail_msg("%s: no \"%s\" in:\n%s", t->url, t->in[i], text);
    for (size_t i = 0; i < ARRAY_LEN(t->out) && t->out[i]; i++)
        if (strstr(text, t->out[i]))
            fail_msg("%s: \"%s\" in:\n%s", t->url, t->out[i], text);
    buf_done(&b);
}

static void urls(void **state)
{
    (void)state;
    struct conf *conf = load(normal);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(conf, &rows[i]);
    conf_free(conf);
}

static void no_plain_port(void **state)
{
    static const struct row row = {
        "http://a.example/", OK, {"  port 80    not open (only_443)\n"}, {"308"}};
    (void)state;
    struct conf *conf = load("only_443: true\nsites:\n  a.example: {root: /srv}\n");
    expect(conf, &row);
    conf_free(conf);
}

static void local_name(void **state)
{
    static const struct row row = {"localhost/",
                                   OK,
                                   {"  cert       local CA\n",
                                    "  hsts       off (local certificate)\n",
                                    "  head       at most "},
                                   {"  cert       ACME"}};
    (void)state;
    struct conf *conf = load("sites:\n  localhost: {root: /srv}\n");
    expect(conf, &row);
    conf_free(conf);
}

static void long_url(void **state)
{
    char url[10000];
    struct row row = {url, ERR_SYNTAX, {NULL}, {"host"}};
    (void)state;
    struct conf *conf = load(normal);
    memset(url, 'a', sizeof(url));
    memcpy(url, "https://a.example/", 18);
    url[sizeof(url) - 1] = 0;
    expect(conf, &row); /* the path does not fit */
    memcpy(url, "a.example/aaaaaaaa", 18);
    expect(conf, &row); /* nor does it without a scheme */
    conf_free(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(no_plain_port),
        cmocka_unit_test(local_name),
        cmocka_unit_test(long_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
