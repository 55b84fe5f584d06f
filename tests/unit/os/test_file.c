/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Files: atomic replacement, paths that try to leave a root (with openat2 and without), listings,
 * locks, logs that rotate. */
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <seccomp.h>

#include "base/err.h"
#include "os/file_log.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/port443-file-XXXXXX");
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static void remove_tree(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    if (S_ISDIR(st.st_mode)) {
        DIR *d = opendir(path);
        assert_non_null(d);
        struct dirent *entry;
        while ((entry = readdir(d))) {
            char child[512];
            snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                remove_tree(child);
        }
        closedir(d);
    }
    assert_int_equal(remove(path), 0);
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    return chdir("/");
}

static void put(const char *path, const char *text)
{
    struct fault f = {0};
    int r = file_write_atomic(FILE_CWD, path, slice_cstr(text), 0640, &f);
    if (r)
        print_message("%s\n", f.what);
    assert_int_equal(r, OK);
}

static void assert_file(const char *path, const char *want)
{
    struct fault f = {0};
    struct buf b;
    buf_init(&b, 1u << 20);
    assert_int_equal(file_read(path, 1u << 20, &b, &f), OK);
    assert_int_equal(b.n, strlen(want));
    if (b.n)
        assert_memory_equal(buf_slice(&b).p, want, b.n);
    buf_done(&b);
}

static void replaces_whole_files(void **state)
{
    (void)state;
    struct fault f = {0};
    struct file_info before, after;
    put("a", "old");
    int fd = open("a", O_RDONLY | O_CLOEXEC);
    assert_int_equal(file_stat_fd(fd, &before), OK);
    put("a", "new and longer");
    assert_file("a", "new and longer");
    char text[8] = "";
    size_t n;
    assert_int_equal(file_pread(fd, 1, text, sizeof(text), &n), OK); /* a reader keeps the old */
    assert_int_equal(n, 2);
    assert_memory_equal(text, "ld", 2);
    file_close(fd);
    assert_int_equal(file_stat("a", &after), OK);
    assert_int_equal(after.mode, 0640);
    assert_true(after.is_regular);
    assert_int_equal(after.size_bytes, 14);
    assert_int_not_equal(after.ino, before.ino);
    assert_int_equal(file_write_atomic(FILE_CWD, "no/such", SLICE("x"), 0600, &f), ERR_NOT_FOUND);
    assert_int_equal(mkdir("is_dir", 0700), 0);
    assert_int_not_equal(file_write_atomic(FILE_CWD, "is_dir", SLICE("x"), 0600, &f), OK);
    DIR *d = opendir(".");
    struct dirent *entry;
    while ((entry = readdir(d)))
        assert_null(strstr(entry->d_name, ".new")); /* no temporary was left */
    closedir(d);
}

static void read_errors(void **state)
{
    (void)state;
    struct fault f = {0};
    struct buf b;
    buf_init(&b, 1000);
    put("f", "0123456789");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(file_read("f", 9, &b, &f), ERR_CAP);
    assert_int_equal(file_read("missing", 9, &b, &f), ERR_NOT_FOUND);
    assert_non_null(strstr(f.what, "missing"));
    assert_int_equal(file_read(".", 9, &b, &f), ERR_SYS);
    assert_int_equal(file_read("fifo", 9, &b, &f), ERR_SYS); /* and does not hang */
    assert_int_equal(file_read("/dev/zero", 9, &b, &f), ERR_SYS);
    assert_int_equal(b.n, 0);
    assert_int_equal(file_read("f", 10, &b, &f), OK);
    assert_int_equal(b.n, 10);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "piped", 5), 5);
    close(fds[1]);
    assert_int_equal(file_read_fd(fds[0], 100, &b), ERR_CAP); /* the buffer's own cap */
    buf_done(&b);
    buf_init(&b, 100000);
    close(fds[0]);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "piped", 5), 5);
    close(fds[1]);
    assert_int_equal(file_read_fd(fds[0], 100, &b), OK);
    assert_int_equal(b.n, 5);
    close(fds[0]);
    buf_done(&b);
}

struct beneath_row {
    const char *path;
    int r;
    int without_openat2; /* -1: the same */
};

