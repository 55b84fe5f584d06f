/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Watched files: every way in which tools replace a certificate, and none that is no change. */
#include "os/filewatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "os/file.h"

static char dir[64];

struct bench {
    struct loop *loop;
    struct filewatch *watch;
    unsigned calls;
    char last[128];
    bool frees, clears;
};

static void on_change(void *ctx, const char *path)
{
    struct bench *t = ctx;
    t->calls++;
    snprintf(t->last, sizeof(t->last), "%s", path);
    if (t->clears)
        filewatch_clear(t->watch);
    if (t->frees) {
        filewatch_free(t->watch);
        t->watch = NULL;
    }
}

static void put(const char *path, const char *text)
{
    struct fault f = {0};
    assert_int_equal(file_write_atomic(FILE_CWD, path, slice_cstr(text), 0640, &f), OK);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/port443-watch-XXXXXX");
    if (!mkdtemp(dir) || chdir(dir))
        return -1;
    return mkdir("live", 0700) || mkdir("archive", 0700);
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"live/cert",  "live/key",   "live/..data", "live/tls",
                                        "archive/c1", "archive/c2", "live",        "archive"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(remove(names[i]) == 0 || access(names[i], F_OK) != 0);
    return chdir("/") || rmdir(dir);
}

static void start(struct bench *t)
{
    struct fault f = {0};
    *t = (struct bench){.calls = 0};
    assert_int_equal(loop_new(&t->loop, &f), OK);
    assert_int_equal(filewatch_new(t->loop, on_change, t, &t->watch), OK);
}

static void finish(struct bench *t)
{
    filewatch_free(t->watch);
    loop_free(t->loop);
}

static void wait_for(struct bench *t, unsigned calls)
{
    while (t->calls < calls)
        loop_turn(t->loop, -1);
    assert_int_equal(t->calls, calls);
}

static void renamed_over(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    put("live/cert", "1");
    assert_int_equal(filewatch_add(t.watch, "live/cert"), OK);
    uint64_t at = loop_now_ms(t.loop);
    put("live/cert", "2");
    wait_for(&t, 1);
    assert_string_equal(t.last, "live/cert");
    assert_true(loop_now_ms(t.loop) - at < FILEWATCH_POLL_MS / 2); /* not the poll saw it */
    put("live/key", "not watched");
    put("live/cert", "3");
    wait_for(&t, 2);
    finish(&t);
}

static void written_in_place(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    put("live/cert", "1");
    assert_int_equal(filewatch_add(t.watch, "live/cert"), OK);
    FILE *file = fopen("live/cert", "a");
    assert_non_null(file);
    assert_true(fputs("more", file) >= 0);
    assert_int_equal(fclose(file), 0);
    wait_for(&t, 1);
    finish(&t);
}

/* certbot: live/cert -> ../archive/c1, then a new link. */
static void link_swapped(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    put("archive/c1", "one");
    put("archive/c2", "two");
    assert_int_equal(symlink("../archive/c1", "live/cert"), 0);
    assert_int_equal(filewatch_add(t.watch, "live/cert"), OK);
    assert_int_equal(unlink("live/cert"), 0);
    assert_int_equal(symlink("../archive/c2", "live/cert"), 0);
    wait_for(&t, 1);
    put("archive/c2", "two again"); /* behind the link */
    wait_for(&t, 2);
    finish(&t);
}

/* Kubernetes: live/tls -> ..data/c1, ..data -> ../archive, replaced by rename. */
static void directory_link_swapped(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    char path[128];
    snprintf(path, sizeof(path), "%s/live/tls", dir);
    put("archive/c1", "one");
    assert_int_equal(symlink("../archive", "live/..data"), 0);
    assert_int_equal(symlink("..data/c1", "live/tls"), 0);
    assert_int_equal(filewatch_add(t.watch, path), OK);
    assert_int_equal(mkdir("archive2", 0700), 0);
    put("archive2/c1", "two");
    assert_int_equal(symlink("../archive2", "live/tmp"), 0);
    assert_int_equal(rename("live/tmp", "live/..data"), 0);
    wait_for(&t, 1);
    assert_string_equal(t.last, path);
    finish(&t);
    assert_int_equal(remove("archive2/c1"), 0);
    assert_int_equal(rmdir("archive2"), 0);
}

static void appears_and_settles_once(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    assert_int_equal(filewatch_add(t.watch, "live/cert"), OK);
    for (int i = 0; i < 20; i++)
        put("live/cert", "x");
    wait_for(&t, 1);
    assert_int_equal(unlink("live/cert"), 0); /* gone is no news */
    put("live/cert", "y");
    wait_for(&t, 2);
    finish(&t);
}

static void callback_clears_or_frees(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench t;
        start(&t);
        t.clears = i == 0;
        t.frees = i == 1;
        put("live/cert", "1");
        put("live/key", "1");
        assert_int_equal(filewatch_add(t.watch, "live/cert"), OK);
        assert_int_equal(filewatch_add(t.watch, "live/key"), OK);
        put("live/cert", "2");
        put("live/key", "2");
        wait_for(&t, 1);
        finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(renamed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(written_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(link_swapped, setup, teardown),
        cmocka_unit_test_setup_teardown(directory_link_swapped, setup, teardown),
        cmocka_unit_test_setup_teardown(appears_and_settles_once, setup, teardown),
        cmocka_unit_test_setup_teardown(callback_clears_or_frees, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
