/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hash table from byte strings to pointers, for tables that are built from configuration (site
 * names, paths) and then read by peers' bytes: peers cannot insert, so they cannot make it
 * degenerate. Keys are copied. */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

struct map_entry {
    struct slice key; /* owned copy; p NULL when free */
    void *value;
};

struct map {
    struct map_entry *entries; /* power of two, open addressing */
    size_t count, cap;
};

/* Embedded; allocates nothing yet. */
void map_init(struct map *m);
/* Frees the keys and the table, not the values. */
void map_done(struct map *m);
/* Sets key to value (not NULL), replacing an earlier value. ERR_NOMEM. */
int map_put(struct map *m, struct slice key, void *value) MUST_USE;
/* The value, or NULL. */
void *map_get(const struct map *m, struct slice key);
