/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Directories that are made, flipped and removed. */
#include "os/filetree.h"

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

#include "os/file.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/port443-filetree-XXXXXX");
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") || filetree_remove(dir, FILETREE_DEPTH_MAX);
}

static void put(const char *path)
{
    assert_int_equal(file_write_atomic(FILE_CWD, path, SLICE("x"), 0600, NULL), OK);
}

static int there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void links_flip(void **state)
{
    (void)state;
    char to[16];
    struct fault f = {0};
    assert_int_equal(filetree_pointed("current", to, sizeof(to)), ERR_NOT_FOUND);
    assert_int_equal(filetree_point("current", "000001", &f), OK);
    assert_int_equal(filetree_pointed("current", to, sizeof(to)), OK);
    assert_string_equal(to, "000001");
    char left[64];
    snprintf(left, sizeof(left), "current.%d.new", (int)getpid());
    put(left); /* of a process that died with our number */
    assert_int_equal(filetree_point("current", "000002", &f), OK);
    assert_int_equal(filetree_pointed("current", to, sizeof(to)), OK);
    assert_string_equal(to, "000002");
    assert_false(there(left));
    assert_int_equal(filetree_pointed("current", to, 6), ERR_CAP);
    put("file");
    assert_int_equal(filetree_pointed("file", to, sizeof(to)), ERR_SYNTAX);
    assert_int_equal(filetree_point("no/current", "1", &f), ERR_NOT_FOUND);
    assert_non_null(strstr(f.what, "no/current"));
}

static void directories_are_made(void **state)
{
    (void)state;
    struct fault f = {0};
    struct stat st;
    assert_int_equal(filetree_mkdir("a", 0700, &f), OK);
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(filetree_mkdir("a", 0700, &f), ERR_EXISTS);
    assert_int_equal(filetree_mkdir("no/a", 0700, &f), ERR_NOT_FOUND);
    assert_non_null(strstr(f.what, "no/a"));
}

static void trees_go(void **state)
{
    (void)state;
    struct fault f = {0};
    assert_int_equal(file_mkdir_p("t/u/v", 0700, &f), OK);
    put("keep");
    put("t/1");
    put("t/u/v/2");
    assert_int_equal(symlink("../keep", "t/link"), 0);
    assert_int_equal(filetree_remove("t", 2), ERR_CAP);
    assert_true(there("t/u/v/2")); /* deeper than what was said: not ours */
    assert_int_equal(filetree_remove("t", 3), OK);
    assert_true(!there("t") && there("keep"));
    assert_int_equal(filetree_remove("t", 1), OK);
    assert_int_equal(filetree_remove("keep", 0), OK);
    assert_false(there("keep"));
}

static void new_files_are_private(void **state)
{
    (void)state;
    struct stat st;
    mode_t before = umask(0);
    filetree_private();
    assert_int_equal(mkdir("p", 0777), 0);
    umask(before);
    assert_int_equal(stat("p", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static uint32_t owner(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_uid;
}

static void given_away(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    assert_int_equal(file_mkdir_p("s/certs/a", 0700, NULL), OK);
    put("s/certs/a/key");
    put("foreign");
    put("s/twice");
    assert_int_equal(link("foreign", "s/named"), 0);
    assert_int_equal(symlink("../foreign", "s/link"), 0);
    assert_int_equal(filetree_give("s", 65534, 65534), OK);
    assert_int_equal(owner("s"), 65534);
    assert_int_equal(owner("s/certs/a"), 65534);
    assert_int_equal(owner("s/certs/a/key"), 65534);
    assert_int_equal(owner("s/twice"), 65534);
    assert_int_equal(owner("foreign"), 0); /* neither by its link nor by its second name */
    assert_int_equal(filetree_give("gone", 65534, 65534), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_flip, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_are_made, setup, teardown),
        cmocka_unit_test_setup_teardown(trees_go, setup, teardown),
        cmocka_unit_test_setup_teardown(new_files_are_private, setup, teardown),
        cmocka_unit_test_setup_teardown(given_away, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
