/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Solvers of dns-01: that of the settings, and those of settings before for as long as they take
 * their records out of DNS again. */
#pragma once

#include "cert/keepstate.h"

/* The solver of the settings is used no more: every record was withdrawn (no attempt is under way);
 * what it still takes away it takes away. */
void keepdns_retire(struct certkeep *k);
/* As certkeep_hook_done; true: it was for one of the solvers. */
bool keepdns_hook_done(struct certkeep *k, uint64_t id, int status, struct slice output);
/* An order of before that is resumed puts the same value at the same name: the removal that is
 * under way would take it. Attempts are queued until it has ended. */
bool keepdns_must_wait(const struct certkeep *k);
/* Records that are being taken away. */
size_t keepdns_busy(const struct certkeep *k);
/* Frees all solvers; records that stand yet are told as trouble. */
void keepdns_done(struct certkeep *k);
