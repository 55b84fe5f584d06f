/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What tlsctx.c (server) and tlsctx_client.c share: the struct and the settings common to both. For
 * these two files only. */
#pragma once

#include "crypt/tlsctx.h"

struct ssl_method_st;
struct ssl_session_st;

/* Names whose last session is kept for resuming; the oldest makes place. Bounds memory: a session
 * holds its peer's certificates. */
#define TLSCTX_INT_REMEMBERED 32
#define TLSCTX_INT_NAME_BYTES 256

/* The last session with one server: resuming saves both ends the signature. */
struct tlsctx_int_memory {
    char name[TLSCTX_INT_NAME_BYTES];
    struct ssl_session_st *session; /* NULL: free */
};

struct tlsctx {
    struct ssl_ctx_st *ssl_ctx;
    const struct ticketring *ring;
    struct key *keys[TLSCTX_IDENTITIES_MAX];
    struct certinfo_chain *chains[TLSCTX_IDENTITIES_MAX];
    size_t nids;
    struct slice staples[TLSCTX_IDENTITIES_MAX];   /* owned; empty: none */
    int64_t staple_until_s[TLSCTX_IDENTITIES_MAX]; /* then it is not sent any more */
    unsigned refs;
    bool server, verifies;
    uint8_t binding[TLSCTX_BINDING_BYTES];
    uint8_t alpn[64]; /* wire form of RFC 7301 3.1 */
    unsigned alpn_n;
    struct tlsctx_int_memory *memory; /* client: TLSCTX_INT_REMEMBERED of them */
    unsigned memory_next;
};

/* With one reference and no settings; NULL (f is filled) without memory. */
struct tlsctx *tlsctx_int_new(const struct ssl_method_st *method, struct fault *f);
/* Fills ctx->alpn. ERR_CONFIG. */
int tlsctx_int_alpn(struct tlsctx *ctx, const struct slice *names, size_t count,
                    struct fault *f) MUST_USE;
/* Checks and installs key and chain. ERR_CONFIG, ERR_NOMEM. */
int tlsctx_int_identity(struct tlsctx *ctx, const struct tlsctx_identity *id,
                        struct fault *f) MUST_USE;
/* The key exchange groups, the hybrid one where the library has it; 0 on failure. */
int tlsctx_int_groups(struct tlsctx *ctx);
