/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Anonymous shared mappings. */
#include "os/shm.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/err.h"

int shm_new(size_t bytes, void **ret, struct fault *f)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return fault_errno(f, ERR_NOMEM, errno, "cannot map %zu bytes of shared memory", bytes);
    *ret = p;
    return OK;
}

void shm_free(void *p, size_t bytes)
{
    if (p)
        munmap(p, bytes);
}
