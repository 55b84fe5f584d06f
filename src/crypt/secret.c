/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Blocks from base/mem, wiped before they go back. */
#include "crypt/secret.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

int secret_alloc(struct secret *s, size_t n)
{
    uint8_t *p = mem_alloc(n);
    if (!p)
        return ERR_NOMEM;
    *s = (struct secret){p, n};
    return OK;
}

int secret_set(struct secret *s, struct slice bytes)
{
    struct secret fresh;
    int r = secret_alloc(&fresh, bytes.n);
    if (r)
        return r;
    if (bytes.n)
        memcpy(fresh.p, bytes.p, bytes.n);
    secret_done(s);
    *s = fresh;
    return OK;
}

void secret_done(struct secret *s)
{
    if (s->p)
        mem_wipe(s->p, s->n);
    mem_free(s->p);
    *s = SECRET_EMPTY;
}

struct slice secret_expose(const struct secret *s)
{
    return slice_of(s->p, s->n);
}
