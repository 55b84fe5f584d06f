/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificates that need nobody: from the local root, and the temporary ones of public names. */
#pragma once

#include "cert/keepstate.h"

/* Opens or makes the local root. */
int keeplocal_open(struct certkeep *k, struct fault *f) MUST_USE;
/* Takes a local or temporary certificate from the store or makes one, and hands it out. */
int keeplocal_ensure(struct keepname *n, struct fault *f) MUST_USE;
/* Takes the temporary certificate out of the store: there is a better one. What cannot be removed
 * does no harm, and is tried again at the next start. */
void keeplocal_forget(const struct keepname *n);
/* Makes a fresh one. */
int keeplocal_renew(struct keepname *n, struct fault *f) MUST_USE;
