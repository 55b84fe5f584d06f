/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Processes over the kernel's calls. */
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/slice.h"

static char *title_at;
static size_t title_bytes;
/* Volatile: written only, the compiler would leave them out, and what setenv() and unsetenv()
 * replace would look lost. */
static char **volatile moved_environ;
static char *volatile moved_text; /* all its strings */
static int armed_death_signal;
static pid_t armed_parent;

/* The kernel shows argv's memory as the command line; the environment lies right behind it and is
 * moved away to make room. */
void proc_init(int argc, char **argv)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    if (argc < 1)
        return;
    char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
    size_t count = 0, text_bytes = 1;
    for (; environ[count]; count++)
        text_bytes += strlen(environ[count]) + 1;
    char **moved = mem_array(count + 1, sizeof(*moved));
    char *text = mem_alloc(text_bytes);
    if (!moved || !text) {
        mem_free(moved);
        mem_free(text);
        return;
    }
    moved_text = text;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(environ[i]) + 1;
        if (environ[i] == end)
            end += n;
        moved[i] = memcpy(text, environ[i], n);
        text += n;
    }
    environ = moved_environ = moved;
    title_at = argv[0];
    title_bytes = (size_t)(end - argv[0]);
}

void proc_title(const char *title)
{
    const char *colon = strstr(title, ": ");
    prctl(PR_SET_NAME, colon ? colon + 2 : title);
    if (!title_at)
        return;
    memset(title_at, 0, title_bytes);
    snprintf(title_at, title_bytes, "%s", title);
}

/* The kernel forgets it whenever rights change (prctl(2)), so proc_drop arms it again. */
static void arm_death_signal(void)
{
    if (!armed_death_signal)
        return;
    prctl(PR_SET_PDEATHSIG, armed_death_signal);
    if (getppid() != armed_parent)
        raise(armed_death_signal); /* it died before we asked */
}

int proc_fork(const char *title, int death_signal, pid_t *ret, struct fault *f)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return fault_errno(f, ERR_SYS, errno, "cannot start '%s'", title);
    if (pid == 0) {
        armed_parent = parent;
        armed_death_signal = death_signal;
        arm_death_signal();
        proc_title(title);
    }
    *ret = pid;
    return OK;
}

/* The standard streams and nothing else. Programs that use select(2) die above 1024 descriptors, of
 * which the server may have more. */
static int redirect(const struct proc_spec *s)
{
    struct rlimit files;
    if (s->in_fd <= STDERR_FILENO || s->out_fd <= STDERR_FILENO) {
        errno = EBADF;
        return -1;
    }
    if (dup2(s->in_fd, STDIN_FILENO) < 0 || dup2(s->out_fd, STDOUT_FILENO) < 0 ||
        dup2(s->out_fd, STDERR_FILENO) < 0)
        return -1;
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC); /* what we were started with */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FD_SETSIZE) {
        files.rlim_cur = FD_SETSIZE;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return 0;
}

