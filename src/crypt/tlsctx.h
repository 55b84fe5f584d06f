/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What all TLS connections of one site, or to one kind of upstream, have in common: certificates,
 * versions, suites, groups, resumption, verification. Reference counted: sessions hold one, so a
 * reload can drop its own at once. Immutable after it was made, but for the ticket ring it points
 * to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/fault.h"
#include "base/slice.h"
#include "crypt/certinfo.h"
#include "crypt/keystore.h"
#include "crypt/ticketring.h"

struct tlsctx;
struct ssl_ctx_st;
struct ssl_st;

#define TLSCTX_IDENTITIES_MAX 4
#define TLSCTX_ALPN_MAX       4
#define TLSCTX_BINDING_BYTES  32

struct tlsctx_identity {
    struct key *key;
    struct certinfo_chain *chain; /* leaf first; a root at the end is not sent */
    struct slice staple; /* servers: OCSP answer (DER) to staple; not valid now: left out. Copied */
};

/* Pointers are borrowed for the call; keys and chains are referenced. */
struct tlsctx_server {
    const struct tlsctx_identity *identities; /* at most one per kind of key: ECDSA and RSA */
    size_t nidentities;
    const struct slice *alpn; /* in our order of preference; none: {h2, http/1.1} */
    size_t nalpn;
    bool tls13_only; /* else 1.2 and 1.3 */
    /* Tickets of contexts that share a ring resume each other only where this is equal: a digest of
     * the site's name and everything that resuming must not step over (client certificates,
     * versions). */
    uint8_t binding[TLSCTX_BINDING_BYTES];
    struct ticketring *ring;    /* must outlive the context; NULL: no resumption */
    uint32_t ticket_lifetime_s; /* 0: one day; at most seven (RFC 8446 4.6.1) */
};

/* For upstreams, health checks and `check`. Pointers are borrowed for the call. */
struct tlsctx_client {
    struct slice ca_pem; /* trust only these; empty: the system's store */
    bool insecure;       /* no verification at all */
    bool remembers;    /* keeps sessions for resuming although insecure: for one server only, whose
                          resumption is looked at */
    bool renegotiates; /* TLS 1.0 to 1.2, and session_renegotiate may be tried, also with servers
                          that do it insecurely: for probes */
    bool examines; /* talks to servers of before RFC 5746, as browsers do; unverified, to weak ones
                      too */
    const struct tlsctx_identity *identity; /* client certificate; NULL: none */
    const struct slice *alpn;               /* offered in this order; none: no ALPN */
    size_t nalpn;
    enum key_kind kind; /* the server must sign with such a key (the size of the key does not
                           count); KEY_OTHER: any */
    int64_t now_s;      /* certificates are verified for this time; 0: the clock's */
};

/* Checks chain order and key match of every identity. Expired certificates are accepted. ERR_CONFIG
 * (`f` says which and why), ERR_TLS, ERR_NOMEM. */
int tlsctx_server_new(const struct tlsctx_server *opts, struct tlsctx **ret,
                      struct fault *f) MUST_USE;
/* ERR_CONFIG (no certificate in ca_pem, key does not fit), ERR_NOT_FOUND (no system store),
 * ERR_TLS, ERR_NOMEM. */
int tlsctx_client_new(const struct tlsctx_client *opts, struct tlsctx **ret,
                      struct fault *f) MUST_USE;
struct tlsctx *tlsctx_ref(struct tlsctx *ctx);
/* Accepts NULL. */
void tlsctx_unref(struct tlsctx *ctx);
/* The leaf certificates being served, for status pages; loans while ctx lives. Returns how many. */
size_t tlsctx_certs(const struct tlsctx *ctx, const struct certinfo *ret[TLSCTX_IDENTITIES_MAX]);
/* The identity whose certificate covers host, or NULL: conn_ops.covers. */
const struct certinfo *tlsctx_covering(const struct tlsctx *ctx, struct slice host);

/* For crypt/session only. */
struct ssl_ctx_st *tlsctx_handle(const struct tlsctx *ctx);
bool tlsctx_is_server(const struct tlsctx *ctx);
bool tlsctx_verifies(const struct tlsctx *ctx);
/* Client: offers the server the last session with this name, if there is one. */
void tlsctx_client_resume(const struct tlsctx *ctx, struct ssl_st *ssl);
/* Client: drops all remembered sessions. */
void tlsctx_client_forget(struct tlsctx *ctx);
/* Server: the ring has a key to make tickets with. */
bool tlsctx_gives_tickets(const struct tlsctx *ctx);
