/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Verification of a chain that somebody sent, at a time of one's choice, with everything that is
 * wrong with it and not only the first error: as most clients do it (purpose server, security level
 * 1, no partial chains), and again as strictly as the library can (RFC 5280 rules that few clients
 * enforce). Opens no connection, looks nothing up. */
#pragma once

#include "crypt/certinfo.h"

#define CHAINVERIFY_ERRORS_MAX 16

/* What is trusted. */
struct chainverify;

enum chainverify_kind {
    CHAINVERIFY_ANCHOR,         /* no path to a trusted root */
    CHAINVERIFY_SELF,           /* the certificate itself is self-signed and not trusted */
    CHAINVERIFY_UNKNOWN_ISSUER, /* the path breaks off: somebody's issuer is nowhere */
    CHAINVERIFY_EXPIRED,
    CHAINVERIFY_NOT_YET,
    CHAINVERIFY_PURPOSE, /* key usage or extended key usage */
    CHAINVERIFY_NOT_CA,  /* an issuer that may not issue */
    CHAINVERIFY_PATH_LENGTH,
    CHAINVERIFY_NAME_CONSTRAINTS,
    CHAINVERIFY_SIGNATURE,
    CHAINVERIFY_WEAK_KEY,
    CHAINVERIFY_WEAK_HASH,
    CHAINVERIFY_REVOKED,
    CHAINVERIFY_EXTENSION, /* one that cannot be read, or a critical one that nobody knows */
    CHAINVERIFY_STRICT,    /* breaks a rule of RFC 5280 that only strict clients enforce */
    CHAINVERIFY_OTHER
};

struct chainverify_error {
    int code;  /* of the library */
    int depth; /* 0: the leaf */
    enum chainverify_kind kind;
    char subject[96];  /* of the certificate at fault */
    const char *words; /* the library's, constant */
};

enum chainverify_crl {
    CHAINVERIFY_CRL_NONE,
    CHAINVERIFY_CRL_GOOD,
    CHAINVERIFY_CRL_REVOKED,
    CHAINVERIFY_CRL_UNUSABLE
};

struct chainverify_options {
    const struct certinfo_chain *sent; /* leaf first; the rest in any order */
    struct slice host;                 /* name or address, for name_match */
    int64_t now_s;
    struct slice crl; /* of the leaf's issuer, DER or PEM; empty: none */
};

struct chainverify_result {
    bool strict; /* also by the rules that only strict clients enforce; what breaks them alone has
                    the kind CHAINVERIFY_STRICT */
    int strict_code;       /* the library's first verdict then; 0 good */
    bool trusted;          /* everything but the name is right */
    bool anchored;         /* the path ends in a trusted root, whatever else is wrong */
    bool public_root;      /* anchored in a root of the system's store that nobody added here */
    bool name_match;       /* RFC 9525; the common name does not count, nor *.TLD */
    bool common_name_only; /* no subjectAltName, and the common name would have matched */
    int code;              /* the library's first verdict; 0 good */
    char words[160];       /* which certificate, and why; empty: good */
    struct chainverify_error errors[CHAINVERIFY_ERRORS_MAX];
    size_t nerrors;
    /* The path as built, leaf first, the root (when anchored) last; a reference for the caller;
     * NULL when it is longer than CERTINFO_CHAIN_MAX. */
    struct certinfo_chain *path;
    enum chainverify_crl crl;
    char crl_words[160]; /* why it is unusable; when and why it was revoked */
};

/* ca_pem empty: the system's roots. Slice is read during the call. ERR_CONFIG, ERR_NOT_FOUND (no
 * system's roots), ERR_NOMEM. */
int chainverify_new(struct slice ca_pem, struct chainverify **ret, struct fault *f) MUST_USE;
/* Accepts NULL. */
void chainverify_free(struct chainverify *v);
/* Roots that the administrator has added to the system's: a chain to one of them is not public.
 * Certificates that cannot be read are passed over. */
void chainverify_add_local(struct chainverify *v, struct slice pem);
/* ERR_NOMEM alone; a bad chain is a result. */
int chainverify_run(const struct chainverify *v, const struct chainverify_options *o,
                    struct chainverify_result *ret) MUST_USE;
/* Is there a root of this issuer's name in the store? Tells a missing intermediate from a CA that
 * has changed its key. */
bool chainverify_knows_issuer(const struct chainverify *v, const struct certinfo_chain *chain,
                              size_t i);
/* The name of the certificate that speaks for the host; NULL: none. A loan. */
const struct certinfo_san *chainverify_covering(const struct certinfo *ci, struct slice host);
