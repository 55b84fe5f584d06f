/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One TLS connection, ours as server or as client, behind base/filter: nobody outside this module
 * sees an SSL object, so that record protection can later be taken over by a record layer of our
 * own. Bytes in, bytes out; never blocks; all sessions of a process share one memory BIO, which is
 * pointed at the bytes at hand for each call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/filter.h"
#include "base/slice.h"
#include "crypt/certinfo.h"

struct session;
struct tlsctx;

/* What a log line or status page may say of a session. Texts are constants of the library. */
struct session_info {
    const char *version; /* "TLSv1.3" */
    const char *suite;   /* "TLS_AES_128_GCM_SHA256" */
    const char *group;   /* "X25519"; "" when unknown */
    bool resumed;
    struct slice alpn; /* "h2", "http/1.1" or empty; valid while the session lives */
    struct slice sni;  /* as the library read it; empty when none was sent */
    /* Client only. */
    uint32_t early_data_bytes; /* of 0-RTT that the session allows, once its ticket has come */
    bool certificate_asked;    /* the server sent a CertificateRequest */
};

/* Server side of a connection for the site behind ctx (the caller has read the SNI from the hello
 * with wire/tlshello and chosen). Holds a reference on ctx. ERR_NOMEM, ERR_TLS. */
int session_accept(struct tlsctx *ctx, struct session **ret) MUST_USE;
/* Client side: `name` (host name or IP literal) is sent as SNI and verified as ctx says. */
int session_connect(struct tlsctx *ctx, struct slice name, struct session **ret) MUST_USE;
void session_free(struct session *s);
/* For link_set_filter; ctx of the calls is the struct session. Its open drives the handshake. */
extern const struct filter_ops session_filter;
/* True once the handshake is complete: seal works and session_info is final. */
bool session_ready(const struct session *s);
void session_info(const struct session *s, struct session_info *ret);
/* The fatal alert that the peer sent (RFC 8446 6), 0: none. */
uint8_t session_alert(const struct session *s);
/* The certificates that the peer sent, leaf first; a reference for the caller. Never-ready and
 * resumed sessions may have none. ERR_NOT_FOUND none, ERR_CAP, ERR_SYNTAX, ERR_NOMEM. */
int session_peer(const struct session *s, struct certinfo_chain **ret) MUST_USE;
/* Server, TLS 1.3: puts one new ticket in front of the next sealed bytes, so that it costs no send
 * of its own (DESIGN 4). Does nothing on TLS 1.2 (sent in the handshake) or when tickets are off.
 */
int session_ticket(struct session *s, struct buf *out) MUST_USE;
/* Client, TLS 1.2, a context that `renegotiates`: begins another handshake on a ready session; its
 * first bytes are appended to out. ERR_TLS: the library sees no way. */
int session_renegotiate(struct session *s, struct buf *out) MUST_USE;
/* Another handshake than the first one was completed. */
bool session_renegotiated(const struct session *s);
/* Client: copies the ticket that came with the session; 0: none, or more than cap bytes. */
size_t session_kept_ticket(const struct session *s, uint8_t *dst, size_t cap);
/* Why the handshake or the connection failed: the library's words, alert names in both directions,
 * the verification error with the certificate's name. */
void session_fault(const struct session *s, struct fault *f);
