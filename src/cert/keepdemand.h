/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificates for names that a handshake asked for: who may have one (allow-list, a URL of the
 * owner), and what strangers can cost at most. The names are kept in STATE/demand.json. One is
 * renewed only when it was asked for since its certificate was issued: at the planned time the
 * host is told to forget it, so that the next handshake asks again. */
#pragma once

#include "cert/keepstate.h"

/* As certkeep_demand. */
int keepdemand_ask(struct certkeep *k, struct slice name, struct slice client_address) MUST_USE;
/* Marks what stays wanted under new settings; reads the names of an earlier run. */
void keepdemand_keep(struct certkeep *k);
/* Puts away what nobody asks for. */
void keepdemand_look(struct certkeep *k);
/* Questions under way are given up. */
void keepdemand_stop(struct certkeep *k);
/* Frees everything but the wanted names. */
void keepdemand_done(struct certkeep *k);
