/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The one hot loop of text parsing: where does a line stop being plain text? Sixteen bytes at a
 * time where the processor has SSE2. Knows nothing of what the line means. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

/* Index in [at, end) of the first control byte (0 to 31 or 127, tab excepted), or end. */
static inline size_t scan_ctl(const uint8_t *p, size_t at, size_t end)
{
#ifdef __SSE2__
    const __m128i last_ctl = _mm_set1_epi8(31), tab = _mm_set1_epi8(9), del = _mm_set1_epi8(127);
    for (; at + 16 <= end; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, last_ctl), v);
        __m128i hit =
            _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), low), _mm_cmpeq_epi8(v, del));
        unsigned bits = (unsigned)_mm_movemask_epi8(hit);
        if (bits)
            return at + (size_t)__builtin_ctz(bits);
    }
#endif
    while (at < end && ((p[at] >= 32 && p[at] != 127) || p[at] == 9))
        at++;
    return at;
}
