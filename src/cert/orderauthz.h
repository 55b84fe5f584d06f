/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The step of an order that proves control of its names: authorizations side by side, each with one
 * challenge. */
#pragma once

#include "cert/orderstate.h"

/* Works through o->urls; then READY, or the order fails with all names that did. */
void orderauthz_begin(struct order *o);
/* Withdraws every challenge and forgets the requests under way. */
void orderauthz_stop(struct order *o);
