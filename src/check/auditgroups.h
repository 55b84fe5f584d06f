/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Groups, signature schemes, extensions, certificates of an audit. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* Groups, signature schemes, extensions, Diffie-Hellman, further certificates. */
void auditgroups_begin(struct audit *a);
/* What needs the suites: Diffie-Hellman parameters, certificates by kind of key. */
void auditgroups_after(struct audit *a);
