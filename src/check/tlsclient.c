/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lists of suites as clients send them, in their order. */
#include "check/tlsclient.h"

static const uint16_t browser[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
                                   0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
static const uint16_t old[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0x009e, 0xc009, 0xc013, 0xc00a,
                               0xc014, 0x0033, 0x0039, 0x009c, 0x009d, 0x002f, 0x0035, 0x000a};

static const struct {
    const uint16_t *codes;
    size_t n;
    enum facts_version oldest, newest;
} kinds[] = {
    [TLSCLIENT_BROWSER] = {browser, ARRAY_LEN(browser), FACTS_TLS12, FACTS_TLS13},
    [TLSCLIENT_OLD] = {old, ARRAY_LEN(old), FACTS_TLS10, FACTS_TLS12},
};

static bool has(const uint16_t *codes, size_t n, uint16_t code)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static const struct suite *first_common(const uint16_t *order, size_t norder, const uint16_t *other,
                                        size_t nother)
{
    for (size_t i = 0; i < norder; i++)
        if (has(other, nother, order[i]))
            return suite_find(order[i]);
    return NULL;
}

const struct suite *tlsclient_suite(const struct facts_tls *t, enum tlsclient_kind kind)
{
    for (enum facts_version v = kinds[kind].newest; v >= kinds[kind].oldest; v--) {
        const struct facts_suites *s = &t->suites[v];
        if (t->version[v] != FACTS_YES)
            continue;
        return t->server_order[v] == FACTS_YES
                   ? first_common(s->codes, s->n, kinds[kind].codes, kinds[kind].n)
                   : first_common(kinds[kind].codes, kinds[kind].n, s->codes, s->n);
    }
    return NULL;
}
