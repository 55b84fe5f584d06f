/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reads what a server answers to a ClientHello, without any key: ServerHello, HelloRetryRequest,
 * and below TLS 1.3 its clear-text flight (certificates, key exchange, certificate request), or an
 * alert, or an SSLv2 SERVER-HELLO, or bytes that are none of these. Bounded, no allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define SERVERFLIGHT_MAX_BYTES \
    (128 * 1024) /* handshake bytes of one flight: stops endless chains */

enum serverflight_kind {
    SERVERFLIGHT_HELLO, /* ServerHello, and below 1.3 what followed */
    SERVERFLIGHT_RETRY, /* HelloRetryRequest */
    SERVERFLIGHT_ALERT,
    SERVERFLIGHT_SSLV2,
    SERVERFLIGHT_NOT_TLS /* `other` holds the first bytes */
};

struct serverflight {
    enum serverflight_kind kind;
    uint8_t alert_level, alert;
    uint16_t record_version, legacy_version, version; /* version: the one chosen */
    uint16_t suite;
    uint8_t compression;
    struct slice random, session_id, extensions; /* loans */
    uint16_t group; /* chosen: key_share, HelloRetryRequest, or named curve of the key exchange */
    struct slice cookie;
    struct slice alpn;
    bool ems, ticket, renegotiation_info, heartbeat, status_request, sct;
    bool has_certificates, has_key_exchange, has_certificate_request, done;
    struct slice certificates; /* serverflight_certificate_next; clear-text versions only */
    struct slice dh_p, dh_g, dh_public; /* finite field key exchange */
    struct slice ec_point;
    uint8_t curve_type;           /* of an elliptic key exchange: 3 named, 1 and 2 explicit */
    uint16_t sigalg;              /* of the ServerKeyExchange signature, TLS 1.2 */
    struct slice status_response; /* stapled OCSP */
    bool downgrade_mark;          /* the last bytes of random say so (RFC 8446 4.1.3) */
    struct slice sslv2_kinds;     /* SSLv2: 3 bytes each */
    struct slice sslv2_certificate;
    struct slice other;
};

/* Reads the flight at the start of `in`: all bytes received so far. scratch
 * (SERVERFLIGHT_MAX_BYTES) is written when handshake messages are spread over records; slices of
 * *ret are loans from in or scratch. whole: go on to ServerHelloDone where the version has one;
 * else stop after the ServerHello. OK; ERR_AGAIN (kind is SERVERFLIGHT_ALERT after a mere warning:
 * that is the answer if nothing more comes); ERR_SYNTAX (*ret holds what was read before);
 * ERR_CAP. */
int serverflight_read(struct slice in, bool whole, uint8_t *scratch,
                      struct serverflight *ret) MUST_USE;
/* DER of the next certificate of the list, false at the end. */
bool serverflight_certificate_next(struct slice *rest, struct slice *ret_der);
/* The body of extension `type` of the ServerHello, or false. */
bool serverflight_extension(const struct serverflight *s, uint16_t type, struct slice *ret);
/* "handshake_failure", constant; "alert 200" unknown ones are "unknown alert". */
const char *serverflight_alert_text(uint8_t alert);
