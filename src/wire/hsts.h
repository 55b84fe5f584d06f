/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The value of Strict-Transport-Security, by the grammar of RFC 6797 6.1. Knows nothing of hosts
 * and of how long a promise is long enough. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define HSTS_DIRECTIVES_MAX 32

struct hsts {
    int64_t max_age_s; /* at most a hundred years: nothing differs beyond */
    bool include_subdomains, preload;
};

/* ERR_SYNTAX: malformed, a directive twice, no max-age, a value where none belongs, more than
 * HSTS_DIRECTIVES_MAX. Directives with other names are passed over. */
int hsts_parse(struct slice value, struct hsts *ret) MUST_USE;
