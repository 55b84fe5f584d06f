/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The order of preconditions (RFC 9110 13.2.2), and what a client sees of each verdict. */
#include "serve/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/date.h"
#include "filerig.h"

#define TAG    "\"1\""
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define EXACT  "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

#define SEND CONDITION_SEND
#define SAME CONDITION_NOT_MODIFIED
#define FAIL CONDITION_FAILED

struct line {
    enum hdr token;
    const char *value;
};

static const struct {
    struct line lines[4];
    enum condition_verdict verdict;
    bool range, head;
} rows[] = {
    {{{0}}, SEND, false, false},
    {{{HDR_IF_MATCH, TAG}}, SEND, false, false},
    {{{HDR_IF_MATCH, "*"}}, SEND, false, false},
    {{{HDR_IF_MATCH, "\"2\", " TAG}}, SEND, false, false},
    {{{HDR_IF_MATCH, "\"2\""}, {HDR_IF_MATCH, TAG}}, SEND, false, false},
    {{{HDR_IF_MATCH, "\"2\""}}, FAIL, false, false},
    {{{HDR_IF_MATCH, "W/" TAG}}, FAIL, false, false},
    {{{HDR_IF_MATCH, "1"}}, FAIL, false, false},
    {{{HDR_IF_UNMODIFIED_SINCE, BEFORE}}, FAIL, false, false},
    {{{HDR_IF_UNMODIFIED_SINCE, EXACT}}, SEND, false, false},
    {{{HDR_IF_UNMODIFIED_SINCE, "yesterday"}}, SEND, false, false},
    /* a tag outweighs the date */
    {{{HDR_IF_MATCH, TAG}, {HDR_IF_UNMODIFIED_SINCE, BEFORE}}, SEND, false, false},
    {{{HDR_IF_NONE_MATCH, TAG}}, SAME, false, false},
    {{{HDR_IF_NONE_MATCH, "W/" TAG}}, SAME, false, false},
    {{{HDR_IF_NONE_MATCH, "*"}}, SAME, false, false},
    {{{HDR_IF_NONE_MATCH, "\"0\",\"2\" , " TAG}}, SAME, false, false},
    {{{HDR_IF_NONE_MATCH, "\"2\""}, {HDR_IF_NONE_MATCH, TAG}}, SAME, false, false},
    {{{HDR_IF_NONE_MATCH, "\"2\""}}, SEND, false, false},
    {{{HDR_IF_MODIFIED_SINCE, EXACT}}, SAME, false, false},
    {{{HDR_IF_MODIFIED_SINCE, AFTER}}, SAME, false, false},
    {{{HDR_IF_MODIFIED_SINCE, BEFORE}}, SEND, false, false},
    {{{HDR_IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT"}}, SAME, false, false},
    {{{HDR_IF_MODIFIED_SINCE, "never"}}, SEND, false, false},
    {{{HDR_IF_NONE_MATCH, "\"2\""}, {HDR_IF_MODIFIED_SINCE, AFTER}}, SEND, false, false},
    {{{HDR_IF_NONE_MATCH, TAG}, {HDR_IF_MODIFIED_SINCE, BEFORE}}, SAME, false, false},
    {{{HDR_IF_MATCH, TAG}, {HDR_IF_NONE_MATCH, TAG}}, SAME, false, false},
    {{{HDR_IF_MATCH, "\"2\""}, {HDR_IF_NONE_MATCH, TAG}}, FAIL, false, false},
    {{{HDR_RANGE, "bytes=0-"}}, SEND, true, false},
    {{{HDR_RANGE, "bytes=0-"}}, SEND, false, true},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, TAG}}, SEND, true, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, "\"2\""}}, SEND, false, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, "W/" TAG}}, SEND, false, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, TAG ", \"2\""}}, SEND, false, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, EXACT}}, SEND, true, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, AFTER}}, SEND, false, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, "never"}}, SEND, false, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_RANGE, ""}}, SEND, false, false},
    {{{HDR_IF_RANGE, TAG}}, SEND, false, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_NONE_MATCH, TAG}}, SAME, false, false},
    {{{HDR_RANGE, "bytes=0-"}, {HDR_IF_MATCH, "\"2\""}}, FAIL, false, false},
};