/* In the child: returns only when something failed, with errno. */
static void become(const struct proc_spec *s)
{
    struct sigaction normal = {.sa_handler = SIG_DFL};
    for (int signo = 1; signo < NSIG; signo++)
        if (signo != SIGPIPE)
            sigaction(signo, &normal, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (s->own_group && setpgid(0, 0))
        return;
    if (s->redirect && redirect(s))
        return;
    for (size_t i = 0; i < s->nfds; i++)
        if (fcntl(s->fds[i], F_SETFD, 0))
            return;
    armed_death_signal = 0;
    if (s->drop && proc_drop(s->uid, s->gid, NULL)) {
        errno = EPERM;
        return;
    }
    execve(s->argv[0], s->argv, s->envp ? s->envp : environ);
}

int proc_spawn(const struct proc_spec *s, pid_t *ret, struct fault *f)
{
    int report[2], failed = 0;
    if (pipe2(report, O_CLOEXEC))
        return fault_errno(f, ERR_SYS, errno, "cannot start %s", s->argv[0]);
    pid_t pid = fork();
    if (pid == 0) {
        become(s);
        failed = errno;
        _exit(write(report[1], &failed, sizeof(failed)) == sizeof(failed) ? 127 : 126);
    }
    int e = errno;
    close(report[1]);
    ssize_t n = 0;
    /* The end of the pipe without a byte: exec closed it. */
    while (pid > 0 && (n = read(report[0], &failed, sizeof(failed))) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (pid < 0)
        return fault_errno(f, ERR_SYS, e, "cannot start %s", s->argv[0]);
    if (n > 0) {
        waitpid(pid, NULL, 0);
        int r = failed == ENOENT ? ERR_NOT_FOUND : failed == EACCES ? ERR_PERM : ERR_SYS;
        return fault_errno(f, r, failed, "cannot start %s", s->argv[0]);
    }
    *ret = pid;
    return OK;
}

int proc_self_path(char *dst, size_t cap)
{
    static const char mark[] = " (deleted)";
    ssize_t n = readlink("/proc/self/exe", dst, cap - 1);
    if (n < 0 || (size_t)n >= cap - 1)
        return ERR_SYS;
    size_t len = (size_t)n;
    if (len > sizeof(mark) - 1 &&
        memcmp(dst + len - (sizeof(mark) - 1), mark, sizeof(mark) - 1) == 0)
        len -= sizeof(mark) - 1;
    dst[len] = 0;
    return OK;
}

static void describe_exit(const siginfo_t *info, struct proc_exit *ret)
{
    *ret = (struct proc_exit){.pid = info->si_pid, .status = info->si_status};
    if (info->si_code == CLD_EXITED) {
        snprintf(ret->words, sizeof(ret->words), "exited with status %d", ret->status);
        return;
    }
    ret->signo = info->si_status;
    ret->status = -1;
    const char *name = sigabbrev_np(ret->signo);
    snprintf(ret->words, sizeof(ret->words), "was killed by signal %d (%s%s)%s", ret->signo,
             name ? name : "?", ret->signo == SIGSYS ? ", a call that the sandbox forbids" : "",
             info->si_code == CLD_DUMPED ? ", core dumped" : "");
}

static bool wait_for(idtype_t type, pid_t pid, int options, struct proc_exit *ret)
{
    siginfo_t info = {.si_pid = 0};
    int failed;
    do {
        failed = waitid(type, (id_t)pid, &info, WEXITED | options);
    } while (failed && errno == EINTR);
    if (failed || info.si_pid == 0)
        return false;
    describe_exit(&info, ret);
    return true;
}

bool proc_reap(struct proc_exit *ret)
{
    return wait_for(P_ALL, 0, WNOHANG, ret);
}

bool proc_reap_one(pid_t pid, struct proc_exit *ret)
{
    return wait_for(P_PID, pid, WNOHANG, ret);
}

int proc_run(char *const *argv, struct proc_exit *ret, struct fault *f)
{
    pid_t pid;
    const struct proc_spec spec = {.argv = argv};
    int r = proc_spawn(&spec, &pid, f);
    if (r)
        return r;
    return wait_for(P_PID, pid, 0, ret) ? OK
                                        : fault_set(f, ERR_SYS, "%s cannot be waited for", argv[0]);
}

int proc_kill(pid_t pid, int signo)
{
    if (pid <= 0)
        return ERR_NOT_FOUND; /* never a group */
    if (kill(pid, signo) == 0)
        return OK;
    return errno == EPERM ? ERR_PERM : ERR_NOT_FOUND;
}

int proc_kill_group(pid_t leader, int signo)
{
    if (leader <= 1)
        return ERR_NOT_FOUND; /* 0 would be ours, -1 everybody */
    if (kill(-leader, signo) == 0)
        return OK;
    return errno == EPERM ? ERR_PERM : ERR_NOT_FOUND;
}

int proc_watch(pid_t pid, int *ret_fd)
{
    *ret_fd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
    return *ret_fd < 0 ? ERR_SYS : OK;
}

pid_t proc_parent(void)
{
    return getppid();
}

pid_t proc_pid(void)
{
    return getpid();
}

uint32_t proc_uid(void)
{
    return geteuid();
}

uint32_t proc_gid(void)
{
    return getegid();
}

void proc_end(int status)
{
    _exit(status);
}

bool proc_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

int proc_user(const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
    char text[4096];
    struct passwd row, *hit = NULL;
    uint64_t uid;
    if (num_parse_u64(slice_cstr(name), 0, UINT32_MAX - 1, &uid) == OK) {
        if (getpwuid_r((uid_t)uid, &row, text, sizeof(text), &hit) || !hit) {
            *ret_uid = *ret_gid = (uint32_t)uid; /* containers run under numbers without names */
            return OK;
        }
    } else if (getpwnam_r(name, &row, text, sizeof(text), &hit) || !hit) {
        return ERR_NOT_FOUND;
    }
    *ret_uid = row.pw_uid;
    *ret_gid = row.pw_gid;
    return OK;
}

int proc_group(const char *name, uint32_t *ret_gid)
{
    char text[4096];
    struct group row, *hit = NULL;
    uint64_t gid;
    if (num_parse_u64(slice_cstr(name), 0, UINT32_MAX - 1, &gid) == OK) {
        *ret_gid = (uint32_t)gid;
        return OK;
    }
    if (getgrnam_r(name, &row, text, sizeof(text), &hit) || !hit)
        return ERR_NOT_FOUND;
    *ret_gid = row.gr_gid;
    return OK;
}

static int clear_capabilities(void)
{
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    prctl(PR_SET_KEEPCAPS, 0);
    cap_t none = cap_init();
    if (!none)
        return ERR_NOMEM;
    int failed = cap_set_proc(none);
    cap_free(none);
    return failed ? ERR_PERM : OK;
}

/* Tries to get back what was given up. */
static bool gone_for_good(uint32_t uid, uint32_t gid)
{
    uid_t ru, eu, su;
    gid_t rg, eg, sg;
    if (getresuid(&ru, &eu, &su) || ru != uid || eu != uid || su != uid)
        return false;
    if (getresgid(&rg, &eg, &sg) || rg != gid || eg != gid || sg != gid)
        return false;
    if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0)
        return false;
    return gid == 0 || setresgid(0, 0, 0) != 0;
}

int proc_drop(uint32_t uid, uint32_t gid, struct fault *f)
{
    if (uid == 0)
        return fault_set(f, ERR_PERM, "refusing to serve as root");
    if (geteuid() == 0) {
        gid_t groups = gid;
        if (setgroups(1, &groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
            return fault_errno(f, ERR_PERM, errno, "cannot become user %u", (unsigned)uid);
    }
    if (clear_capabilities())
        return fault_errno(f, ERR_PERM, errno, "cannot give up capabilities");
    if (!gone_for_good(uid, gid))
        return fault_set(f, ERR_PERM,
                         "rights were not given up: still able to become another user");
    arm_death_signal();
    return OK;
}

bool proc_may_bind_low(void)
{
    cap_flag_value_t on = CAP_CLEAR;
    cap_t have = cap_get_proc();
    if (!have)
        return false;
    if (cap_get_flag(have, CAP_NET_BIND_SERVICE, CAP_EFFECTIVE, &on))
        on = CAP_CLEAR;
    cap_free(have);
    return on == CAP_SET;
}

void proc_set_dumpable(bool on)
{
    prctl(PR_SET_DUMPABLE, on ? 1 : 0);
}

static int by_number(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void proc_keep_only(int *fds, size_t nfds)
{
    unsigned from = STDERR_FILENO + 1;
    qsort(fds, nfds, sizeof(*fds), by_number);
    for (size_t i = 0; i < nfds; i++) {
        if (fds[i] < (int)from)
            continue;
        if (fds[i] > (int)from)
            close_range(from, (unsigned)fds[i] - 1, 0);
        from = (unsigned)fds[i] + 1;
    }
    close_range(from, ~0u, 0);
}

uint64_t proc_nofile_raise(uint64_t want)
{
    struct rlimit have, next;
    if (getrlimit(RLIMIT_NOFILE, &have))
        return 0;
    if (have.rlim_cur >= want)
        return have.rlim_cur;
    next =
        (struct rlimit){.rlim_cur = want, .rlim_max = have.rlim_max > want ? have.rlim_max : want};
    if (setrlimit(RLIMIT_NOFILE, &next) == 0)
        return want;
    next = (struct rlimit){.rlim_cur = have.rlim_max, .rlim_max = have.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &next) == 0 ? next.rlim_cur : have.rlim_cur;
}

unsigned proc_cpu_count(void)
{
    unsigned long mask[8192 / (8 * sizeof(unsigned long))] = {0};
    unsigned count = 0;
    if (sched_getaffinity(0, sizeof(mask), (cpu_set_t *)(void *)mask) == 0)
        for (size_t i = 0; i < ARRAY_LEN(mask); i++)
            count += (unsigned)__builtin_popcountl(mask[i]);
    return count ? count : 1;
}

int proc_memory(pid_t pid, uint64_t *ret_bytes)
{
    char path[48], text[128];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_NOT_FOUND;
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    struct slice rest = slice_of(text, n > 0 ? (size_t)n : 0), total, resident;
    uint64_t pages;
    if (rest.n == 0 || !slice_next(&rest, ' ', &total) || !slice_next(&rest, ' ', &resident) ||
        num_parse_u64(resident, 0, UINT64_MAX >> 20, &pages))
        return ERR_NOT_FOUND;
    *ret_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return OK;
}

int proc_notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || !*path)
        return OK;
    size_t n = strlen(path);
    if (n >= sizeof(to.sun_path))
        return ERR_SYS;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYS;
    socklen_t to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL,
                          (const struct sockaddr *)(const void *)&to, to_bytes);
    close(fd);
    return sent < 0 ? ERR_SYS : OK;
}
