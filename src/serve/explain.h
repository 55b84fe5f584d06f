/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which site, rule, upstream, headers and limits apply to a URL: the same decisions that the server
 * makes, put into words. Offline. */
#pragma once

#include "base/buf.h"
#include "base/fault.h"
#include "conf/conf.h"

/* Appends the explanation. ERR_SYNTAX when `url` is no http or https URL (the fault says what is
 * wrong), ERR_NOT_FOUND when no site or route matches (the explanation says so too), ERR_NOMEM. */
int explain_url(const struct conf *conf, struct slice url, struct buf *ret,
                struct fault *f) MUST_USE;
