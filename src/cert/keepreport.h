/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What status, `cert list` and `doctor` show of the engine. */
#pragma once

#include "cert/keepstate.h"

/* As certkeep_report. */
void keepreport_write(struct certkeep *k, struct json *j);
