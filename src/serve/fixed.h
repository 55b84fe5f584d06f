/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers that need no file and no upstream: redirects, configured bodies, OPTIONS *, and the
 * description of the visitor's own connection. */
#pragma once

#include "serve/serving.h"

/* Answers by the route's redirect. */
void fixed_redirect(struct exchange *x);
/* Answers by the route's respond directive. */
void fixed_respond(struct exchange *x);
/* Answers OPTIONS * (RFC 9110 9.3.7): 204 with Allow. */
void fixed_options(struct exchange *x);
