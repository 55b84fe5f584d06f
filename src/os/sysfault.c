/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The counter behind injected failures; empty in release builds. */
#include "os/sysfault.h"

#if defined(PORT443_ASSERT)
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static uint64_t calls, armed_at;
static enum sysfault_kind armed_kind;
static bool fired;

void sysfault_at(uint64_t k, enum sysfault_kind kind)
{
    armed_at = k ? calls + k : 0;
    armed_kind = kind;
    fired = false;
}

bool sysfault_fired(void)
{
    return fired;
}

uint64_t sysfault_count(void)
{
    return calls;
}

bool sysfault_hit(size_t *n)
{
    if (++calls != armed_at)
        return false;
    fired = true;
    switch (armed_kind) {
    case SYSFAULT_EINTR:
        errno = EINTR;
        return true;
    case SYSFAULT_EAGAIN:
        errno = EAGAIN;
        return true;
    case SYSFAULT_EMFILE:
        errno = EMFILE;
        return true;
    case SYSFAULT_SHORT:
        if (n && *n) {
            *n = 1;
            return false;
        }
        errno = EIO;
        return true;
    case SYSFAULT_ENOSPC:
        errno = ENOSPC;
        return true;
    case SYSFAULT_KILL:
        kill(getpid(), SIGKILL);
        break;
    }
    return false;
}
#endif
