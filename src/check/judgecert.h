/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Findings "cert-*" and "dns-caa-other-ca" out of verified chains, each with its evidence. Pure. */
#pragma once

#include "check/facts.h"

/* After judgechain_verify, once everything about the target is known. Fills each chain's errors;
 * the chain without SNI has errors of its own and one finding. */
void judgecert_all(struct facts *f);
