/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The optional loopback listener for Prometheus: GET /metrics in plain HTTP, nothing else. */
#pragma once

#include "serve/serving.h"

/* The on_head of that listener. */
void metricsport_serve(struct exchange *x);
