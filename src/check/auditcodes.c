/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Short lists of 16-bit codes. */
#include "check/auditcodes.h"

#include <string.h>

static bool has(const uint16_t *list, size_t n, uint16_t code)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == code)
            return true;
    return false;
}

bool auditcodes_add(struct audit *a, const uint16_t **list, size_t *n, uint16_t code)
{
    if (has(*list, *n, code))
        return true;
    uint16_t *grown = arena_alloc(&a->f->arena, (*n + 1) * sizeof(*grown));
    if (!grown)
        return false;
    if (*n)
        memcpy(grown, *list, *n * sizeof(*grown));
    grown[(*n)++] = code;
    *list = grown;
    return true;
}

bool auditcodes_note(struct auditstate_walk *w, uint16_t code)
{
    if (has(w->found, w->nfound, code) || w->nfound == ARRAY_LEN(w->found))
        return false;
    w->found[w->nfound++] = code;
    return true;
}

size_t auditcodes_without(const uint16_t *from, size_t n, const struct auditstate_walk *w,
                          uint16_t *ret)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (!has(w->found, w->nfound, from[i]))
            ret[left++] = from[i];
    return left;
}
