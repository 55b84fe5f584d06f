/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of request methods and what RFC 9110 section 9 says of each. */
#include "wire/method.h"

#include "base/attr.h"

enum { SAFE = 1, IDEMPOTENT = 2 };

static const struct row {
    struct slice name;
    unsigned flags;
} rows[METHOD_COUNT] = {
    [METHOD_OTHER] = {{(const uint8_t *)"", 0}, 0},
    [METHOD_GET] = {{(const uint8_t *)"GET", 3}, SAFE | IDEMPOTENT},
    [METHOD_HEAD] = {{(const uint8_t *)"HEAD", 4}, SAFE | IDEMPOTENT},
    [METHOD_POST] = {{(const uint8_t *)"POST", 4}, 0},
    [METHOD_PUT] = {{(const uint8_t *)"PUT", 3}, IDEMPOTENT},
    [METHOD_DELETE] = {{(const uint8_t *)"DELETE", 6}, IDEMPOTENT},
    [METHOD_OPTIONS] = {{(const uint8_t *)"OPTIONS", 7}, SAFE | IDEMPOTENT},
    [METHOD_PATCH] = {{(const uint8_t *)"PATCH", 5}, 0},
    [METHOD_TRACE] = {{(const uint8_t *)"TRACE", 5}, SAFE | IDEMPOTENT},
    [METHOD_CONNECT] = {{(const uint8_t *)"CONNECT", 7}, 0},
};

enum http_method method_of(struct slice text)
{
    for (unsigned i = METHOD_GET; i < METHOD_COUNT; i++)
        if (slice_eq(text, rows[i].name))
            return (enum http_method)i;
    return METHOD_OTHER;
}

struct slice method_name(enum http_method method)
{
    return rows[method].name;
}

bool method_is_safe(enum http_method method)
{
    return (rows[method].flags & SAFE) != 0;
}

bool method_is_idempotent(enum http_method method)
{
    return (rows[method].flags & IDEMPOTENT) != 0;
}
