/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Words for humans: escaping of peer bytes, and the nearest known word for a misspelt one. */
#pragma once

#include <stddef.h>

#include "base/slice.h"

/* Printable ASCII copy of s into dst (NUL-ended, cut at cap - 1): other bytes and backslash become
 * \\xNN. Returns its length. For logs and messages that show what a peer sent. */
size_t text_escape(struct slice s, char *dst, size_t cap);
/* The same, and a double quote becomes \x22 too: for texts that stand between quotes. */
size_t text_escape_quotes(struct slice s, char *dst, size_t cap);
/* Edit distance with adjacent swaps, ASCII case ignored; words over 64 bytes count as far apart
 * (65). */
unsigned text_distance(struct slice a, struct slice b);
/* The word of `words` nearest to s, or NULL when none is near enough to be a misspelling. */
const char *text_nearest(struct slice s, const char *const *words, size_t count);
