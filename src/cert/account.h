/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The account at one CA: a key and its URL in STATE/accounts/, made when it is first needed, found
 * again when only the key is left. One registration at a time, however many ask. */
#pragma once

#include "base/buf.h"
#include "cert/acmeca.h"
#include "crypt/secret.h"

struct account;

struct account_options {
    const char *state_dir;
    struct slice email;           /* contact; empty: none */
    struct slice eab_kid;         /* external account binding; empty: none */
    const struct secret *eab_key; /* raw bytes of the MAC key */
};

/* Where the account of a directory URL is kept: STATE/accounts/<host>-<16 hex of its SHA-256>/ with
 * account.key and account.json ({"format":1,"directory","url","contact",...}). o is copied. */
int account_new(struct acmeca *ca, const struct account_options *o, struct account **ret,
                struct fault *f) MUST_USE;
/* Calls under way get no on_done any more. Accepts NULL. */
void account_free(struct account *a);

/* Embedded by who asks; zeroed before its first use. */
struct account_call {
    struct list node;
    struct account *account; /* NULL: not under way */
    int kind;                /* of account.c */
    int64_t retry_after_s;   /* set before on_done: what the refusing CA said, from now; -1 */
    /* OK; ERR_ACME with problem; others as acmeca, and those of the store (ERR_SYS, ERR_PERM,
     * ERR_CONFIG). f tells the story; with OK its code is set when damaged files were moved aside.
     */
    void (*on_done)(struct account_call *c, int r, const struct acmeobj_problem *problem,
                    const struct fault *f);
};

/* Makes sure that there is a usable account: from disk; with a key but no URL by
 * onlyReturnExisting; else a new one (terms of service are agreed to: using the program is that
 * consent, README). Needs the directory (fetches it). on_done never comes from inside the call. */
void account_ready(struct account *a, struct account_call *c);
void account_cancel(struct account_call *c);
/* After accountDoesNotExist: the URL is forgotten, the key kept; the next account_ready asks for it
 * and registers again when it is gone. Counts; ERR_CAP after 2 within a day (limits of the CA). */
int account_lost(struct account *a, struct fault *f) MUST_USE;
/* For acmeca_post; valid once ready. kid is a loan until the next call of this header. */
const struct acmeca_signer *account_signer(const struct account *a);
struct acmeca *account_ca(const struct account *a);
/* "TOKEN.THUMBPRINT" (RFC 8555 8.1), appended. */
int account_key_authorization(const struct account *a, struct slice token, struct buf *out,
                              struct fault *f) MUST_USE;

/* Account orders of the command line; on_done as account_ready. */
/* keyChange (7.3.5): the new key is on disk beside the old one until the CA has confirmed. */
void account_rollover(struct account *a, struct account_call *c);
/* Deactivates (7.3.6); the files are moved aside. */
void account_deactivate(struct account *a, struct account_call *c);
/* The contact at the CA becomes the configured one. */
void account_update(struct account *a, struct account_call *c);

/* What is on disk, for `cert account`. */
struct account_info {
    struct slice directory, url, contact, thumbprint; /* in the arena */
    struct slice path;
    int64_t created_s;
};
/* Calls `each` for every account in the store; unreadable ones are told by f in `each` (info then
 * has the path only). */
int account_each(const char *state_dir, struct arena *arena,
                 void (*each)(void *ctx, const struct account_info *info, const struct fault *f),
                 void *ctx) MUST_USE;
