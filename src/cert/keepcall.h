/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What an operator asked the engine for and waits for. */
#pragma once

#include "cert/keepstate.h"

/* As certkeep_renew. */
void keepcall_renew(struct certkeep *k, struct certkeep_call *c, struct slice name, bool force);
/* Nothing may be ordered: another engine has the store, or this one winds up. */
void keepcall_refuse(struct certkeep *k, struct certkeep_call *c);
/* As certkeep_account. */
void keepcall_account(struct certkeep *k, struct certkeep_call *c, enum certkeep_account what);
/* As certkeep_cancel. */
void keepcall_cancel(struct certkeep_call *c);
/* Nobody is answered any more. */
void keepcall_drop_all(struct certkeep *k);
/* Those that use a CA are ended: the settings change. */
void keepcall_end_all(struct certkeep *k);

/* For calls whose work is done elsewhere (keeprevoke.c, keeplook.c): begins one; `drop` frees
 * c->state when it is cancelled. */
void keepcall_begin(struct certkeep *k, struct certkeep_call *c,
                    void (*drop)(struct certkeep_call *c));
/* Ends it, with c->fault for r; on_done comes from the loop. */
void keepcall_finish(struct certkeep_call *c, int r);

/* A line of progress. */
void keepcall_tell(struct certkeep_call *c, const char *phase, struct slice name);
/* From the attempt of n: to all who wait for it. */
void keepcall_progress(const struct keepname *n, const char *phase, struct slice name);
void keepcall_held_back(struct keepname *n, const char *why, int64_t until_s);
void keepcall_ended(struct keepname *n, int r, const struct fault *f);
void keepcall_name_gone(struct keepname *n);
