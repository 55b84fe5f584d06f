/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A borrowed run of bytes: pointer and length by value, never NUL-ended, never owned. Peer bytes
 * travel as slices; NUL-ended text exists only at libc borders. A slice into a buffer is a loan
 * that ends when the buffer next grows or is consumed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct slice {
    const uint8_t *p;
    size_t n;
};

#define SLICE(lit)  ((struct slice){(const uint8_t *)("" lit), sizeof(lit) - 1})
#define SLICE_EMPTY ((struct slice){NULL, 0})
/* For printf("%.*s"): only for bytes known to be printable and short. */
#define SLICE_F    "%.*s"
#define SLICE_A(s) (int)(s).n, (const char *)(s).p

static inline struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){p, n};
}

static inline struct slice slice_cstr(const char *text)
{
    return (struct slice){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case folding only, in any locale. */
static inline uint8_t slice_lower(uint8_t ch)
{
    return (uint8_t)(ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch);
}

static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (slice_lower(a.p[i]) != slice_lower(b.p[i]))
            return false;
    return true;
}

static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n ? memcmp(a.p, b.p, n) : 0;
    return d ? d : (a.n > b.n) - (a.n < b.n);
}

/* The rest after the first `off` bytes; empty when there are fewer. */
static inline struct slice slice_from(struct slice s, size_t off)
{
    return off >= s.n ? SLICE_EMPTY : slice_of(s.p + off, s.n - off);
}

static inline struct slice slice_first(struct slice s, size_t n)
{
    return slice_of(s.p, n < s.n ? n : s.n);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_first(s, prefix.n), prefix);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

/* Index of the first `byte`, or s.n. */
static inline size_t slice_find(struct slice s, uint8_t byte)
{
    const uint8_t *hit = s.n ? memchr(s.p, byte, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

/* Without spaces and tabs at both ends (OWS of RFC 9110 5.6.3). */
static inline struct slice slice_trim(struct slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = slice_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Cuts the part before the next `sep` off *rest into *part (trimmed). False when *rest was used up.
 */
static inline bool slice_next(struct slice *rest, uint8_t sep, struct slice *part)
{
    if (!rest->p)
        return false;
    size_t at = slice_find(*rest, sep);
    *part = slice_trim(slice_first(*rest, at));
    *rest = at < rest->n ? slice_of(rest->p + at + 1, rest->n - at - 1) : SLICE_EMPTY;
    return true;
}
