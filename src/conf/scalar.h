/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Readers of single values; contracts in reader.h. `field` is what the row's type fills. */
#pragma once

#include "conf/reader.h"

reader_type scalar_bool;   /* bool */
reader_type scalar_count;  /* uint64_t */
reader_type scalar_bytes;  /* uint64_t */
reader_type scalar_ms;     /* uint64_t */
reader_type scalar_choice; /* an enum: index of the word */
reader_type scalar_user;   /* struct slice, as all further ones without a comment */
reader_type scalar_path;
reader_type scalar_email;
reader_type scalar_host;
reader_type scalar_url_path;
reader_type scalar_field_value;
reader_type scalar_body;
reader_type scalar_sink; /* struct conf_sink */
reader_type scalar_ask_url;
reader_type scalar_address;         /* struct conf_address */
reader_type scalar_status_range;    /* struct conf_range */
reader_type scalar_redirect_status; /* uint64_t */

/* Why s is no path of a URL in the one normal form that routes are matched in, or NULL. With
 * query, a part behind '?' is allowed. */
const char *scalar_bad_url_path(struct slice s, bool query);
/* Why s is no host name or address of another machine, or NULL. */
const char *scalar_bad_host(struct slice s);
/* Why s may not stand in a field value (RFC 9110 5.5), or NULL. */
const char *scalar_bad_field_value(struct slice s);