static const struct beneath_row beneath_rows[] = {
    {"index", OK, -1},
    {"sub/page", OK, -1},
    {"sub//page", OK, -1},
    {"./sub/./page", OK, -1},
    {"sub/", OK, -1},
    {"index/", ERR_NOT_FOUND, -1},
    {".", OK, -1},
    {"", ERR_NOT_FOUND, -1},
    {"/etc/passwd", ERR_NOT_FOUND, -1},
    {"../outside", ERR_NOT_FOUND, -1},
    {"..", ERR_NOT_FOUND, -1},
    {"sub/../../outside", ERR_NOT_FOUND, -1},
    {"sub/../index", OK, ERR_NOT_FOUND}, /* callers normalise: no ".." ever gets here */
    {"link_in", OK, ERR_NOT_FOUND},
    {"link_out", ERR_NOT_FOUND, -1},
    {"link_abs", ERR_NOT_FOUND, -1},
    {"dir_out/outside", ERR_NOT_FOUND, -1},
    {"dir_in/page", OK, ERR_NOT_FOUND},
    {"magic/root/etc/passwd", ERR_NOT_FOUND, -1},
    {"fifo", ERR_NOT_FOUND, -1},
    {"missing", ERR_NOT_FOUND, -1},
    {"index/below", ERR_NOT_FOUND, -1},
    {"loop", ERR_NOT_FOUND, -1},
};

static void make_tree(void)
{
    assert_int_equal(mkdir("root", 0755), 0);
    assert_int_equal(mkdir("root/sub", 0755), 0);
    put("outside", "secret");
    put("root/index", "index");
    put("root/sub/page", "page");
    assert_int_equal(symlink("sub/page", "root/link_in"), 0);
    assert_int_equal(symlink("../outside", "root/link_out"), 0);
    assert_int_equal(symlink("/etc/passwd", "root/link_abs"), 0);
    assert_int_equal(symlink("..", "root/dir_out"), 0);
    assert_int_equal(symlink("sub", "root/dir_in"), 0);
    assert_int_equal(symlink("/proc/self", "root/magic"), 0);
    assert_int_equal(symlink("loop", "root/loop"), 0);
    assert_int_equal(mkfifo("root/fifo", 0600), 0);
}

/* Number of rows that went wrong, so that a child may report it. */
static int try_rows(int root, bool no_openat2)
{
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(beneath_rows); i++) {
        const struct beneath_row *row = &beneath_rows[i];
        int want = no_openat2 && row->without_openat2 >= 0 ? row->without_openat2 : row->r;
        struct file_info info = {0};
        int fd = -1, r = file_open_beneath(root, row->path, &fd, &info);
        if (r != want || (r == OK) != (fd >= 0)) {
            print_message("%s: %s, want %s\n", row->path, err_name(r), err_name(want));
            wrong++;
        }
        file_close(fd);
    }
    return wrong;
}

static void beneath(void **state)
{
    (void)state;
    struct fault f = {0};
    struct file_info info;
    int root;
    make_tree();
    assert_int_equal(file_open_root("missing", &root, &f), ERR_NOT_FOUND);
    assert_int_equal(file_open_root("root/index", &root, &f), ERR_NOT_FOUND);
    assert_int_equal(file_open_root("root", &root, &f), OK);
    assert_int_equal(try_rows(root, false), 0);
    assert_int_equal(file_stat_beneath(root, "sub/page", &info), OK);
    assert_true(info.is_regular && info.size_bytes == 4);
    assert_int_equal(file_stat_beneath(root, "sub", &info), OK);
    assert_true(info.is_dir);
    assert_int_equal(file_stat_beneath(root, "../outside", &info), ERR_NOT_FOUND);
    file_close(root);
}

