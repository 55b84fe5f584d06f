/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Processes: roles, titles, ends in words, signals as events, rights given up, programs started
 * with descriptors, the service manager's socket, shared counters. */
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/slice.h"
#include "os/clock.h"
#include "os/proc_signals.h"
#include "os/rng.h"
#include "os/shm.h"

/* Waits for the child's end without reaping it, then reaps it through the module. */
static struct proc_exit end_of(pid_t pid)
{
    siginfo_t info;
    struct proc_exit e = {.pid = 0};
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(proc_reap(&e));
    assert_int_equal(e.pid, pid);
    return e;
}

static pid_t fork_role(const char *title, int death_signal)
{
    struct fault f = {0};
    pid_t pid = -1;
    assert_int_equal(proc_fork(title, death_signal, &pid, &f), OK);
    return pid;
}

static void ends_in_words(void **state)
{
    (void)state;
    struct proc_exit e;
    struct rlimit no_core = {0, 0};
    assert_false(proc_reap(&e));
    pid_t pid = fork_role("port443: t", 0);
    if (pid == 0)
        proc_end(3);
    e = end_of(pid);
    assert_int_equal(e.status, 3);
    assert_int_equal(e.signo, 0);
    assert_string_equal(e.words, "exited with status 3");
    pid = fork_role("port443: t", 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        raise(SIGKILL);
    }
    e = end_of(pid);
    assert_int_equal(e.signo, SIGKILL);
    assert_string_equal(e.words, "was killed by signal 9 (KILL)");
    assert_false(proc_reap(&e));
    assert_int_equal(proc_kill(pid, SIGTERM), ERR_NOT_FOUND);
    assert_int_equal(proc_kill(0, SIGTERM), ERR_NOT_FOUND);
    assert_int_equal(proc_kill(-1, SIGTERM), ERR_NOT_FOUND);
}

static size_t read_file(const char *path, char *dst, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, dst, cap - 1);
    if (fd >= 0)
        close(fd);
    dst[n < 0 ? 0 : n] = 0;
    return n < 0 ? 0 : (size_t)n;
}

static void titles(void **state)
{
    (void)state;
    setenv("PORT443_TEST", "kept", 1);
    pid_t pid = fork_role("port443: worker 7", 0);
    if (pid == 0) {
        char text[256];
        read_file("/proc/self/cmdline", text, sizeof(text));
        if (strcmp(text, "port443: worker 7") != 0)
            proc_end(1);
        read_file("/proc/self/comm", text, sizeof(text));
        if (strcmp(text, "worker 7\n") != 0)
            proc_end(2);
        const char *path = getenv("PATH"), *own = getenv("PORT443_TEST");
        proc_end(own && strcmp(own, "kept") == 0 && (!path || strchr(path, '/')) ? 0 : 3);
    }
    assert_int_equal(end_of(pid).status, 0);
}

