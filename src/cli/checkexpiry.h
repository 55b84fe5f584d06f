/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 check --expiry`: many certificates, once or again and again. */
#pragma once

#include "cli/checkopts.h"

/* Runs and prints; returns the exit status. With --watch it ends by a signal only. */
int checkexpiry_run(struct checkopts *o);
