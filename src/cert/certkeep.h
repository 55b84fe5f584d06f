/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The certificate engine: keeps a valid certificate ready for every wanted name, from the local CA
 * where that may speak for it, else by ACME; until the first one exists a temporary self-signed
 * one. Decides when, at which CA and with what patience; the orders themselves are cert/order's.
 * Runs on a loop, in the keeper or in the command line. */
#pragma once

#include "base/fault.h"
#include "base/json.h"
#include "crypt/certhost.h"
#include "crypt/secret.h"
#include "os/loop.h"

struct certkeep;

#define CERTKEEP_DIRECTORIES_MAX 4
#define CERTKEEP_HTTP01          1u /* bits of `challenges` */
#define CERTKEEP_ALPN01          2u
#define CERTKEEP_DNS01           4u
#define CERTKEEP_PERSIST01       8u
#define CERTKEEP_ECDSA           1u /* bits of `keys` */
#define CERTKEEP_RSA             2u

/* What holds for all names. Slices are copied. */
struct certkeep_settings {
    struct slice directories[CERTKEEP_DIRECTORIES_MAX]; /* URLs, tried in order */
    size_t ndirectories;
    struct slice staging; /* URL of a CA for probes after a failed validation at the first
                             directory; empty: the one of Let's Encrypt, if that is among them */
    struct slice email, ca_pem, profile, preferred_chain;
    unsigned challenges, keys;
    bool reuse_key;
    bool preflight;                /* look before the first order of a name */
    struct slice eab_kid, eab_key; /* key: base64url text as CAs hand it out */
    struct slice resolvers;        /* "127.0.0.1:5353"; empty: the system's */
    struct slice dns_server;       /* RFC 2136, "ADDRESS:PORT"; empty: no updates */
    struct slice dns_zone, tsig_name, tsig_algorithm, tsig_secret; /* secret: base64 text */
    uint64_t propagation_timeout_ms;
    uint64_t hook_timeout_ms, dns_hook_timeout_ms; /* 0: a minute */
    unsigned hooks;                      /* mask of 1 << enum certhost_hook that are configured */
    uint16_t http_port, https_port;      /* as bound; 0: not ours */
    bool on_demand;                      /* certkeep_demand is answered at all */
    const struct slice *on_demand_allow; /* suffixes ".example.com" or names */
    size_t nallow;
    struct slice on_demand_ask; /* URL; asked with ?domain=NAME, 200 means yes */
};

/* One certificate. */
struct certkeep_name {
    const struct slice *names; /* the site's name first */
    size_t nnames;
    bool local; /* the local CA speaks for all of them */
};

/* Opens or creates the store and the local root; `host` must outlive the engine. Environment for
 * tests: PORT443_LEAF_SECONDS (life of local leaves), PORT443_TEST_CLOCK (cert/certclock).
 * ERR_EXISTS (another engine has the store; host->waits), ERR_PERM, ERR_SYS, ERR_NOMEM. */
int certkeep_open(struct loop *l, const char *state_dir, const struct certhost *host,
                  struct certkeep **ret, struct fault *f) MUST_USE;
/* Accepts NULL. Orders under way stay in their job files. */
void certkeep_close(struct certkeep *k);
/* The end is near: orders under way are left for the next start (their challenges are withdrawn),
 * nothing new is begun. Before certkeep_close, while the host can still run hooks. */
void certkeep_wind_up(struct certkeep *k);
/* Records of dns-01 are being taken out of DNS: whoever wants to close runs the loop until this is
 * false, for as long as it can wait. */
bool certkeep_busy(const struct certkeep *k);
/* The whole wish list, replacing the one before; orders of names that stay go on. on_certificate
 * comes for each from inside this call (stored, local or temporary). ERR_CAP, ERR_NOMEM, ERR_SYS.
 */
int certkeep_want(struct certkeep *k, const struct certkeep_settings *s,
                  const struct certkeep_name *names, size_t n, struct fault *f) MUST_USE;

/* Answers of the host. */
void certkeep_published(struct certkeep *k, uint64_t version);
void certkeep_hook_done(struct certkeep *k, uint64_t id, int status, struct slice output);
/* A handshake asked for a name that has no certificate (on demand). OK: known or begun; ERR_PERM:
 * not allowed, or over a budget. */
int certkeep_demand(struct certkeep *k, struct slice name, struct slice client_address) MUST_USE;
/* What a loopback handshake saw for a name: compared with what is stored (metric and event). r
 * other than OK: it could not be looked at. */
void certkeep_served(struct certkeep *k, struct slice name, enum key_kind kind,
                     const uint8_t sha256[32], int r);

/* ---- orders of an operator ---- */

/* A request under way, zeroed before its first use; on_done comes once, never from inside; then it
 * may be freed. */
struct certkeep_call {
    void *ctx;
    /* Progress in words, for terminals. May be NULL. */
    void (*on_progress)(struct certkeep_call *c, const char *phase, struct slice name);
    void (*on_done)(struct certkeep_call *c, int r, const struct fault *f);
    /* The engine's, from here on. */
    struct certkeep *k; /* NULL: not under way */
    struct list node;
    struct loop_task task;
    size_t left; /* certificates that are waited for */
    void *state;
    void (*drop)(struct certkeep_call *c);
    int r;
    struct fault fault;
};

/* Renews a wanted certificate (by its first name; empty: all that are due, with force: all) now,
 * past schedule and failure counters; only `force` passes the breaker and renews what is not due.
 */
void certkeep_renew(struct certkeep *k, struct certkeep_call *c, struct slice name, bool force);
/* Only looks: preflight of a wanted name; findings as progress lines, OK or ERR_ACME. */
void certkeep_dry_run(struct certkeep *k, struct certkeep_call *c, struct slice name);
/* RFC 8555 7.6; reason of RFC 5280 5.3.1 (0 unspecified, 1 keyCompromise, 4 superseded,
 * 5 cessationOfOperation); signed by the account, or by the certificate's own key (`by_key`). With
 * keyCompromise a wanted name gets a new key and certificate at once. */
void certkeep_revoke(struct certkeep *k, struct certkeep_call *c, struct slice name,
                     unsigned reason, bool by_key);
enum certkeep_account { CERTKEEP_ROLLOVER, CERTKEEP_DEACTIVATE, CERTKEEP_UPDATE };
/* At the CA that is asked first. */
void certkeep_account(struct certkeep *k, struct certkeep_call *c, enum certkeep_account what);
/* on_done comes no more; what the call has begun goes on. Does nothing when it is not under way. */
void certkeep_cancel(struct certkeep_call *c);

/* "certificates": [...] and "acme": {...} into an open object: everything that list, doctor and
 * status show. Member names are documented in docs/certificates.md. */
void certkeep_report(struct certkeep *k, struct json *j);
/* Prometheus text, appended. */
int certkeep_metrics(struct certkeep *k, struct buf *out) MUST_USE;
