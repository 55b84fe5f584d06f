/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Signals as events of a loop: nothing ever runs in a handler. */
#pragma once

#include <signal.h> /* the numbers, for everybody who names one */
#include <sys/types.h>

#include "os/loop.h"

/* Embedded in the owner. */
struct proc_signals {
    struct loop_io io;
    struct loop *loop;
    /* `from`: the process that sent it, 0 for the kernel. May call proc_signals_close. */
    void (*on_signal)(struct proc_signals *ps, int signo, pid_t from);
};

/* Blocks the signals (up to the end 0) and delivers them through the loop. A child of a process
 * that has blocked them calls this for its own loop. ERR_SYS. */
int proc_signals_open(struct proc_signals *ps, struct loop *l, const int *signals,
                      void (*on_signal)(struct proc_signals *ps, int signo, pid_t from)) MUST_USE;
/* Stops delivering; they stay blocked. Idempotent; nothing on zeroes (never opened). */
void proc_signals_close(struct proc_signals *ps);
