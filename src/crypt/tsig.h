/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Transaction signatures of DNS messages (RFC 8945): appended to a ready request, checked on its
 * reply. Knows nothing else of the messages; no clock, callers tell the time. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "crypt/secret.h"

#define TSIG_MAC_MAX  64
#define TSIG_FUDGE_S  300
#define TSIG_SIGN_MAX 400 /* bytes that a signature adds at most */

enum tsig_algorithm { TSIG_SHA256, TSIG_SHA384, TSIG_SHA512 };

/* RFC 8945 3: rcodes of the signature itself. */
enum tsig_error { TSIG_NOERROR, TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18 };

struct tsig_key {
    struct slice name; /* text: letters, digits, '-', '_', dots */
    enum tsig_algorithm algorithm;
    const struct secret *secret; /* raw bytes */
};

struct tsig_mac {
    uint8_t bytes[TSIG_MAC_MAX];
    size_t n;
};

struct tsig_reply {
    bool present;      /* a signature stands at the end, genuine or not */
    unsigned error;    /* enum tsig_error, or what else the server wrote */
    uint64_t server_s; /* BADTIME: the server's clock, seconds since 1970; else when it signed */
};

/* "hmac-sha256" (also for empty text), "hmac-sha384", "hmac-sha512". ERR_NOT_FOUND. */
int tsig_algorithm_parse(struct slice text, enum tsig_algorithm *ret) MUST_USE;
const char *tsig_algorithm_text(enum tsig_algorithm a);
/* Signs the message in b and appends the signature to it. ERR_SYNTAX (no DNS message or key name),
 * ERR_CAP, ERR_NOMEM, ERR_TLS. */
int tsig_sign(struct buf *b, const struct tsig_key *k, uint64_t now_s,
              struct tsig_mac *ret) MUST_USE;
/* OK: made by an owner of the key as reply to the request with that MAC, at about this time. Its
 * error may still be BADTIME. ERR_VERIFY: no signature or a wrong one (BADKEY and BADSIG come
 * unsigned, RFC 8945 5.3.2: ret->error is a claim then). ERR_EXPIRED: genuine, but not of this
 * time. ERR_SYNTAX. ret is always filled. */
int tsig_verify(struct slice reply, const struct tsig_key *k, const struct tsig_mac *request,
                uint64_t now_s, struct tsig_reply *ret) MUST_USE;
