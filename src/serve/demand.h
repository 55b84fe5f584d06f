/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Handshakes for names that get their certificate when first asked for: the name is told to the
 * keeper once, the hello waits for the certificate within bounds, then it is answered with it or
 * with the fallback of its site. Decides nothing about who may have one. */
#pragma once

#include "conn/conn.h"
#include "serve/site.h"

struct demand;

/* `ask` tells the keeper of a name and of who asked. NULL: no memory. */
struct demand *demand_new(struct worker *w,
                          int (*ask)(void *ctx, struct slice name, struct slice address),
                          void *ctx);
/* After the last connection. Accepts NULL. */
void demand_free(struct demand *d);
/* conn_ops.choose for a site with on_demand: *ret holds the fallback already. OK: *ret is what to
 * serve; ERR_AGAIN: the hello waits, conn_choose_again follows. */
int demand_choose(struct conn *c, struct site *s, struct tlsctx **ret) MUST_USE;
/* The name has a certificate, or (`made` false) the keeper will not make one now. */
void demand_answered(struct demand *d, struct slice name, bool made);
