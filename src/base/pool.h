/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* LIFO size-class allocator: a freed block is the next one handed out, so it is still in the cache.
 * Given to OpenSSL and nghttp2 and used for I/O buffers: at steady state no request reaches the
 * general allocator. One free list per thread and class; blocks go back to the list of the thread
 * that frees them. Sizes above POOL_MAX go straight to mem. Never returns memory to the system: a
 * worker's high-water mark is bounded by its connection cap. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define POOL_MAX 81920 /* above a gathered send of four 16 KB TLS records (66 KB) */

/* Uninitialised block of at least n bytes, 16-byte aligned, or NULL. */
void *pool_alloc(size_t n) MUST_USE;
/* As realloc: contents kept, NULL leaves p valid; pool_resize(NULL, n) allocates. */
void *pool_resize(void *p, size_t n) MUST_USE;
/* Accepts NULL. */
void pool_free(void *p);
/* Usable bytes of a block from pool_alloc. */
size_t pool_size(const void *p);
/* Bytes that are handed out now and bytes held from the system (tests, status). */
uint64_t pool_used_bytes(void);
uint64_t pool_held_bytes(void);
