/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* How an attempt ends and what follows from it: the certificate in use, or the next attempt: when,
 * at which CA, with which challenges, first as a probe at a staging CA. */
#pragma once

#include "cert/keepstate.h"

/* The order of n is over. */
void keepend_order(struct keepname *n, struct order_end *end);
/* It did not come to an order. */
void keepend_failed(struct keepname *n, const struct keepfail *why);
/* Nor was it a failure: nobody can tell whether one is needed. The caller says until when. */
void keepend_unjudged(struct keepname *n);
/* As keepend_failed, for trouble of this machine. */
void keepend_local(struct keepname *n, int r, const struct fault *f);
