/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of known field names and the search in it: rows of one length, compared eight bytes at
 * a time. Refuses to know what values mean. */
#include "wire/token.h"

#include <stdint.h>

#include "base/attr.h"

static const struct slice names[HDR_COUNT] = {
#define TOKEN(id, name, title, flags) [HDR_##id] = {(const uint8_t *)(name), sizeof(name) - 1},
#include "wire/token.def"
#undef TOKEN
};

static const struct slice titles[HDR_COUNT] = {
#define TOKEN(id, name, title, flags) [HDR_##id] = {(const uint8_t *)(title), sizeof(title) - 1},
#include "wire/token.def"
#undef TOKEN
};

static const uint8_t flag_bits[HDR_COUNT] = {
#define TOKEN(id, name, title, flags) [HDR_##id] = (flags),
#include "wire/token.def"
#undef TOKEN
};

/* The first row of each length; the unit test finds every row through it. */
static const uint8_t first_of_length[] = {
    [2] = HDR_TE,
    [3] = HDR_AGE,
    [4] = HDR_DATE,
    [5] = HDR_ALLOW,
    [6] = HDR_ACCEPT,
    [7] = HDR_ALT_SVC,
    [8] = HDR_ALT_USED,
    [9] = HDR_FORWARDED,
    [10] = HDR_CONNECTION,
    [11] = HDR_RETRY_AFTER,
    [12] = HDR_CONTENT_TYPE,
    [13] = HDR_ACCEPT_RANGES,
    [14] = HDR_HTTP2_SETTINGS,
    [15] = HDR_ACCEPT_ENCODING,
    [16] = HDR_CONTENT_ENCODING,
    [17] = HDR_X_FORWARDED_PROTO,
    [18] = HDR_X_FORWARDED_PREFIX,
    [19] = HDR_AUTHENTICATION_INFO,
    [20] = HDR_SEC_WEBSOCKET_ACCEPT,
    [21] = HDR_SEC_WEBSOCKET_VERSION,
    [22] = HDR_SEC_WEBSOCKET_PROTOCOL,
    [23] = HDR_CONTENT_SECURITY_POLICY,
    [24] = HDR_SEC_WEBSOCKET_EXTENSIONS,
    [25] = HDR_OCP_APIM_SUBSCRIPTION_KEY,
    [27] = HDR_ACCESS_CONTROL_ALLOW_ORIGIN,
};

/* Differences that are only the case of a letter: bit 0x20 where the lower-case name has a letter
 * (bit 0x40 set; names hold letters, digits and "-" only). Exact: "-" does not match CR. */
static bool differs(uint64_t seen, uint64_t name)
{
    return ((seen ^ name) & ~((name & 0x4040404040404040u) >> 1)) != 0;
}

static bool same(const uint8_t *seen, const uint8_t *name, size_t n)
{
    uint64_t a, b;
    if (n < 8) {
        a = b = 0;
        for (size_t i = 0; i < n; i++) {
            a = a << 8 | seen[i];
            b = b << 8 | name[i];
        }
        return !differs(a, b);
    }
    for (size_t i = 0; i + 8 < n; i += 8) {
        memcpy(&a, seen + i, 8);
        memcpy(&b, name + i, 8);
        if (differs(a, b))
            return false;
    }
    memcpy(&a, seen + n - 8, 8);
    memcpy(&b, name + n - 8, 8);
    return !differs(a, b);
}

enum hdr token_of(struct slice name)
{
    if (name.n >= sizeof(first_of_length) || first_of_length[name.n] == HDR_OTHER)
        return HDR_OTHER;
    uint8_t last = name.p[name.n - 1] | 0x20;
    for (unsigned i = first_of_length[name.n]; i < HDR_COUNT && names[i].n == name.n; i++)
        if (names[i].p[name.n - 1] == last && same(name.p, names[i].p, name.n))
            return (enum hdr)i;
    return HDR_OTHER;
}

struct slice token_name(enum hdr token)
{
    return names[token];
}

struct slice token_title(enum hdr token)
{
    return titles[token];
}

unsigned token_flags(enum hdr token)
{
    return flag_bits[token];
}
