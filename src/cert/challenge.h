/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers to challenges: which type is tried, how its answer is presented and withdrawn. One table
 * of http-01 and tls-alpn-01 answers for the whole engine, handed to the host whenever it changes;
 * dns-01 through cert/dnssolve. Knows no order. */
#pragma once

#include "cert/account.h"
#include "cert/dnssolve.h"
#include "crypt/certhost.h"

enum challenge_type { CHALLENGE_HTTP01, CHALLENGE_ALPN01, CHALLENGE_DNS01, CHALLENGE_PERSIST01 };
#define CHALLENGE_TYPES 4

struct challenges; /* all active answers */

/* dns may be NULL: no dns-01. ERR_NOMEM. */
int challenge_new(struct loop *l, const struct certhost *host, struct challenges **ret) MUST_USE;
void challenge_free(struct challenges *cs);
/* The settings of dns-01; borrowed, may change between orders. */
void challenge_set_dns(struct challenges *cs, struct dnssolve *dns);

/* Which challenge of an authorization to try: `enabled` is a mask of 1 << enum challenge_type,
 * `last` the type that worked last for this identifier (-1: none), `failed` a mask of types that
 * failed in this attempt. NULL: none that we can answer; f says which were offered. Wildcards: dns
 * types only (RFC 8555 7.1.3); IP addresses: http-01 and tls-alpn-01 only (RFC 8738 4). */
const struct acmeobj_challenge *challenge_choose(const struct acmeobj_authz *z, unsigned enabled,
                                                 int last, unsigned failed,
                                                 enum challenge_type *ret, struct fault *f);
const char *challenge_type_text(enum challenge_type t); /* "http-01" */
/* "http-01" to its type. ERR_NOT_FOUND. */
int challenge_type_parse(struct slice text, enum challenge_type *ret) MUST_USE;

/* One answer; embedded, zeroed before its first use. */
struct challenge {
    struct list node;
    struct challenges *all; /* NULL: not presented */
    enum challenge_type type;
    struct slice name, token, content; /* owned copies */
    uint8_t digest[32];
    uint64_t version; /* of the table that has it */
    struct dnssolve_record dns;
    /* OK: everybody answers (dns: every authoritative server does), the CA may be told. Or the
     * error. Never from inside challenge_present. */
    void (*on_presented)(struct challenge *ch, int r, const struct fault *f);
    struct loop_task task;
    struct loop_timer timer; /* the host must answer in time */
    struct fault fault;      /* the story of r, for the task */
    int r;
};

/* name: identifier; token and key authorization as RFC 8555 8.1. All are copied. For
 * CHALLENGE_PERSIST01: name with "*." for a wildcard, the issuer's domain as token, the account's
 * URL as key authorization. */
void challenge_present(struct challenges *cs, struct challenge *ch, enum challenge_type type,
                       struct slice name, struct slice token, struct slice key_authorization);
/* Takes the answer away again; on_presented comes no more. Does nothing when not presented. dns-01
 * records are removed in the background (the clean-up is always tried, also at shutdown). */
void challenge_withdraw(struct challenge *ch);
/* From the host. */
void challenge_published(struct challenges *cs, uint64_t version);
/* Answers presented now, for status. */
size_t challenge_count(const struct challenges *cs);
