/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Conditional requests (RFC 9110 13) about a representation that exists. */
#pragma once

#include "conn/exchange.h"

enum condition_verdict {
    CONDITION_SEND,
    CONDITION_NOT_MODIFIED, /* 304 */
    CONDITION_FAILED        /* 412 */
};

/* Verdict for a GET or HEAD, in the order of RFC 9110 13.2.2. `etag` is strong. *ret_range: the
 * value of Range when it is to be obeyed, else empty. No clock: `now_s` since 1970. */
enum condition_verdict condition_check(const struct request *req, struct slice etag,
                                       int64_t modified_s, int64_t now_s, struct slice *ret_range);
