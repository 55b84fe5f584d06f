/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Request methods (RFC 9110 9, RFC 5789) as numbers. Case-sensitive, as the RFC says. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

enum http_method {
    METHOD_OTHER, /* a token that is none of the below; its text stays with the request */
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_PATCH,
    METHOD_TRACE,
    METHOD_CONNECT,
    METHOD_COUNT
};

/* METHOD_OTHER for every text that is not exactly one of the names above. */
enum http_method method_of(struct slice text);
/* "GET"...; empty for METHOD_OTHER. Constant bytes. */
struct slice method_name(enum http_method method);
/* GET, HEAD, OPTIONS, TRACE (RFC 9110 9.2.1). */
bool method_is_safe(enum http_method method);
/* Safe ones, PUT and DELETE (RFC 9110 9.2.2): may be replayed on a fresh upstream connection. */
bool method_is_idempotent(enum http_method method);
