/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What servers say before TLS. The first byte chooses the protocol; the rest arrives in two pieces,
 * and must lead to the same end as in one. */
#include "check/starttls.h"

#include "base/err.h"
#include "fuzz.h"

#define STEPS_MAX 64

/* The end of a conversation in which `in` has arrived up to n1, then whole. */
static int talk(const char *protocol, struct slice in, size_t n1, size_t *ret_used)
{
    struct starttls s = {protocol, SLICE("a.example"), 0};
    size_t have = 0;
    int r = ERR_AGAIN;
    *ret_used = 0;
    for (unsigned i = 0; i < STEPS_MAX && r == ERR_AGAIN; i++) {
        struct buf out;
        size_t used, before = *ret_used;
        buf_init(&out, STARTTLS_ANSWER_MAX);
        uint8_t *copy = fuzz_copy(in.p + before, have - before);
        r = starttls_go(&s, slice_of(copy, have - before), &used, &out);
        mem_free(copy);
        FUZZ_CHECK(r == OK || r == ERR_AGAIN || r == ERR_SYNTAX || r == ERR_CAP);
        FUZZ_CHECK(used <= have - before && out.n < 1024);
        *ret_used += used;
        if (r == ERR_AGAIN && used == 0 && out.n == 0 && have == in.n) {
            buf_done(&out);
            return r;
        }
        buf_done(&out);
        have = have < n1 ? n1 : in.n;
    }
    FUZZ_CHECK(r != ERR_AGAIN);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t words = 0, used;
    while (starttls_words[words])
        words++;
    if (size == 0 || size > 4 * STARTTLS_ANSWER_MAX)
        return 0;
    size_t which = data[0] % (words + 1);
    const char *protocol = which == words ? "connect" : starttls_words[which];
    struct slice in = slice_of(data + 1, size - 1);
    (void)talk(protocol, in, in.n, &used);
    for (size_t n = 0; n < in.n; n += 1 + in.n / 8)
        (void)talk(protocol, in, n, &used);
    return 0;
}
