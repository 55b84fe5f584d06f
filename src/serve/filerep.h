/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One representation of a file: the bytes in one content coding, in memory or behind an open
 * descriptor, with its validators and the response head that goes with them, made once. */
#pragma once

#include "os/file.h"
#include "serve/serving.h"
#include "wire/coding.h"

/* Files up to this size are kept in memory; larger ones stay behind a descriptor. */
#define FILEREP_MEMORY_BYTES (256u * 1024)
/* Longest path below a root, with the suffix of a coding and the NUL. */
#define FILEREP_PATH_BYTES 4096

struct filerep {
    struct file_info info; /* when it was opened */
    struct slice content;  /* the whole file; p NULL when it is behind fd */
    int fd;                /* -1 when in memory */
    int64_t modified_s;    /* Last-Modified */
    struct slice etag;     /* strong, with quotes */
    /* Names in lower case. First the fields of 200 only, from `validators` on those of 304 too,
     * from `nown` on what the route adds to every answer. */
    const struct field *fields;
    size_t nfields, nown, validators;
    struct slice head, head_304; /* the same as HTTP/1 text */
    bool whole;                  /* fields and heads hold what the route adds */
    size_t bytes;                /* memory that it takes */
    struct arena arena;
};

/* Opens `path` (NUL-ended, below the route's root) in one coding. A file that changes while it is
 * read is read again, so that the tag belongs to the bytes. ERR_NOT_FOUND (also: no regular file),
 * ERR_PERM, ERR_CAP (descriptors), ERR_NOMEM, ERR_SYS. */
int filerep_open(const struct route *route, const char *path, enum coding coding,
                 struct filerep **ret) MUST_USE;
/* Accepts NULL. */
void filerep_free(struct filerep *rep);
/* The name of the sibling of `path` in that coding, into dst (FILEREP_PATH_BYTES).
 * ERR_URI_TOO_LONG. */
int filerep_path(const char *path, enum coding coding, char *dst) MUST_USE;
/* The same file with the same bytes, as far as its data tell. */
bool filerep_same(const struct file_info *a, const struct file_info *b);
