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
/* Records that are being taken away. */
size_t keepdns_busy(const struct certkeep *k);
/* Frees all solvers; records that stand yet are told as trouble. */
void keepdns_done(struct certkeep *k);
