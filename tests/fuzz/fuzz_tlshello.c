/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* ClientHellos: a beginning of the input gives either "more" or what the whole gives; slices lie in
 * the input or in the scratch buffer; lists can be walked to their end. */
#include "wire/tlshello.h"

#include "base/err.h"
#include "fuzz.h"

static uint8_t scratch[TLSHELLO_MAX_BYTES + 4];

static int within(struct slice s, struct slice in)
{
    return fuzz_within(s, in.p, in.n) || fuzz_within(s, scratch, sizeof(scratch));
}

static void check(const struct tlshello *h, struct slice in)
{
    const struct slice parts[] = {h->sni,     h->random,     h->session_id, h->ciphers,
                                  h->alpn,    h->versions,   h->groups,     h->sigalgs,
                                  h->message, h->extensions, h->key_shares, h->points};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        FUZZ_CHECK(within(parts[i], in));
    FUZZ_CHECK(h->has_sni == (h->sni.n > 0) && h->random.n == 32 && h->session_id.n <= 32);
    FUZZ_CHECK(slice_find(h->sni, 0) == h->sni.n);
    struct slice rest = h->alpn, s;
    uint16_t tag;
    while (tlshello_alpn_next(&rest, &s))
        FUZZ_CHECK(s.n > 0);
    FUZZ_CHECK(rest.n == 0);
    rest = h->extensions;
    while (tlshello_ext_next(&rest, &tag, &s))
        continue;
    FUZZ_CHECK(rest.n == 0);
    rest = h->key_shares;
    while (tlshello_share_next(&rest, &tag, &s))
        continue;
    FUZZ_CHECK(rest.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tlshello h = {.other = TLSHELLO_OTHER}, part = h;
    struct slice in = slice_of(data, size);
    int r = tlshello_read(in, scratch, &h);
    if (r == OK)
        check(&h, in);
    FUZZ_CHECK(r == OK || r == ERR_AGAIN || r == ERR_NOT_TLS || r == ERR_SYNTAX || r == ERR_CAP);
    FUZZ_CHECK(r != ERR_AGAIN || size < TLSHELLO_INPUT_BYTES);
    for (size_t n = 0; n < size; n += 1 + size / 16) {
        uint8_t *copy = fuzz_copy(data, n);
        int got = tlshello_read(slice_of(copy, n), scratch, &part);
        FUZZ_CHECK(got == ERR_AGAIN || (got == r && part.other == h.other));
        mem_free(copy);
    }
    if (tlshello_parse(in, &part) == OK)
        check(&part, in);
    return 0;
}
