/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Opening logs: a link that somebody else left in the directory is not followed. */
#include "os/file_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static char dir[] = "/tmp/port443-filelog-XXXXXX";
static char path[64], target[64];

static int make(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/port443-filelog-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/a.log", dir);
    snprintf(target, sizeof(target), "%s/target", dir);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    unlink(path);
    unlink(target);
    return rmdir(dir);
}

static void own_link_is_followed(void **state)
{
    struct file_log log;
    size_t n;
    (void)state;
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(file_log_open(&log, path, 0640, NULL), OK);
    assert_int_equal(file_log_write(&log, SLICE("x\n"), &n), OK);
    file_log_done(&log);
    assert_int_equal(access(target, F_OK), 0);
}

/* Needs another account to own the link. */
static void a_strangers_link_is_refused(void **state)
{
    struct file_log log;
    struct fault f = {0};
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(lchown(path, 65534, 65534), 0);
    assert_int_not_equal(file_log_open(&log, path, 0640, &f), OK);
    assert_int_not_equal(access(target, F_OK), 0);
    assert_int_equal(log.fd, -1);
    /* the same after a rotation: the old file stays in use */
    unlink(path);
    assert_int_equal(file_log_open(&log, path, 0640, NULL), OK);
    unlink(path);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(lchown(path, 65534, 65534), 0);
    assert_int_not_equal(file_log_reopen(&log, NULL), OK);
    assert_true(log.fd >= 0);
    assert_int_not_equal(access(target, F_OK), 0);
    file_log_done(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_link_is_followed, make, unmake),
        cmocka_unit_test_setup_teardown(a_strangers_link_is_refused, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
