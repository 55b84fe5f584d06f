/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A stack with a bottom that falls out. */
#include "cert/noncepool.h"

#include <string.h>

void noncepool_put(struct noncepool *p, struct slice nonce, uint64_t now_ms)
{
    if (!nonce.n || nonce.n > NONCEPOOL_BYTES)
        return;
    if (p->count == NONCEPOOL_MAX)
        memmove(&p->nonces[0], &p->nonces[1], --p->count * sizeof(p->nonces[0]));
    p->nonces[p->count].at_ms = now_ms;
    p->nonces[p->count].n = nonce.n;
    memcpy(p->nonces[p->count++].bytes, nonce.p, nonce.n);
}

size_t noncepool_take(struct noncepool *p, uint64_t now_ms, char *dst)
{
    if (!p->count)
        return 0;
    p->count--;
    if (now_ms - p->nonces[p->count].at_ms > NONCEPOOL_AGE_MS) {
        p->count = 0; /* all others are older still */
        return 0;
    }
    memcpy(dst, p->nonces[p->count].bytes, p->nonces[p->count].n);
    return p->nonces[p->count].n;
}

void noncepool_clear(struct noncepool *p)
{
    p->count = 0;
}
