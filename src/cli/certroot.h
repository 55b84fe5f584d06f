/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The local CA's root for those who show or install it. */
#pragma once

#include "base/buf.h"

/* Its PEM into *pem (initialised here; buf_done in any case). On failure the message was printed.
 */
int certroot_read(const char *state, struct buf *pem);
