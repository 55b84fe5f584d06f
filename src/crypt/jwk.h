/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Private keys from the members of a JSON Web Key (RFC 7517, RFC 7518 6): other programs keep their
 * account keys so. Knows no JSON. */
#pragma once

#include "base/attr.h"
#include "base/fault.h"
#include "crypt/keystore.h"

/* The texts as they stand: base64url but for kty and crv; empty: not there. */
struct jwk_parts {
    struct slice kty;                       /* "RSA" or "EC" */
    struct slice n, e, d, p, q, dp, dq, qi; /* RSA; d of EC too */
    struct slice crv, x, y;                 /* EC */
};

/* ERR_SYNTAX (a member is missing or damaged), ERR_CONFIG (of a kind or size that is not used
 * here), ERR_TLS, ERR_NOMEM. */
int jwk_load(const struct jwk_parts *parts, struct key **ret, struct fault *f) MUST_USE;
