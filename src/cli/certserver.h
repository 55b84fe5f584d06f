/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Orders about certificates to the running server, over its admin socket. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Gives the order (one JSON object), shows progress (`findings`: every line stays) and the end.
 * `verb` for messages: "cert renew". Returns the exit status; -1: no server answers there. */
int certserver_order(const char *verb, const char *state, struct slice order, bool findings);
