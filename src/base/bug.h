/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Broken invariants: our own fault, never the peer's. Assertion builds abort at the place; release
 * builds count it, remember the first place and go on, because one worker serves thousands. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* True when the invariant is broken: if (BUG_IF(n > cap)) return ERR_BUG; */
#define BUG_IF(cond) (UNLIKELY(cond) ? bug_hit(#cond, __FILE__, __LINE__) : false)

/* Records one hit; returns true. Aborts in assertion builds. */
bool bug_hit(const char *what, const char *file, int line);
/* Hits in this process so far; *ret_what (may be NULL) names the first: "file:line: condition". */
uint64_t bug_count(const char **ret_what);
