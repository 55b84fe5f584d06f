/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Processes: making, naming, reaping and killing children, giving up rights for good, telling the
 * service manager. Knows nothing of what master, workers and keeper do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"

/* First thing in main: a write to a closed pipe is an error, not a signal; keeps argv's place for
 * proc_title. */
void proc_init(int argc, char **argv);
/* Name in ps and top ("port443: worker 0"): the whole title, and the part behind ": " as the short
 * name. */
void proc_title(const char *title);

/* Forks a role. In the child *ret is 0, its title is set, signal `death_signal` (0: none) comes
 * when the parent dies, and signals stay blocked as they were: proc_signals_open of the child takes
 * early ones. ERR_SYS. */
int proc_fork(const char *title, int death_signal, pid_t *ret, struct fault *f) MUST_USE;
/* A program to start; what is zero is not done. */
struct proc_spec {
    char *const *argv; /* the first is the path of the program */
    char *const *envp; /* NULL: ours */
    const int *fds;    /* kept open under their numbers; all others are close-on-exec */
    size_t nfds;
    /* Descriptors that become its standard input, and standard output and error. */
    bool redirect;
    int in_fd, out_fd;
    bool own_group; /* it leads a process group, so that proc_kill_group reaches its children too */
    bool drop;      /* rights, for good, to this user and group */
    uint32_t uid, gid;
};
/* Starts it with no signal blocked or ignored save SIGPIPE. Waits until it runs or has failed to.
 * ERR_NOT_FOUND, ERR_PERM, ERR_SYS. */
int proc_spawn(const struct proc_spec *s, pid_t *ret, struct fault *f) MUST_USE;
/* Path of the running program, NUL-ended, without the mark that the kernel adds once the file was
 * replaced. ERR_SYS. */
int proc_self_path(char *dst, size_t cap) MUST_USE;

struct proc_exit {
    pid_t pid;
    int status;     /* exit status; -1 when a signal ended it */
    int signo;      /* 0: it exited by itself */
    char words[80]; /* "exited with status 2", "was killed by signal 9 (KILL)" */
};

/* One child that has ended; false when there is none. Never waits. */
bool proc_reap(struct proc_exit *ret);
/* Runs a program to its end, with our standard streams (blocking; for the command line). Errors as
 * proc_spawn; how it ended is in *ret. */
int proc_run(char *const *argv, struct proc_exit *ret, struct fault *f) MUST_USE;
/* ERR_NOT_FOUND when it is gone, ERR_PERM. */
int proc_kill(pid_t pid, int signo) MUST_USE;

/* Everybody in the group that a program of proc_spec.own_group leads; only while it is not reaped,
 * else the number may be another's. Errors as proc_kill. */
int proc_kill_group(pid_t leader, int signo) MUST_USE;
/* A descriptor that becomes readable when the child ends, close-on-exec. ERR_SYS. */
int proc_watch(pid_t pid, int *ret_fd) MUST_USE;
/* As proc_reap, for one child. */
bool proc_reap_one(pid_t pid, struct proc_exit *ret);

/* This process. */
pid_t proc_pid(void);
/* Who started it; another process's number once that one has ended. */
pid_t proc_parent(void);
/* Effective user and group. */
uint32_t proc_uid(void);
uint32_t proc_gid(void);
/* Ends this process at once: nothing is flushed, no handler runs. For children of proc_fork. */
void proc_end(int status) __attribute__((noreturn));
/* Colour and progress go to people only. */
bool proc_is_terminal(int fd);

/* "www-data" or "33": its user and group. ERR_NOT_FOUND. */
int proc_user(const char *name, uint32_t *ret_uid, uint32_t *ret_gid) MUST_USE;
/* "ssl-cert" or "101". ERR_NOT_FOUND. */
int proc_group(const char *name, uint32_t *ret_gid) MUST_USE;
/* Becomes that user for good, with no other groups and no capability at all; checks that there is
 * no way back. Without the right to change users it must be the present one. uid 0 is refused.
 * ERR_PERM: nothing may be served then. */
int proc_drop(uint32_t uid, uint32_t gid, struct fault *f) MUST_USE;
/* True when the effective set holds CAP_NET_BIND_SERVICE: ports below 1024 may be bound. */
bool proc_may_bind_low(void);
/* Whether others of the same user may read our memory and a crash may write it to disk: off in
 * processes that hold keys. */
void proc_set_dumpable(bool on);

/* Closes every descriptor above standard error but `fds` (sorted by this call): what a child was
 * not given it must not have. */
void proc_keep_only(int *fds, size_t nfds);
/* Raises the limit of open files towards `want` (as far as the hard limit goes; beyond it with the
 * right to); returns what it is now. */
uint64_t proc_nofile_raise(uint64_t want);
/* Processors that this process may run on; at least 1. */
unsigned proc_cpu_count(void);
/* Resident memory of a process. ERR_NOT_FOUND. */
int proc_memory(pid_t pid, uint64_t *ret_bytes) MUST_USE;

/* Sends "READY=1" and the like to the service manager (sd_notify(3)); OK without one. ERR_SYS. */
int proc_notify(const char *text) MUST_USE;
