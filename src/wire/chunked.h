/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The chunked transfer coding (RFC 9112 7.1), both ways, without copying the data. Extensions are
 * ignored but bounded; trailers are collected in the caller's buffer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "wire/field.h"

/* All extension bytes of one body together: a peer that sends 1-byte chunks with long extensions
 * makes us read much and deliver nothing (CVE-2023-39326). */
#define CHUNKED_EXT_MAX_BYTES 16384
/* Trailer section when the caller gives no buffer: read and dropped, still bounded. */
#define CHUNKED_TRAILER_MAX_BYTES 16384

#define CHUNKED_CRLF SLICE("\r\n") /* behind each chunk's data */
#define CHUNKED_LAST \
    SLICE("0\r\n\r\n") /* end without trailers, behind the CRLF of the last chunk */
#define CHUNKED_ZERO       SLICE("0\r\n") /* end with trailers: this, field lines, CRLF */
#define CHUNKED_HEAD_BYTES 18

struct chunked {
    uint64_t left; /* data bytes of the current chunk not delivered yet */
    uint8_t *trailer;
    size_t trailer_cap, trailer_n;
    uint32_t ext_bytes;
    uint8_t state, digits;
};

/* trailer may be NULL with cap 0: trailer fields are then checked and dropped. The buffer stays the
 * caller's and must live until chunked_trailers is done with. */
void chunked_init(struct chunked *c, uint8_t *trailer, size_t trailer_cap);
/* Takes bytes from the front of `in`; *ret_used says how many.
 * OK: *ret_data is a non-empty piece of the body, a loan from `in`; call again with the rest.
 * ERR_AGAIN: all of `in` is used, no data in it; more is needed.
 * ERR_EOF: the body has ended; what is left of `in` belongs to the next message.
 * ERR_FRAMING: malformed; ERR_HEAD_TOO_LARGE: trailers over the cap. The connection is lost. */
int chunked_feed(struct chunked *c, struct slice in, size_t *ret_used,
                 struct slice *ret_data) MUST_USE;
/* After ERR_EOF: the trailer fields as loans from the trailer buffer. Fields that may not stand in
 * trailers are left out. ERR_HEAD_TOO_LARGE when there are more than cap. */
int chunked_trailers(const struct chunked *c, struct field *fields, size_t cap,
                     size_t *ret_count) MUST_USE;
/* Size line with CRLF for a chunk of size bytes (not 0) into dst (CHUNKED_HEAD_BYTES); its length.
 */
size_t chunked_head(char *dst, uint64_t size);
