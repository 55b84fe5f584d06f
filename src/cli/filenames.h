/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names in a directory of another program, in order of the alphabet, links followed. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"

/* ERR_NOT_FOUND, ERR_PERM, ERR_SYS, ERR_NOMEM. */
int filenames_each(const char *dir, void (*each)(void *ctx, const char *name, bool is_dir),
                   void *ctx) MUST_USE;
