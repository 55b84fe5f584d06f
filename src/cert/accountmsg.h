/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What is said to a CA about accounts (RFC 8555 7.3): the payloads, as JSON appended to a buffer.
 * Pure. All: ERR_CAP, ERR_NOMEM; those that sign also what jws says. */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "crypt/keystore.h"

#define ACCOUNTMSG_BYTES_MAX (64 * 1024)

/* 7.3.1: only an account that exists already. */
int accountmsg_find(struct buf *out) MUST_USE;

struct accountmsg_binding {
    struct slice kid, mac_key; /* empty: none */
    struct slice url;          /* newAccount */
    const struct key *account;
};

/* 7.3: a new account; contact may be empty. */
int accountmsg_register(struct slice email, const struct accountmsg_binding *b, struct buf *out,
                        struct fault *f) MUST_USE;
/* 7.3.2; an empty one takes the contact away. */
int accountmsg_contact(struct slice email, struct buf *out) MUST_USE;
/* 7.3.5: the inner message, signed by the new key. */
int accountmsg_key_change(struct slice url, struct slice account_url, const struct key *from,
                          const struct key *to, struct buf *out, struct fault *f) MUST_USE;
/* 7.3.6 */
int accountmsg_deactivate(struct buf *out) MUST_USE;
