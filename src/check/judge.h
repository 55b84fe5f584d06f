/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* From facts to findings: every rule of the audit that needs no grade; those about HTTP
 * are in judgehttp.h. Pure. */
#pragma once

#include "check/facts.h"

/* Adds findings about names, TCP, TLS, certificates. */
void judge_tls(struct facts *f);
/* The certificate chain as seen: expiry, name, order, key, signature, lifetime rules of its date.
 * Called for each chain when it is known; fills its errors. */
void judge_chain(struct facts *f, struct facts_chain *c);
