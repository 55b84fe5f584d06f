/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Static files (RFC 9110 conditional requests, ranges, precompressed siblings) from beneath one
 * root handle. */
#pragma once

#include "serve/serving.h"

/* Answers x from the route's root: called by exchange.c as the route's action. */
void files_serve(struct exchange *x);

/* The worker's cache of small hot files with prebuilt heads, and of open descriptors of larger
 * ones; bounded in bytes and entries, revalidated by stat at most once a second per file. */
int files_cache_new(struct loop *l, size_t max_bytes, struct filecache **ret) MUST_USE;
/* Accepts NULL. Exchanges that still read cached bytes hold their entries. */
void files_cache_free(struct filecache *fc);
/* Forgets everything (reload: roots and header steps may have changed). */
void files_cache_clear(struct filecache *fc);
