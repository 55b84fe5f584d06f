/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Extensions and tolerance of an audit. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* Extensions that the server answers, compression, tolerance of unusual hellos, fallback. */
void auditexts_begin(struct audit *a);
