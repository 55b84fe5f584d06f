/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What an auditor asks of one certificate beyond struct certinfo: versions, purposes, limits,
 * addresses of its authority, flaws. Read on demand, so that a server that only shows its
 * certificates never pays for it. Judges nothing. */
#pragma once

#include "base/arena.h"
#include "crypt/certinfo.h"

enum certfacts_hash { CERTFACTS_OTHER, CERTFACTS_MD5, CERTFACTS_SHA1, CERTFACTS_SHA2 };

/* keyUsage bits (RFC 5280 4.2.1.3) that matter to a server. */
#define CERTFACTS_SIGNS        0x01u /* digitalSignature */
#define CERTFACTS_ENCIPHERS    0x02u /* keyEncipherment */
#define CERTFACTS_AGREES       0x04u /* keyAgreement */
#define CERTFACTS_SIGNS_CERTS  0x08u
#define CERTFACTS_URLS_MAX     4
#define CERTFACTS_PATHLEN_NONE (-1)

/* Texts are printable, NUL-ended, in the arena of the call. */
struct certfacts {
    unsigned version;         /* 1, 2, 3 */
    enum certfacts_hash hash; /* MD5 stands for MD2 and MD4 too */
    uint64_t rsa_exponent;    /* UINT64_MAX: larger; 0: no RSA key */
    bool has_key_usage, has_eku, server_auth, any_eku;
    unsigned key_usage; /* CERTFACTS_* */
    bool has_name_constraints;
    int path_length;                    /* CERTFACTS_PATHLEN_NONE: no limit */
    bool self_issued;                   /* issuer is subject, whoever signed */
    bool issuer_known_by_id;            /* it has an authorityKeyIdentifier */
    bool duplicate_extension;           /* RFC 5280 4.2: never twice */
    struct slice duplicate;             /* which */
    struct slice unreadable;            /* an extension that cannot be decoded; empty: none */
    struct slice subject_dn, issuer_dn; /* "CN=a, O=b" */
    struct slice crl_urls[CERTFACTS_URLS_MAX]; /* http:// ones, of whole CRLs (RFC 5280 4.2.1.13) */
    size_t ncrl_urls;
    struct slice ocsp_url, issuer_url; /* first http:// ones of authorityInfoAccess; empty: none */
    size_t der_bytes;
};

/* Of certificate i. ERR_NOMEM. */
int certfacts_read(const struct certinfo_chain *chain, size_t i, struct arena *a,
                   struct certfacts *ret) MUST_USE;
/* Has certificate `issuer` of one chain signed certificate `i` of another (names and signature)? */
bool certfacts_issued(const struct certinfo_chain *chain, size_t i,
                      const struct certinfo_chain *others, size_t issuer);
/* The same certificate, byte for byte? */
bool certfacts_same(const struct certinfo *a, const struct certinfo *b);
