/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Counters of several workers as one text, and a worker that writes nonsense into the segment. */
#include "serve/metrics.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static struct buf text_of(const struct metrics *m)
{
    struct buf b;
    buf_init(&b, 4 * 1024 * 1024);
    assert_int_equal(metrics_text(m, &b), OK);
    assert_int_equal(buf_add(&b, slice_of("", 1)), OK);
    return b;
}

static void has(const struct buf *b, const char *line)
{
    if (!strstr((const char *)buf_slice(b).p, line))
        fail_msg("no '%s' in:\n%s", line, (const char *)buf_slice(b).p);
}

static void sums_of_all_workers(void **state)
{
    struct metrics *m;
    (void)state;
    assert_int_equal(metrics_new(2, &m), OK);
    uint32_t a = metrics_assign_site(m, SLICE("a.test")),
             b = metrics_assign_site(m, SLICE("b.test"));
    assert_int_equal(metrics_assign_site(m, SLICE("a.test")), a);
    assert_int_equal(metrics_find_site(m, SLICE("b.test")), b);
    assert_int_equal(metrics_find_site(m, SLICE("c.test")), METRICS_SITES - 1);
    metrics_exchange(metrics_slot(m, 0), a, 200, 1, 10, 100);
    metrics_exchange(metrics_slot(m, 1), a, 503, 3000, 1, 2);
    metrics_exchange(metrics_slot(m, 1), METRICS_SITES + 5, 101, 1u << 30, 0, 0);
    metrics_exchange(metrics_slot(m, 99), b, 0, 0, 0, 0); /* out of range: the last slot */
    metrics_set_certificate(m, a, 1234567890);
    metrics_set_reload(m, 77, false);
    struct buf out = text_of(m);
    has(&out, "port443_site_requests_total{site=\"a.test\"} 2\n");
    has(&out, "port443_site_errors_total{site=\"a.test\"} 1\n");
    has(&out, "port443_site_sent_bytes_total{site=\"a.test\"} 102\n");
    has(&out, "port443_certificate_not_after_seconds{site=\"a.test\"} 1234567890\n");
    has(&out, "port443_reload_ok 0\n");
    has(&out, "port443_request_duration_seconds_bucket{le=\"0.001\"} 2\n");
    has(&out, "port443_request_duration_seconds_bucket{le=\"+Inf\"} 4\n");
    has(&out, "port443_request_duration_seconds_count 4\n");
    buf_done(&out);
    metrics_free(m);
}

/* Workers map the same memory: one that was taken over may write anything anywhere in it, and the
 * master goes on. */
static void a_worker_that_was_taken_over(void **state)
{
    struct metrics *m;
    char name[16];
    (void)state;
    assert_int_equal(metrics_new(1, &m), OK);
    assert_int_equal(metrics_assign_site(m, SLICE("a.test")), 0);
    /* All of it: four words, the names, the dates, the keeper's text, the slot. */
    size_t before = 4 * 8 + METRICS_SITES * (256 + 8) + 8 + METRICS_TEXT_BYTES;
    uint8_t *segment = (uint8_t *)metrics_slot(m, 0) - before;
    assert_int_equal((uintptr_t)segment % 4096, 0);
    memset(segment, 0xff, before + sizeof(struct metrics_slot));
    struct buf out;
    buf_init(&out, 64 * 1024 * 1024);
    assert_int_equal(metrics_text(m, &out), OK);
    buf_done(&out);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "n%u.test", i);
        assert_int_equal(metrics_assign_site(m, slice_cstr(name)), i + 1);
    }
    metrics_free(m);
}

static void names_beyond_the_last_position_share_it(void **state)
{
    struct metrics *m;
    char name[16];
    (void)state;
    assert_int_equal(metrics_new(1, &m), OK);
    for (unsigned i = 0; i < METRICS_SITES + 10; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        uint32_t want = i < METRICS_SITES - 1 ? i : METRICS_SITES - 1;
        assert_int_equal(metrics_assign_site(m, slice_cstr(name)), want);
    }
    metrics_free(m);
}

static void carries_the_keepers_text(void **state)
{
    struct metrics *m;
    (void)state;
    assert_int_equal(metrics_new(1, &m), OK);
    metrics_set_text(m, SLICE("port443_acme_a 1\nport443_acme_b 2\n"));
    struct buf out = text_of(m);
    has(&out, "\nport443_acme_a 1\nport443_acme_b 2\n");
    buf_done(&out);
    metrics_set_text(m, SLICE("port443_acme_c 3\n"));
    out = text_of(m);
    has(&out, "\nport443_acme_c 3\n");
    assert_null(strstr((const char *)buf_slice(&out).p, "acme_b"));
    buf_done(&out);

    char *large = malloc(METRICS_TEXT_BYTES + 100);
    memset(large, 'x', METRICS_TEXT_BYTES + 100);
    large[METRICS_TEXT_BYTES - 50] = '\n';
    large[METRICS_TEXT_BYTES + 10] = '\n';
    metrics_set_text(m, slice_of(large, METRICS_TEXT_BYTES + 100));
    out = text_of(m);
    const char *begin = strstr((const char *)buf_slice(&out).p, "xxxxx");
    assert_non_null(begin);
    assert_int_equal(strlen(begin), METRICS_TEXT_BYTES - 49);
    buf_done(&out);
    metrics_set_text(m, SLICE_EMPTY);
    out = text_of(m);
    assert_null(strstr((const char *)buf_slice(&out).p, "xxxxx"));
    buf_done(&out);
    free(large);
    metrics_free(m);
}

/* Readers in another process while the text changes: whole ones only. */
static void a_text_is_never_torn(void **state)
{
    struct metrics *m;
    (void)state;
    assert_int_equal(metrics_new(1, &m), OK);
    static char a[20001], b[20001];
    memset(a, 'a', 20000);
    memset(b, 'b', 20000);
    pid_t pid = fork();
    if (pid == 0)
        for (unsigned i = 0;; i++)
            metrics_set_text(m, slice_cstr(i % 2 ? a : b));
    for (unsigned i = 0, got = 0; got < 200 && i < 100000; i++) {
        struct buf out = text_of(m);
        const char *text = (const char *)buf_slice(&out).p;
        const char *x = strstr(text, "aaaaaaaa"), *y = strstr(text, "bbbbbbbb");
        got += x || y;
        if ((x && y) || strlen(x ? x : y ? y : a) != 20000)
            fail_msg("torn: %p %p", (const void *)x, (const void *)y);
        buf_done(&out);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_all_workers),
        cmocka_unit_test(a_worker_that_was_taken_over),
        cmocka_unit_test(names_beyond_the_last_position_share_it),
        cmocka_unit_test(carries_the_keepers_text),
        cmocka_unit_test(a_text_is_never_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
