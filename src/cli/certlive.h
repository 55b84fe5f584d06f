/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the running server says about certificates (its report of the keeper), when it answers.
 * Knows nothing of the store. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct certlive;

/* Asks the server of that state directory. NULL: none answers. */
struct certlive *certlive_ask(const char *state);
/* Accepts NULL. */
void certlive_free(struct certlive *l);
/* Does the server keep a certificate for this name? */
bool certlive_has(const struct certlive *l, struct slice name);
/* Its entry for the name and kind of key as JSON text, NULL when there is none; mem_free. */
char *certlive_entry(const struct certlive *l, struct slice name, bool rsa);
/* One member of that entry: text, or a number as text, into dst; false when it has none. */
bool certlive_member(const struct certlive *l, struct slice name, bool rsa, const char *member,
                     char *dst, size_t cap);
