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
enum digest_kind { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };
#define DIGEST_BYTES_MAX 64
/* RFC 2104 with the hash that is asked for; *ret_n becomes 32, 48 or 64. Errors as digest_sha256.
 */
int digest_hmac(enum digest_kind kind, struct slice key, struct slice s,
                uint8_t ret[DIGEST_BYTES_MAX], size_t *ret_n) MUST_USE;
/* Unpredictable bytes. ERR_TLS when the generator has no entropy: nothing secret may be made then.
 */
int digest_random(void *dst, size_t n) MUST_USE;
/* Compares in time that depends on n only: for MACs, tokens, cookies. */
bool digest_equal(const void *a, const void *b, size_t n);
/* Two lower-case digits a byte into dst (2 * s.n bytes), no NUL; returns how many. */
size_t digest_hex(struct slice s, char *dst);
/* RFC 4648 5 without padding, appended. ERR_CAP, ERR_NOMEM. */
int digest_base64url(struct slice s, struct buf *out) MUST_USE;
/* The way back; padding may be missing or complete, unused bits must be zero, nothing else may
 * stand in it. Appended, all or nothing. ERR_SYNTAX, ERR_CAP, ERR_NOMEM. */
int digest_base64url_decode(struct slice s, struct buf *out) MUST_USE;
/* RFC 4648 4, padding required. As digest_base64url_decode otherwise. */
int digest_base64_decode(struct slice s, struct buf *out) MUST_USE;
