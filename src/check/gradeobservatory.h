/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The score of the MDN HTTP Observatory (rules of 1.6): a base of 100, a modifier for each test,
 * bonuses only where the base stays at 90 or more. Pure. */
#pragma once

#include "check/facts.h"

/* After judging. Not given when there was no page to score: no whole answer over https of status
 * 2xx, or no look at port 80 (which counts as none where the target is not on 443). */
void gradeobservatory_give(struct facts *f);
