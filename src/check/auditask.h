/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One question of an audit: a hello and its answer. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* A hello as a current browser would send it for this version (0x0300 .. 0x0304), with all groups
 * and schemes; arrays are constant. */
void auditask_base(const struct audit *a, uint16_t version, struct hellomake *ret);
/* Asks; on_answer comes later. Without memory the audit becomes incomplete and nothing comes. */
struct ask *auditask_hello(struct audit *a, const struct hellomake *h, const struct ask_kind *kind,
                           void *ctx);
/* The same with ready bytes. */
struct ask *auditask_bytes(struct audit *a, struct slice hello, const struct ask_kind *kind,
                           void *ctx);
/* Did the server choose what was offered? */
bool auditask_accepted(const struct serverflight *flight, uint16_t version);

/* Empty lists; before anything else. */
void auditask_init(struct audit *a);
/* Second looks at what ended without an answer. True: one is under way, or brought new questions.
 */
bool auditask_doubts(struct audit *a);
/* Ends all questions without answers. */
void auditask_drop_all(struct audit *a);
