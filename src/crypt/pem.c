/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A block is "-----BEGIN label-----", anything, "-----END label-----". */
#include "crypt/pem.h"

#include <string.h>

#include "base/err.h"

/* Index behind `needle`, or 0 when it is not there. */
static size_t behind(struct slice s, struct slice needle)
{
    const uint8_t *hit = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return hit ? (size_t)(hit - s.p) + needle.n : 0;
}

int pem_next(struct slice *rest, struct pem *ret)
{
    struct slice begin = SLICE("-----BEGIN "), end = SLICE("-----END "), dashes = SLICE("-----");
    size_t at = behind(*rest, begin);
    if (!at)
        return ERR_EOF;
    struct slice from = slice_from(*rest, at - begin.n);
    struct slice after = slice_from(*rest, at);
    size_t label_end = behind(after, dashes);
    if (!label_end)
        return ERR_SYNTAX;
    struct slice label = slice_first(after, label_end - dashes.n);
    if (slice_find(label, '\n') < label.n)
        return ERR_SYNTAX;
    struct slice body = slice_from(after, label_end);
    for (size_t used = 0;;) {
        size_t tail = behind(slice_from(body, used), end);
        if (!tail)
            return ERR_SYNTAX;
        used += tail;
        struct slice closing = slice_from(body, used);
        if (slice_starts(closing, label) && slice_starts(slice_from(closing, label.n), dashes)) {
            const uint8_t *stop = closing.p + label.n + dashes.n;
            ret->label = label;
            ret->block = slice_of(from.p, (size_t)(stop - from.p));
            *rest = slice_from(*rest, (size_t)(stop - rest->p));
            return OK;
        }
    }
}
