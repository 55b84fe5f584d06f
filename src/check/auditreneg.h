/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Renegotiation and Ticketbleed, of an audit: attacks behind a whole handshake of TLS 1.2. Private
 * to the audit. */
#pragma once

#include "check/auditstate.h"

struct auditreneg;

/* Fills vuln[FACTS_RENEGOTIATION_CLIENT] and [FACTS_TICKETBLEED]; needs TLS 1.2. NULL without
 * memory, or when there is nothing to try. */
struct auditreneg *auditreneg_begin(struct audit *a);
/* Ends it; accepts NULL. */
void auditreneg_drop(struct auditreneg *n);
