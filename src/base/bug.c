/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Counts broken invariants and keeps the text of the first one for the event log. */
#include "base/bug.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t hits;
static char first[160];

bool bug_hit(const char *what, const char *file, int line)
{
    if (hits++ == 0)
        snprintf(first, sizeof(first), "%s:%d: %s", file, line, what);
#if defined(PORT443_ASSERT)
    fprintf(stderr, "port443: bug: %s:%d: %s\n", file, line, what);
    abort();
#endif
    return true;
}

uint64_t bug_count(const char **ret_what)
{
    if (ret_what)
        *ret_what = first;
    return hits;
}
