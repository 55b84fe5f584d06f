/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Chains looked at as wholes: verified at the time of the check, put in order, measured against the
 * rules of their dates. Fills facts; findings are made from them (judgecert.h). No I/O. */
#pragma once

#include "check/facts.h"

/* Verifies every chain of f at f->now_s for the name that was asked for (SNI, else host) and fills
 * what struct facts_chain says. May be called again when a CRL has come. ERR_NOMEM. */
int judgechain_verify(struct facts *f, const struct chainverify *trust) MUST_USE;

/* The longest life, in days, that the rules for public CAs allowed on this notBefore date (CA/B
 * Forum ballots 193, SC31, SC-081v3); 0: no rule yet. */
unsigned judgechain_days_max(int64_t not_before_s);
/* Whole life in seconds: both ends count (RFC 5280 4.1.2.5). */
int64_t judgechain_life_s(int64_t not_before_s, int64_t not_after_s);

/* What the leaf's issuer, which was neither sent nor is trusted, is likely to be. Public CAs give
 * the address of an intermediate; private ones call things by their names. */
enum judgechain_issuer {
    JUDGECHAIN_ISSUER_UNKNOWN,
    JUDGECHAIN_ISSUER_INTERMEDIATE,
    JUDGECHAIN_ISSUER_ROOT
};
/* Of a chain whose certs are read. */
enum judgechain_issuer judgechain_guess_issuer(const struct facts_chain *c);
