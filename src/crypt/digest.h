/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hashes, MACs, random bytes and their text forms: the algorithms are fetched once for the life of
 * the process. Keeps no state of callers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

#define DIGEST_SHA256_BYTES 32

/* ERR_NOMEM, ERR_TLS (the library has no SHA-256). */
int digest_sha256(struct slice s, uint8_t ret[DIGEST_SHA256_BYTES]) MUST_USE;
/* One hash over several pieces, each preceded by its length as eight bytes, so that no two lists of
 * pieces hash alike. Errors as digest_sha256. */
int digest_sha256_pieces(const struct slice *pieces, size_t count,
                         uint8_t ret[DIGEST_SHA256_BYTES]) MUST_USE;
/* RFC 2104 with SHA-256. Errors as digest_sha256. */
int digest_hmac_sha256(struct slice key, struct slice s, uint8_t ret[DIGEST_SHA256_BYTES]) MUST_USE;
/* Unpredictable bytes. ERR_TLS when the generator has no entropy: nothing secret may be made then.
 */
int digest_random(void *dst, size_t n) MUST_USE;
/* Compares in time that depends on n only: for MACs, tokens, cookies. */
bool digest_equal(const void *a, const void *b, size_t n);
/* Two lower-case digits a byte into dst (2 * s.n bytes), no NUL; returns how many. */
size_t digest_hex(struct slice s, char *dst);
/* RFC 4648 5 without padding, appended. ERR_CAP, ERR_NOMEM. */
int digest_base64url(struct slice s, struct buf *out) MUST_USE;
