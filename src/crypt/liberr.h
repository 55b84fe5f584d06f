/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The library's error queue turned into our errors: whoever fails a call drains the queue here, so
 * that no later call trips over what is left in it. Keeps nothing. */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/fault.h"

#define LIBERR_TEXT 200

/* Empties the queue. Fills dst (LIBERR_TEXT bytes, NUL-ended) with the words of the first error
 * ("" when there is none) and returns its packed code, 0 when there is none. */
unsigned long liberr_take(char *dst);
/* Empties the queue and fills f (may be NULL): the formatted text, then the library's words.
 * Returns `code`, or ERR_NOMEM when that was the cause. */
int liberr_fault(struct fault *f, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
