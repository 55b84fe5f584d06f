/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* RSA without padding, with a server's public key: only for the probe of ROBOT, which makes padding
 * that is wrong on purpose. Nothing secret may ever be sent this way. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "crypt/certinfo.h"

#define RSARAW_BYTES_MAX 2048 /* a modulus of 16384 bits, the longest that libraries take */

/* Bytes of the leaf's modulus; 0: it has no RSA key, or one beyond the maximum. */
size_t rsaraw_bytes(const struct certinfo_chain *chain);
/* block (exactly rsaraw_bytes, a number below the modulus) to the public exponent, into ret (as
 * many bytes). ERR_RANGE, ERR_TLS, ERR_NOMEM. */
int rsaraw_encrypt(const struct certinfo_chain *chain, struct slice block, uint8_t *ret) MUST_USE;
