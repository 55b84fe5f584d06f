/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The check of foreign JSON: any bytes are judged, and an object that was found whole is no longer
 * whole without its last bracket, or with one more. */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    if (!json_valid(text) || size == 0 || data[size - 1] != '}')
        return 0;
    if (json_valid(slice_first(text, size - 1)))
        abort();
    char *more = mem_alloc(size + 1);
    if (!more)
        return 0;
    memcpy(more, data, size);
    more[size] = '}';
    if (json_valid(slice_of(more, size + 1)))
        abort();
    mem_free(more);
    return 0;
}