static void beneath_without_openat2(void **state)
{
    (void)state;
    struct fault f = {0};
    int root, status;
    make_tree();
    assert_int_equal(file_open_root("root", &root, &f), OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        scmp_filter_ctx rules = seccomp_init(SCMP_ACT_ALLOW);
        if (!rules || seccomp_rule_add(rules, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0) ||
            seccomp_load(rules))
            _exit(100);
        _exit(try_rows(root, true));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    file_close(root);
}

struct seen {
    unsigned names, dirs, regular;
};

static int see(void *ctx, const char *name, const struct file_info *info)
{
    struct seen *s = ctx;
    s->names++;
    s->dirs += info->is_dir;
    s->regular += info->is_regular;
    return strcmp(name, "stop") == 0 ? ERR_ABORTED : OK;
}

static void lists(void **state)
{
    (void)state;
    struct fault f = {0};
    struct seen s = {0};
    int root, fd;
    make_tree();
    assert_int_equal(file_open_root("root", &root, &f), OK);
    assert_int_equal(file_open_beneath(root, ".", &fd, NULL), OK);
    for (int i = 0; i < 2; i++) {
        s = (struct seen){0};
        assert_int_equal(file_list(fd, see, &s), OK);
        assert_int_equal(s.names, 10);
        assert_int_equal(s.dirs, 1);
        assert_int_equal(s.regular, 1);
    }
    put("root/stop", "");
    assert_int_equal(file_list(fd, see, &s), ERR_ABORTED);
    file_close(fd);
    file_close(root);
}

static void directories(void **state)
{
    (void)state;
    struct fault f = {0};
    struct file_info info;
    assert_int_equal(file_mkdir_p("x/y/z", 0750, &f), OK);
    assert_int_equal(file_mkdir_p("x/y/z", 0750, &f), OK);
    assert_int_equal(file_stat("x/y/z", &info), OK);
    assert_true(info.is_dir);
    put("x/file", "");
    assert_int_equal(file_mkdir_p("x/file", 0750, &f), ERR_EXISTS);
    assert_int_equal(file_mkdir_p("x/file/below", 0750, &f), ERR_EXISTS);
    assert_int_equal(file_chown_mode("x/file", getuid(), getgid(), 0600, &f), OK);
    assert_int_equal(file_stat("x/file", &info), OK);
    assert_int_equal(info.mode, 0600);
    assert_int_equal(symlink("file", "x/link"), 0);
    assert_int_equal(file_chown_mode("x/link", getuid(), getgid(), 0666, &f), ERR_NOT_FOUND);
    assert_int_equal(file_rename("x/file", "x/moved", &f), OK);
    assert_int_equal(file_rename("x/file", "x/moved", &f), ERR_NOT_FOUND);
    assert_non_null(strstr(f.what, "x/moved"));
    assert_int_equal(file_rename("x/moved", "x/file", &f), OK);
    assert_int_equal(file_unlink(FILE_CWD, "x/file"), OK);
    assert_int_equal(file_unlink(FILE_CWD, "x/file"), OK);
    assert_int_not_equal(file_unlink(FILE_CWD, "x/y"), OK);
}

static void locks(void **state)
{
    (void)state;
    struct fault f = {0};
    int first, second;
    assert_int_equal(file_lock("lock", &first, &f), OK);
    assert_int_equal(file_lock("lock", &second, &f), ERR_EXISTS);
    file_close(first);
    assert_int_equal(file_lock("lock", &second, &f), OK);
    file_close(second);
}

static void memory_files(void **state)
{
    (void)state;
    struct buf b;
    int fd;
    buf_init(&b, 1000);
    assert_int_equal(file_memfd(SLICE("bytes"), &fd), OK);
    assert_int_equal(file_read_fd(fd, 5, &b), OK);
    assert_int_equal(b.n, 5);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    file_close(fd);
    buf_done(&b);
}

static void logs(void **state)
{
    (void)state;
    struct fault f = {0};
    struct file_log log;
    size_t n;
    assert_int_equal(file_log_open(&log, "no/log", 0640, &f), ERR_NOT_FOUND);
    assert_int_equal(file_log_open(&log, "log", 0640, &f), OK);
    assert_int_equal(file_log_write(&log, SLICE("one\n"), &n), OK);
    assert_int_equal(n, 4);
    assert_int_equal(rename("log", "log.1"), 0);
    assert_int_equal(file_log_write(&log, SLICE("two\n"), &n), OK);
    assert_int_equal(file_log_reopen(&log, &f), OK);
    assert_int_equal(file_log_write(&log, SLICE("three\n"), &n), OK);
    assert_file("log.1", "one\ntwo\n");
    assert_file("log", "three\n");
    assert_int_equal(rename("log", "log.2"), 0);
    assert_int_equal(mkdir("log", 0700), 0);
    assert_int_not_equal(file_log_reopen(&log, &f), OK);
    assert_int_equal(file_log_write(&log, SLICE("four\n"), &n), OK); /* the old one stays */
    assert_file("log.2", "three\nfour\n");
    file_log_done(&log);
    file_log_done(&log);
}

static void log_to_full_pipe(void **state)
{
    (void)state;
    struct fault f = {0};
    struct file_log log;
    int fds[2];
    static uint8_t block[300000];
    size_t n;
    assert_int_equal(pipe(fds), 0);
    file_log_init(&log, fds[1]);
    assert_int_equal(file_log_write(&log, slice_of(block, sizeof(block)), &n), ERR_AGAIN);
    assert_true(n > 0 && n < sizeof(block));
    assert_int_equal(file_log_reopen(&log, &f), OK);
    file_log_done(&log);
    close(fds[0]);
}

static void knows_where_it_works(void **state)
{
    (void)state;
    char want[4096], have[4096];
    assert_non_null(getcwd(want, sizeof(want)));
    assert_int_equal(file_cwd(have, sizeof(have)), OK);
    assert_string_equal(have, want);
    assert_int_equal(file_cwd(have, 1), ERR_CAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaces_whole_files, setup, teardown),
        cmocka_unit_test_setup_teardown(read_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(beneath, setup, teardown),
        cmocka_unit_test_setup_teardown(beneath_without_openat2, setup, teardown),
        cmocka_unit_test_setup_teardown(lists, setup, teardown),
        cmocka_unit_test_setup_teardown(directories, setup, teardown),
        cmocka_unit_test_setup_teardown(locks, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_files, setup, teardown),
        cmocka_unit_test_setup_teardown(logs, setup, teardown),
        cmocka_unit_test(log_to_full_pipe),
        cmocka_unit_test(knows_where_it_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
