/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Facts as text: for a terminal, machines, pages and pipelines. Pure: facts in, bytes out. */
#pragma once

#include "base/json.h"
#include "check/facts.h"

struct report_style {
    bool color;
    unsigned columns; /* 0: 80 */
    bool verbose;     /* suites and groups too */
};

/* All append to out and return ERR_CAP, ERR_NOMEM. */
int report_terminal(const struct facts *f, const struct report_style *style,
                    struct buf *out) MUST_USE;
/* One object of docs/check-schema.md (schema 1). */
int report_json(const struct facts *f, bool pretty, struct buf *out) MUST_USE;
int report_csv_head(struct buf *out) MUST_USE;
int report_csv(const struct facts *f, struct buf *out) MUST_USE;
/* One page for all targets: waterfall of the visit, certificate timeline, findings; no external
 * resource. */
int report_html(const struct facts *const *list, size_t n, struct buf *out) MUST_USE;
int report_prometheus(const struct facts *const *list, size_t n, struct buf *out) MUST_USE;
int report_sarif(const struct facts *const *list, size_t n, struct buf *out) MUST_USE;
int report_junit(const struct facts *const *list, size_t n, enum facts_severity fail_on,
                 struct buf *out) MUST_USE;
/* "OK - ..." and its exit status 0..3. */
int report_nagios(const struct facts *f, enum facts_severity fail_on, struct buf *out,
                  int *ret_status) MUST_USE;
