/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the master passes on without reading it: answers to challenges (keeper to workers, and the
 * word back that every worker has them), certificates that a handshake waits for (worker to
 * keeper), orders of the operator (admin socket to keeper). */
#pragma once

#include "serve/child.h"

struct admin_call;
struct master;

/* No table, no order; before anything else here. */
void relay_init(struct master *m);
/* Orders under way are answered with a refusal. */
void relay_done(struct master *m);

/* A new table of challenges (MESSAGE_CHALLENGES of the keeper). */
void relay_table(struct master *m, struct slice payload);
/* A worker answers by a table. */
void relay_published(struct master *m, struct child *k, struct slice payload);
/* A worker is ready, or the server runs: is the keeper to be told? */
void relay_look(struct master *m);
/* A child has gone: nobody waits for it any more. */
void relay_lost(struct master *m, struct child *k);

/* A handshake of a worker waits for a certificate (MESSAGE_DEMAND): passed to the keeper. */
void relay_demand(struct master *m, struct slice payload);
/* The keeper has none to wait for (MESSAGE_DEMAND_DONE): passed to all workers. */
void relay_demand_done(struct master *m, struct slice payload);

/* Hands the JSON of an order to the keeper; the call is answered line by line. */
void relay_command(struct master *m, struct admin_call *call, struct slice text);
/* A line of the keeper for an order; `last`: and it is over. */
void relay_line(struct master *m, struct slice payload, bool last);
/* The operator went away: the order is cancelled and the call freed. */
void relay_cancel(struct master *m, struct admin_call *call);
