/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Progress for people who wait: one line on the terminal, rewritten; silence anywhere else. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* "www.example.org: waiting for the CA". `keep`: findings, which stay, also without a terminal. */
void progress_show(struct slice name, const char *phase, bool keep);
/* Takes the line away; before anything else is printed. */
void progress_clear(void);
