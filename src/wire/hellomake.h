/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Builds ClientHello messages byte by byte for probes: any version, any list of suites, groups and
 * extensions, also ones that no library would offer. Nothing here can finish a handshake: key
 * shares are well-formed public values without a private key, because a prober reads only the
 * server's first answer. Pure: no I/O, no randomness of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct hellomake {
    uint16_t record_version; /* 0: 0x0301 */
    uint16_t legacy_version; /* 0x0300 SSLv3 ... 0x0303 */
    struct slice sni;        /* empty: no extension */
    const uint16_t *suites;
    size_t nsuites;
    const uint16_t *versions; /* supported_versions; none: extension left out (TLS 1.2 and older) */
    size_t nversions;
    const uint16_t *groups;
    size_t ngroups;
    const uint16_t *shares; /* groups with a key share; none with `versions`: an empty list, which
                               asks for a HelloRetryRequest (RFC 8446 4.2.8) */
    size_t nshares;
    const uint16_t *sigalgs; /* none: extension left out */
    size_t nsigalgs;
    const struct slice *alpn;
    size_t nalpn;
    bool no_extensions; /* an old hello: none at all */
    bool ems, renegotiation_info, session_ticket, status_request, sct, heartbeat, deflate;
    struct slice ticket, session_id;
    struct slice random; /* 32 bytes; empty: zeros */
    struct slice cookie; /* of a HelloRetryRequest */
    size_t pad_to;       /* padding extension (RFC 7685) up to this many handshake bytes; 0: none */
    bool grease;         /* RFC 8701 values in suites, groups, extensions */
};

/* The records of the hello, appended. ERR_CAP, ERR_NOMEM, ERR_RANGE (a list that cannot be
 * written). */
int hellomake_write(const struct hellomake *h, struct buf *out) MUST_USE;
/* Is there a share for this group? Others make hellomake_write answer ERR_RANGE. */
bool hellomake_can_share(uint16_t group);
/* SSLv2 CLIENT-HELLO (draft-hickman 2.5) with 3-byte cipher kinds; challenge: 16 bytes. */
int hellomake_sslv2(const uint32_t *kinds, size_t nkinds, struct slice challenge,
                    struct buf *out) MUST_USE;
