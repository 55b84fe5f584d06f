/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Signed messages of ACME (RFC 8555 6.2, RFC 7515, RFC 7517, RFC 7638): flattened JSON with ES256,
 * ES384, ES512 or RS256, by the kind of the account key. Pure: bytes in, bytes out. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/fault.h"
#include "crypt/keystore.h"

/* The protected header; JSON-safe texts (URLs as the CA gave them). */
struct jws_head {
    struct slice url;
    struct slice nonce; /* empty: left out (the inner message of keyChange) */
    struct slice kid;   /* account URL; empty: the public key itself stands in the header */
};

/* The public key as JWK, members in the order of RFC 7638, appended. ERR_CONFIG (a kind that ACME
 * has no algorithm for), ERR_CAP, ERR_NOMEM, ERR_TLS. */
int jws_jwk(const struct key *k, struct buf *out, struct fault *f) MUST_USE;
/* RFC 7638 thumbprint (SHA-256, base64url, 43 characters), appended. Errors as jws_jwk. */
int jws_thumbprint(const struct key *k, struct buf *out, struct fault *f) MUST_USE;
/* One message signed by k; an empty payload with p NULL is POST-as-GET's empty text, "{}" is
 * written as such. Appended. Errors as jws_jwk. */
int jws_sign(const struct key *k, const struct jws_head *h, struct slice payload, struct buf *out,
             struct fault *f) MUST_USE;
/* External account binding (RFC 8555 7.3.4): HS256 by mac_key (raw bytes) over the account's JWK.
 * Appended. */
int jws_external(struct slice mac_key, struct slice kid, struct slice url,
                 const struct key *account, struct buf *out, struct fault *f) MUST_USE;
