/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The certificate that answers a tls-alpn-01 challenge (RFC 8737 3): self-signed, one
 * subjectAltName, the critical extension 1.3.6.1.5.5.7.1.31 with the SHA-256 of the key
 * authorization, nothing else. */
#pragma once

#include "base/attr.h"
#include "base/fault.h"
#include "crypt/certinfo.h"
#include "crypt/keystore.h"

/* name: DNS name or IP literal. A fresh ECDSA P-256 key and a chain of one, both the caller's.
 * ERR_CONFIG, ERR_TLS, ERR_NOMEM. */
int alpncert_make(struct slice name, const uint8_t digest[32], int64_t now_s, struct key **ret_key,
                  struct certinfo_chain **ret_chain, struct fault *f) MUST_USE;
/* The server name that a validator sends for it (RFC 8738 6): the name itself, or the in-addr.arpa
 * or ip6.arpa name of an IP literal. dst: at least 256 bytes, NUL-ended. */
struct slice alpncert_server_name(struct slice name, char *dst);
