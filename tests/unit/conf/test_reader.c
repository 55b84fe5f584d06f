/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every case of bad.cases is refused with exactly the message that stands there: place, words,
 * source line, caret and the next step. A case is "### title", the file, "==>", the message. */
#include "conf/reader.h"

#include "loading.h"

static const char *folder;

/* Ends the text before `mark` and gives what follows it, or NULL. */
static char *cut(char *text, const char *mark)
{
    char *at = strstr(text, mark);
    if (!at)
        return NULL;
    *at = 0;
    return at + strlen(mark);
}

static void check_case(const char *title, const char *yaml, const char *want)
{
    struct conf *conf = NULL;
    int r = loading_text(yaml, &conf);
    if (r != ERR_CONFIG)
        fail_msg("%s: got %s instead of a refusal", title, err_name(r));
    char have[8192];
    snprintf(have, sizeof(have), "%s\n", loading_story());
    if (strcmp(have, want) != 0)
        fail_msg("%s\n--- want\n%s--- have\n%s", title, want, have);
}

static void refuses_with_the_whole_story(void **state)
{
    (void)state;
    char *text = loading_file(folder, "bad.cases"), *at = cut(text, "### ");
    unsigned count = 0;
    while (at) {
        char *title = at, *next = cut(at, "\n### ");
        char *yaml = cut(title, "\n"), *want = cut(yaml, "==>\n");
        if (!want)
            fail_msg("case %s has no ==>", title);
        if (next) { /* the newline before the next title belongs to the message */
            size_t n = strlen(want);
            want[n] = '\n';
            want[n + 1] = 0;
        }
        check_case(title, yaml, want);
        at = next;
        count++;
    }
    free(text);
    assert_in_range(count, 100, 1000);
}

static void stops_showing_after_twenty(void **state)
{
    char text[4096];
    size_t n = 0;
    struct conf *conf;
    (void)state;
    for (int i = 0; i < 25; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "unknown_%d: 1\n", i);
    assert_int_equal(loading_text(text, &conf), ERR_CONFIG);
    assert_int_equal(loading_faults.count, CONF_FAULTS_MAX);
    assert_int_equal(loading_faults.not_shown, 5);
}

static void sorts_by_line(void **state)
{
    struct conf *conf;
    (void)state;
    /* Sites are read last, so the complaint about line 1 is found after the one about line 2. */
    assert_int_equal(loading_text("sites: {a.test: {rot: /srv}}\nworkers: x\n", &conf), ERR_CONFIG);
    assert_int_equal(loading_faults.count, 2);
    assert_int_equal(loading_faults.list[0].line, 1);
    assert_int_equal(loading_faults.list[1].line, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_the_whole_story),
        cmocka_unit_test(stops_showing_after_twenty),
        cmocka_unit_test(sorts_by_line),
    };
    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
