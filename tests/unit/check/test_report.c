/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reports of facts that a hostile server could have made: every format stays what it is. */
#include "check/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define REPORT_MAX (1024 * 1024)
#define NASTY      "x\"<script>&'\n\x1b[31m\\;=1\xff"

static struct facts *make(void)
{
    const struct facts_target t = {
        .text = SLICE(NASTY), .host = SLICE("www.example.test"), .port = 443, .path = SLICE("/")};
    struct facts *f = facts_new(&t, 1795000000);
    assert_non_null(f);
    for (size_t i = 0; i < FACTS_STEPS; i++) {
        f->steps[i].ran = f->steps[i].ok = true;
        f->steps[i].start_us = 1000 * i;
        f->steps[i].took_us = 900;
    }
    facts_find(f, "tls-tls10", "seen %s", NASTY);
    facts_find(f, "hsts-missing", "%s", "no field");
    facts_find(f, "cert-expired", "ended %d days ago", 3);
    f->tls.version[FACTS_TLS12] = FACTS_YES;
    f->tls.version[FACTS_SSL2] = FACTS_NO;
    f->tls.vuln[FACTS_HEARTBLEED] = FACTS_NO;
    return f;
}

static const char *text_of(struct buf *b)
{
    assert_int_equal(buf_add(b, slice_of("", 1)), OK);
    return (const char *)buf_slice(b).p;
}

static void json_is_json_and_leaves_the_unknown_out(void **state)
{
    (void)state;
    struct facts *f = make();
    struct buf b;
    buf_init(&b, REPORT_MAX);
    assert_int_equal(report_json(f, false, &b), OK);
    assert_true(json_valid(buf_slice(&b)));
    const char *text = text_of(&b);
    assert_non_null(strstr(text, "\"schema\":1"));
    assert_non_null(strstr(text, "\"ssl2\":false"));
    assert_non_null(strstr(text, "\"tls1.2\":true"));
    assert_null(strstr(text, "\"tls1.3\""));
    assert_non_null(strstr(text, "\"heartbleed\":false"));
    assert_null(strstr(text, "\"robot\""));
    assert_null(strstr(text, "\"why\""));
    assert_null(strchr(text, '\x1b'));
    buf_done(&b);
    facts_free(f);
}

static void terminal_shows_no_escape_of_a_stranger(void **state)
{
    (void)state;
    struct facts *f = make();
    struct buf b;
    buf_init(&b, REPORT_MAX);
    const struct report_style plain = {.columns = 60};
    assert_int_equal(report_terminal(f, &plain, &b), OK);
    const char *text = text_of(&b);
    assert_null(strchr(text, '\x1b'));
    /* The worst first, whatever the order of finding. */
    const char *expired = strstr(text, "has expired"), *hsts = strstr(text, "HSTS is missing");
    assert_non_null(expired);
    assert_non_null(hsts);
    assert_true(expired < hsts);
    assert_non_null(strstr(text, "cert-expired"));
    buf_done(&b);
    const struct report_style color = {.columns = 60, .color = true};
    assert_int_equal(report_terminal(f, &color, &b), OK);
    assert_non_null(strstr(text_of(&b), "\x1b[31m"));
    buf_done(&b);
    facts_free(f);
}

static void pages_quote_what_strangers_wrote(void **state)
{
    (void)state;
    struct facts *f = make();
    const struct facts *list[] = {f};
    struct buf b;
    buf_init(&b, REPORT_MAX);
    assert_int_equal(report_html(list, 1, &b), OK);
    assert_null(strstr(text_of(&b), "<script"));
    buf_done(&b);
    assert_int_equal(report_junit(list, 1, FACTS_HIGH, &b), OK);
    const char *text = text_of(&b);
    assert_null(strstr(text, "<script"));
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "tests=\"4\" failures=\"1\""));
    buf_done(&b);
    assert_int_equal(report_sarif(list, 1, &b), OK);
    assert_true(json_valid(buf_slice(&b)));
    assert_non_null(strstr(text_of(&b), "\"ruleId\": \"cert-expired\""));
    buf_done(&b);
    facts_free(f);
}

static void lines_stay_lines(void **state)
{
    (void)state;
    struct facts *f = make();
    const struct facts *list[] = {f};
    struct buf b;
    int status = -1;
    buf_init(&b, REPORT_MAX);
    assert_int_equal(report_csv(f, &b), OK);
    assert_non_null(strstr(text_of(&b), "\"x\"\"<script>"));
    buf_done(&b);
    assert_int_equal(report_prometheus(list, 1, &b), OK);
    assert_non_null(strstr(text_of(&b), "target=\"x\\\"<script>&'\\n"));
    buf_done(&b);
    assert_int_equal(report_nagios(f, FACTS_HIGH, &b, &status), OK);
    const char *line = text_of(&b);
    assert_int_equal(status, 2);
    assert_ptr_equal(strchr(line, '\n') + 1, line + strlen(line));
    buf_done(&b);
    facts_free(f);
}

static void formulas_are_no_formulas(void **state)
{
    (void)state;
    const struct facts_target t = {
        .text = SLICE("=cmd()"), .host = SLICE("a.test"), .port = 443, .path = SLICE("/")};
    struct facts *f = facts_new(&t, 0);
    struct buf b;
    buf_init(&b, REPORT_MAX);
    assert_int_equal(report_csv(f, &b), OK);
    assert_int_equal(strncmp(text_of(&b), "\"'=cmd()\"", 9), 0);
    buf_done(&b);
    facts_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_json_and_leaves_the_unknown_out),
        cmocka_unit_test(terminal_shows_no_escape_of_a_stranger),
        cmocka_unit_test(pages_quote_what_strangers_wrote),
        cmocka_unit_test(lines_stay_lines),
        cmocka_unit_test(formulas_are_no_formulas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
