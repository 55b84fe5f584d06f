/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Takes the control measurements about one target, side by side where one does not disturb the
 * other. Concludes nothing but what to measure next. */
#pragma once

#include "check/why.h"
#include "check/whyjudge.h"

struct whymeasure;

/* on_done comes once, never from inside. ERR_NOMEM, ERR_TLS, ERR_CONFIG (`fault` says which
 * option). */
int whymeasure_start(const struct why_options *o, const struct facts *f, void (*on_done)(void *ctx),
                     void *ctx, struct whymeasure **ret, struct fault *fault) MUST_USE;
const struct whyjudge_measures *whymeasure_result(const struct whymeasure *w);
/* Accepts NULL; no on_done comes after it. */
void whymeasure_free(struct whymeasure *w);
