/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Static files (RFC 9110 conditional requests, ranges, precompressed siblings) from beneath one
 * root handle. */
#pragma once

#include "serve/serving.h"

/* Answers x from the route's root: called by exchange.c as the route's action. */
void files_serve(struct exchange *x);
