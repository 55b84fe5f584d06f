/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Field names become small numbers once, when a head is parsed; everything later compares numbers.
 * Owns the table of known names and what is true of each by its RFC. Knows nothing of values. */
#pragma once

#include <stddef.h>

#include "base/slice.h"

enum hdr {
    HDR_OTHER, /* any name that is not in token.def */
#define TOKEN(id, name, title, flags) HDR_##id,
#include "wire/token.def"
#undef TOKEN
    HDR_COUNT
};

enum token_flag {
    TOKEN_HOP = 1,         /* hop-by-hop (RFC 9110 7.6.1): never forwarded */
    TOKEN_NO_TRAILER = 2,  /* framing, routing, authentication, conditions: dropped from trailers
                              (RFC 9110 6.5.1) */
    TOKEN_SINGLE = 4,      /* one value: not a list, a second line is suspicious */
    TOKEN_SECRET = 8,      /* its value is a credential: never logged */
    TOKEN_FORWARDING = 16, /* written by proxies about the client: trusted from nobody by default,
                              and Connection cannot name it */
};

/* The number of a name, ASCII case ignored; HDR_OTHER when unknown. */
enum hdr token_of(struct slice name);
/* Lower-case name (HTTP/2, logs); empty for HDR_OTHER. Constant bytes. */
struct slice token_name(enum hdr token);
/* The name as HTTP/1.1 messages usually write it ("Content-Length"); empty for HDR_OTHER. */
struct slice token_title(enum hdr token);
/* Bits of enum token_flag. */
unsigned token_flags(enum hdr token);
