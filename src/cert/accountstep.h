/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One account order from the directory to its end: registration, recovery, rollover, deactivation,
 * contact. Every key is on disk before the CA hears of it. */
#pragma once

#include <stdint.h>

#include "base/fault.h"

struct account;

/* Serves a->current by a->kind; ends with their on_done, never from inside. */
void accountstep_begin(struct account *a);
/* The CA does not know the URL any more: forgotten in memory and on disk. */
int accountstep_forget(struct account *a, int64_t now_s, struct fault *f) MUST_USE;
