/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* From facts to findings: every rule of the audit that needs no grade; those about HTTP
 * are in judgehttp.h. Pure. */
#pragma once

#include "check/facts.h"

/* Adds findings about names, TCP, TLS (certificates: judgecert.h). */
void judge_tls(struct facts *f);
