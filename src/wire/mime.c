/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of media types and the search in it. */
#include "wire/mime.h"

#include <stddef.h>

#include "base/attr.h"

#define EXT_MAX_BYTES 16

static const struct mime rows[] = {
#define MIME(ext, type, compressible) \
    {ext, {(const uint8_t *)(type), sizeof(type) - 1}, compressible},
#include "wire/mime.def"
#undef MIME
};

static const struct mime unknown = {"", {(const uint8_t *)"application/octet-stream", 24}, false};

static struct slice extension(struct slice path)
{
    size_t i = path.n;
    while (i > 0 && path.p[i - 1] != '.' && path.p[i - 1] != '/')
        i--;
    return i > 0 && path.p[i - 1] == '.' ? slice_from(path, i) : SLICE_EMPTY;
}

const struct mime *mime_of(struct slice path)
{
    struct slice ext = extension(path);
    uint8_t lower[EXT_MAX_BYTES];
    if (ext.n > sizeof(lower))
        return &unknown;
    for (size_t i = 0; i < ext.n; i++)
        lower[i] = slice_lower(ext.p[i]);
    ext = slice_of(lower, ext.n);
    size_t from = 0, to = ARRAY_LEN(rows);
    while (from < to) {
        size_t mid = (from + to) / 2;
        int d = slice_cmp(ext, slice_cstr(rows[mid].ext));
        if (d == 0)
            return &rows[mid];
        if (d < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return &unknown;
}
