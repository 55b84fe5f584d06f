/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One certificate authority as a client sees it: its directory, its nonces, signed requests with
 * badNonce retries (RFC 8555 6.5), problem documents told apart from transport trouble. Owns no
 * account and no order. */
#pragma once

#include "cert/acmehttp.h"
#include "cert/acmeobj.h"
#include "crypt/keystore.h"

#define ACMECA_ARENA_BYTES (256 * 1024) /* objects of one answer */

struct acmeca;

/* What came back; slices live during on_done. */
struct acmeca_answer {
    int r; /* OK (2xx); ERR_ACME: the CA answered with a problem; transport errors of acmehttp;
              ERR_SYNTAX: not what RFC 8555 promises */
    struct fault fault;             /* the story, naming CA and URL */
    struct acmeobj_problem problem; /* ERR_ACME */
    unsigned status;
    struct slice body, location;
    int64_t retry_after_s; /* from now; -1 */
    const struct slice *alternates;
    size_t nalternates;
    struct arena *arena; /* for reading body into objects */
};

/* Embedded by who asks; zeroed before its first use. */
struct acmeca_call {
    struct acmeca *ca; /* NULL: not under way */
    struct list node;  /* with state: of acmeca.c */
    void *state;
    void (*on_done)(struct acmeca_call *c, const struct acmeca_answer *a);
};

/* Who signs: key and the account's URL (kid empty: the key stands in the header). acmeca_post keeps
 * its own reference and copy. */
struct acmeca_signer {
    struct key *key;
    struct slice kid;
};

/* url: the directory; ca_pem: trust for its server, empty the system's. Both are copied.
 * ERR_NOMEM. */
int acmeca_new(struct loop *l, struct acmehttp *http, struct slice url, struct slice ca_pem,
               struct acmeca **ret, struct fault *f) MUST_USE;
/* Calls under way get no on_done any more. Accepts NULL. */
void acmeca_free(struct acmeca *ca);
struct slice acmeca_url(const struct acmeca *ca);
struct loop *acmeca_loop(const struct acmeca *ca);
/* The directory, fetched at most once an hour (and again after an error). on_done with OK means
 * acmeca_directory is there. Never from inside the call. */
void acmeca_ready(struct acmeca *ca, struct acmeca_call *c);
/* The next acmeca_ready asks the CA, however new the directory is. */
void acmeca_stale(struct acmeca *ca);
/* A loan until the next acmeca_ready; NULL before the first. */
const struct acmeobj_directory *acmeca_directory(const struct acmeca *ca);
/* A signed POST; payload {NULL,0}: POST-as-GET. The directory must be there. ERR_NOT_FOUND: by->key
 * is NULL (the account was given up meanwhile). */
void acmeca_post(struct acmeca *ca, struct acmeca_call *c, struct slice url,
                 const struct acmeca_signer *by, struct slice payload);
/* An unsigned GET (directory, renewalInfo). */
void acmeca_get(struct acmeca *ca, struct acmeca_call *c, struct slice url);
void acmeca_cancel(struct acmeca_call *c);
/* Local clock minus the CA's (Date header of the last answer) in seconds; false: not known, or our
 * clock was set since. */
bool acmeca_skew(const struct acmeca *ca, int64_t *ret_s);
/* Nonces refused and asked again so far, for metrics. */
uint64_t acmeca_nonce_retries(const struct acmeca *ca);
