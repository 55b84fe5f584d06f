/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What somebody wrote to say what shall be looked at, as a target: "example.com",
 * "example.com:8443", "https://example.com/shop", "192.0.2.1", "[2001:db8::1]:443". Pure. */
#pragma once

#include "check/facts.h"

/* Texts of *ret live in the arena. starttls (may be NULL) decides the port when none is written.
 * ERR_SYNTAX (f says why and what to write), ERR_NOMEM. */
int checktarget_parse(struct arena *a, struct slice text, const char *starttls,
                      struct facts_target *ret, struct fault *f) MUST_USE;
/* Where a protocol with STARTTLS listens: "smtp" 25; 443 for NULL and unknown words. */
uint16_t checktarget_port(const char *starttls);
