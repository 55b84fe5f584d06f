/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Prometheus text: timestamps and not days left, so that nothing ages in a scrape. */
#include "check/report.h"

#include <stdio.h>

static int label_value(struct buf *out, struct slice s)
{
    int r = OK;
    for (size_t i = 0; !r && i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            r = buf_printf(out, "\\%c", s.p[i]);
        else if (s.p[i] == '\n')
            r = buf_add(out, SLICE("\\n"));
        else
            r = buf_add(out, slice_of(s.p + i, 1));
    }
    return r;
}

/* NAME{target="..."EXTRA} VALUE */
static int sample(struct buf *out, const char *name, const struct facts *f, const char *extra,
                  long long value)
{
    int r = buf_printf(out, "%s{target=\"", name);
    if (!r)
        r = label_value(out, f->target.text);
    return r ? r : buf_printf(out, "\"%s} %lld\n", extra, value);
}

static int family(struct buf *out, const char *name, const char *help)
{
    return buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static int certificate_samples(const struct facts *const *list, size_t n, struct buf *out)
{
    int r = family(out, "port443_check_not_after_seconds", "End of the certificate");
    for (size_t i = 0; !r && i < n; i++)
        if (list[i]->nchains)
            r = sample(out, "port443_check_not_after_seconds", list[i], "",
                       certinfo_at(list[i]->chains[0].chain, 0)->not_after_s);
    if (!r)
        r = family(out, "port443_check_not_before_seconds", "Begin of the certificate");
    for (size_t i = 0; !r && i < n; i++)
        if (list[i]->nchains)
            r = sample(out, "port443_check_not_before_seconds", list[i], "",
                       certinfo_at(list[i]->chains[0].chain, 0)->not_before_s);
    return r;
}

static int step_samples(const struct facts *const *list, size_t n, struct buf *out)
{
    static const char *const steps[] = {"dns", "tcp", "tls", "http", "close"};
    char extra[64];
    int r = family(out, "port443_check_step_microseconds", "Time of each step of the visit");
    for (size_t i = 0; !r && i < n; i++)
        for (size_t s = 0; !r && s < FACTS_STEPS; s++) {
            snprintf(extra, sizeof(extra), ",step=\"%s\"", steps[s]);
            if (list[i]->steps[s].ran)
                r = sample(out, "port443_check_step_microseconds", list[i], extra,
                           (long long)list[i]->steps[s].took_us);
        }
    return r;
}

static int finding_samples(const struct facts *const *list, size_t n, struct buf *out)
{
    char extra[64];
    int r = family(out, "port443_check_findings", "Findings by severity");
    for (size_t i = 0; !r && i < n; i++)
        for (enum facts_severity s = FACTS_INFO; !r && s <= FACTS_CRITICAL; s++) {
            long long count = 0;
            for (size_t k = 0; k < list[i]->nfindings; k++)
                count += list[i]->findings[k].severity == s;
            snprintf(extra, sizeof(extra), ",severity=\"%s\"", facts_severity_text(s));
            r = sample(out, "port443_check_findings", list[i], extra, count);
        }
    return r;
}

int report_prometheus(const struct facts *const *list, size_t n, struct buf *out)
{
    char extra[64];
    int r = family(out, "port443_check_up", "1 when the visit worked; else the reason says why");
    for (size_t i = 0; !r && i < n; i++) {
        snprintf(extra, sizeof(extra), ",reason=\"%s\"", facts_reason(list[i]));
        r = sample(out, "port443_check_up", list[i], extra, facts_works(list[i]));
    }
    if (!r)
        r = certificate_samples(list, n, out);
    if (!r)
        r = step_samples(list, n, out);
    return r ? r : finding_samples(list, n, out);
}
