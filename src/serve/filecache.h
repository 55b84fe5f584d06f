/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Small hot files in memory with prebuilt response heads. */
#pragma once

#include "os/loop.h"

struct filecache;

/* The worker's cache of small hot files with prebuilt heads, and of open descriptors of larger
 * ones; bounded in bytes and entries, revalidated by stat at most once a second per file. */
int filecache_new(struct loop *l, size_t max_bytes, struct filecache **ret) MUST_USE;
/* Accepts NULL. Exchanges that still read cached bytes hold their entries. */
void filecache_free(struct filecache *fc);
/* Forgets everything (reload: roots and header steps may have changed). */
void filecache_clear(struct filecache *fc);
