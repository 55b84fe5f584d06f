/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The only door to the general allocator. Everything that may fail returns NULL; the caller sheds
 * one exchange or refuses one configuration, never the server. Hosts failure injection for the
 * fault tests and the counter behind the allocation budgets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Zeroed block of n bytes owned by the caller, or NULL. n == 0 gives a block. */
void *mem_alloc(size_t n) MUST_USE;
/* Zeroed array; NULL also when count * size overflows. */
void *mem_array(size_t count, size_t size) MUST_USE;
/* Grows or shrinks; p stays valid and owned when NULL is returned. New bytes are not zeroed. */
void *mem_resize(void *p, size_t n) MUST_USE;
/* NUL-ended copy of text, or NULL. */
char *mem_strdup(const char *text) MUST_USE;
/* Copy of n bytes with a NUL behind it, or NULL. */
char *mem_dup(const void *p, size_t n) MUST_USE;
/* Accepts NULL. */
void mem_free(void *p);
/* Overwrites secrets in a way that the compiler may not drop. */
void mem_wipe(void *p, size_t n);

/* Calls of the general allocator so far in this process (budgets, fault sweeps). */
uint64_t mem_count(void);
/* Test hook: the k-th allocation from now fails (k >= 1), later ones succeed; 0 turns it off. */
void mem_fail_at(uint64_t k);
/* True when a failure that was armed has fired. */
int mem_fault_fired(void);
