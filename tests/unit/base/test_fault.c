/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Error stories and the error table behind them. */
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void whole_story(void **state)
{
    (void)state;
    struct fault f;
    char text[1024];
    assert_int_equal(fault_set(&f, ERR_CONFIG, "unknown word %s", "rot"), ERR_CONFIG);
    fault_at(&f, "a.yaml", 3, 5);
    snprintf(f.snippet, sizeof(f.snippet), "    rot: /x");
    fault_while(&f, "while reloading");
    fault_next(&f, "did you mean root?");
    fault_text(&f, text, sizeof(text));
    assert_string_equal(
        text, "a.yaml:3:5: unknown word rot, while reloading\n        rot: /x\n        ^\n"
              "  did you mean root?");
}

static void system_words(void **state)
{
    (void)state;
    struct fault f;
    assert_int_equal(fault_errno(&f, ERR_SYS, ENOENT, "cannot open %s", "x"), ERR_SYS);
    assert_string_equal(f.what, "cannot open x: No such file or directory");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct fault f;
    char text[40];
    fault_set(&f, ERR_SYS, "%0500d", 1);
    assert_int_equal(strlen(f.what), sizeof(f.what) - 1);
    assert_int_equal(fault_text(&f, text, sizeof(text)), sizeof(text) - 1);
    for (int i = 0; i < 10; i++)
        fault_while(&f, "frame %d", i);
    assert_int_equal(f.nframes, FAULT_FRAMES);
}

static void a_null_fault_takes_everything(void **state)
{
    (void)state;
    assert_int_equal(fault_set(NULL, ERR_SYS, "x"), ERR_SYS);
    assert_int_equal(fault_errno(NULL, ERR_SYS, 1, "x"), ERR_SYS);
    fault_at(NULL, "x", 1, 1);
    fault_next(NULL, "x");
    fault_while(NULL, "x");
}

static void the_table(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_UPSTREAM_TIMEOUT), "upstream_timeout");
    assert_int_equal(err_http(ERR_BODY_TOO_LARGE), 413);
    assert_int_equal(err_alert(ERR_TLS_NAME), 112);
    assert_int_equal(err_exit(ERR_USAGE), 64);
    assert_string_equal(err_name(9999), "bug");
    assert_string_equal(err_name(-1), "bug");
    for (int r = 0; r < ERR_COUNT; r++)
        assert_true(strlen(err_text(r)) > 1 && strlen(err_name(r)) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_story), cmocka_unit_test(system_words),
        cmocka_unit_test(long_texts_are_cut), cmocka_unit_test(a_null_fault_takes_everything),
        cmocka_unit_test(the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
