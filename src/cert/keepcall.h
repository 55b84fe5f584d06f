/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What an operator asked the engine for and waits for. */
#pragma once

#include "cert/keepstate.h"

/* Nobody is answered any more. */
void keepcall_drop_all(struct certkeep *k);
void keepcall_renew(struct certkeep *k, struct certkeep_call *c, struct slice name, bool force);
void keepcall_dry_run(struct certkeep *k, struct certkeep_call *c, struct slice name);
void keepcall_revoke(struct certkeep *k, struct certkeep_call *c, struct slice name);
void keepcall_account(struct certkeep *k, struct certkeep_call *c);
void keepcall_cancel(struct certkeep_call *c);
