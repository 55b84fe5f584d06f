/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* NAME=TARGET words: what they mean, alone and beside a file, and what is said when they are wrong.
 */
#include "conf/conf_word.h"

#include "base/mem.h"
#include "loading.h"

static int load(const char *file, const char *const *words, size_t nwords, struct conf **ret)
{
    struct conf_source src = {.file = file ? "t.yaml" : NULL,
                              .text = slice_cstr(file ? file : ""),
                              .words = words,
                              .nwords = nwords};
    return conf_load(&src, ret, &loading_faults);
}

struct good {
    const char *word, *name;
    enum conf_action action;
    const char *target;
};

static const struct good goods[] = {
    {"example.com=/srv/www", "example.com", CONF_FILES, "/srv/www"},
    {"App.example.com=3000", "app.example.com", CONF_PROXY, "http://127.0.0.1:3000"},
    {"a.test=http://10.0.0.5:8080", "a.test", CONF_PROXY, "http://10.0.0.5:8080"},
    {"a.test=https://backend", "a.test", CONF_PROXY, "https://backend:443"},
    {"a.test=unix:/run/a.sock", "a.test", CONF_PROXY, "unix:/run/a.sock"},
    {"old.test=>https://example.com", "old.test", CONF_REDIRECT, "https://example.com"},
    {"*.example.test=/srv=x", "*.example.test", CONF_FILES, "/srv=x"},
};

static struct slice target(const struct conf_route *route)
{
    return route->action == CONF_FILES   ? route->files.root
           : route->action == CONF_PROXY ? route->proxy.to.items[0].text
                                         : route->redirect.to;
}

static void mean_a_site(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
        struct conf *conf;
        int r = load(NULL, &goods[i].word, 1, &conf);
        if (r)
            fail_msg("%s: %s", goods[i].word, loading_story());
        const struct conf_site *s = &conf->sites[0];
        struct slice to = target(&s->routes[0]);
        if (!slice_eq(s->name, slice_cstr(goods[i].name)) ||
            s->routes[0].action != goods[i].action || !slice_eq(to, slice_cstr(goods[i].target)))
            fail_msg("%s: %.*s action %d to %.*s", goods[i].word, SLICE_A(s->name),
                     (int)s->routes[0].action, SLICE_A(to));
        conf_free(conf);
    }
}

static const char *const bads[][2] = {
    {"example.com", "command line: \"example.com\" is not NAME=TARGET\n"
                    "    example.com\n    ^\n"
                    "  for example: example.com=/srv/www, app.example.com=3000"},
    {"old.test=", "command line: nothing stands behind '='\n"
                  "    old.test=\n             ^\n"
                  "  quote a redirect, or the shell takes its '>': 'NAME=>https://HOST'"},
    {"a.test=70000", "command line: \"70000\" is not a port: ports go from 1 to 65535\n"
                     "    a.test=70000\n           ^"},
    {"a.test=srv/www", "command line: \"srv/www\" is not a target\n"
                       "    a.test=srv/www\n           ^\n"
                       "  NAME=/dir or NAME=./dir (files), NAME=3000 or NAME=http://HOST:PORT "
                       "(proxy), 'NAME=>https://HOST' (redirect)"},
    {"a_b=3000", "command line: \"a_b\" is not a host name: only letters, digits, '-' and '.' are "
                 "allowed\n    a_b=3000\n    ^"},
    {"=3000", "command line: \"\" is not a host name: it is empty\n    =3000\n    ^"},
    {"a.test=http://h/app",
     "command line: \"http://h/app\": an upstream has no path: the request's "
     "own path is passed on\n    a.test=http://h/app\n           ^\n"
     "  strip_prefix: true on a route takes its prefix off"},
    {"a.test=>b.test", "command line: \"b.test\": not a target of a redirect\n"
                       "    a.test=>b.test\n            ^\n"
                       "  write https://HOST, https://HOST/PATH or /PATH"},
};

static void are_refused_with_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct conf *conf;
        int r = load(NULL, &bads[i][0], 1, &conf);
        if (r != ERR_CONFIG || strcmp(loading_story(), bads[i][1]) != 0)
            fail_msg("%s\n--- want\n%s\n--- have (%s)\n%s", bads[i][0], bads[i][1], err_name(r),
                     r ? loading_story() : "");
    }
}

static void directories_become_absolute(void **state)
{
    static const char *const rows[][3] = {
        {"a.test=.", "/work", "a.test=/work"},
        {"a.test=./public", "/work", "a.test=/work/public"},
        {"a.test=./public", "/", "a.test=/public"},
        {"a.test=../x", "/work", "a.test=/work/../x"},
        {"a.test=..", "/work", "a.test=/work/.."},
        {"a.test=/srv", "/work", "a.test=/srv"},
        {"a.test=3000", "/work", "a.test=3000"},
        {"a.test=.hidden", "/work", "a.test=.hidden"},
        {"a.test", "/work", "a.test"},
        {".", "/work", "."},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *have = conf_word_absolute(rows[i][0], rows[i][1]);
        assert_string_equal(have, rows[i][2]);
        mem_free(have);
    }
}

static void join_a_file(void **state)
{
    static const char *const both[] = {"b.test=3000"};
    static const char *const same[] = {"A.test=3000"};
    static const char *const twice[] = {"c.test=1", "c.test=2"};
    static const char file[] = "sites:\n  a.test: {root: /a}\n";
    struct conf *conf;
    (void)state;
    assert_int_equal(load(file, both, 1, &conf), OK);
    assert_int_equal(conf->nsites, 2);
    assert_int_equal(conf->sites[1].place.line, 0);
    conf_free(conf);
    assert_int_equal(load(file, same, 1, &conf), ERR_CONFIG);
    assert_string_equal(loading_story(), "command line: \"a.test\" is configured twice; first in "
                                         "t.yaml on line 2\n    A.test=3000\n    ^");
    assert_int_equal(load(NULL, twice, 2, &conf), ERR_CONFIG);
    assert_string_equal(loading_story(), "command line: \"c.test\" is configured twice; first on "
                                         "the command line\n    c.test=2\n    ^");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_a_site),
        cmocka_unit_test(are_refused_with_words),
        cmocka_unit_test(directories_become_absolute),
        cmocka_unit_test(join_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