static void verdicts(void **state)
{
    int64_t modified_s;
    (void)state;
    assert_int_equal(date_parse_http(SLICE(EXACT), 0, &modified_s), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct field fields[5] = {{SLICE("accept"), SLICE("*/*"), HDR_ACCEPT}};
        struct request req = {
            .method = rows[i].head ? METHOD_HEAD : METHOD_GET, .fields = fields, .nfields = 1};
        struct slice range;
        for (size_t k = 0; k < 4 && rows[i].lines[k].value; k++)
            fields[req.nfields++] =
                (struct field){token_name(rows[i].lines[k].token),
                               slice_cstr(rows[i].lines[k].value), rows[i].lines[k].token};
        enum condition_verdict got =
            condition_check(&req, SLICE(TAG), modified_s, modified_s + 100, &range);
        if (got != rows[i].verdict || (range.n > 0) != rows[i].range)
            print_error("row %zu\n", i);
        assert_int_equal(got, rows[i].verdict);
        assert_int_equal(range.n > 0, rows[i].range);
    }
}

/* A date is no strong validator within the second in which the file changed. */
static void fresh_date(void **state)
{
    struct field fields[2] = {{SLICE("range"), SLICE("bytes=0-"), HDR_RANGE},
                              {SLICE("if-range"), SLICE(EXACT), HDR_IF_RANGE}};
    struct request req = {.method = METHOD_GET, .fields = fields, .nfields = 2};
    struct slice range;
    int64_t modified_s;
    (void)state;
    assert_int_equal(date_parse_http(SLICE(EXACT), 0, &modified_s), OK);
    assert_int_equal(condition_check(&req, SLICE(TAG), modified_s, modified_s, &range), SEND);
    assert_int_equal(range.n, 0);
}

static void answers(void **state)
{
    static struct filerig g;
    char tag[64], date[64], head[512];
    (void)state;
    filerig_open(&g);
    g.conf.files.cache_control = SLICE("max-age=5");
    g.conf.files.precompressed = true;
    filerig_put(&g, "root/a.txt", "0123456789", 10, 100);
    struct filerig_answer *a = filerig_ask(&g, "GET", "/a.txt", "");
    snprintf(tag, sizeof(tag), "%s", filerig_field(a, "ETag"));
    snprintf(date, sizeof(date), "%s", filerig_field(a, "Last-Modified"));
    for (int way = 0; way < 4; way++) {
        g.plain = way == 3; /* without the prebuilt head */
        snprintf(head, sizeof(head), way == 1 ? "If-Modified-Since: %s\n" : "If-None-Match: %s\n",
                 way == 1 ? date : tag);
        a = filerig_ask(&g, way == 2 ? "HEAD" : "GET", "/a.txt", head);
        assert_int_equal(a->status, 304);
        assert_int_equal(a->length, -1);
        assert_true(a->no_body);
        assert_int_equal(a->ready, way != 3);
        assert_string_equal(filerig_field(a, "ETag"), tag);
        assert_string_equal(filerig_field(a, "Vary"), "Accept-Encoding");
        assert_string_equal(filerig_field(a, "Cache-Control"), "max-age=5");
        assert_string_equal(filerig_field(a, "Content-Type"), "");
        assert_string_equal(filerig_field(a, "Content-Encoding"), "");
        assert_string_equal(filerig_field(a, "X-Content-Type-Options"), way == 3 ? "" : "nosniff");
    }
    g.plain = false;
    a = filerig_ask(&g, "GET", "/a.txt", "If-Match: \"other\"\n");
    assert_int_equal(a->status, 412);
    assert_int_equal(a->length, 0);
    assert_string_equal(filerig_field(a, "ETag"), tag);
    filerig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(fresh_date),
        cmocka_unit_test(answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
