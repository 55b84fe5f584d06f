/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Preflight for the engine: before the first order of a name, and for an operator who only wants to
 * look. What it finds becomes events or lines; what it asks is cert/preflight's. */
#pragma once

#include "cert/keepstate.h"

/* Is there anything to look at before this order? */
bool keeplook_wanted(const struct keepname *n);
/* Looks; keeporder_looked comes later, with r other than OK and f for what forbids the order.
 * ERR_NOMEM. */
int keeplook_begin(struct keepname *n) MUST_USE;
/* No answer is waited for any more. */
void keeplook_stop(struct keepname *n);
/* As certkeep_dry_run. */
void keeplook_dry_run(struct certkeep *k, struct certkeep_call *c, struct slice name);
