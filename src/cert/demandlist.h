/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* STATE/demand.json: {"format": 1, "names": [{"name", "asked"}]}: names on demand and when somebody
 * last asked for them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/fault.h"
#include "base/slice.h"

struct demandlist_entry {
    struct slice name;
    int64_t asked_s;
};

/* Writes the list. ERR_SYS, ERR_PERM, ERR_NOMEM. */
int demandlist_save(const char *state_dir, const struct demandlist_entry *entries, size_t n,
                    struct fault *f) MUST_USE;
/* Calls `each` for every name. No file is OK; ERR_SYNTAX, ERR_PERM, ERR_SYS. */
int demandlist_load(const char *state_dir,
                    void (*each)(void *ctx, struct slice name, int64_t asked_s), void *ctx,
                    struct fault *f) MUST_USE;
