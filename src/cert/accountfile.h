/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The files of one account: STATE/accounts/<host>-<16 hex>/ with account.key, account.json and,
 * while a new key waits for the CA's word, account.key.next. All are 0600 and replaced whole. What
 * cannot be read is moved aside, never removed. Knows nothing of the CA. */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "crypt/keystore.h"
#include "os/file.h"

#define ACCOUNTFILE_PATH_BYTES 1024
#define ACCOUNTFILE_LOST       4

/* account.json; texts are in the arena of the load. */
struct accountfile_record {
    uint32_t format;
    struct slice directory, url, contact;
    int64_t created_s;
    int64_t lost_s[ACCOUNTFILE_LOST]; /* when the CA did not know us, newest first */
};

struct accountfile {
    struct accountfile_record record;
    struct key *key, *next; /* NULL: none; owned by the receiver */
};

/* The directory of the account at the CA with this directory URL. ERR_CAP, ERR_TLS. */
int accountfile_dir(const char *state_dir, struct slice directory, char *dst,
                    struct fault *f) MUST_USE;
/* Nothing there is OK. Damaged files are moved aside and told (f, with OK). ERR_PERM, ERR_SYS,
 * ERR_CONFIG (a newer format): they may be good, so nothing may be made in their place. */
int accountfile_load(const char *dir, struct slice directory, struct arena *a,
                     struct accountfile *ret, struct fault *f) MUST_USE;
/* Makes the directory when it is missing. ERR_PERM, ERR_SYS. */
int accountfile_save(const char *dir, const struct accountfile_record *record,
                     struct fault *f) MUST_USE;
int accountfile_save_key(const char *dir, const struct key *key, struct fault *f) MUST_USE;
int accountfile_save_next(const char *dir, const struct key *key, struct fault *f) MUST_USE;
/* The key is in account.key: the one beside it is not needed. */
int accountfile_drop_next(const char *dir, struct fault *f) MUST_USE;
/* It may be the CA's, or not: out of the way, but not lost. */
int accountfile_set_next_aside(const char *dir, struct fault *f) MUST_USE;
/* The whole directory becomes <dir>.deactivated-N. */
int accountfile_retire(const char *dir, struct fault *f) MUST_USE;
/* True when account.json is not the one of *seen any more; *seen is brought up to date. */
bool accountfile_changed(const char *dir, struct file_info *seen);
/* Reads one account without touching anything, for lists. ERR_NOT_FOUND and as above. */
int accountfile_peek(const char *dir, struct arena *a, struct accountfile *ret,
                     struct fault *f) MUST_USE;
