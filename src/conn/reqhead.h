/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* From a parsed head to struct request, once and for both HTTP versions: normal host, canonical
 * path, hop-by-hop and connection-listed fields away, everything in the exchange's arena. After
 * this no part of the program reads the raw head again (request smuggling, host confusion). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/slice.h"
#include "conn/exchange.h"
#include "wire/field.h"
#include "wire/method.h"

/* What a mux parsed. */
struct reqhead {
    uint8_t version; /* 10, 11, 20 */
    enum http_method method;
    struct slice method_text;
    struct slice target;        /* h1: request target; h2: :path */
    struct slice scheme;        /* h2: :scheme; else empty */
    struct slice authority;     /* h2: :authority; else empty */
    struct slice host;          /* value of Host; empty when there was none */
    struct slice upgrade;       /* h1: as http1_framing; else empty */
    const struct field *fields; /* all fields, in order; pseudo-fields not among them */
    size_t nfields;
    bool has_body, has_length, expect_continue;
    uint64_t content_length;
    /* h1: the bytes of the head, from which the slices above are loans; copied as one piece. Empty
     * when the slices already live in the arena or are constants (h2): then they are kept. */
    struct slice block;
};

/* Fills *ret from h; every slice of it then lives in a (or is a constant).
 * Fields with a "_" or "." in the name are dropped (they alias others in CGI-like applications), so
 * are Proxy (httpoxy), hop-by-hop fields, and what Connection lists, but for forwarding fields,
 * which it cannot name. Several Cookie lines of h2 become one (RFC 9113 8.2.3). Upgrade to h2c is
 * not seen. ERR_SYNTAX: malformed target or host, Host and authority differ, a connection field in
 * h2 (RFC 9113 8.2.2). ERR_NOT_IMPLEMENTED: CONNECT. ERR_URI_TOO_LONG. ERR_NOMEM: the arena's cap.
 */
int reqhead_fill(const struct reqhead *h, struct arena *a, struct request *ret) MUST_USE;
