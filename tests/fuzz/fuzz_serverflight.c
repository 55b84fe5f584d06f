/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* First flights of servers: a beginning of the input gives either "more" or what the whole gives;
 * slices lie in the input or in the scratch buffer; lists can be walked to their end. */
#include "wire/serverflight.h"

#include "base/err.h"
#include "fuzz.h"

static uint8_t scratch[SERVERFLIGHT_MAX_BYTES];

static void check(const struct serverflight *f, struct slice in)
{
    const struct slice parts[] = {f->random,      f->session_id,
                                  f->extensions,  f->cookie,
                                  f->alpn,        f->dh_p,
                                  f->dh_g,        f->dh_public,
                                  f->ec_point,    f->certificates,
                                  f->other,       f->status_response,
                                  f->sslv2_kinds, f->sslv2_certificate};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        FUZZ_CHECK(fuzz_within(parts[i], in.p, in.n) ||
                   fuzz_within(parts[i], scratch, sizeof(scratch)));
    FUZZ_CHECK(f->other.n <= 256 && f->sslv2_kinds.n % 3 == 0);
    FUZZ_CHECK(f->kind == SERVERFLIGHT_NOT_TLS || f->other.n == 0);
    struct slice rest = f->certificates, der;
    while (serverflight_certificate_next(&rest, &der))
        FUZZ_CHECK(der.n > 0);
    for (unsigned type = 0; type < 64; type++)
        if (serverflight_extension(f, (uint16_t)type, &der))
            FUZZ_CHECK(fuzz_within(der, f->extensions.p, f->extensions.n));
}

static void read_as(const uint8_t *data, size_t size, bool whole)
{
    struct serverflight f, part;
    struct slice in = slice_of(data, size);
    int r = serverflight_read(in, whole, scratch, &f);
    FUZZ_CHECK(r == OK || r == ERR_AGAIN || r == ERR_SYNTAX || r == ERR_CAP);
    check(&f, in);
    for (size_t n = 0; n < size; n += 1 + size / 16) {
        uint8_t *copy = fuzz_copy(data, n);
        int got = serverflight_read(slice_of(copy, n), whole, scratch, &part);
        FUZZ_CHECK(got == ERR_AGAIN || (got == r && part.kind == f.kind && part.suite == f.suite));
        mem_free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(data, size, true);
    read_as(data, size, false);
    return 0;
}
