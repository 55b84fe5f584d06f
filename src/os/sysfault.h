/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Failure injection for system calls: in assertion builds the k-th call of a counted place fails as
 * ordered. Release builds carry none of it. Knows nothing of what the callers do with the error. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sysfault_kind {
    SYSFAULT_EINTR,
    SYSFAULT_EAGAIN,
    SYSFAULT_EMFILE,
    SYSFAULT_SHORT, /* one byte instead of what was asked for; other calls fail with EIO */
    SYSFAULT_ENOSPC,
    SYSFAULT_KILL /* the process dies there (SIGKILL): what a crash leaves on disk */
};

#if defined(PORT443_ASSERT)
/* The k-th counted call from now (k >= 1) fails once; 0 turns it off. */
void sysfault_at(uint64_t k, enum sysfault_kind kind);
/* True when the failure that was armed has fired. */
bool sysfault_fired(void);
/* Counted calls so far. */
uint64_t sysfault_count(void);
/* In front of a counted call. True: do not call, errno is set. *n (may be NULL) is the byte count
 * that the call asks for; a short count changes it. */
bool sysfault_hit(size_t *n);
#else
static inline bool sysfault_hit(size_t *n)
{
    (void)n;
    return false;
}
#endif
