/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The sandbox seen from inside a child: what still works, what fails, what kills. */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "os/chan.h"
#include "os/file.h"
#include "os/link.h"
#include "os/loop.h"
#include "os/proc.h"
#include "os/rng.h"
#include "os/sock.h"

#define KILLED (-SIGSYS)

static char dir[] = "/tmp/port443-sandbox-XXXXXX";
static int root_fd;

/* What each returns is the child's exit status. 0: works. 1: failed with EPERM or EACCES. */
static int status_of(bool failed)
{
    if (!failed)
        return 0;
    return errno == EPERM || errno == EACCES ? 1 : 2;
}

static int open_for_writing(void)
{
    return status_of(open("written", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0);
}

static int write_by_openat2(void)
{
    struct open_how how = {.flags = O_RDWR | O_CLOEXEC};
    return status_of(syscall(SYS_openat2, AT_FDCWD, "page", &how, sizeof(how)) < 0);
}

static int open_for_reading(void)
{
    return status_of(open("page", O_RDONLY | O_CLOEXEC) < 0);
}

static int open_beneath(void)
{
    struct file_info info;
    int fd;
    return file_open_beneath(root_fd, "page", &fd, &info) || info.size_bytes != 4;
}

static int remove_file(void)
{
    return status_of(unlink("page") < 0);
}

static int make_directory(void)
{
    struct fault f = {0};
    return file_mkdir_p("made", 0700, &f) == OK ? 0 : 1;
}

static int write_state(void)
{
    struct fault f = {0};
    return file_write_atomic(FILE_CWD, "state", SLICE("x"), 0600, &f) == OK ? 0 : 1;
}

static int run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return status_of(true);
}

static int trace(void)
{
    return status_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0);
}

static int split(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return status_of(pid < 0);
}

static int load_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return status_of(p == MAP_FAILED);
}

static int sniff(void)
{
    return status_of(socket(AF_PACKET, SOCK_RAW, 0) < 0);
}

static int load_module(void)
{
    return status_of(syscall(SYS_finit_module, -1, "", 0) < 0);
}

static void ready(struct link *k)
{
    (void)k;
}

static void *nothing(void *arg)
{
    return arg;
}

static int thread(void)
{
    pthread_t t;
    return pthread_create(&t, NULL, nothing, NULL) ? 1 : pthread_join(t, NULL);
}

/* A day's work: listen, accept, exchange bytes over links, timers, channels, randomness. */
static int ordinary_work(void)
{
    struct loop *l;
    struct fault f = {0};
    struct sock_addr a;
    int listener, client, fd, ends[2], r;
    uint8_t bytes[8];
    struct link near, far;
    if (loop_new(&l, &f) || sock_addr_parse(SLICE("127.0.0.1:0"), &a) ||
        sock_listen(&a, true, 4, &listener, &f) || sock_local_addr(listener, &a) ||
        sock_connect(&a, &client))
        return 10;
    while ((r = sock_accept(listener, &fd, NULL, NULL)) == ERR_AGAIN)
        ;
    if (r || link_open(&near, l, fd, ready) || link_open(&far, l, client, ready))
        return 11;
    if (link_write(&near, SLICE("hello")) || link_flush(&near))
        return 12;
    while ((r = link_fill(&far)) == ERR_AGAIN)
        loop_turn(l, 20);
    if (r || link_input(&far).n != 5)
        return 13;
    if (chan_pair(ends) || rng_bytes(bytes, sizeof(bytes)) || file_memfd(SLICE("blob"), &fd))
        return 14;
    void *grown = malloc(50u << 20);
    if (!grown)
        return 15;
    memset(grown, 1, 50u << 20);
    free(grown);
    link_close(&near, true);
    link_close(&far, false);
    loop_free(l);
    return 0;
}

struct row {
    const char *what;
    int (*run)(void);
    int worker, keeper;
    bool landlock; /* without it the worker is only held by its user's rights */
};

static const struct row rows[] = {
    {"ordinary work", ordinary_work, 0, 0, false},
    {"open beneath a handle", open_beneath, 0, 0, false},
    {"open for reading", open_for_reading, 0, 0, false},
    {"open for writing", open_for_writing, 1, 0, false},
    {"write through openat2", write_by_openat2, 1, 0, true},
    {"write state", write_state, 1, 0, false},
    {"remove a file", remove_file, 1, 0, false},
    {"make a directory", make_directory, 1, 0, false},
    {"thread", thread, 1, 0, false},
    {"fork", split, 1, 1, false},
    {"map code", load_code, 1, 0, false},
    {"packet socket", sniff, 1, 1, false},
    {"exec", run_program, KILLED, KILLED, false},
    {"ptrace", trace, KILLED, KILLED, false},
    {"load a module", load_module, KILLED, KILLED, false},
};

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static int in_child(const struct row *row, enum sandbox_role role)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct fault f = {0};
        proc_set_dumpable(false); /* no core files of the killed */
        if (sandbox_enter(role, &f)) {
            print_message("%s\n", f.what);
            _exit(99);
        }
        _exit(row->run());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void roles(void **state)
{
    (void)state;
    if (!sandbox_works())
        skip();
    static const struct {
        const char *name;
        enum sandbox_role role;
    } both[] = {{"worker", SANDBOX_WORKER}, {"keeper", SANDBOX_KEEPER}};
    int wrong = 0;
    for (size_t k = 0; k < ARRAY_LEN(both); k++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct fault f = {0};
            if (rows[i].landlock && !has_landlock())
                continue;
            assert_int_equal(file_write_atomic(FILE_CWD, "page", SLICE("page"), 0600, &f), OK);
            int want = both[k].role == SANDBOX_WORKER ? rows[i].worker : rows[i].keeper;
            int have = in_child(&rows[i], both[k].role);
            print_message("%s: %s -> %d (want %d)\n", both[k].name, rows[i].what, have, want);
            wrong += have != want;
        }
    assert_int_equal(wrong, 0);
}

static int setup(void **state)
{
    (void)state;
    struct fault f = {0};
    return mkdtemp(dir) && chdir(dir) == 0 && file_open_root(".", &root_fd, &f) == OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"page", "written", "state"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(names[i]);
    rmdir("made");
    return chdir("/") || rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(roles, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
