/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Directory listings as HTML: reading the names, the page, and sending it. Knows nothing of when a
 * listing is allowed. */
#pragma once

#include "serve/serving.h"

/* Answers with the names in the directory `path` (NUL-ended, below the route's root, "." or with a
 * final slash): without dotfiles, directories first. ERR_NOT_FOUND, ERR_PERM, ERR_CAP, ERR_NOMEM,
 * ERR_SYS: nothing was answered. */
int filelisting_serve(struct exchange *x, const char *path) MUST_USE;
