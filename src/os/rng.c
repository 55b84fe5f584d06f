/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* getrandom(2), whole or not at all. */
#include "os/rng.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "base/err.h"
#include "os/sysfault.h"

int rng_bytes(void *dst, size_t n)
{
    uint8_t *p = dst;
    while (n) {
        size_t ask = n;
        ssize_t got = sysfault_hit(&ask) ? -1 : getrandom(p, ask, 0);
        if (got < 0 && errno != EINTR)
            return ERR_SYS;
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
    return OK;
}
