/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The Range header (RFC 9110 14) resolved against a known length. Bytes only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

/* Ranges of one request: many tiny or overlapping ones multiply the answer (CVE-2011-3192). */
#define RANGE_MAX 16

struct range {
    uint64_t first, last; /* both included; last < length */
};

struct range_set {
    struct range ranges[RANGE_MAX]; /* in the order asked; overlapping and touching ones merged, so
                                       they never sum to more than the length */
    size_t count;
};

/* OK: at least one satisfiable range. ERR_RANGE: none is satisfiable (416). ERR_SYNTAX: another
 * unit or malformed, ERR_CAP: more than RANGE_MAX; in both cases the header is to be ignored (200).
 */
int range_parse(struct slice value, uint64_t length, struct range_set *ret) MUST_USE;
