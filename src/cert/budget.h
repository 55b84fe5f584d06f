/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What may be asked of a CA, whatever happens: a token bucket for failed validations of each
 * identifier (five an hour, as Let's Encrypt publishes, minus one for safety) and a breaker on
 * issues of one name set. State in STATE/budget.json, so that a crash loop spends nothing twice. A
 * file that cannot be read counts as empty buckets for an hour. */
#pragma once

#include "base/fault.h"
#include "cert/job.h"

struct budget;

/* Reads the state; makes none. ERR_NOMEM. The caller closes it. */
int budget_open(const char *state_dir, int64_t now_s, struct budget **ret,
                struct fault *f) MUST_USE;
/* Accepts NULL. */
void budget_close(struct budget *b);
/* May an order be made that could fail the validation of these names at this CA? OK; ERR_CAP with
 * *ret_at_s: the time when it may. Takes nothing. */
int budget_ask(struct budget *b, struct slice directory, const struct slice *names, size_t nnames,
               int64_t now_s, int64_t *ret_at_s) MUST_USE;
/* A validation failed: one token of that identifier is gone. Saved at once. */
void budget_spend(struct budget *b, struct slice directory, struct slice name, int64_t now_s);
/* The fill of one bucket in thousandths of a token, for status and tests. */
uint32_t budget_fill(const struct budget *b, struct slice directory, struct slice name,
                     int64_t now_s);
/* The breaker: 2 issues a day and 4 a week for one name set (j->issues_s), except where the
 * lifetime of the certificates themselves asks for more (life_s of the last one; 0: none yet). OK
 * or ERR_CAP with the time. */
int budget_breaker(const struct job *j, int64_t life_s, int64_t now_s, int64_t *ret_at_s) MUST_USE;
