/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Strict numbers. Everything that turns text into an integer goes through here. */
#include "base/num.h"

#include "base/err.h"

int num_parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.n == 0)
        return ERR_SYNTAX;
    bool overflow = false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t digit = (uint8_t)(s.p[i] - '0');
        if (digit > 9)
            return ERR_SYNTAX;
        overflow |= __builtin_mul_overflow(value, 10u, &value);
        overflow |= __builtin_add_overflow(value, digit, &value);
    }
    if (overflow || value < min || value > max)
        return ERR_RANGE;
    *ret = value;
    return OK;
}

static int hex_digit(uint8_t ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch = slice_lower(ch);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

int num_parse_hex(struct slice s, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.n == 0)
        return ERR_SYNTAX;
    bool overflow = false;
    for (size_t i = 0; i < s.n; i++) {
        int digit = hex_digit(s.p[i]);
        if (digit < 0)
            return ERR_SYNTAX;
        overflow |= value >> 60 != 0;
        value = value << 4 | (uint64_t)digit;
    }
    if (overflow || value < min || value > max)
        return ERR_RANGE;
    *ret = value;
    return OK;
}

struct unit {
    struct slice name;
    uint64_t factor;
};

static int with_unit(struct slice s, const struct unit *units, size_t count, uint64_t *ret)
{
    size_t digits = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    struct slice name = slice_from(s, digits);
    for (size_t i = 0; i < count; i++) {
        if (!slice_eq_nocase(units[i].name, name))
            continue;
        int r = num_parse_u64(slice_first(s, digits), 0, UINT64_MAX / units[i].factor, ret);
        if (r == OK)
            *ret *= units[i].factor;
        return r;
    }
    return ERR_SYNTAX;
}

int num_parse_bytes(struct slice s, uint64_t min, uint64_t max, uint64_t *ret)
{
    static const struct unit units[] = {
        {{(const uint8_t *)"", 0}, 1},           {{(const uint8_t *)"b", 1}, 1},
        {{(const uint8_t *)"k", 1}, 1 << 10},    {{(const uint8_t *)"kb", 2}, 1 << 10},
        {{(const uint8_t *)"m", 1}, 1 << 20},    {{(const uint8_t *)"mb", 2}, 1 << 20},
        {{(const uint8_t *)"g", 1}, 1 << 30},    {{(const uint8_t *)"gb", 2}, 1 << 30},
        {{(const uint8_t *)"t", 1}, 1ull << 40},
    };
    uint64_t value;
    int r = with_unit(s, units, ARRAY_LEN(units), &value);
    if (r)
        return r;
    if (value < min || value > max)
        return ERR_RANGE;
    *ret = value;
    return OK;
}

int num_parse_ms(struct slice s, uint64_t min, uint64_t max, uint64_t *ret)
{
    static const struct unit units[] = {
        {{(const uint8_t *)"ms", 2}, 1},       {{(const uint8_t *)"s", 1}, 1000},
        {{(const uint8_t *)"m", 1}, 60000},    {{(const uint8_t *)"h", 1}, 3600000},
        {{(const uint8_t *)"d", 1}, 86400000},
    };
    uint64_t value = 0;
    int r = slice_eq(s, SLICE("0")) ? OK : with_unit(s, units, ARRAY_LEN(units), &value);
    if (r)
        return r;
    if (value < min || value > max)
        return ERR_RANGE;
    *ret = value;
    return OK;
}

size_t num_format(uint64_t value, char *dst)
{
    char tmp[20];
    size_t n = 0;
    do {
        tmp[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++)
        dst[i] = tmp[n - 1 - i];
    return n;
}

size_t num_format_hex(uint64_t value, char *dst)
{
    size_t n = 1;
    while (n < 16 && value >> (4 * n))
        n++;
    for (size_t i = 0; i < n; i++)
        dst[i] = "0123456789abcdef"[value >> (4 * (n - 1 - i)) & 15];
    return n;
}
