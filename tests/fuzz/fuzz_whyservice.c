/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* First bytes of any service: named, and shown as one printable line that fits. */
#include <stdlib.h>
#include <string.h>

#include "check/whyservice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[64];
    struct slice in = slice_of(data, size);
    whyservice_show(in, line, sizeof(line));
    if (strlen(line) >= sizeof(line) || !whyservice_name(in)[0])
        abort();
    for (const char *c = line; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            abort();
    return 0;
}
