/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the master does by the clock: ticket keys are rotated, certificates in use are looked at.
 * Knows nothing of how a certificate is renewed. */
#pragma once

struct master;

/* Prepares the timers; arms nothing. */
void clocks_init(struct master *m);
/* The first rotation of ticket keys is due one lifetime from now. */
void clocks_begin(struct master *m);
/* Expiry of everything in use: metrics, and events for what is over or nearly so. Now, and then
 * every hour. */
void clocks_look_at_certificates(struct master *m);
