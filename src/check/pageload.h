/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a page loads and where its forms go: mixed content (W3C Mixed Content 2), scripts of other
 * sites, policies in <meta>. Knows no fields of the answer but the policy that mends addresses. */
#pragma once

#include "check/facts.h"

/* Fills the part of f->http that is "found in the page". `https`, `host`: where the page came from.
 * With upgrade-insecure-requests nothing is loaded in clear, so nothing is counted. */
void pageload_scan(struct facts *f, struct slice page, bool https, struct slice host);
