/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The CAs that the settings name, with their accounts, and the solver of dns-01. */
#pragma once

#include "cert/keepstate.h"

#define KEEPCA_RUNNING_MAX 4 /* attempts at once for one account */

/* Forgets the CAs of the settings before and takes those of k->settings; no attempt may be under
 * way. ERR_CONFIG, ERR_NOMEM. */
int keepca_settings(struct certkeep *k, struct fault *f) MUST_USE;
/* Releases all of them; what dns-01 still takes away goes on (keepdns). */
void keepca_done(struct certkeep *k);
/* Makes client and account if this is the first use. ERR_CONFIG, ERR_NOMEM, ERR_SYS. */
int keepca_open(struct keepca *ca, struct fault *f) MUST_USE;
/* The CA with this directory URL among those of the settings, or NULL. */
struct keepca *keepca_by_url(struct certkeep *k, struct slice url);
/* Where a probe is made before `ca` is asked again; NULL: it has no staging. */
struct keepca *keepca_staging(struct keepca *ca);
/* Compares clocks after an answer of the CA; told once a day above five minutes, as an error above
 * a day. */
void keepca_check_clock(struct keepca *ca);
enum keepca_clock { KEEPCA_CLOCK_UNKNOWN, KEEPCA_CLOCK_RIGHT, KEEPCA_CLOCK_WRONG };
/* Ours, by what the CAs say: one that agrees within a day is enough for KEEPCA_CLOCK_RIGHT. By a
 * wrong clock no certificate is old: no alarm is raised, nothing is renewed for its age. */
enum keepca_clock keepca_clock(const struct certkeep *k);
