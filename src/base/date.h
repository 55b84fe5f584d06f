/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Calendar arithmetic and the text forms of time, without asking any clock: seconds since 1970 in,
 * text out, and back. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define DATE_HTTP_BYTES    29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define DATE_RFC3339_BYTES 24 /* "1994-11-06T08:49:37.123Z" */
#define DATE_CLF_BYTES     26 /* "06/Nov/1994:08:49:37 +0000" */

struct date {
    int64_t year;
    unsigned month, day, hour, minute, second; /* month and day from 1 */
    unsigned weekday;                          /* 0 Sunday */
};

/* Proleptic Gregorian, UTC; any value of 64 bits is a date. */
void date_split(int64_t unix_s, struct date *ret);
/* Seconds since 1970 of a proleptic Gregorian date; fields are not checked. */
int64_t date_join(const struct date *d);
/* IMF-fixdate (RFC 9110 5.6.7), DATE_HTTP_BYTES, no NUL. */
void date_format_http(int64_t unix_s, char *dst);
/* UTC with milliseconds, DATE_RFC3339_BYTES, no NUL. */
void date_format_rfc3339(int64_t unix_ms, char *dst);
/* Common log format in UTC, DATE_CLF_BYTES, no NUL. */
void date_format_clf(int64_t unix_s, char *dst);
/* All three HTTP forms of RFC 9110 5.6.7 (two-digit years as that section says, given `now`).
 * ERR_SYNTAX. */
int date_parse_http(struct slice s, int64_t now_s, int64_t *ret_unix_s) MUST_USE;
/* "20261123140500Z" or the two-digit-year form of certificates (RFC 5280 4.1.2.5). ERR_SYNTAX. */
int date_parse_asn1(struct slice s, int64_t *ret_unix_s) MUST_USE;
/* RFC 3339 with any offset; a fraction of a second is dropped, a leap second is the next one.
 * ERR_SYNTAX. */
int date_parse_rfc3339(struct slice s, int64_t *ret_unix_s) MUST_USE;
