/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The certificate engine as it is now: keeps a valid certificate ready for every wanted name, from
 * the local CA where that may speak for it, else a temporary self-signed one until an ACME
 * certificate takes its place. Renews by itself; runs in the keeper, on its loop. */
#pragma once

#include "base/fault.h"
#include "base/json.h"
#include "os/loop.h"

struct certkeep;

struct certkeep_host {
    void *ctx;
    /* A certificate is ready or was renewed; PEM bytes, a loan. */
    void (*on_certificate)(void *ctx, struct slice name, struct slice chain_pem,
                           struct slice key_pem);
    /* Something went wrong that the owner should know (a full disk); the old certificate stays. */
    void (*on_trouble)(void *ctx, const struct fault *f);
};

/* Opens or creates the store and the local root; `host` must outlive the engine. The environment
 * variable PORT443_LEAF_SECONDS shortens the life of leaves (tests of renewal). ERR_PERM, ERR_SYS,
 * ERR_NOMEM. */
int certkeep_open(struct loop *l, const char *state_dir, const struct certkeep_host *host,
                  struct certkeep **ret, struct fault *f) MUST_USE;
/* Wants a certificate for names[0] and the others together; on_certificate comes from inside this
 * call when one can be had. ERR_CAP, ERR_NOMEM, ERR_SYS. */
int certkeep_want(struct certkeep *k, const struct slice *names, size_t nnames, bool local,
                  struct fault *f) MUST_USE;
/* Nothing is wanted any more (before the names of a new configuration); the store keeps what it
 * has. */
void certkeep_forget_all(struct certkeep *k);
/* "certificates": [...] into an open object. */
void certkeep_report(struct certkeep *k, struct json *j);
/* Accepts NULL. */
void certkeep_close(struct certkeep *k);