/* A child whose parent is killed gets the signal it asked for. */
static void dies_with_parent(void **state)
{
    (void)state;
    int fds[2];
    char byte;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork_role("port443: parent", 0);
    if (pid == 0) {
        pid_t inner = fork_role("port443: child", SIGKILL);
        if (inner == 0) {
            if (write(fds[1], "r", 1) != 1)
                proc_end(1);
            for (;;)
                pause();
        }
        for (;;)
            pause();
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(proc_kill(pid, SIGKILL), OK);
    end_of(pid);
    assert_int_equal(read(fds[0], &byte, 1), 0); /* the last holder of the other end is dead */
    close(fds[0]);
}

struct heard {
    struct proc_signals ps;
    int signals[4];
    unsigned count;
    pid_t from;
};

static void hear(struct proc_signals *ps, int signo, pid_t from)
{
    struct heard *h = container_of(ps, struct heard, ps);
    h->signals[h->count++ % 4] = signo;
    h->from = from;
    if (h->count == 2)
        proc_signals_close(ps);
}

static void signals_are_events(void **state)
{
    (void)state;
    struct loop *l;
    struct fault f = {0};
    struct heard h = {.count = 0};
    static const int set[] = {SIGTERM, SIGHUP, 0};
    assert_int_equal(loop_new(&l, &f), OK);
    assert_int_equal(proc_signals_open(&h.ps, l, set, hear), OK);
    raise(SIGTERM);
    raise(SIGHUP);
    while (h.count < 2)
        loop_turn(l, -1);
    assert_int_equal(h.signals[0] + h.signals[1], SIGTERM + SIGHUP);
    assert_int_equal(h.from, getpid());
    assert_int_equal(h.ps.io.fd, -1);
    proc_signals_close(&h.ps);
    /* One that comes while nobody listens waits for the next listener. */
    raise(SIGTERM);
    h.count = 0;
    assert_int_equal(proc_signals_open(&h.ps, l, set, hear), OK);
    while (h.count < 1)
        loop_turn(l, -1);
    assert_int_equal(h.signals[0], SIGTERM);
    proc_signals_close(&h.ps);
    loop_free(l);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int drop_and_try(void)
{
    struct fault f = {0};
    gid_t groups[3] = {0, 4, 27};
    if (setgroups(3, groups) || proc_drop(65534, 65534, &f)) {
        print_message("%s\n", f.what);
        return 1;
    }
    if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65534)
        return 2;
    if (getgroups(3, groups) != 1 || groups[0] != 65534 || setuid(0) == 0)
        return 3;
    if (proc_may_bind_low() || open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0)
        return 4;
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    return death == SIGTERM ? 0 : 5; /* the kernel forgot it, proc_drop did not */
}

static void rights_are_gone(void **state)
{
    (void)state;
    struct fault f = {0};
    assert_int_equal(proc_drop(0, 0, &f), ERR_PERM);
    if (geteuid() != 0)
        skip();
    assert_true(proc_may_bind_low());
    pid_t pid = fork_role("port443: t", SIGTERM);
    if (pid == 0)
        proc_end(drop_and_try());
    assert_int_equal(end_of(pid).status, 0);
    /* Root that kept its saved id is found out: dropping to a user that is not ours cannot work. */
    pid = fork_role("port443: t", 0);
    if (pid == 0) {
        if (setresuid(1, 1, 0))
            proc_end(9);
        proc_end(proc_drop(1, 0, &f) == ERR_PERM ? 0 : 1);
    }
    assert_int_equal(end_of(pid).status, 0);
}

static void users(void **state)
{
    (void)state;
    uint32_t uid = 7, gid = 7;
    assert_int_equal(proc_user("root", &uid, &gid), OK);
    assert_int_equal(uid + gid, 0);
    assert_int_equal(proc_user("0", &uid, &gid), OK);
    assert_int_equal(uid, 0);
    assert_int_equal(proc_user("4000000", &uid, &gid), OK);
    assert_int_equal(uid, 4000000);
    assert_int_equal(gid, 4000000);
    assert_int_equal(proc_user("no-such-user-443", &uid, &gid), ERR_NOT_FOUND);
}

static void starts_programs(void **state)
{
    (void)state;
    struct fault f = {0};
    int fds[2], hidden[2];
    pid_t pid = 0;
    char sh[] = "/bin/sh", c[] = "-c", text[160], missing[] = "/nonexistent/program", got[64] = "";
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hidden, O_CLOEXEC), 0);
    char *const nowhere[] = {missing, NULL};
    assert_int_equal(proc_spawn(&(struct proc_spec){.argv = nowhere}, &pid, &f), ERR_NOT_FOUND);
    assert_non_null(strstr(f.what, missing));
    struct proc_exit e;
    assert_false(proc_reap(&e)); /* the failed child is reaped already */
    snprintf(text, sizeof(text), "echo $X >&%d; { echo no >&%d; } 2>/dev/null; exit 4", fds[1],
             hidden[1]);
    char *const argv[] = {sh, c, text, NULL};
    char set[] = "X=yes";
    char *const env[] = {set, NULL};
    const struct proc_spec spec = {.argv = argv, .envp = env, .fds = &fds[1], .nfds = 1};
    assert_int_equal(proc_spawn(&spec, &pid, &f), OK);
    close(fds[1]);
    close(hidden[1]);
    assert_int_equal(end_of(pid).status, 4);
    assert_int_equal(read(fds[0], got, sizeof(got)), 4);
    assert_string_equal(got, "yes\n");
    assert_int_equal(read(hidden[0], got, sizeof(got)), 0);
    close(fds[0]);
    close(hidden[0]);
}

