/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The start of the master: the account of the children, the state directory and its lock, logs,
 * ports, the admin socket. Runs no child and decides nothing later than the start. */
#pragma once

#include "base/fault.h"
#include "os/loop.h"
#include "os/proc_signals.h"
#include "serve/admin.h"

struct master;

/* What the opened parts call; `ctx` is the master. */
struct startup_hooks {
    void (*on_respawn)(struct loop_timer *t);
    void (*on_signal)(struct proc_signals *ps, int signo, pid_t from);
    void (*on_file_change)(void *ctx, const char *path);
    const struct admin_ops *admin;
};

/* Opens everything but the loop. On an error, with the story in f, the parts that were opened stay
 * in m for the caller to close. */
int startup_open(struct master *m, const struct startup_hooks *h, struct fault *f) MUST_USE;
/* The state directory of DESIGN 5 for this user, into dst (NUL-ended). ERR_CAP, ERR_NOT_FOUND. */
int startup_state_dir(char *dst, size_t cap) MUST_USE;
