/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Values back to text; conf_show itself is declared in conf.h. */
#pragma once

#include "conf/directive.h"

/* FNV-1a of the text of a struct of `scope`, resolved values included: equal when both mean the
 * same, wherever they were written. */
uint64_t conf_show_digest(enum directive_scope scope, const void *base);
