/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Changes of directories that a crash may cut short at any point: names are made and flipped
 * in one step each and are on disk when a call returns. Knows nothing of what the files hold. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/fault.h"

#define FILETREE_DEPTH_MAX 4

/* Makes one directory. ERR_EXISTS, ERR_NOT_FOUND (no parent), ERR_PERM, ERR_SYS (disk full). */
int filetree_mkdir(const char *path, unsigned mode, struct fault *f) MUST_USE;
/* `path` becomes a symbolic link to `target`, replacing a link or file in one step: readers see the
 * old or the new one. ERR_PERM, ERR_NOT_FOUND (no such directory), ERR_SYS. */
int filetree_point(const char *path, const char *target, struct fault *f) MUST_USE;
/* Where the link points, NUL-ended. ERR_NOT_FOUND, ERR_SYNTAX (no link), ERR_CAP, ERR_PERM,
 * ERR_SYS. */
int filetree_pointed(const char *path, char *dst, size_t cap) MUST_USE;
/* Removes a file, a link (not what it points to) or a directory with what is in it, at most `depth`
 * levels of directories (1: of files only). Nothing there is no error. ERR_CAP (deeper), ERR_PERM,
 * ERR_SYS. */
int filetree_remove(const char *path, unsigned depth) MUST_USE;
/* Directories and files of ours (this process is root) below `path` and it itself, at most
 * FILETREE_DEPTH_MAX levels, become that user's. Links are not followed, and a file with a second
 * name is left: it may be a foreign one that somebody put there to be given. ERR_PERM, ERR_SYS. */
int filetree_give(const char *path, uint32_t uid, uint32_t gid) MUST_USE;
/* New files of this process are for its user only (umask 077). */
void filetree_private(void);
