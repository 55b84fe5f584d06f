/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a process can no longer ask of the kernel once it faces the network: a list of allowed calls
 * for each role, and no writing to the file system for workers. Entered last, after rights were
 * dropped and everything that needs them is open. Knows nothing of users and capabilities. */
#pragma once

#include <stdbool.h>

#include "base/fault.h"

enum sandbox_role {
    SANDBOX_WORKER, /* sockets, reading files, its own memory */
    SANDBOX_KEEPER  /* in addition: files of the state directory, threads of resolver libraries */
};

/* For good, also for children. A forbidden call fails with EPERM; those that no honest code of the
 * role makes (exec, ptrace, mount, modules, keys...) kill the process. Workers also lose the right
 * to create, write or run files where the kernel has Landlock. In sanitizer builds it does nothing.
 * ERR_SYS, ERR_NOMEM: then the process must not serve. */
int sandbox_enter(enum sandbox_role role, struct fault *f) MUST_USE;
/* False in sanitizer builds: tests skip what the sandbox would forbid. */
bool sandbox_works(void);
