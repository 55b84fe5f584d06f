/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One HTTP answer, read into facts: its fields, cookies, HSTS, and what its page loads. Judges
 * nothing. */
#pragma once

#include "check/facts.h"
#include "check/httpget.h"

/* For every answer of a visit (visit_ops.on_answer): the hop that it belongs to is the last one of
 * its list already. `plain`: of the walk from port 80; `main`: the last one of the https walk. What
 * finds no memory in the facts' arena is left out. */
void page_read(struct facts *f, const struct httpget_result *r, bool plain, bool main);
