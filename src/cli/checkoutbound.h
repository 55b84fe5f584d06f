/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 check --outbound`: which hosts does this network let out to? A table for a person or a
 * firewall ticket, or JSON lines. */
#pragma once

#include "cli/checkopts.h"

/* Runs and prints; returns the exit status: 0 all are reached, 1 some are not. */
int checkoutbound_run(struct checkopts *o);
