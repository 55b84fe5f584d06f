/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* CSV (RFC 4180), one line for a target. */
#include "check/report.h"

#include <stdio.h>
#include <string.h>

/* Quoted always. A leading =, +, - or @ would run as a formula in a spreadsheet. */
static int csv_field(struct buf *out, struct slice s, bool last)
{
    int r = buf_add(out, SLICE("\""));
    if (!r && s.n && strchr("=+-@", s.p[0]))
        r = buf_add(out, SLICE("'"));
    while (!r && s.n) {
        size_t n = slice_find(s, '"');
        r = buf_add(out, slice_first(s, n));
        if (!r && n < s.n)
            r = buf_add(out, SLICE("\"\""));
        s = slice_from(s, n < s.n ? n + 1 : n);
    }
    return r ? r : buf_add(out, last ? SLICE("\"\r\n") : SLICE("\","));
}

int report_csv_head(struct buf *out)
{
    return buf_add(out, SLICE("target,host,port,works,grade,days_left,not_after,issuer,versions,"
                              "worst,findings,verdict\r\n"));
}

static int csv_texts(const struct facts *f, struct buf *out)
{
    struct buf list;
    buf_init(&list, 64 * 1024);
    int r = OK;
    for (enum facts_version v = FACTS_SSL2; !r && v < FACTS_VERSIONS; v++)
        if (f->tls.version[v] == FACTS_YES)
            r = buf_printf(&list, "%s%s", list.n ? " " : "", facts_version_text(v));
    if (!r)
        r = csv_field(out, buf_slice(&list), false);
    buf_done(&list);
    if (!r)
        r = csv_field(out, slice_cstr(f->nfindings ? facts_severity_text(facts_worst(f)) : ""),
                      false);
    for (size_t i = 0; !r && i < f->nfindings; i++)
        r = buf_printf(&list, "%s%s", list.n ? " " : "", f->findings[i].id);
    if (!r)
        r = csv_field(out, buf_slice(&list), false);
    buf_done(&list);
    return r;
}

int report_csv(const struct facts *f, struct buf *out)
{
    const struct certinfo *ci = f->nchains ? certinfo_at(f->chains[0].chain, 0) : NULL;
    char number[32];
    int r = csv_field(out, f->target.text, false);
    if (!r)
        r = csv_field(out, f->target.host, false);
    if (!r)
        r = buf_printf(out, "%u,%s,", f->target.port, facts_works(f) ? "yes" : "no");
    if (!r)
        r = csv_field(out, slice_cstr(f->ssllabs.given ? f->ssllabs.grade : ""), false);
    if (ci)
        snprintf(number, sizeof(number), "%lld,%lld",
                 (long long)(ci->not_after_s - f->now_s) / 86400, (long long)ci->not_after_s);
    if (!r)
        r = buf_printf(out, "%s,", ci ? number : ",");
    if (!r)
        r = csv_field(out, ci ? ci->issuer : SLICE_EMPTY, false);
    if (!r)
        r = csv_texts(f, out);
    return r ? r
             : csv_field(out, slice_cstr(f->why.ran ? facts_verdict_text(f->why.verdict) : ""),
                         true);
}
