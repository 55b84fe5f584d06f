/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The worker's cache of files: small ones in memory with prebuilt heads, larger ones as open
 * descriptors. Only what exists is kept, under its plain path, so peers cannot fill it with
 * spellings; bounded in bytes, files and descriptors, the least recently used goes first. */
#pragma once

#include "os/loop.h"
#include "serve/filerep.h"

#define FILECACHE_FILES_MAX       8192
#define FILECACHE_DESCRIPTORS_MAX 256
/* How long a file on disk may differ unnoticed. */
#define FILECACHE_CHECK_MS 1000
/* After so long everything is looked up afresh: other index files, the age of HSTS. */
#define FILECACHE_LIFE_MS 10000

struct filecache;

/* One file and its representations. Read only outside filecache.c. */
struct filecache_file {
    struct filecache *fc;
    struct list node; /* oldest use first; self-linked when no longer in the cache */
    struct filecache_file *next;
    const struct route *route; /* identity only: may be gone */
    uint64_t generation, hash;
    struct slice key; /* "/a/b": decoded path as asked, "/a/" for the index of a directory */
    const char *path; /* below the root, NUL-ended */
    uint64_t made_ms, checked_ms;
    uint32_t refs;
    unsigned siblings;     /* bits 1 << enum coding: precompressed ones that may be used */
    struct file_info info; /* of the file itself */
    struct filerep *reps[CODING_COUNT];
};

/* An empty cache of at most max_bytes, owned by the caller. ERR_NOMEM. */
int filecache_new(struct loop *l, size_t max_bytes, struct filecache **ret) MUST_USE;
/* Accepts NULL. No exchange holds a file any more. */
void filecache_free(struct filecache *fc);
/* Forgets everything (reload: roots and header steps may have changed). Exchanges that still read
 * a file keep it. */
void filecache_clear(struct filecache *fc);
/* Every file is compared with the disk at its next use. */
void filecache_recheck(struct filecache *fc);

/* The file under that key of that route, or NULL when it is not known or has changed. A loan until
 * the loop's next turn; no system call when it was checked within FILECACHE_CHECK_MS. */
struct filecache_file *filecache_find(struct filecache *fc, const struct route *route,
                                      struct slice key);
/* Adds a regular file that filecache_stat has found; the loan is as above. ERR_NOMEM. */
int filecache_add(struct filecache *fc, const struct route *route, struct slice key,
                  const char *path, const struct file_info *info,
                  struct filecache_file **ret) MUST_USE;
/* The file in one coding (one of `siblings`, or identity), opened at its first use; lives as long
 * as the file. Errors of filerep_open. */
int filecache_rep(struct filecache_file *file, const struct route *route, enum coding coding,
                  const struct filerep **ret) MUST_USE;
/* file_stat_beneath; when descriptors run out, the cache gives up its own first. */
int filecache_stat(struct filecache *fc, const struct route *route, const char *path,
                   struct file_info *ret) MUST_USE;
/* Keeps a file beyond the loan. */
struct filecache_file *filecache_ref(struct filecache_file *file);
void filecache_unref(struct filecache_file *file);
