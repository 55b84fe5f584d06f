/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers of OCSP responders (RFC 6960), for stapling (RFC 6066 8) where a certificate still names
 * a responder. Bytes in, bytes out; fetching is the keeper's. An answer travels as a PEM block
 * behind the chain that it speaks for, so that nothing on the way has to know of it. */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/fault.h"
#include "crypt/certinfo.h"

#define OCSP_BYTES_MAX (64 * 1024) /* of one answer: it is sent in every handshake that asks */

/* The question about the leaf (DER), appended. ERR_NOT_FOUND: the chain has no issuer; ERR_NOMEM,
 * ERR_CAP, ERR_TLS. */
int ocsp_request(const struct certinfo_chain *chain, struct buf *out, struct fault *f) MUST_USE;
/* May this answer be stapled at now_s? It must be about the leaf, say "good", be signed by its
 * issuer or by whom that one delegated (RFC 6960 4.2.2.2), and be valid; *ret_until_s: when it
 * ends. ERR_SYNTAX, ERR_VERIFY (signature, other certificate), ERR_EXPIRED (not valid now),
 * ERR_CONFIG (revoked or unknown), ERR_NOMEM. */
int ocsp_check(const struct certinfo_chain *chain, struct slice der, int64_t now_s,
               int64_t *ret_until_s, struct fault *f) MUST_USE;
/* The answer as a PEM block, appended. ERR_CAP, ERR_NOMEM. */
int ocsp_pem(struct slice der, struct buf *out) MUST_USE;
/* The first such block of a PEM text as DER, appended. ERR_NOT_FOUND, ERR_SYNTAX, ERR_CAP,
 * ERR_NOMEM. */
int ocsp_find(struct slice pem, struct buf *out) MUST_USE;
