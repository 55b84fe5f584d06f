/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* An append-only sink of lines: a regular file that can be opened again after rotation, or a pipe
 * or terminal that must not stop the loop. Knows nothing of what a line says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"
#include "base/slice.h"

struct file_log {
    int fd;     /* owned; -1 closed */
    char *path; /* owned; NULL when the descriptor was given */
    unsigned mode;
    bool regular;
};

/* Embedded; opens (creates) path. ERR_PERM, ERR_NOT_FOUND, ERR_SYS, ERR_NOMEM. */
int file_log_open(struct file_log *log, const char *path, unsigned mode, struct fault *f) MUST_USE;
/* Embedded; takes over fd (stdout, a descriptor from the master). */
void file_log_init(struct file_log *log, int fd);
/* In an open log: writes to fd from now on and closes what it had. */
void file_log_swap(struct file_log *log, int fd);
/* Opens path again (after rotation); the old descriptor stays in use on error. No path: OK. */
int file_log_reopen(struct file_log *log, struct fault *f) MUST_USE;
/* Appends; never waits for a reader. *ret_n bytes were taken (all of them when OK). ERR_AGAIN: a
 * pipe is full. ERR_SYS: disk full, reader gone. */
int file_log_write(struct file_log *log, struct slice bytes, size_t *ret_n) MUST_USE;
/* Idempotent. */
void file_log_done(struct file_log *log);
