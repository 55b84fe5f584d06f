/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Small structs as JSON objects on disk, both ways by one table. Unknown members are ignored, so
 * that an older program reads what a newer one wrote; a member of the wrong type refuses the whole.
 * Knows nothing of what they mean. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

#define RECORD_BYTES_MAX (64 * 1024) /* of one file: what is larger was not written by us */

enum record_kind {
    RECORD_TEXT,  /* struct slice; empty ones are left out */
    RECORD_U32,   /* uint32_t */
    RECORD_U64,   /* uint64_t, up to INT64_MAX in the file */
    RECORD_I64,   /* int64_t, not negative */
    RECORD_TIMES, /* int64_t[count]: as many as there are, the rest 0 */
    RECORD_BOOL,  /* bool */
    RECORD_WORD   /* enum, as words[value] */
};

struct record_field {
    const char *name; /* of the member */
    enum record_kind kind;
    size_t offset;            /* in the struct */
    size_t count;             /* RECORD_TIMES, RECORD_WORD: of words */
    const char *const *words; /* RECORD_WORD */
};

/* Fills the members of *object that `json` has; the others are left as they are. Texts are in the
 * arena. ERR_SYNTAX (f says where), ERR_NOMEM. */
int record_read(struct slice json, const struct record_field *fields, size_t n, struct arena *a,
                void *object, struct fault *f) MUST_USE;
/* One object, appended to out. ERR_CAP, ERR_NOMEM. */
int record_write(const struct record_field *fields, size_t n, const void *object,
                 struct buf *out) MUST_USE;
