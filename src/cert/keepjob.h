/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Schedule and failure counters of a wanted certificate, in its job.json. */
#pragma once

#include "cert/keepstate.h"

/* Reads it; what is unreadable is told as trouble and counts as empty. Issues that the store knows
 * and the job does not (a crash in between) are added. */
void keepjob_load(struct keepname *n);
/* Writes it and gives back memory that texts of before took. Trouble is told, the values in memory
 * go on to count. */
void keepjob_save(struct keepname *n);
/* Counts a failure and sets the time of the next attempt. */
void keepjob_failed(struct keepname *n, const struct keepfail *why);
/* Clears the counters; an issue of the wanted name set is remembered. */
void keepjob_succeeded(struct keepname *n);
/* An order of the operator or a new configuration: the schedule begins anew. */
void keepjob_reset(struct keepname *n);
