/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Packed form: has_current, has_previous, then both keys as they lie in memory. */
#include "crypt/ticketring.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypt/digest.h"

_Static_assert(sizeof(struct ticketring_key) == 80, "the packed form has no padding");

int ticketring_generate(struct ticketring *t)
{
    struct ticketring_key fresh;
    int r = digest_random(&fresh, sizeof(fresh));
    if (r)
        return r;
    ticketring_wipe(t);
    t->current = fresh;
    t->has_current = true;
    mem_wipe(&fresh, sizeof(fresh));
    return OK;
}

int ticketring_rotate(struct ticketring *t)
{
    struct ticketring_key fresh;
    int r = digest_random(&fresh, sizeof(fresh));
    if (r)
        return r;
    t->previous = t->current;
    t->has_previous = t->has_current;
    t->current = fresh;
    t->has_current = true;
    mem_wipe(&fresh, sizeof(fresh));
    return OK;
}

int ticketring_pack(const struct ticketring *t, struct secret *ret)
{
    struct secret s;
    int r = secret_alloc(&s, TICKETRING_BYTES);
    if (r)
        return r;
    s.p[0] = t->has_current;
    s.p[1] = t->has_previous;
    memcpy(s.p + 2, &t->current, sizeof(t->current));
    memcpy(s.p + 2 + sizeof(t->current), &t->previous, sizeof(t->previous));
    secret_done(ret);
    *ret = s;
    return OK;
}

int ticketring_unpack(struct ticketring *t, struct slice bytes)
{
    if (bytes.n != TICKETRING_BYTES || bytes.p[0] > 1 || bytes.p[1] > 1)
        return ERR_SYNTAX;
    t->has_current = bytes.p[0];
    t->has_previous = bytes.p[1];
    memcpy(&t->current, bytes.p + 2, sizeof(t->current));
    memcpy(&t->previous, bytes.p + 2 + sizeof(t->current), sizeof(t->previous));
    return OK;
}

void ticketring_wipe(struct ticketring *t)
{
    mem_wipe(t, sizeof(*t));
}
