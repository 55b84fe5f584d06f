/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The job file: everything comes back, damage is moved aside and told. */
#include "cert/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "os/filetree.h"

static const struct lineage_id id = {SLICE("*.a.test"), true};

struct rig {
    char dir[64];
    struct arena arena;
};

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    arena_init(&g->arena, 256 * 1024);
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-job-XXXXXX");
    *state = g;
    return mkdtemp(g->dir) ? 0 : -1;
}

static int unmake(void **state)
{
    struct rig *g = *state;
    arena_done(&g->arena);
    int r = filetree_remove(g->dir, FILETREE_DEPTH_MAX);
    free(g);
    return r;
}

static void round_trip(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    struct job back;
    const struct job j = {
        .step = JOB_FINALIZED,
        .directory = SLICE("https://ca.test/dir"),
        .account = SLICE("https://ca.test/a/1"),
        .order = SLICE("https://ca.test/o/1"),
        .finalize = SLICE("https://ca.test/o/1/f"),
        .certificate = SLICE("https://ca.test/c/1"),
        .profile = SLICE("p"),
        .replaces = SLICE("r.s"),
        .ordered_s = 1,
        .expires_s = 2,
        .failures = 4294967295u,
        .attempts = 3,
        .first_failure_s = 4,
        .last_failure_s = 5,
        .next_s = 6,
        .last_success_s = 7,
        .last_error = SLICE("it said: \"no\"\n\\"),
        .last_problem = SLICE("rateLimited"),
        .last_challenge = SLICE("http-01"),
        .issues_s = {9, 8, 7},
        .warned_s = 10,
        .names_digest = SLICE("ab"),
        .forced_s = 11,
    };
    assert_int_equal(job_load(g->dir, &id, &g->arena, &back, &f), OK); /* none yet */
    assert_true(back.step == JOB_NONE && f.code == OK);
    assert_int_equal(job_save(g->dir, &id, &j, &f), OK);
    assert_int_equal(job_load(g->dir, &id, &g->arena, &back, &f), OK);
    assert_int_equal(back.step, j.step);
    const struct slice want[] = {j.directory,    j.account,        j.order,       j.finalize,
                                 j.certificate,  j.profile,        j.replaces,    j.last_error,
                                 j.last_problem, j.last_challenge, j.names_digest};
    const struct slice got[] = {back.directory,      back.account,     back.order,
                                back.finalize,       back.certificate, back.profile,
                                back.replaces,       back.last_error,  back.last_problem,
                                back.last_challenge, back.names_digest};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        print_message(SLICE_F " " SLICE_F "\n", SLICE_A(want[i]), SLICE_A(got[i]));
        assert_true(slice_eq(want[i], got[i]));
    }
    assert_int_equal(back.failures, j.failures);
    assert_int_equal(back.attempts, 3);
    const int64_t want_s[] = {j.ordered_s, j.expires_s,      j.first_failure_s, j.last_failure_s,
                              j.next_s,    j.last_success_s, j.warned_s,        j.forced_s};
    const int64_t got_s[] = {back.ordered_s,      back.expires_s, back.first_failure_s,
                             back.last_failure_s, back.next_s,    back.last_success_s,
                             back.warned_s,       back.forced_s};
    assert_memory_equal(want_s, got_s, sizeof(want_s));
    assert_memory_equal(back.issues_s, j.issues_s, sizeof(j.issues_s));
}

static const struct {
    const char *text;
    int expect;
} rows[] = {
    {"{}", OK},
    {"{\"step\": \"none\", \"later\": [1]}", OK},
    {"{\"step\": \"ordered\", \"order\": \"u\", \"directory\": \"d\"}", OK},
    {"", ERR_SYNTAX},
    {"{", ERR_SYNTAX},
    {"[]", ERR_SYNTAX},
    {"{}}", ERR_SYNTAX},
    {"{\"step\": \"ordered\"}", ERR_SYNTAX},
    {"{\"step\": \"dancing\"}", ERR_SYNTAX},
    {"{\"step\": 1}", ERR_SYNTAX},
    {"{\"failures\": -1}", ERR_SYNTAX},
    {"{\"failures\": 4294967296}", ERR_SYNTAX},
    {"{\"next_s\": 1.5}", ERR_SYNTAX},
    {"{\"next_s\": 99999999999999999999}", ERR_SYNTAX},
    {"{\"order\": null}", ERR_SYNTAX},
    {"{\"order\": \"a\\u0000b\"}", ERR_SYNTAX},
    {"{\"issues_s\": {}}", ERR_SYNTAX},
    {"{\"issues_s\": [1,2,3,4,5,6,7,8,9]}", ERR_SYNTAX},
    {"{\"issues_s\": [\"x\"]}", ERR_SYNTAX},
    {"{\"order\": \"a\", \"order\": \"b\"}", ERR_SYNTAX},
};

static void texts(void **state)
{
    struct rig *g = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct job j;
        struct fault f = {0};
        int r = job_read(slice_cstr(rows[i].text), &g->arena, &j, &f);
        print_message("%s: %s %s\n", rows[i].text, err_text(r), f.what);
        assert_int_equal(r, rows[i].expect);
        assert_int_equal(f.what[0] != 0, r != OK);
    }
}

static void damage_is_moved_aside(void **state)
{
    struct rig *g = *state;
    char path[160];
    struct stat st;
    static const char *const bad[] = {"", "garbage"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct fault f = {0};
        struct job j = {.failures = 7};
        assert_int_equal(lineage_write_file(g->dir, &id, "job.json", slice_cstr(bad[i]), &f), OK);
        assert_int_equal(job_load(g->dir, &id, &g->arena, &j, &f), OK);
        assert_int_equal(j.failures, 0);
        assert_int_equal(f.code, ERR_SYNTAX);
        snprintf(path, sizeof(path), "%s/certs/quarantine/_.a.test.rsa.job.json.%d", g->dir,
                 (int)i + 1);
        assert_int_equal(stat(path, &st), 0);
        f = (struct fault){0};
        assert_int_equal(job_load(g->dir, &id, &g->arena, &j, &f), OK);
        assert_int_equal(f.code, OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, make, unmake),
        cmocka_unit_test_setup_teardown(texts, make, unmake),
        cmocka_unit_test_setup_teardown(damage_is_moved_aside, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
