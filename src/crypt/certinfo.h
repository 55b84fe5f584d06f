/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What certificates say: parsing of PEM and DER chains into plain values, name matching, and chain
 * order. Decides nothing about trust (tlsctx_client does) and knows no files and no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/cidr.h"
#include "base/fault.h"
#include "base/slice.h"
#include "crypt/keystore.h"

#define CERTINFO_CHAIN_MAX                                                \
    10 /* certificates in one chain: memory, and time of signature checks \
        */
#define CERTINFO_BYTES_MAX (256 * 1024) /* of one chain's text */
#define CERTINFO_SANS_MAX  1000         /* names in one certificate */

struct certinfo_san {
    struct slice name; /* DNS name as written, lower case; the address's text for is_ip */
    struct ip ip;      /* is_ip only */
    bool is_ip;
};

/* One certificate. Slices are NUL-ended printable ASCII (other bytes escaped) unless they are
 * called raw, and live as long as the chain. */
struct certinfo {
    struct slice subject; /* common name, else organisation, else empty */
    struct slice issuer;  /* the issuer's, likewise */
    struct slice serial;  /* lower-case hexadecimal */
    struct slice sigalg;  /* "ecdsa-with-SHA256" */
    const struct certinfo_san *sans;
    size_t nsans;
    int64_t not_before_s, not_after_s; /* seconds since 1970 */
    enum key_kind key_kind;
    unsigned key_bits;
    uint8_t sha256[32]; /* of the whole certificate */
    bool is_ca;         /* basicConstraints says so */
    bool self_signed;   /* issuer is subject and the key fits */
    bool has_ocsp_url;  /* an OCSP responder is named (RFC 6960 3.1) */
    bool must_staple;   /* RFC 7633: clients want a stapled answer */
    unsigned scts;      /* embedded timestamps of transparency logs (RFC 6962 3.3) */
    /* Raw bytes, not printable; empty when absent. */
    struct slice aki;        /* authorityKeyIdentifier's key id (RFC 5280 4.2.1.1) */
    struct slice serial_der; /* content octets of the serial's INTEGER, leading zero kept (RFC 9773
                                4.1) */
};

/* One or more certificates, leaf first. Reference counted, immutable. */
struct certinfo_chain;
struct x509_st;

/* All certificates of a PEM text (bag attributes, keys and other blocks are skipped), or one in
 * DER. Order is kept as it stands. ERR_SYNTAX none in it or one is malformed; ERR_CAP;
 * ERR_NOMEM. `f` may be NULL. */
int certinfo_parse(struct slice bytes, struct certinfo_chain **ret, struct fault *f) MUST_USE;
/* The same from one DER each, in the order given (a TLS certificate message). */
int certinfo_ders(const struct slice *ders, size_t count, struct certinfo_chain **ret,
                  struct fault *f) MUST_USE;
struct certinfo_chain *certinfo_ref(struct certinfo_chain *chain);
/* Accepts NULL. */
void certinfo_unref(struct certinfo_chain *chain);
size_t certinfo_count(const struct certinfo_chain *chain);
/* Certificate i, 0 is the leaf. A loan while the chain lives. */
const struct certinfo *certinfo_at(const struct certinfo_chain *chain, size_t i);
/* Is it a chain that a server can send: leaf first, each signed by the next? ERR_CONFIG; `f` names
 * the two that do not fit. Times are not looked at: an expired certificate is served (and shouted
 * about). */
int certinfo_check(const struct certinfo_chain *chain, struct fault *f) MUST_USE;
/* Is `key` the leaf's? ERR_CONFIG. */
int certinfo_check_key(const struct certinfo_chain *chain, const struct key *key,
                       struct fault *f) MUST_USE;
/* Does the certificate speak for this host (a DNS name in any case, without final dot, or an IP
 * literal)? RFC 9525 6.3: only subjectAltName counts, a wildcard is the whole left-most label and
 * stands for exactly one. */
bool certinfo_covers(const struct certinfo *ci, struct slice host);
/* The chain as PEM, appended. ERR_CAP, ERR_NOMEM. */
int certinfo_pem(const struct certinfo_chain *chain, struct buf *out) MUST_USE;

/* Certificate i in DER, appended. ERR_CAP, ERR_NOMEM, ERR_TLS. */
int certinfo_der(const struct certinfo_chain *chain, size_t i, struct buf *out) MUST_USE;

/* For crypt/ only: the library's handle, a loan while the chain lives. */
struct x509_st *certinfo_x509(const struct certinfo_chain *chain, size_t i);
/* For crypt/ only: a chain around certificates, each of which gets one more reference. ERR_CAP,
 * ERR_SYNTAX, ERR_NOMEM. */
int certinfo_wrap(struct x509_st *const *certs, size_t count, struct certinfo_chain **ret,
                  struct fault *f) MUST_USE;
