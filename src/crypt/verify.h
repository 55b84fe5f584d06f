/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Words for a certificate that did not verify: which one, why, and what it has instead. Decides
 * nothing; the library did. */
#pragma once

#include "base/fault.h"

struct x509_store_ctx_st;

/* Fills f from a verification that has just failed, ERR_VERIFY. The host name or address that
 * was wanted is in its parameters. */
void verify_fault(struct x509_store_ctx_st *store, struct fault *f);
