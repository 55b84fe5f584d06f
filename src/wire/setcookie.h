/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One Set-Cookie value as a browser reads it (RFC 6265bis 5.6), and what its name gives away. Keeps
 * no jar, knows no clock and no host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define SETCOOKIE_ATTRIBUTE_MAX 1024 /* RFC 6265bis 5.6: longer attribute values are ignored */
#define SETCOOKIE_PAIR_MAX      4096 /* name and value together; longer cookies are refused */

enum setcookie_same_site {
    SETCOOKIE_SITE_MISSING,
    SETCOOKIE_SITE_INVALID, /* browsers treat it as missing */
    SETCOOKIE_SITE_NONE,
    SETCOOKIE_SITE_LAX,
    SETCOOKIE_SITE_STRICT,
};

struct setcookie {
    struct slice name, value; /* loans from the field value, as all below */
    struct slice domain;      /* without a leading dot; empty: this host only */
    struct slice path;        /* empty unless it starts with "/" */
    struct slice expires;     /* a date as written; empty: none */
    struct slice same_site_text;
    enum setcookie_same_site same_site;
    bool secure, http_only, partitioned;
    bool has_max_age;
    int64_t max_age_s; /* 0 or less: delete it; cut at 400 days */
};

/* The last of several equal attributes counts. ERR_SYNTAX: control bytes, neither name nor value,
 * too long: browsers drop such a cookie. */
int setcookie_parse(struct slice value, struct setcookie *ret) MUST_USE;
/* Whether the promise of a name that starts with __Secure- or __Host- (any case) is kept; true for
 * other names. `secure_origin`: the answer came over https. */
bool setcookie_prefix_ok(const struct setcookie *c, bool secure_origin);
/* Guesses by the name, with the words of the HTTP Observatory: a login or session, a token against
 * request forgery. */
bool setcookie_is_session(struct slice name);
bool setcookie_is_csrf(struct slice name);
