/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Accept-Encoding: elements with an optional weight, "*" for the codings not named. */
#include "wire/coding.h"

#include <stdbool.h>

#include "base/attr.h"

static const struct slice names[CODING_COUNT] = {
    [CODING_BR] = {(const uint8_t *)"br", 2},
    [CODING_ZSTD] = {(const uint8_t *)"zstd", 4},
    [CODING_GZIP] = {(const uint8_t *)"gzip", 4},
    [CODING_IDENTITY] = {(const uint8_t *)"identity", 8},
};

struct slice coding_name(enum coding coding)
{
    return names[coding];
}

/* qvalue (RFC 9110 12.4.2) in thousandths; false when malformed. */
static bool parse_q(struct slice s, uint16_t *ret)
{
    if (!s.n || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return false;
    unsigned q = s.p[0] == '1' ? 1000 : 0, scale = 100;
    for (size_t i = 2; i < s.n; i++, scale /= 10) {
        unsigned digit = (unsigned)s.p[i] - '0';
        if (digit > 9)
            return false;
        q += digit * scale;
    }
    if (q > 1000)
        return false;
    *ret = (uint16_t)q;
    return true;
}

/* "coding[;q=w]"; false when malformed. */
static bool parse_element(struct slice item, struct slice *ret_name, uint16_t *ret_q)
{
    size_t semi = slice_find(item, ';');
    struct slice rest = slice_from(item, semi), name, value;
    uint16_t q = 1000;
    *ret_name = slice_trim(slice_first(item, semi));
    if (!field_name_ok(*ret_name))
        return false;
    if (rest.n && (!field_param_next(&rest, &name, &value) || !slice_eq_nocase(name, SLICE("q")) ||
                   !parse_q(value, &q) || rest.n))
        return false;
    *ret_q = q;
    return true;
}

struct seen {
    bool named[CODING_COUNT], star;
    uint16_t star_q;
};

static void note(struct slice name, uint16_t q, struct seen *seen, struct coding_wish *w)
{
    if (slice_eq(name, SLICE("*"))) {
        seen->star = true;
        seen->star_q = q;
        return;
    }
    /* RFC 9110 8.4.1.3: x-gzip means gzip. */
    if (slice_eq_nocase(name, SLICE("x-gzip")))
        name = names[CODING_GZIP];
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if (!slice_eq_nocase(name, names[i]))
            continue;
        seen->named[i] = true;
        w->q[i] = q;
    }
}

void coding_read(const struct field *fields, size_t count, struct coding_wish *ret)
{
    struct coding_wish a = {.q = {[CODING_IDENTITY] = 1}};
    struct seen seen = {.star = false};
    for (size_t i = 0; i < count; i++) {
        if (fields[i].token != HDR_ACCEPT_ENCODING)
            continue;
        struct slice rest = fields[i].value, item, name;
        uint16_t q;
        while (field_list_next(&rest, &item))
            if (parse_element(item, &name, &q))
                note(name, q, &seen, &a);
    }
    /* Identity not named stays acceptable, as the last choice, unless "*;q=0" refuses it. */
    for (unsigned i = 0; i < CODING_COUNT; i++)
        if (!seen.named[i] && seen.star && (i != CODING_IDENTITY || seen.star_q == 0))
            a.q[i] = seen.star_q;
    *ret = a;
}

enum coding coding_best(const struct coding_wish *w, unsigned available)
{
    enum coding best = CODING_IDENTITY;
    for (unsigned i = CODING_COUNT; i-- > 0;)
        if (available >> i & 1 && w->q[i] && w->q[i] >= w->q[best])
            best = (enum coding)i;
    return best;
}
