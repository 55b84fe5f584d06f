/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers to the challenges of a certificate authority (RFC 8555 8.3, RFC 8737), as every worker
 * has them: a table that is replaced whole. Knows nothing of orders and accounts. */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "crypt/certhost.h"
#include "crypt/tlsctx.h"

#define CHALLENGES_MAX       4096 /* answers at once */
#define CHALLENGES_TABLE_MAX (CHALLENGES_MAX * 1024)
#define CHALLENGES_CONTENT_MAX \
    128 /* bytes of a key authorization (RFC 8555 8.1: token.thumbprint) */

struct challenges;

/* The table as bytes, appended: for each answer one byte kind, texts name, token, content, 32 bytes
 * digest. ERR_CAP: more than CHALLENGES_MAX; ERR_NOMEM. */
int challenges_pack(struct buf *out, const struct certhost_answer *answers, size_t n) MUST_USE;

/* Empty. NULL: no memory. */
struct challenges *challenges_new(void);
/* Accepts NULL. */
void challenges_free(struct challenges *c);
/* Replaces the table by packed bytes (copied). ERR_SYNTAX, ERR_CAP, ERR_NOMEM: the old one stays.
 * Answers with a token or content that RFC 8555 8.1 does not allow are refused likewise. */
int challenges_replace(struct challenges *c, struct slice packed) MUST_USE;
size_t challenges_count(const struct challenges *c);
/* http-01: the content for a token, a loan until the next table; false: no such challenge. */
bool challenges_http(const struct challenges *c, struct slice token, struct slice *ret);
/* tls-alpn-01: the context to answer the validator with that asks for server_name (normal form), a
 * loan until the next table; made when first asked for. ERR_NOT_FOUND: no such challenge; errors of
 * alpncert_make and tlsctx_server_new. */
int challenges_alpn(struct challenges *c, struct slice server_name, int64_t now_s,
                    struct tlsctx **ret, struct fault *f) MUST_USE;
