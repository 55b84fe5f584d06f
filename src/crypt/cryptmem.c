/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The three functions that the library asks for, on top of base/pool. */
#include "crypt/cryptmem.h"

#include <openssl/crypto.h>

#include "base/err.h"
#include "base/pool.h"

/* The library's contract: no block for n == 0, and resizing to 0 frees. */
static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return n ? pool_alloc(n) : NULL;
}

static void give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    pool_free(p);
}

static void *resize(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n)
        return pool_resize(p, n);
    pool_free(p);
    return NULL;
}

int cryptmem_install(void)
{
    return CRYPTO_set_mem_functions(take, resize, give) == 1 ? OK : ERR_BUG;
}
