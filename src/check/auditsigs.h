/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Signature schemes of an audit. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* Which schemes the server signs with, TLS 1.2 and 1.3. */
void auditsigs_begin(struct audit *a);
