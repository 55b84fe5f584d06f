/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the running server is doing, as one JSON document: gathered from keeper and workers on
 * request. */
#pragma once

#include "base/slice.h"

struct admin_call;
struct child;
struct master;

/* Starts gathering (or joins one under way); the call is answered when all have reported, or after
 * a second with what is there. */
void overview_begin(struct master *m, struct admin_call *call);
/* A child's report. */
void overview_report(struct master *m, struct child *k, struct slice json);
/* Prepares the timer of the master. */
void overview_init(struct master *m);
