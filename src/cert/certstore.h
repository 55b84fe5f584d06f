/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificates and keys below the state directory:
 *   ca/root.pem  ca/root.key            the local CA
 *   local/NAME/chain.pem  key.pem       what it issued ("*." is written "_.")
 * Directories 0700, files 0600, every file replaced in one step. */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "crypt/certinfo.h"
#include "crypt/keystore.h"

#define CERTSTORE_PATH_BYTES 1024

/* A chain and its key, as files hold them. */
struct certstore_pair {
    struct certinfo_chain *chain;
    struct key *key;
};

/* Releases both; the pair is empty afterwards. */
void certstore_pair_done(struct certstore_pair *p);
/* ERR_NOT_FOUND when there is no root at all, ERR_SYNTAX, ERR_CONFIG (they do not fit, or one is
 * missing), ERR_PERM, ERR_NOMEM. */
int certstore_load_root(const char *state_dir, struct certstore_pair *ret,
                        struct fault *f) MUST_USE;
/* ERR_PERM, ERR_SYS (disk full): the old files stay. */
int certstore_save_root(const char *state_dir, const struct certstore_pair *p,
                        struct fault *f) MUST_USE;
/* The same for the certificate of a name (normal form). */
int certstore_load(const char *state_dir, struct slice name, struct certstore_pair *ret,
                   struct fault *f) MUST_USE;
/* As certstore_save_root. */
int certstore_save(const char *state_dir, struct slice name, const struct certstore_pair *p,
                   struct fault *f) MUST_USE;
/* Removes both files; what is not there is fine. ERR_PERM, ERR_SYS, ERR_CAP. */
int certstore_remove(const char *state_dir, struct slice name, struct fault *f) MUST_USE;
/* Calls `each` for every name in the store, in any order. ERR_NOT_FOUND when there is no store. */
int certstore_each(const char *state_dir, void (*each)(void *ctx, struct slice name),
                   void *ctx) MUST_USE;
/* PEM bytes of the root, appended; needs no key. Errors as certstore_load_root. */
int certstore_root_pem(const char *state_dir, struct buf *ret, struct fault *f) MUST_USE;
/* The chain of a name without its key. Errors as certstore_load. */
int certstore_chain(const char *state_dir, struct slice name, struct certinfo_chain **ret,
                    struct fault *f) MUST_USE;
