/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What an import puts into the store: each certificate and account is looked at, taken or left, and
 * said so in one line: on standard output, on standard error when it cannot be read. Knows no other
 * program's layout. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/slice.h"
#include "crypt/keystore.h"

struct certtake {
    const char *state;
    int64_t now_s;
    bool dry_run;
    unsigned taken, left, failed;
};

/* The pair of two PEM files, kept under `name` (empty: its first name). directory: URL of its CA,
 * empty when not known. */
void certtake_certificate(struct certtake *t, struct slice name, const char *chain_path,
                          const char *key_path, struct slice directory);
/* An account with its key (a loan). */
void certtake_account(struct certtake *t, struct slice directory, struct slice url,
                      struct slice contact, const struct key *key);
/* Something that is not taken, and why. */
void certtake_leave(struct certtake *t, const char *what, const char *why);
/* Something that could not be read. */
void certtake_fail(struct certtake *t, const char *what, const struct fault *f);
