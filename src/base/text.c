/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Escaping and spelling. */
#include "base/text.h"

#include <string.h>

#define WORD_MAX_BYTES 64

static size_t escape(struct slice s, bool quotes, char *dst, size_t cap)
{
    size_t n = 0;
    if (cap == 0)
        return 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = s.p[i];
        bool plain = ch >= 0x20 && ch < 0x7f && ch != '\\' && !(quotes && ch == '"');
        if (n + (plain ? 1 : 4) >= cap)
            break;
        if (plain) {
            dst[n++] = (char)ch;
            continue;
        }
        dst[n++] = '\\';
        dst[n++] = 'x';
        dst[n++] = "0123456789abcdef"[ch >> 4];
        dst[n++] = "0123456789abcdef"[ch & 15];
    }
    dst[n] = 0;
    return n;
}

size_t text_escape(struct slice s, char *dst, size_t cap)
{
    return escape(s, false, dst, cap);
}

size_t text_escape_quotes(struct slice s, char *dst, size_t cap)
{
    return escape(s, true, dst, cap);
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

unsigned text_distance(struct slice a, struct slice b)
{
    unsigned row[3][WORD_MAX_BYTES + 1];
    if (a.n > WORD_MAX_BYTES || b.n > WORD_MAX_BYTES)
        return WORD_MAX_BYTES + 1;
    for (unsigned k = 0; k <= b.n; k++)
        row[0][k] = k;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *above = row[(i - 1) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (unsigned k = 1; k <= b.n; k++) {
            uint8_t x = slice_lower(a.p[i - 1]), y = slice_lower(b.p[k - 1]);
            now[k] = least(above[k] + 1, now[k - 1] + 1, above[k - 1] + (x != y));
            if (i > 1 && k > 1 && x == slice_lower(b.p[k - 2]) && y == slice_lower(a.p[i - 2]) &&
                before[k - 2] + 1 < now[k])
                now[k] = before[k - 2] + 1;
        }
    }
    return row[a.n % 3][b.n];
}

const char *text_nearest(struct slice s, const char *const *words, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)(s.n < 4 ? 1 : s.n < 8 ? 2 : 3) + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned d = text_distance(s, slice_cstr(words[i]));
        if (d < best_distance) {
            best_distance = d;
            best = words[i];
        }
    }
    return best;
}
