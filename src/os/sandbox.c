/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Calls are named by text: a name that this libseccomp or this machine does not know is skipped, so
 * one list serves all distributions. The lists follow what glibc 2.35 to 2.41, OpenSSL and c-ares
 * call, not what this program writes. */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

static const char *const every_role[] = {
    /* the loop, its signals and clocks */
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "select", "pselect6", "eventfd2", "timerfd_create", "timerfd_settime", "signalfd4",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    /* sockets */
    "socketpair", "bind", "connect", "listen", "accept4", "accept", "getsockname", "getpeername",
    "setsockopt", "getsockopt", "shutdown", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg",
    "recvmmsg",
    /* descriptors and reading files */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "sendfile",
    "splice", "close", "close_range", "dup", "dup2", "dup3", "pipe2", "fcntl", "lseek", "fstat",
    "newfstatat", "fstatat64", "stat", "lstat", "statx", "fstatfs", "statfs", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getdents64", "openat2", "getcwd", "fadvise64",
    "readahead", "memfd_create", "ftruncate", "fsync", "fdatasync",
    /* memory, and the rest that libraries ask for */
    "brk", "munmap", "mremap", "madvise", "mlock", "munlock", "msync", "mincore", "futex",
    "set_robust_list", "get_robust_list", "rseq", "membarrier", "sched_yield", "sched_getaffinity",
    "getcpu", "getrandom", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
    "getresuid", "getresgid", "getgroups", "getrusage", "getrlimit", "prlimit64", "times", "uname",
    "sysinfo", "set_tid_address", "arch_prctl", "prctl", "tgkill", "exit", "exit_group", "wait4",
    "waitid"};

static const char *const keeper_only[] = {
    "open", "openat", "creat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink",
    "unlinkat", "rmdir", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat",
    "fchmodat2", "chown", "fchown", "fchownat", "lchown", "umask", "flock", "fallocate",
    "utimensat", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "ioctl",
    /* NSS modules of libcurl's resolver are loaded when first used */
    "mmap", "mprotect"};

/* Nothing honest leads here: better dead than taken over. */
static const char *const deadly[] = {"execve",
                                     "execveat",
                                     "ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "process_madvise",
                                     "kcmp",
                                     "pidfd_getfd",
                                     "mount",
                                     "umount2",
                                     "umount",
                                     "pivot_root",
                                     "chroot",
                                     "move_mount",
                                     "open_tree",
                                     "fsopen",
                                     "fsconfig",
                                     "fsmount",
                                     "fspick",
                                     "mount_setattr",
                                     "setns",
                                     "unshare",
                                     "bpf",
                                     "perf_event_open",
                                     "userfaultfd",
                                     "io_uring_setup",
                                     "io_uring_enter",
                                     "io_uring_register",
                                     "keyctl",
                                     "add_key",
                                     "request_key",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "reboot",
                                     "swapon",
                                     "swapoff",
                                     "acct",
                                     "quotactl",
                                     "open_by_handle_at",
                                     "name_to_handle_at",
                                     "iopl",
                                     "ioperm",
                                     "settimeofday",
                                     "clock_settime",
                                     "clock_adjtime",
                                     "adjtimex",
                                     "sethostname",
                                     "setdomainname",
                                     "personality",
                                     "modify_ldt",
                                     "syslog",
                                     "lookup_dcookie",
                                     "vhangup",
                                     "uselib",
                                     "nfsservctl"};

static int add(scmp_filter_ctx rules, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR)
            continue;
        int e = seccomp_rule_add(rules, action, number, 0);
        if (e && e != -EDOM) /* EDOM: the machine does not have it */
            return e;
    }
    return 0;
}

/* Allows a call when `when` holds of one argument. */
static int allow_when(scmp_filter_ctx rules, int number, struct scmp_arg_cmp when)
{
    int e = seccomp_rule_add_array(rules, SCMP_ACT_ALLOW, number, 1, &when);
    return e == -EDOM ? 0 : e;
}

/* Calls that depend on their arguments. */
static int add_narrow(scmp_filter_ctx rules, enum sandbox_role role)
{
    static const scmp_datum_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    const scmp_datum_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    int e = 0;
    /* No raw or packet sockets; netlink is how resolvers list the addresses of this machine. */
    for (size_t i = 0; !e && i < ARRAY_LEN(families); i++)
        e = allow_when(rules, SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_EQ, families[i], 0));
    /* It hides its flags in memory; this answer makes glibc use clone. */
    if (!e)
        e = seccomp_rule_add(rules, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* Threads of libcurl's resolver, not processes. */
    if (!e && role == SANDBOX_KEEPER)
        e = allow_when(rules, SCMP_SYS(clone),
                       SCMP_A0_32(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (e || role == SANDBOX_KEEPER)
        return e;
    e = allow_when(rules, SCMP_SYS(openat), SCMP_A2_32(SCMP_CMP_MASKED_EQ, writing, 0));
    if (!e)
        e = allow_when(rules, SCMP_SYS(open), SCMP_A1_32(SCMP_CMP_MASKED_EQ, writing, 0));
    /* Injected bytes cannot become code. */
    if (!e)
        e = allow_when(rules, SCMP_SYS(mmap), SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!e)
        e = allow_when(rules, SCMP_SYS(mprotect), SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return e;
}

static int load_rules(enum sandbox_role role)
{
    scmp_filter_ctx rules = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!rules)
        return -ENOMEM;
    /* A tree instead of a chain, and no slow-down of every branch of the process (speculative store
     * bypass) on kernels before 5.16: both are on the path of each request. */
    seccomp_attr_set(rules, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    seccomp_attr_set(rules, SCMP_FLTATR_CTL_SSB, 1);
    int e = seccomp_attr_set(rules, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (!e)
        e = add(rules, SCMP_ACT_ALLOW, every_role, ARRAY_LEN(every_role));
    if (!e && role == SANDBOX_KEEPER)
        e = add(rules, SCMP_ACT_ALLOW, keeper_only, ARRAY_LEN(keeper_only));
    if (!e)
        e = add(rules, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_LEN(deadly));
    if (!e)
        e = add_narrow(rules, role);
    if (!e)
        e = seccomp_load(rules);
    seccomp_release(rules);
    return e;
}

/* seccomp cannot see the flags of openat2; Landlock can. Kernels without it (before 5.13, or turned
 * off) leave that to the permissions of the user. */
static int lock_files(void)
{
    const struct landlock_ruleset_attr none = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                             LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                             LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                             LANDLOCK_ACCESS_FS_MAKE_SYM};
    long fd = syscall(SYS_landlock_create_ruleset, &none, sizeof(none), 0);
    if (fd < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno;
    long failed = syscall(SYS_landlock_restrict_self, (int)fd, 0);
    int e = failed ? -errno : 0;
    close((int)fd);
    return e;
}

bool sandbox_works(void)
{
#if defined(PORT443_SANITIZED)
    return false; /* the sanitizer's run time opens, forks and ptraces */
#else
    return true;
#endif
}

int sandbox_enter(enum sandbox_role role, struct fault *f)
{
    if (!sandbox_works())
        return OK;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fault_errno(f, ERR_SYS, errno, "cannot enter the sandbox (no_new_privs)");
    int e = role == SANDBOX_WORKER ? lock_files() : 0;
    if (e)
        return fault_errno(f, ERR_SYS, -e, "cannot enter the sandbox (Landlock)");
    e = load_rules(role);
    if (e)
        return fault_errno(f, e == -ENOMEM ? ERR_NOMEM : ERR_SYS, -e,
                           "cannot enter the sandbox (seccomp)");
    return OK;
}
