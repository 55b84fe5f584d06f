/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Access log lines: what a peer chooses stays inside its quotes, in both formats. */
#include "serve/accesslog.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "serve/metrics.h"
#include "serve/serving.h"

#define EVIL "a\" 200 5 \"-\" \"-\"\r\n10.0.0.1 - - [x] \"GET /\x1b[2J\x7f\\\xff"

struct rig {
    int fds[2]; /* a pipe as log */
    struct loop *loop;
    struct metrics *metrics;
    struct accesslog *log;
    struct conn c;
    struct exchange x;
    struct serving v;
    struct field fields[3];
    char text[65536];
    size_t n;
};

static struct rig *open_rig(enum conf_log_format format)
{
    struct rig *g = calloc(1, sizeof(*g));
    const struct conf_log conf = {.access = {.kind = CONF_SINK_FILE}, .format = format};
    assert_int_equal(pipe(g->fds), 0);
    assert_int_equal(loop_new(&g->loop, NULL), OK);
    assert_int_equal(metrics_new(1, &g->metrics), OK);
    assert_int_equal(
        accesslog_open(g->loop, &conf, g->fds[1], metrics_slot(g->metrics, 0), &g->log, NULL), OK);
    close(g->fds[1]);
    static const struct slice evil = SLICE(EVIL);
    g->fields[0] = (struct field){SLICE("User-Agent"), evil, HDR_USER_AGENT};
    g->fields[1] = (struct field){SLICE("Referer"), evil, HDR_REFERER};
    g->fields[2] =
        (struct field){SLICE("Authorization"), SLICE("Basic c2VjcmV0"), HDR_AUTHORIZATION};
    g->v.upstream = "";
    g->x = (struct exchange){.c = &g->c, .app = &g->v, .status = 404};
    g->x.req = (struct request){.method = METHOD_OTHER,
                                .version = 11,
                                .method_text = evil,
                                .target = evil,
                                .host = evil,
                                .fields = g->fields,
                                .nfields = 3};
    g->c.server_name = evil;
    return g;
}

static size_t lines(struct rig *g)
{
    size_t count = 0;
    ssize_t got;
    accesslog_close(g->log);
    while ((got = read(g->fds[0], g->text + g->n, sizeof(g->text) - 1 - g->n)) > 0)
        g->n += (size_t)got;
    for (size_t i = 0; i < g->n; i++) {
        count += g->text[i] == '\n';
        if ((unsigned char)g->text[i] < ' ' && g->text[i] != '\n')
            fail_msg("a control byte in %s", g->text);
    }
    assert_null(strstr(g->text, "c2VjcmV0"));
    return count;
}

static void close_rig(struct rig *g)
{
    close(g->fds[0]);
    loop_free(g->loop);
    metrics_free(g->metrics);
    free(g);
}

static void json_lines(void **state)
{
    struct rig *g = open_rig(CONF_LOG_JSON);
    (void)state;
    accesslog_write(g->log, &g->x, ERR_RESET);
    accesslog_rejected(g->log, &g->c, ERR_SYNTAX, 400, SLICE(EVIL));
    assert_int_equal(lines(g), 2);
    json_error_t e;
    json_t *first = json_loads(g->text, JSON_DISABLE_EOF_CHECK, &e);
    json_t *second = json_loads(strchr(g->text, '\n') + 1, 0, &e);
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal(json_integer_value(json_object_get(first, "status")), 404);
    assert_string_equal(json_string_value(json_object_get(first, "end")), err_name(ERR_RESET));
    assert_int_equal(json_integer_value(json_object_get(second, "status")), 400);
    json_decref(first);
    json_decref(second);
    close_rig(g);
}

/* Quotes that are not escaped part the line into fields: as many as there are in the format. */
static size_t bare_quotes(const char *line)
{
    size_t n = 0;
    for (; *line && *line != '\n'; line++) {
        if (*line == '\\' && line[1])
            line++;
        else
            n += *line == '"';
    }
    return n;
}

static void combined_lines(void **state)
{
    struct rig *g = open_rig(CONF_LOG_COMBINED);
    (void)state;
    accesslog_write(g->log, &g->x, OK);
    accesslog_rejected(g->log, &g->c, ERR_SYNTAX, 400, SLICE(EVIL));
    assert_int_equal(lines(g), 2);
    if (bare_quotes(g->text) != 6 || bare_quotes(strchr(g->text, '\n') + 1) != 6)
        fail_msg("%s", g->text);
    close_rig(g);
}

static void a_rejected_query_in_clear_stays_out(void **state)
{
    struct rig *g = open_rig(CONF_LOG_JSON);
    (void)state;
    accesslog_rejected(g->log, &g->c, ERR_SYNTAX, 400, SLICE("GET /v1?api_key=s3cret HTTP/1.1"));
    assert_int_equal(lines(g), 1);
    assert_non_null(strstr(g->text, "GET /v1"));
    assert_null(strstr(g->text, "s3cret"));
    close_rig(g);
}

static void long_texts_are_cut(void **state)
{
    static char text[40000];
    struct rig *g = open_rig(CONF_LOG_COMBINED);
    (void)state;
    memset(text, '"', sizeof(text));
    g->x.req.target = slice_of(text, sizeof(text));
    accesslog_write(g->log, &g->x, OK);
    accesslog_rejected(g->log, &g->c, ERR_CAP, 431, slice_of(text, sizeof(text)));
    assert_int_equal(lines(g), 2);
    assert_true(g->n < 12000);
    close_rig(g);
}

/* The sink takes nothing: bounded memory, counted losses. */
static void a_reader_that_does_not_read(void **state)
{
    struct rig *g = open_rig(CONF_LOG_JSON);
    (void)state;
    for (int i = 0; i < 20000; i++)
        accesslog_write(g->log, &g->x, OK);
    assert_true(metrics_sum(g->metrics, METRIC_LOG_DROPPED) > 1000);
    accesslog_close(g->log);
    close_rig(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lines),
        cmocka_unit_test(combined_lines),
        cmocka_unit_test(a_rejected_query_in_clear_stays_out),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(a_reader_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
