/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Where trust comes from: the system's roots or a PEM text of one's own. Verifies nothing. */
#pragma once

#include "base/attr.h"
#include "base/fault.h"
#include "base/slice.h"

struct x509_store_st;

/* The system's roots, read once and shared by the whole process (they take milliseconds and some
 * megabytes, and a sandboxed worker cannot read files later on); a loan for ever. NULL: there are
 * none. Its flags are not to be changed. */
struct x509_store_st *truststore_system(void);
/* The certificates of the text, at least one; X509_STORE_free is the caller's. ERR_CONFIG,
 * ERR_NOMEM. */
int truststore_own(struct slice pem_text, struct x509_store_st **ret, struct fault *f) MUST_USE;
