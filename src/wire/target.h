/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Request targets (RFC 9112 3.2), the canonical path, and the normal form of host names. One
 * canonical path is made per request and used for matching, for files and for forwarding, so that
 * no two parts of a request's way can read it differently (CVE-2021-41773, CVE-2019-9901). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "wire/method.h"

enum target_form {
    TARGET_ORIGIN,    /* "/path?query" */
    TARGET_ABSOLUTE,  /* "https://host/path?query" */
    TARGET_AUTHORITY, /* "host:port", CONNECT only */
    TARGET_ASTERISK,  /* "*", OPTIONS only */
};

struct target {
    enum target_form form;
    bool has_query;         /* "/a?" has an empty one */
    struct slice scheme;    /* absolute form: as sent; "http" or "https" in any case */
    struct slice authority; /* absolute and authority form: host[:port], not normalised, no user */
    struct slice path;      /* raw; "/" when an absolute form has none; "*" for the asterisk form */
    struct slice query;     /* byte for byte, without "?" */
};

/* Splits a target. Loans from raw. ERR_SYNTAX: a form that does not fit the method, another scheme,
 * user info, a fragment, or bytes that may not stand in a target. */
int target_parse(struct slice raw, enum http_method method, struct target *ret) MUST_USE;

/* The canonical form of a raw path that starts with "/", written to dst (cap >= 3 * raw.n is always
 * enough, raw.n + 2 is when nothing bare has to be escaped). *ret is a loan from dst, or from raw
 * when that was canonical already (the common case costs no copy).
 *   - escapes of unreserved characters are decoded, all others kept with upper-case digits, so %2F
 *     stays an escape and never becomes a separator
 *   - bytes that a path may not carry bare but some clients send ("<>[]^`{|}) are escaped
 *   - dot segments (also written %2e) are resolved; at the root ".." stays at the root
 *   - empty segments are kept ("//"), since some applications mean them
 * ERR_SYNTAX: no leading "/", a cut escape, a backslash, control or non-ASCII byte, an escaped
 * control byte or backslash, or a "." or ".." next to an escaped slash (an upstream that decodes it
 * would climb). ERR_URI_TOO_LONG: dst is too small. */
int target_canonical_path(struct slice raw, uint8_t *dst, size_t cap, struct slice *ret) MUST_USE;
/* A canonical path decoded to a path below a root directory, without leading "/", empty segments
 * dropped: "" for "/". A trailing "/" is kept. Loan from dst (cap >= path.n is enough).
 * ERR_NOT_FOUND: an escaped slash (no file name has one); ERR_URI_TOO_LONG. */
int target_file_path(struct slice path, uint8_t *dst, size_t cap, struct slice *ret) MUST_USE;
/* True when prefix covers path by whole segments: "/api" covers "/api" and "/api/x", not "/apis".
 * "/" covers all; a trailing "/" of prefix makes no difference. Both canonical. Empty segments and
 * escapes in path cannot hide it from a prefix: "//api", "/%61pi" (other than %2F) match "/api". */
bool target_segment_prefix(struct slice path, struct slice prefix);

enum target_host_kind { TARGET_NAME, TARGET_IPV4, TARGET_IPV6 };

#define TARGET_HOST_BYTES 256

struct target_host {
    enum target_host_kind kind;
    bool has_port;
    uint16_t port;
    struct slice name; /* lower case, no final dot; IPv6 in RFC 5952 form without brackets */
};

/* Normal form of a Host value, :authority, SNI name or configured name. *ret is a loan from dst
 * (TARGET_HOST_BYTES). ERR_SYNTAX: empty, over 253 bytes, empty label or one over 63, any byte but
 * letters, digits, "-", "_" and ".", a port that is not 1 to 65535, a malformed address. */
int target_normal_host(struct slice host, uint8_t *dst, struct target_host *ret) MUST_USE;
