/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Entity tags (RFC 9110 8.8.3) and the lists of If-Match and If-None-Match. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* A well-formed entity tag with its quotes, weak or strong. */
bool etag_ok(struct slice tag);
/* Strong comparison (If-Match, If-Range): both strong and equal. */
bool etag_eq_strong(struct slice a, struct slice b);
/* Weak comparison (If-None-Match): equal apart from "W/". */
bool etag_eq_weak(struct slice a, struct slice b);
/* True when the list (or "*") holds a tag equal to `tag`. Elements behind a malformed one do not
 * count. tag empty: no representation exists, so not even "*" matches. */
bool etag_list_strong(struct slice list, struct slice tag);
bool etag_list_weak(struct slice list, struct slice tag);
