/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `config show` of good files: word for word, and read back to the same configuration. */
#include "conf/conf_show.h"

#include "loading.h"

static const char *folder;

/* The caller frees it. */
static char *show(const struct conf *conf)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(conf_show(conf, &b), OK);
    struct slice s = buf_slice(&b);
    char *text = calloc(1, s.n + 1);
    memcpy(text, s.p, s.n);
    buf_done(&b);
    return text;
}

static void check_file(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "good/%s.yaml", name);
    char *text = loading_file(folder, path);
    snprintf(path, sizeof(path), "good/%s.show", name);
    char *want = loading_file(folder, path);
    struct conf *first = loading_good(text);
    char *have = show(first);
    if (strcmp(have, want) != 0)
        fail_msg("%s: have\n%s", path, have);
    struct conf *second = loading_good(have);
    assert_int_equal(first->nsites, second->nsites);
    for (size_t i = 0; i < first->nsites; i++)
        if (conf_site_digest(&first->sites[i]) != conf_site_digest(&second->sites[i]))
            fail_msg("%s: site %zu changed its meaning when it was read back", name, i);
    assert_true(conf_show_digest(SCOPE_SERVER, first) == conf_show_digest(SCOPE_SERVER, second));
    conf_free(first);
    conf_free(second);
    free(text);
    free(want);
    free(have);
}

static void shows_all_and_reads_it_back(void **state)
{
    (void)state;
    check_file("design");
    check_file("full");
}

static void stops_at_the_cap_of_the_buffer(void **state)
{
    struct buf b;
    (void)state;
    struct conf *conf = loading_good("sites: {a.test: {root: /a}}\n");
    buf_init(&b, 100);
    assert_int_equal(conf_show(conf, &b), ERR_CAP);
    buf_done(&b);
    conf_free(conf);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_all_and_reads_it_back),
        cmocka_unit_test(stops_at_the_cap_of_the_buffer),
    };
    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
