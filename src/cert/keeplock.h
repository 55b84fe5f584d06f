/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One engine writes a store at a time: two would register an account each, and finish each other's
 * orders. */
#pragma once

#include "cert/keepstate.h"

/* Takes the lock of the state directory into k->lock_fd. ERR_EXISTS: another engine has it (f says
 * which). ERR_PERM, ERR_SYS, ERR_CAP. */
int keeplock_take(struct certkeep *k, struct fault *f) MUST_USE;
/* Idempotent. */
void keeplock_release(struct certkeep *k);
