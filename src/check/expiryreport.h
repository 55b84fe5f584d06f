/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Rows of check/expiry.h as text: a table for people, JSON lines, Prometheus metrics. Pure. */
#pragma once

#include "base/buf.h"
#include "check/expiry.h"

/* Sorted rows, the urgent ones on top, and a line that counts them. ERR_CAP, ERR_NOMEM. */
int expiryreport_table(const struct expiry_row *rows, size_t n, int64_t now_s, bool color,
                       struct buf *out) MUST_USE;
/* One object on each line. */
int expiryreport_json(const struct expiry_row *rows, size_t n, int64_t now_s,
                      struct buf *out) MUST_USE;
/* Times as they are, not days left, so that a scrape that stops does not hide an end. */
int expiryreport_prometheus(const struct expiry_row *rows, size_t n, struct buf *out) MUST_USE;
