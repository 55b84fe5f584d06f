/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names on their way into a certificate or a request: which texts are names, and the
 * subjectAltName that holds them (RFC 5280 4.2.1.6). Names never pass through the library's
 * configuration language, where a comma in a name would add an extension. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/fault.h"
#include "base/slice.h"

struct stack_st_GENERAL_NAME;

/* Is every one a DNS name (letters, digits, hyphens, underscores; "*" as whole first label) or an
 * IP literal, and are they 1 to CERTINFO_SANS_MAX? ERR_CONFIG; `f` shows the one that is none. */
int sanlist_check(const struct slice *names, size_t count, struct fault *f) MUST_USE;
/* For crypt/ only: the names, checked before; freed with GENERAL_NAMES_free. NULL without memory.
 */
struct stack_st_GENERAL_NAME *sanlist_new(const struct slice *names, size_t count) MUST_USE;
