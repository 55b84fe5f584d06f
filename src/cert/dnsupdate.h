/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Dynamic updates (RFC 2136) of one TXT record: the message, and what the server's reply to it
 * means in plain words. Never replaces a set: another order's record at the same name must live
 * on. No I/O. */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "crypt/tsig.h"

#define DNSUPDATE_BYTES 2048 /* zone, name, value and signature */

struct dnsupdate {
    struct slice zone, name, value; /* value: at most 255 bytes */
    uint32_t ttl_s;
    bool remove;                /* exactly this record */
    const struct tsig_key *key; /* NULL: unsigned */
};

/* Appends the message; *mac is for dnsupdate_result. ERR_SYNTAX (no names), ERR_NOMEM, ERR_TLS. */
int dnsupdate_make(const struct dnsupdate *u, uint64_t now_s, struct buf *out, struct tsig_mac *mac,
                   struct fault *f) MUST_USE;
/* OK: done. ERR_PERM: the server does not let us; ERR_VERIFY: the reply is not the server's;
 * ERR_EXPIRED: its clock is off; ERR_CONFIG: it is not the zone's server; ERR_RESOLVE: it failed. f
 * says why and what to do; server: text for it. */
int dnsupdate_result(const struct dnsupdate *u, struct slice reply, const struct tsig_mac *mac,
                     uint64_t now_s, const char *server, struct fault *f) MUST_USE;
