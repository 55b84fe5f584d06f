/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Field values that a checked server writes: HSTS, Set-Cookie, Content-Security-Policy. */
#include "base/err.h"
#include "fuzz.h"
#include "wire/csp.h"
#include "wire/hsts.h"
#include "wire/setcookie.h"

static void strict_transport(struct slice in)
{
    struct hsts h;
    if (hsts_parse(in, &h))
        return;
    FUZZ_CHECK(h.max_age_s >= 0 && in.n >= sizeof("max-age=0") - 1);
}

static void cookie(struct slice in)
{
    struct setcookie c;
    if (setcookie_parse(in, &c))
        return;
    FUZZ_CHECK(c.name.n + c.value.n > 0 && c.name.n + c.value.n <= SETCOOKIE_PAIR_MAX);
    const struct slice parts[] = {c.name, c.value, c.domain, c.path, c.expires, c.same_site_text};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        FUZZ_CHECK(fuzz_within(parts[i], in.p, in.n) && slice_find(parts[i], ';') == parts[i].n);
    FUZZ_CHECK(c.path.n == 0 || c.path.p[0] == '/');
    FUZZ_CHECK((c.same_site == SETCOOKIE_SITE_MISSING) <= (c.same_site_text.n == 0));
    /* What holds over http holds over https. */
    FUZZ_CHECK(setcookie_prefix_ok(&c, true) || !setcookie_prefix_ok(&c, false));
}

static void policy(struct slice in)
{
    struct csp alone = {0}, page = {0}, both = {0};
    csp_read(in, false, &alone);
    csp_read(in, true, &page);
    FUZZ_CHECK(page.policies <= alone.policies && alone.policies <= CSP_POLICIES_MAX);
    FUZZ_CHECK(!page.frame_ancestors && (alone.frame_ancestors || !alone.frame_any));
    /* One more policy never allows more. */
    csp_read(in, false, &both);
    csp_read(SLICE("default-src 'none'"), false, &both);
    FUZZ_CHECK(both.cut || (!both.inline_scripts && !both.broad_scripts && !both.eval &&
                            !both.inline_styles && !both.http_passive));
    FUZZ_CHECK(both.upgrade == alone.upgrade);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct slice in = slice_of(copy, size);
    strict_transport(in);
    cookie(in);
    policy(in);
    mem_free(copy);
    return 0;
}
