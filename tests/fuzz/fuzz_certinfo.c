/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificate and key texts from files and peers: any bytes are refused or read without harm, and
 * what is read can be written and read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypt/certinfo.h"
#include "crypt/keystore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(const struct certinfo_chain *chain)
{
    struct certinfo_chain *again;
    struct buf pem;
    buf_init(&pem, 1024 * 1024);
    if (certinfo_pem(chain, &pem) == OK && pem.n <= CERTINFO_BYTES_MAX) {
        if (certinfo_parse(buf_slice(&pem), &again, NULL) ||
            certinfo_count(again) != certinfo_count(chain))
            abort();
        certinfo_unref(again);
    }
    buf_done(&pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct certinfo_chain *chain;
    struct key *key;
    struct fault f = {0};
    if (certinfo_parse(slice_of(data, n), &chain, &f) == OK) {
        certinfo_covers(certinfo_at(chain, 0), SLICE("www.example.test"));
        if (certinfo_check(chain, &f) == OK)
            round_trip(chain);
        certinfo_unref(chain);
    }
    if (keystore_load(slice_of(data, n), &key, &f) == OK)
        keystore_unref(key);
    return 0;
}