static void keeps_only(void **state)
{
    (void)state;
    pid_t pid = fork_role("port443: t", 0);
    if (pid == 0) {
        int fds[8];
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int keep[] = {fds[6], fds[2], -1, fds[6]};
        proc_keep_only(keep, ARRAY_LEN(keep));
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            if ((fcntl(fds[i], F_GETFD) >= 0) != (i == 2 || i == 6))
                proc_end(1);
        proc_end(fcntl(STDERR_FILENO, F_GETFD) >= 0 ? 0 : 2);
    }
    assert_int_equal(end_of(pid).status, 0);
}

static void facts(void **state)
{
    (void)state;
    char path[512];
    uint64_t bytes = 0;
    assert_int_equal(proc_self_path(path, sizeof(path)), OK);
    assert_non_null(strstr(path, "test_proc"));
    assert_int_equal(proc_self_path(path, 4), ERR_SYS);
    assert_int_equal(proc_memory(getpid(), &bytes), OK);
    assert_true(bytes > 100000);
    assert_int_equal(proc_memory(0x7fffffff, &bytes), ERR_NOT_FOUND);
    assert_true(proc_cpu_count() >= 1);
    assert_int_equal(proc_pid(), getpid());
    assert_int_equal(proc_uid(), geteuid());
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(proc_nofile_raise(before.rlim_cur), before.rlim_cur);
    struct rlimit low = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(proc_nofile_raise(200), 200);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    proc_set_dumpable(false);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    proc_set_dumpable(true);
    uint64_t now = clock_now_ms();
    assert_true(clock_now_us() / 1000 >= now);
    assert_true(clock_unix_ms() > 1700000000000);
    assert_true(clock_cpu_us() > 0);
    uint8_t a[32] = {0}, b[32] = {0};
    assert_int_equal(rng_bytes(a, sizeof(a)), OK);
    assert_int_equal(rng_bytes(b, sizeof(b)), OK);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void notifies(void **state)
{
    (void)state;
    static const char *const names[] = {"@port443-notify-%d", "/tmp/port443-notify-%d"};
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(proc_notify("READY=1"), OK);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char name[64], got[64];
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        if (i == 0)
            snprintf(name, sizeof(name), "@port443-notify-%d", (int)getpid());
        else
            snprintf(name, sizeof(name), "/tmp/port443-notify-%d", (int)getpid());
        memcpy(un.sun_path, name, strlen(name));
        if (i == 0)
            un.sun_path[0] = 0;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
        assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&un, n), 0);
        setenv("NOTIFY_SOCKET", name, 1);
        assert_int_equal(proc_notify("READY=1\nSTATUS=up"), OK);
        assert_int_equal(recv(fd, got, sizeof(got), 0), 17);
        assert_memory_equal(got, "READY=1\nSTATUS=up", 17);
        close(fd);
        if (i)
            unlink(name);
    }
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    assert_int_equal(proc_notify("READY=1"), ERR_SYS);
    unsetenv("NOTIFY_SOCKET");
}

static void counters_are_shared(void **state)
{
    (void)state;
    struct fault f = {0};
    void *p;
    assert_int_equal(shm_new(4096, &p, &f), OK);
    volatile uint64_t *counter = p;
    assert_int_equal(*counter, 0);
    pid_t pid = fork_role("port443: t", 0);
    if (pid == 0) {
        *counter = 443;
        proc_end(0);
    }
    end_of(pid);
    assert_int_equal(*counter, 443);
    shm_free(p, 4096);
    shm_free(NULL, 4096);
    assert_int_equal(shm_new(SIZE_MAX / 2, &p, &f), ERR_NOMEM);
}

int main(int argc, char **argv)
{
    proc_init(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_in_words),
        cmocka_unit_test(titles),
        cmocka_unit_test(dies_with_parent),
        cmocka_unit_test(signals_are_events),
        cmocka_unit_test(rights_are_gone),
        cmocka_unit_test(users),
        cmocka_unit_test(starts_programs),
        cmocka_unit_test(keeps_only),
        cmocka_unit_test(facts),
        cmocka_unit_test(notifies),
        cmocka_unit_test(counters_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
