/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lists of groups and schemes that an audit collects. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* Adds code to a list of the facts, once. False without memory. */
bool auditcodes_add(struct audit *a, const uint16_t **list, size_t *n, uint16_t code);
/* Notes that a walk has found code; false when it had found it before, or finds too much. */
bool auditcodes_note(struct auditstate_walk *w, uint16_t code);
/* The first n of `from` that w has not found, into ret; returns how many. */
size_t auditcodes_without(const uint16_t *from, size_t n, const struct auditstate_walk *w,
                          uint16_t *ret);
