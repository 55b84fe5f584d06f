/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Accept-Encoding (RFC 9110 12.5.3): how much the client wants each coding that we can send. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/field.h"

/* In our order of preference when the client likes several equally. */
enum accept_coding { ACCEPT_BR, ACCEPT_ZSTD, ACCEPT_GZIP, ACCEPT_IDENTITY, ACCEPT_COUNT };

struct accept {
    uint16_t q[ACCEPT_COUNT]; /* 0 (refused) to 1000 */
};

/* From all Accept-Encoding lines of a request; without any, only identity is wanted (the RFC allows
 * every coding then, but such clients are old or simple). Malformed elements are left out. */
void accept_read(const struct field *fields, size_t count, struct accept *ret);
/* The best of the codings in `available` (bits 1 << enum accept_coding; identity is always one). */
enum accept_coding accept_best(const struct accept *a, unsigned available);
/* "br", "zstd", "gzip", "identity": content-coding names. */
struct slice accept_name(enum accept_coding coding);
