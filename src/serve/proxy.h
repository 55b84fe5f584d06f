/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The reverse proxy: one exchange forwarded to one upstream of a group, streaming both ways with
 * bounded memory. */
#pragma once

#include "conf/conf.h"
#include "serve/serving.h"

/* Answers x by the route's upstream group: called by exchange.c as the route's action. */
void proxy_serve(struct exchange *x);
