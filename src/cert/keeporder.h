/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One attempt to get a certificate: which CA, whether it may be asked at all (breaker, budget,
 * place, preflight, hook), the order, and what follows from its end. */
#pragma once

#include "cert/keepstate.h"

/* Begins an attempt if nothing forbids it; else says when (n->wait_until_s). */
void keeporder_start(struct keepname *n);
/* Gives up an attempt under way; nothing is counted. */
void keeporder_stop(struct keepname *n);
/* The pre-issue hook has spoken: 0 allows. */
void keeporder_allowed(struct keepname *n, int status, struct slice output);
/* Preflight is over; r other than OK forbids the order. */
void keeporder_looked(struct keepname *n, int r, const struct fault *f);
/* "ordering", "waiting for the CA's directory"; NULL when none is under way. */
const char *keeporder_stage_text(const struct keepname *n);
