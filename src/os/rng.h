/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Unpredictable bytes from the kernel, for whoever needs them before or without a TLS library. */
#pragma once

#include <stddef.h>

#include "base/attr.h"

/* Fills n bytes; blocks only before the kernel's pool is first ready (early boot). ERR_SYS. */
int rng_bytes(void *dst, size_t n) MUST_USE;
