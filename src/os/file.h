/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Files and directories: whole reads and atomic writes for configuration, state and keys; opening
 * beneath a root handle for paths that peers name; sealed memory files for passing bytes between
 * processes. Every descriptor is close-on-exec. May block on a slow disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/slice.h"

/* For `dirfd`: relative paths start at the working directory. */
#define FILE_CWD (-100)

struct file_info {
    uint64_t size_bytes;
    int64_t mtime_ns; /* since 1970 */
    uint64_t ino, dev;
    uint32_t mode; /* permission bits */
    uint32_t uid, gid;
    bool is_dir, is_regular;
};

/* Appends the whole file to ret (initialised by the caller). Pipes and devices are refused.
 * ERR_NOT_FOUND, ERR_PERM, ERR_CAP (larger than max_bytes), ERR_SYS, ERR_NOMEM. */
int file_read(const char *path, size_t max_bytes, struct buf *ret, struct fault *f) MUST_USE;
/* Replaces or creates `path` in one step: a reader sees the old or the new bytes, a crash too
 * (temporary name beside it, fsync, rename, fsync of the directory). ERR_PERM, ERR_NOT_FOUND (no
 * such directory), ERR_SYS. */
int file_write_atomic(int dirfd, const char *path, struct slice bytes, unsigned mode,
                      struct fault *f) MUST_USE;

/* A handle for file_*_beneath. ERR_NOT_FOUND (also when it is no directory), ERR_PERM, ERR_SYS. */
int file_open_root(const char *path, int *ret_fd, struct fault *f) MUST_USE;
/* Opens `path` (relative, "." for the root itself) for reading; symbolic links are followed only as
 * long as they stay beneath the root (without openat2: not at all). Fifos, sockets and devices are
 * refused. ERR_NOT_FOUND (also what leads out), ERR_PERM, ERR_CAP (descriptors), ERR_SYS. info may
 * be NULL. */
int file_open_beneath(int rootfd, const char *path, int *ret_fd, struct file_info *info) MUST_USE;
/* Its data without keeping it open. Errors as file_open_beneath. */
int file_stat_beneath(int rootfd, const char *path, struct file_info *ret) MUST_USE;
/* Follows symbolic links. ERR_NOT_FOUND, ERR_PERM, ERR_SYS. */
int file_stat(const char *path, struct file_info *ret) MUST_USE;
int file_stat_fd(int fd, struct file_info *ret) MUST_USE;
/* Reads up to n bytes at `offset`; *ret_n is smaller only at the end of the file. ERR_SYS. */
int file_pread(int fd, uint64_t offset, void *dst, size_t n, size_t *ret_n) MUST_USE;
/* Calls on_entry for each name of the directory (without . and .., any order) until it returns
 * something else than OK, which is then returned. The info follows symbolic links beneath nothing:
 * a link shows as neither file nor directory. ERR_SYS. */
int file_list(int dirfd, int (*on_entry)(void *ctx, const char *name, const struct file_info *info),
              void *ctx) MUST_USE;

/* Creates the missing directories of `path` with `mode`. ERR_PERM, ERR_EXISTS (a file is in the
 * way), ERR_SYS. */
int file_mkdir_p(const char *path, unsigned mode, struct fault *f) MUST_USE;
/* A path that is not there is no error. ERR_PERM, ERR_SYS. */
int file_unlink(int dirfd, const char *path) MUST_USE;
/* Renames a file, link or directory in one step; what `to` named before is replaced (a directory
 * only when empty), and the directory of `to` is synced. ERR_NOT_FOUND, ERR_PERM, ERR_SYS. */
int file_rename(const char *from, const char *to, struct fault *f) MUST_USE;
/* Sets owner and permission bits of a file or directory that is not a symbolic link. */
int file_chown_mode(const char *path, uint32_t uid, uint32_t gid, unsigned mode,
                    struct fault *f) MUST_USE;
/* Creates and locks `path` for this process and those that inherit *ret_fd, until the last of them
 * closes it. ERR_EXISTS: another process holds it. ERR_PERM, ERR_NOT_FOUND, ERR_SYS. */
int file_lock(const char *path, int *ret_fd, struct fault *f) MUST_USE;
/* Puts a line at the beginning of the locked file, for those who find it taken. ERR_SYS. */
int file_lock_note(int fd, struct slice line) MUST_USE;

/* A sealed, read-only memory file with these bytes. ERR_SYS. */
int file_memfd(struct slice bytes, int *ret_fd) MUST_USE;
/* Appends everything from the start of the file (from the current place of a pipe). ERR_CAP,
 * ERR_NOMEM, ERR_SYS. */
int file_read_fd(int fd, size_t max_bytes, struct buf *ret) MUST_USE;
/* The working directory into dst (NUL-ended). ERR_CAP, ERR_NOT_FOUND (it was removed), ERR_SYS. */
int file_cwd(char *dst, size_t cap) MUST_USE;
/* A second descriptor for the same open file, close-on-exec; -1 for -1 or when there is none left.
 */
int file_dup(int fd);
/* Accepts -1. errno is kept. */
void file_close(int fd);
