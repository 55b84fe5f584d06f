/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* dns-01: puts a TXT record where the CA looks (RFC 8555 8.4), waits until every authoritative
 * server has it, takes exactly that record away again. By RFC 2136 with TSIG (RFC 8945) over TCP,
 * or by a hook program; CNAMEs of the challenge name are followed to where the record must stand.
 * dns-persist-01: checks a standing record and makes none. */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "base/list.h"
#include "client/dns.h"
#include "crypt/certhost.h"
#include "crypt/secret.h"
#include "os/sock.h"

struct dnssolve;

struct dnssolve_options {
    struct slice resolvers; /* "127.0.0.1:5353,..." asked for SOA, NS, CNAME; empty: the system's */
    bool update;            /* by RFC 2136, else by hook: present|cleanup NAME VALUE, where NAME
                               is the end of the challenge name's CNAMEs */
    struct sock_addr server; /* of updates; raw_bytes 0: the zone's primary from its SOA */
    struct slice zone;       /* empty: found by SOA walk */
    struct slice tsig_name, tsig_algorithm; /* "hmac-sha256" (default), -sha384, -sha512 */
    const struct secret *tsig_secret;       /* raw bytes; NULL: unsigned */
    uint32_t ttl_s;                         /* 0: 60 */
    uint64_t propagation_timeout_ms;        /* 0: two minutes */
    uint64_t hook_timeout_ms;               /* 0: a minute */
};

/* Options are copied. ERR_NOMEM, ERR_CONFIG. */
int dnssolve_new(struct loop *l, const struct dnssolve_options *o, const struct certhost *host,
                 struct dnssolve **ret, struct fault *f) MUST_USE;
/* Removals under way are given up. Accepts NULL. */
void dnssolve_free(struct dnssolve *d);

/* One record; embedded, zeroed before its first use. */
struct dnssolve_record {
    struct list node;
    struct dnssolve *d; /* NULL: not under way */
    void *state;
    void (*on_done)(struct dnssolve_record *rec, int r, const struct fault *f);
};

/* domain: the identifier, with or without "*."; value: base64url(SHA-256(key authorization)).
 * on_done(OK) once all authoritative servers answer with it; never from inside the call. With an
 * error rec is over: what it left is removed in the background, as if it had been withdrawn. */
void dnssolve_present(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                      struct slice value);
/* Removes the record in the background and forgets rec (it may be freed); also after a failed or
 * unfinished present: the clean-up is always called. */
void dnssolve_withdraw(struct dnssolve_record *rec);
/* Checks the standing record of dns-persist-01 (_validation-persist.DOMAIN): `issuer` and
 * accounturi must be in one TXT record, policy=wildcard for wildcards. rec is over at on_done. */
void dnssolve_check_persist(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                            bool wildcard, struct slice issuer, struct slice account_url);
/* The text of that record, for the owner to put into his zone, appended. */
int dnssolve_persist_text(struct slice issuer, struct slice account_url, bool wildcard,
                          struct buf *out) MUST_USE;
/* From certkeep_hook_done, when the id is one of ours: true. */
bool dnssolve_hook_done(struct dnssolve *d, uint64_t id, int status, struct slice output);
/* Clean-ups (also of records whose present failed) still under way: a command that ends waits for
 * them. */
size_t dnssolve_busy(const struct dnssolve *d);
