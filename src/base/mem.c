/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The general allocator behind one door: counting, failure injection, overflow checks. Knows
 * nothing of arenas and pools, which stand on top of it. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static uint64_t allocations;
static uint64_t fail_in;
static int fired;

static int injected_failure(void)
{
    allocations++;
    if (LIKELY(fail_in == 0) || --fail_in > 0)
        return 0;
    fired = 1;
    return 1;
}

void *mem_alloc(size_t n)
{
    return injected_failure() ? NULL : calloc(1, n ? n : 1);
}

void *mem_array(size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    return mem_alloc(n);
}

void *mem_resize(void *p, size_t n)
{
    return injected_failure() ? NULL : realloc(p, n ? n : 1);
}

char *mem_dup(const void *p, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = mem_alloc(n + 1);
    if (copy && n)
        memcpy(copy, p, n);
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text));
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe(void *p, size_t n)
{
    if (n)
        explicit_bzero(p, n);
}

uint64_t mem_count(void)
{
    return allocations;
}

void mem_fail_at(uint64_t k)
{
    fail_in = k;
    fired = 0;
}

int mem_fault_fired(void)
{
    return fired;
}
