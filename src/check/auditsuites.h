/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Suites of an audit: which there are, and in which order. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* Every suite of an offered version. */
void auditsuites_begin(struct audit *a, enum facts_version v);
/* The order of what was found, where the server has one. */
void auditsuites_order(struct audit *a, enum facts_version v);
/* 0x0303 of FACTS_TLS12. */
uint16_t auditsuites_version(enum facts_version v);
/* The suites that a first hello of this version offers, the most usual ones; part 1, 2, ... hold
 * the rarer ones. Returns how many (AUDITSTATE_CODES_MAX), 0 behind the last part. */
size_t auditsuites_part(enum facts_version v, unsigned part, uint16_t *codes);
/* The part that this server has answered to. */
size_t auditsuites_common(const struct audit *a, enum facts_version v, uint16_t *codes);
/* Suites of a kind: those that were found once they are known, else the common ones. */
size_t auditsuites_kind(const struct audit *a, enum facts_version v,
                        bool (*kind)(const struct suite *s), uint16_t *codes);
/* The newest version that is offered, and the newest whose flight is in clear; FACTS_SSL2: none. */
enum facts_version auditsuites_best(const struct audit *a);
enum facts_version auditsuites_best_clear(const struct audit *a);
/* Kinds: key exchange on curves or in finite fields, and the certificate that it takes. */
bool auditsuites_ecdhe(const struct suite *s);
bool auditsuites_signed_rsa(const struct suite *s);
bool auditsuites_signed_ecdsa(const struct suite *s);
bool auditsuites_any(const struct suite *s);
/* Frees what the walks hold. */
void auditsuites_drop_all(struct audit *a);
