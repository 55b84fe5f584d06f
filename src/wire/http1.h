/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* HTTP/1.1 message heads (RFC 9112): bytes to slices, and how the body behind a head is framed.
 * One pass, strict, no repair and no leniency switch: what two parsers could read in two ways is
 * refused here (request smuggling). Knows nothing of connections, sites or bodies. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "wire/field.h"
#include "wire/method.h"

struct http1_limits {
    size_t line_bytes; /* start line: endless targets (414) */
    size_t head_bytes; /* start line and all fields: endless heads (431) */
};

/* The fields so far and where the parser stands. Between calls that return ERR_AGAIN the input may
 * move and must keep its earlier bytes; the work per byte stays constant. */
struct http1_head {
    struct field *fields; /* caller's array */
    size_t cap, count;
    uintptr_t base; /* private from here on: address of the input at the last call */
    size_t line, scanned;
    int stage;
};

struct http1_request {
    struct http1_head head;
    enum http_method method;
    uint8_t minor;            /* HTTP/1.x: 0, or 1 for every higher one */
    struct slice method_text; /* token, not empty */
    struct slice target;      /* visible ASCII, not empty; see target.h */
};

struct http1_response {
    struct http1_head head;
    uint16_t status; /* 100 to 999 */
    uint8_t minor;
    struct slice reason; /* may be empty */
};

/* Before the first byte of each message. The array stays the caller's. */
void http1_request_init(struct http1_request *q, struct field *fields, size_t cap);
void http1_response_init(struct http1_response *p, struct field *fields, size_t cap);

/* Reads a request head from the start of `in` (all bytes received and not consumed yet).
 * OK: every slice of *q is a loan from `in`; *ret_used bytes are the head with its empty line.
 * ERR_AGAIN: call again with the same bytes and more behind them.
 * ERR_SYNTAX, ERR_URI_TOO_LONG, ERR_HEAD_TOO_LARGE (bytes or fields), ERR_VERSION: answer and
 * close. Up to two empty lines before the request line are skipped (RFC 9112 2.2) and count as
 * used. */
int http1_parse_request(struct slice in, const struct http1_limits *limits, struct http1_request *q,
                        size_t *ret_used) MUST_USE;
/* Reads a response head. OK, ERR_AGAIN, or ERR_UPSTREAM_PROTOCOL for everything malformed or too
 * large. A status line may end after the status (no space, no reason), as many servers send it. */
int http1_parse_response(struct slice in, const struct http1_limits *limits,
                         struct http1_response *p, size_t *ret_used) MUST_USE;
/* True once the first byte of a head has arrived (leading empty lines do not count): tells a slow
 * request (408) from an idle connection. */
bool http1_request_begun(const struct http1_request *q, struct slice in);

enum http1_body {
    HTTP1_BODY_NONE,
    HTTP1_BODY_LENGTH,      /* exactly length_bytes, which is not 0 */
    HTTP1_BODY_CHUNKED,     /* see chunked.h */
    HTTP1_BODY_UNTIL_CLOSE, /* responses only */
};

struct http1_framing {
    enum http1_body body;
    bool has_length;       /* a Content-Length was there (a HEAD answer carries it without body) */
    bool keep_alive;       /* the message allows another one behind it */
    bool expect_continue;  /* requests: the client waits for 100 (RFC 9110 10.1.1) */
    bool te_trailers;      /* requests: TE names trailers */
    uint64_t length_bytes; /* value of Content-Length */
    struct slice upgrade;  /* Upgrade value when Connection names it, else empty */
    struct slice host;     /* requests: value of Host, empty when absent (HTTP/1.0) */
};

/* How the body of a parsed request is framed (RFC 9112 6).
 * ERR_FRAMING: both Content-Length and Transfer-Encoding; Content-Length repeated, a list or not
 * digits; Transfer-Encoding repeated, anything but exactly "chunked", or in HTTP/1.0.
 * ERR_SYNTAX: Host missing in HTTP/1.1 or repeated (RFC 9112 3.2). After an error: answer, close.
 */
int http1_request_framing(const struct http1_request *q, struct http1_framing *ret) MUST_USE;
/* The same for the response to a request with that method. ERR_UPSTREAM_PROTOCOL. 1xx, 204, 304 and
 * answers to HEAD have no body whatever their fields say; a 2xx to CONNECT neither. */
int http1_response_framing(const struct http1_response *p, enum http_method request_method,
                           struct http1_framing *ret) MUST_USE;
