/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A program that somebody configured, run to its end beside a loop: bytes on its standard input,
 * the tail of what it prints, a bound on its time. Nothing blocks but the start itself. Knows
 * nothing of what the program is for. */
#pragma once

#include "base/buf.h"
#include "os/loop.h"
#include "os/proc.h"

#define PROGRAM_OUTPUT_BYTES 8192 /* the tail that is kept: a chatty program must not eat us */

/* Statuses beyond what the program itself returned, as shells and timeout(1) have them; a signal
 * gives 128 + its number. */
#define PROGRAM_TIMED_OUT   124
#define PROGRAM_NOT_STARTED 126

struct program_spec {
    char *const *argv, *const *envp;
    struct slice input;  /* copied */
    uint64_t timeout_ms; /* then its whole process group is killed */
    bool drop;           /* rights, to this user and group */
    uint32_t uid, gid;
};

struct program; /* one run */

/* Starts it; on_done comes once, never from inside, with the exit status as above and what it
 * printed last (standard output and error as one; a loan). It must free the program then or later.
 * ERR_NOT_FOUND, ERR_PERM, ERR_SYS, ERR_NOMEM: nothing runs and on_done does not come. */
int program_start(struct loop *l, const struct program_spec *s,
                  void (*on_done)(void *ctx, struct program *p, int status, struct slice output),
                  void *ctx, struct program **ret, struct fault *f) MUST_USE;
/* For processes that reap all their children (proc_reap): true when `e` was this program. */
bool program_reaped(struct program *p, const struct proc_exit *e);
/* Ends it: what still runs is killed. Accepts NULL. */
void program_free(struct program *p);
