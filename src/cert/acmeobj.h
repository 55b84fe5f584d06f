/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The JSON objects of RFC 8555, RFC 9773 and the profiles draft as structs. Pure: text in, values
 * in an arena out. Unknown members are ignored, known ones of a wrong type are errors; everything
 * is bounded, because a CA may be hostile too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/fault.h"

#define ACMEOBJ_NAMES_MAX      100 /* identifiers of one order */
#define ACMEOBJ_CHALLENGES_MAX 16
#define ACMEOBJ_PROFILES_MAX   16
#define ACMEOBJ_PROBLEMS_MAX   16 /* subproblems */

/* RFC 7807 as RFC 8555 6.7 uses it. */
struct acmeobj_problem {
    struct slice type;   /* "rateLimited": what stands behind urn:ietf:params:acme:error:, else the
                            whole type; empty: there is no problem */
    struct slice detail; /* verbatim, control characters escaped */
    struct slice identifier; /* of a subproblem */
    unsigned status;
    const struct acmeobj_problem *sub;
    size_t nsub;
};

struct acmeobj_directory {
    struct slice new_nonce, new_account, new_order, revoke_cert, key_change;
    struct slice new_authz, renewal_info; /* empty: not offered */
    struct slice terms, website;
    struct slice caa[8];
    size_t ncaa;
    struct slice profiles[ACMEOBJ_PROFILES_MAX];
    size_t nprofiles;
    bool external_account_required;
};

struct acmeobj_account {
    struct slice status; /* "valid", "deactivated", "revoked" */
    struct slice orders; /* URL; may be empty */
    struct slice contact[4];
    size_t ncontact;
};

enum acmeobj_status {
    ACMEOBJ_PENDING,
    ACMEOBJ_READY,
    ACMEOBJ_PROCESSING,
    ACMEOBJ_VALID,
    ACMEOBJ_INVALID,
    ACMEOBJ_DEACTIVATED,
    ACMEOBJ_EXPIRED,
    ACMEOBJ_REVOKED
};

struct acmeobj_order {
    enum acmeobj_status status;
    int64_t expires_s;                     /* 0: not told */
    struct slice names[ACMEOBJ_NAMES_MAX]; /* identifiers, lower case */
    size_t nnames;
    struct slice authorizations[ACMEOBJ_NAMES_MAX];
    size_t nauthorizations;
    struct slice finalize, certificate;
    struct slice profile;
    struct acmeobj_problem error;
};

struct acmeobj_challenge {
    struct slice type, url, token; /* token: checked, base64url only (RFC 8555 8.1); may be empty
                                      for types that have none */
    enum acmeobj_status status;
    struct acmeobj_problem error;
    struct slice issuer_domains[8]; /* dns-persist-01 */
    size_t nissuer_domains;
};

struct acmeobj_authz {
    enum acmeobj_status status;
    int64_t expires_s;
    struct slice name; /* identifier, without "*." */
    bool is_ip, wildcard;
    struct acmeobj_challenge challenges[ACMEOBJ_CHALLENGES_MAX];
    size_t nchallenges;
};

/* RFC 9773 4.2 */
struct acmeobj_renewal {
    int64_t start_s, end_s;   /* start before end, else ERR_SYNTAX */
    struct slice explanation; /* URL; may be empty */
};

/* All: ERR_SYNTAX (f says which member), ERR_CAP, ERR_NOMEM. *ret is set on OK only. */
int acmeobj_read_directory(struct slice json, struct arena *a, struct acmeobj_directory *ret,
                           struct fault *f) MUST_USE;
int acmeobj_read_account(struct slice json, struct arena *a, struct acmeobj_account *ret,
                         struct fault *f) MUST_USE;
int acmeobj_read_order(struct slice json, struct arena *a, struct acmeobj_order *ret,
                       struct fault *f) MUST_USE;
int acmeobj_read_authz(struct slice json, struct arena *a, struct acmeobj_authz *ret,
                       struct fault *f) MUST_USE;
int acmeobj_read_renewal(struct slice json, struct arena *a, struct acmeobj_renewal *ret,
                         struct fault *f) MUST_USE;
/* A body that is no problem document gives a problem of type "" and the status in words. */
int acmeobj_read_problem(struct slice json, unsigned status, struct arena *a,
                         struct acmeobj_problem *ret) MUST_USE;
/* "pending": constant. */
const char *acmeobj_status_text(enum acmeobj_status s);
