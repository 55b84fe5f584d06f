/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every measurement that was made, in words: one line each. Concludes nothing. */
#pragma once

#include "check/whyjudge.h"

/* Appends to ret->evidence; what does not fit is left out. */
void whyevidence_write(const struct whyjudge_measures *m, struct arena *a, struct facts_why *ret);
