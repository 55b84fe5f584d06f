/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Replies to signed DNS updates. Whatever the bytes, the key that nobody else has signed none of
 * them. */
#include "base/err.h"
#include "crypt/tsig.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[] = "a secret that no input can know of";
    struct secret secret = {bytes, sizeof(bytes)};
    struct tsig_key key = {SLICE("update.key"), TSIG_SHA256, &secret};
    struct tsig_mac request = {.n = 32};
    struct tsig_reply reply;
    int r = tsig_verify(slice_of(data, size), &key, &request, 1800000000, &reply);
    FUZZ_CHECK(r == ERR_VERIFY || r == ERR_SYNTAX);
    FUZZ_CHECK(reply.present || r == ERR_SYNTAX || reply.error == 0);
    return 0;
}
