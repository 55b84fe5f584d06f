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
/* The suites that a first hello of this version offers; returns how many (AUDITSTATE_CODES_MAX). */
size_t auditsuites_common(enum facts_version v, uint16_t *codes);
/* Frees what the walks hold. */
void auditsuites_drop_all(struct audit *a);
