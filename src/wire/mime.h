/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Media types by file name extension (IANA registry, and what browsers expect). */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct mime {
    const char *ext; /* lower case, without dot */
    struct slice type;
    bool compressible; /* text-like: worth a coding */
};

/* Row for the last segment of a path, by what follows its last dot, ASCII case ignored; never NULL
 * (application/octet-stream for unknown ones). Constant. */
const struct mime *mime_of(struct slice path);
