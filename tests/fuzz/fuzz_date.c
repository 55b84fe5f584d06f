/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Dates of headers and certificates: any bytes are refused or parsed, and what HTTP's parser takes
 * comes back the same after it was written in the preferred form. */
#include <stdlib.h>

#include "base/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t now_s = 1790000000; /* two-digit years are read near this day */
    int64_t first, again;
    if (!date_parse_asn1(slice_of(data, size), &first) && size != 13 && size != 15)
        abort();
    if (!date_parse_rfc3339(slice_of(data, size), &first) && size < 20)
        abort();
    if (date_parse_http(slice_of(data, size), now_s, &first))
        return 0;
    char text[DATE_HTTP_BYTES];
    date_format_http(first, text);
    if (date_parse_http(slice_of(text, sizeof(text)), now_s, &again) || again != first)
        abort();
    return 0;
}
