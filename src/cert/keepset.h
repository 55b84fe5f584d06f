/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The engine's settings as a value: copied whole, compared whole, so that a reload which changes
 * nothing disturbs no order under way. */
#pragma once

#include "cert/keepstate.h"

/* Copies into the arena. ERR_NOMEM. */
int keepset_copy(const struct certkeep_settings *s, struct arena *a,
                 struct certkeep_settings *ret) MUST_USE;
bool keepset_same(const struct certkeep_settings *a, const struct certkeep_settings *b);
/* Overwrites the secrets in it (copies of keepset_copy only). */
void keepset_wipe(struct certkeep_settings *s);
