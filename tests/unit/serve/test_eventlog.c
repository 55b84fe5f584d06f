/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Event lines: escaping, repeats, and texts that are too long for a line. */
#include "serve/eventlog.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

struct rig {
    int fds[2]; /* a pipe as log */
    struct eventlog *e;
    char text[65536];
};

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    const struct conf_sink sink = {.kind = CONF_SINK_FILE};
    *state = g;
    if (pipe(g->fds))
        return -1;
    int r = eventlog_open(&sink, g->fds[1], "worker 7", &g->e, NULL);
    close(g->fds[1]);
    return r;
}

static int unmake(void **state)
{
    struct rig *g = *state;
    close(g->fds[0]);
    free(g);
    return 0;
}

/* Everything that was written; the log is closed. Returns the number of lines. */
static size_t lines(struct rig *g)
{
    size_t n = 0, count = 0;
    ssize_t got;
    eventlog_close(g->e);
    while ((got = read(g->fds[0], g->text + n, sizeof(g->text) - 1 - n)) > 0)
        n += (size_t)got;
    for (size_t i = 0; i < n; i++)
        count += g->text[i] == '\n';
    return count;
}

static json_t *only_line(struct rig *g)
{
    json_error_t e;
    assert_int_equal(lines(g), 1);
    json_t *j = json_loads(g->text, 0, &e);
    if (!j)
        fail_msg("%s in %s", e.text, g->text);
    return j;
}

static void peer_bytes_cannot_end_a_line(void **state)
{
    struct rig *g = *state;
    static const char evil[] = "a\"}\n{\"event\":\"forged\"}\r\n\x1b[2J\xff\x01b\\";
    EVENT(g->e, EVENT_WARN, "upstream_failed", EV_TEXT("reason", slice_of(evil, sizeof(evil) - 1)));
    json_t *j = only_line(g);
    assert_string_equal(json_string_value(json_object_get(j, "event")), "upstream_failed");
    assert_string_equal(json_string_value(json_object_get(j, "role")), "worker 7");
    assert_string_equal(json_string_value(json_object_get(j, "level")), "warning");
    assert_null(strchr(g->text, '\x1b'));
    json_decref(j);
}

static void a_long_text_does_not_hide_the_event(void **state)
{
    struct rig *g = *state;
    static char text[20000];
    memset(text, 1, sizeof(text));
    EVENT(g->e, EVENT_WARN, "credential_exposed", EV_TEXT("path", slice_of(text, sizeof(text))));
    json_t *j = only_line(g);
    assert_string_equal(json_string_value(json_object_get(j, "event")), "credential_exposed");
    assert_true(json_is_true(json_object_get(j, "cut")));
    json_decref(j);
}

static void repeats_are_held_back_by_name(void **state)
{
    struct rig *g = *state;
    for (int i = 0; i < 1000; i++)
        EVENT(g->e, EVENT_WARN, "often", EV_UINT("i", i));
    EVENT(g->e, EVENT_WARN, "seldom", EV_UINT("i", 1));
    EVENT(g->e, EVENT_DEBUG, "never", EV_UINT("i", 1));
    assert_int_equal(lines(g), 21);
    assert_non_null(strstr(g->text, "seldom"));
    assert_null(strstr(g->text, "never"));
}

static void faults_and_no_log(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    fault_set(&f, ERR_PERM, "cannot read %s", "x");
    fault_at(&f, "a.yaml", 3, 4);
    fault_while(&f, "while renewing y");
    eventlog_fault(NULL, EVENT_WARN, "trouble", &f);
    eventlog_close(NULL);
    eventlog_swap_take(NULL, -1);
    eventlog_fault(g->e, EVENT_WARN, "trouble", &f);
    json_t *j = only_line(g);
    assert_string_equal(json_string_value(json_object_get(j, "where")), "a.yaml:3:4");
    assert_string_equal(json_string_value(json_object_get(j, "while")), "while renewing y");
    json_decref(j);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(peer_bytes_cannot_end_a_line),
        CASE(a_long_text_does_not_hide_the_event),
        CASE(repeats_are_held_back_by_name),
        CASE(faults_and_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
