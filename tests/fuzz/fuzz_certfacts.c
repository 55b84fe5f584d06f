/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a server may show: its certificates are read to the last extension and verified, with itself
 * as what is trusted, and the same bytes as a list of revoked certificates. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypt/certfacts.h"
#include "crypt/chainverify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_all(const struct certinfo_chain *chain)
{
    struct arena a;
    arena_init(&a, 1024 * 1024);
    for (size_t i = 0; i < certinfo_count(chain); i++) {
        struct certfacts cf;
        if (certfacts_read(chain, i, &a, &cf))
            break;
        if (cf.ncrl_urls > CERTFACTS_URLS_MAX || cf.version == 0)
            abort();
        (void)certfacts_issued(chain, 0, chain, i);
    }
    arena_done(&a);
}

static void verify(const struct certinfo_chain *chain, struct slice bytes)
{
    struct chainverify *v;
    struct chainverify_result res;
    struct chainverify_options o = {
        .sent = chain, .host = SLICE("site.example.test"), .now_s = 1781524800, .crl = bytes};
    if (chainverify_new(bytes, &v, NULL))
        return;
    chainverify_add_local(v, bytes);
    (void)chainverify_knows_issuer(v, chain, 0);
    if (chainverify_run(v, &o, &res) == OK) {
        if ((res.trusted && !res.anchored) || res.public_root)
            abort();
        certinfo_unref(res.path);
    }
    chainverify_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct certinfo_chain *chain;
    struct slice bytes = slice_of(data, n);
    if (certinfo_parse(bytes, &chain, NULL))
        return 0;
    read_all(chain);
    verify(chain, bytes);
    certinfo_unref(chain);
    return 0;
}
