/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The body of an answer from a file: the whole, one range, or several in a multipart. */
#pragma once

#include "serve/filecache.h"
#include "wire/range.h"

/* The action of an exchange that sends bytes of a file; its state is made by filebody_whole or
 * filebody_ranges. */
extern const struct action filebody_action;

/* The exchange will send all of rep; the file is kept until it closes. ERR_NOMEM. */
int filebody_whole(struct exchange *x, struct filecache_file *file,
                   const struct filerep *rep) MUST_USE;
/* One range: its bytes. Several: the body of multipart/byteranges (RFC 9110 15.3.7.2), *ret_type is
 * the Content-Type then (in the arena), else empty. *ret_length is the length of the body.
 * ERR_NOMEM, ERR_SYS. */
int filebody_ranges(struct exchange *x, struct filecache_file *file, const struct filerep *rep,
                    const struct range_set *set, struct slice *ret_type,
                    uint64_t *ret_length) MUST_USE;
