/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* The engine as Prometheus text: families with one value for each certificate, and totals. */
/* The engine as Prometheus text. */
#pragma once

#include "cert/keepstate.h"

/* As certkeep_metrics. */
int keepmetrics_write(struct certkeep *k, struct buf *out) MUST_USE;
