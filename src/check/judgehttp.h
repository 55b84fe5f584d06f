/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* From facts to findings about HTTP: status, redirects, port 80, HSTS, cookies, fields, what the
 * page loads, the server's clock, the close. Pure. */
#pragma once

#include "check/facts.h"

/* Once, after the visit and what webask.h asked. Rules about what was not seen stay silent. */
void judgehttp_all(struct facts *f);
