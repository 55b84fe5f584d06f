/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Accept-Encoding (RFC 9110 12.5.3): how much the client wants each coding that we can send. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/field.h"

/* In our order of preference when the client likes several equally. */
enum coding { CODING_BR, CODING_ZSTD, CODING_GZIP, CODING_IDENTITY, CODING_COUNT };

struct coding_wish {
    uint16_t q[CODING_COUNT]; /* 0 (refused) to 1000 */
};

/* From all Accept-Encoding lines of a request; without any, only identity is wanted (the RFC allows
 * every coding then, but such clients are old or simple). Malformed elements are left out. */
void coding_read(const struct field *fields, size_t count, struct coding_wish *ret);
/* The best of the codings in `available` (bits 1 << enum coding; identity is always one). */
enum coding coding_best(const struct coding_wish *w, unsigned available);
/* "br", "zstd", "gzip", "identity": content-coding names. */
struct slice coding_name(enum coding coding);
