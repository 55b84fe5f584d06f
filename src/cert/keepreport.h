/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What status, `cert list` and `doctor` show of the engine, and its metrics. */
#pragma once

#include "cert/keepstate.h"

/* As certkeep_report. */
void keepreport_json(struct certkeep *k, struct json *j);
/* As certkeep_metrics. */
int keepreport_metrics(struct certkeep *k, struct buf *out) MUST_USE;
