/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificate signing requests (PKCS#10, RFC 2986) for the names of an order. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/fault.h"
#include "crypt/keystore.h"

/* DER, appended: subject empty (names above 64 characters fit in no common name, and modern
 * profiles take none), one subjectAltName with every name (DNS names, "*.x", IP literals), signed
 * by `key`. ERR_CONFIG (no name, one that is none), ERR_CAP, ERR_NOMEM, ERR_TLS. */
int csr_make(const struct key *key, const struct slice *names, size_t nnames, struct buf *out,
             struct fault *f) MUST_USE;
