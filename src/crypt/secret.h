/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Bytes that must not be seen: private keys in PEM, ticket keys on their way to another process.
 * Wiped when freed, never NUL-ended (so no "%s" reaches them), read only through secret_expose, a
 * word that reviewers can search for. Knows nothing of what the bytes mean. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct secret {
    uint8_t *p; /* owned */
    size_t n;
};

#define SECRET_EMPTY ((struct secret){NULL, 0})

/* A zeroed secret of n bytes; s must be empty. ERR_NOMEM. */
int secret_alloc(struct secret *s, size_t n) MUST_USE;
/* Replaces the content by a copy of `bytes`; the caller wipes his own. ERR_NOMEM. */
int secret_set(struct secret *s, struct slice bytes) MUST_USE;
/* Wipes and frees; s is empty and usable again. */
void secret_done(struct secret *s);
/* The bytes, for the one place that must have them: a file of mode 0600, a socket of our own. A
 * loan until secret_done. */
struct slice secret_expose(const struct secret *s);
