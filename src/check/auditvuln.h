/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Known attacks, of an audit. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* Known attacks; those that follow from suites and versions, and those that are tried. */
void auditvuln_begin(struct audit *a);
/* Frees what auditvuln_begin made. */
void auditvuln_drop(struct audit *a);
