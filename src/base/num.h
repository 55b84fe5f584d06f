/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The only parsers and writers of numbers: whole text or nothing, no signs, no white space, range
 * checked. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

/* Digits only ("0" to 20 digits). ERR_SYNTAX when anything else is in it, ERR_RANGE outside [min,
 * max]; *ret is untouched on error. */
int num_parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *ret) MUST_USE;
/* Hexadecimal digits of either case, no prefix; same errors. */
int num_parse_hex(struct slice s, uint64_t min, uint64_t max, uint64_t *ret) MUST_USE;
/* "65536", "64k", "10m", "2g" (powers of 1024, either case, optional final b as in "64kb"). Bytes.
 */
int num_parse_bytes(struct slice s, uint64_t min, uint64_t max, uint64_t *ret) MUST_USE;
/* "500ms", "30s", "5m", "2h", "7d"; a unit is required, save for "0". Milliseconds. */
int num_parse_ms(struct slice s, uint64_t min, uint64_t max, uint64_t *ret) MUST_USE;
/* Decimal digits into dst (at least 20 bytes), no NUL; returns how many. */
size_t num_format(uint64_t value, char *dst);
/* Lower-case hexadecimal digits without leading zeros into dst (at least 16 bytes), no NUL. */
size_t num_format_hex(uint64_t value, char *dst);
