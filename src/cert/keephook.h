/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Programs of the owner: asked before an order, told what happened. Each gets one JSON object on
 * standard input: {"event", "name", "names", "key", "kind", "not_before", "not_after", "days_left",
 * "directory", "paths": {"chain", "key"}, and for failures "error", "problem", "failures",
 * "next"}. What fails is told and tried once more; it never undoes a good certificate. */
#pragma once

#include "cert/keepstate.h"

/* May this be ordered? OK: the answer comes to keeporder_allowed. ERR_NOT_FOUND: nobody has to be
 * asked. ERR_NOMEM. */
int keephook_ask(struct keepname *n) MUST_USE;
/* The certificate in use was confirmed, or nobody confirmed it in time. */
void keephook_deployed(struct keepname *n);
void keephook_failed(struct keepname *n);
/* The alarm of n is worse than before: event, and the hook once for each level. */
void keephook_expiring(struct keepname *n);
/* Answers to its question are not waited for any more. */
void keephook_name_gone(struct keepname *n);
/* As certkeep_hook_done. */
void keephook_done(struct certkeep *k, uint64_t id, int status, struct slice output);
/* Forgets all. */
void keephook_drop_all(struct certkeep *k);
