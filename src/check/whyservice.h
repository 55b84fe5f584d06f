/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which service speaks like this: the first bytes of an answer that is not TLS. */
#pragma once

#include "base/slice.h"

/* "an SSH server", "a web server without TLS"; "something unknown". Constant, any bytes. */
const char *whyservice_name(struct slice first_bytes);
/* Its printable form into dst (NUL-ended, cut at cap): first line, other bytes as dots or hex. */
void whyservice_show(struct slice first_bytes, char *dst, size_t cap);
