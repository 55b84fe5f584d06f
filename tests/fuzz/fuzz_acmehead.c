/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Header lines of a CA: what is kept is fit for a signed message and for a schedule. */
#include <stdlib.h>

#include "cert/acmehead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), line;
    struct acmehead h;
    int r = 0;
    acmehead_init(&h);
    while (!r && rest.n) {
        size_t n = slice_find(rest, '\n');
        line = slice_first(rest, n);
        rest = slice_from(rest, n + 1);
        r = acmehead_line(&h, line);
    }
    acmehead_end(&h, 1795442400);
    must(h.retry_after_s >= -1 && h.retry_after_s <= 366 * 86400);
    must(!h.location.n || acmehead_url_ok(h.location));
    must(h.nalternates <= ACMEHEAD_LINKS_MAX && h.status <= 999);
    for (size_t i = 0; i < h.nalternates; i++)
        must(acmehead_url_ok(h.alternates[i]));
    for (size_t i = 0; i < h.nonce.n; i++)
        must(h.nonce.p[i] != '"' && h.nonce.p[i] != '\\' && h.nonce.p[i] > ' ');
    acmehead_done(&h);
    return 0;
}
