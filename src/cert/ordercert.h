/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The steps of an order behind its authorizations: key, finalize, waiting, download, what must hold
 * before anything is committed, commit. */
#pragma once

#include "cert/orderstate.h"

/* The pending key of a resumed order, else a new one or the plan's; on disk before FINALIZE. */
void ordercert_key(struct order *o);
/* Sends the CSR; what the order object in the answer says decides, PROCESS when none came. */
void ordercert_finalize(struct order *o);
/* Polls the order as Retry-After says, until it expires. */
void ordercert_process(struct order *o);
/* Fetches the chain, and alternates when another root is preferred; then VERIFY. */
void ordercert_download(struct order *o);
/* COMMIT, or the order fails: nothing that does not hold is stored. */
void ordercert_verify(struct order *o);
/* The pair becomes the lineage's current one and the job is over; a probe keeps nothing. */
void ordercert_commit(struct order *o);
