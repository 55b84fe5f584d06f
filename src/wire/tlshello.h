/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reads a TLS ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6066 3) before any TLS library
 * sees it: server name, protocols, versions, and the raw lists for certificate choice and
 * fingerprints. Bounded, no allocation; knows nothing of sites or keys. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

/* Handshake body: larger than any real hello (post-quantum key shares need under 4 KB); the cap
 * stops a peer that never finishes one. */
#define TLSHELLO_MAX_BYTES 16384
/* Records that one hello may be spread over: 1-byte records would make us walk them again and
 * again. */
#define TLSHELLO_MAX_RECORDS 64
/* Most input bytes that can be wanted before an answer is known. */
#define TLSHELLO_INPUT_BYTES (4 + TLSHELLO_MAX_BYTES + 5 * TLSHELLO_MAX_RECORDS)

enum tlshello_other {
    TLSHELLO_OTHER, /* neither of the below */
    TLSHELLO_HTTP,  /* plain HTTP on the TLS port: worth a readable 400 */
    TLSHELLO_SSLV2, /* SSLv2-compatible hello */
};

struct tlshello {
    enum tlshello_other other; /* set with ERR_NOT_TLS */
    uint16_t record_version;   /* of the first record */
    uint16_t legacy_version;
    uint16_t max_version; /* highest of supported_versions without GREASE, else legacy_version */
    bool has_sni, has_alpn;
    bool ecdsa;          /* signature_algorithms names an ECDSA or EdDSA scheme */
    bool session_ticket; /* extension present (RFC 5077) */
    bool psk, early_data, ech;
    struct slice sni;        /* as sent: letters, digits, "-", "_", "."; not empty with has_sni */
    struct slice random;     /* 32 bytes */
    struct slice session_id; /* 0 to 32 bytes */
    struct slice ciphers;    /* pairs of bytes */
    struct slice extensions; /* the whole block: tlshello_ext_next */
    struct slice alpn;       /* tlshello_alpn_next */
    struct slice versions;   /* pairs of bytes */
    struct slice groups;     /* pairs of bytes */
    struct slice sigalgs;    /* pairs of bytes */
    struct slice key_shares; /* tlshello_share_next */
    struct slice points;     /* ec_point_formats, single bytes */
    struct slice message;    /* the handshake message with its 4-byte head */
};

/* Reads the hello at the start of `in`: all bytes received so far on the connection.
 * scratch (TLSHELLO_MAX_BYTES + 4) is written only when the hello is spread over several records;
 * slices of *ret are loans from `in` or from scratch.
 * OK; ERR_AGAIN: more bytes needed; ERR_NOT_TLS: see ret->other; ERR_SYNTAX: malformed (alert
 * decode_error); ERR_CAP: larger than the limits above. */
int tlshello_read(struct slice in, uint8_t *scratch, struct tlshello *ret) MUST_USE;
/* A bare handshake message (QUIC carries it so); ERR_SYNTAX, ERR_CAP, or ERR_AGAIN when cut. */
int tlshello_parse(struct slice message, struct tlshello *ret) MUST_USE;

/* Walks of lists that tlshello_read has checked; start with *rest = the list, false at the end. */
bool tlshello_alpn_next(struct slice *rest, struct slice *ret_name);
bool tlshello_ext_next(struct slice *rest, uint16_t *ret_type, struct slice *ret_data);
bool tlshello_share_next(struct slice *rest, uint16_t *ret_group, struct slice *ret_key);
bool tlshello_u16_next(struct slice *rest, uint16_t *ret_value);
bool tlshello_offers_alpn(const struct tlshello *h, struct slice name);
bool tlshello_u16_has(struct slice list, uint16_t value);
/* Reserved values that clients mix in (RFC 8701). */
bool tlshello_is_grease(uint16_t value);
