/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Takes the place of mux_h2.c in programs that test only HTTP/1.1. */
#include "base/err.h"
#include "conn/mux.h"

int mux_h2_start(struct conn *c)
{
    (void)c;
    return ERR_NOT_IMPLEMENTED;
}
