/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Takes the place of mux_h1.c in programs that test HTTP/2: a plain listener then speaks it with
 * prior knowledge. */
#include "conn/mux.h"

int mux_h1_start(struct conn *c)
{
    return mux_h2_start(c);
}
