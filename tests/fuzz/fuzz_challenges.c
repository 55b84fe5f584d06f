/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of challenge answers and a certificate of the keeper, as a worker gets them. The first
 * byte of the input says which. */
#include "serve/challenges.h"

#include "base/err.h"
#include "fuzz.h"
#include "serve/kept.h"

static void table(struct slice packed)
{
    struct challenges *c = challenges_new();
    struct slice content;
    if (!c)
        return;
    if (!challenges_replace(c, packed)) {
        FUZZ_CHECK(challenges_count(c) <= CHALLENGES_MAX);
        FUZZ_CHECK(challenges_count(c) > 0 || packed.n == 0);
        if (challenges_http(c, SLICE("token"), &content))
            FUZZ_CHECK(content.n > 0 && content.n <= CHALLENGES_CONTENT_MAX);
    } else {
        FUZZ_CHECK(challenges_count(c) == 0);
    }
    challenges_free(c);
}

static void pair(struct slice payload)
{
    struct slice name;
    struct kept_pair p;
    if (kept_unpack(payload, &name, &p))
        return;
    FUZZ_CHECK(name.n > 0 && fuzz_within(name, payload.p, payload.n));
    FUZZ_CHECK(fuzz_within(p.source, payload.p, payload.n));
    FUZZ_CHECK(fuzz_within(p.chain, payload.p, payload.n));
    FUZZ_CHECK(fuzz_within(p.key, payload.p, payload.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    if (size == 0)
        return 0;
    if (data[0] % 2)
        pair(slice_from(in, 1));
    else
        table(slice_from(in, 1));
    return 0;
}
