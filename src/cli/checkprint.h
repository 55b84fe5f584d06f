/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Facts to standard output and to the HTML file, in the shape that was asked for: line by line
 * where the shape has lines, at the end where it is one document. */
#pragma once

#include "cli/checkopts.h"

struct checkprint {
    const struct checkopts *o;
    struct facts **kept; /* by target */
    size_t nshown;       /* printed in their order so far */
    int nagios;          /* worst status of its lines */
    int r;               /* first failure to print or write; a message was given */
};

/* ERR_NOMEM. */
int checkprint_init(struct checkprint *p, const struct checkopts *o) MUST_USE;
/* Target i is known; takes f over. */
void checkprint_take(struct checkprint *p, size_t i, struct facts *f);
/* No more targets come. */
void checkprint_end(struct checkprint *p);
void checkprint_done(struct checkprint *p);
