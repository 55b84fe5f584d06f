/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* JUnit XML: each finding is a test. */
#include "check/report.h"

/* XML 1.0 has no way to write most control characters. */
static int xml(struct buf *out, struct slice s)
{
    int r = OK;
    for (size_t i = 0; !r && i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '<' || c == '>' || c == '&' || c == '"')
            r = buf_printf(out, "&#%u;", c);
        else if (c < 0x20 || c >= 0x7f)
            r = buf_add(out, SLICE("?"));
        else
            r = buf_add(out, slice_of(&c, 1));
    }
    return r;
}

static int junit_case(const struct facts *f, const struct facts_finding *x, bool fails,
                      struct buf *out)
{
    int r = buf_printf(out, "    <testcase classname=\"");
    if (!r)
        r = xml(out, f->target.text);
    if (!r)
        r = buf_printf(out, "\" name=\"%s\"", x->id);
    if (r || !fails)
        return r ? r : buf_add(out, SLICE("/>\n"));
    r = buf_printf(out, ">\n      <failure type=\"%s\" message=\"%s\">",
                   facts_severity_text(x->severity), x->title);
    if (!r)
        r = xml(out, x->evidence);
    return r ? r : buf_printf(out, " %s</failure>\n    </testcase>\n", x->fix);
}

static int junit_suite(const struct facts *f, enum facts_severity fail_on, struct buf *out)
{
    size_t failures = 0;
    for (size_t i = 0; i < f->nfindings; i++)
        failures += f->findings[i].severity >= fail_on;
    int r = buf_add(out, SLICE("  <testsuite name=\""));
    if (!r)
        r = xml(out, f->target.text);
    if (!r)
        r = buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\">\n", f->nfindings + 1,
                       failures + !facts_works(f));
    if (!r)
        r = buf_printf(out, "    <testcase classname=\"visit\" name=\"works\"%s",
                       facts_works(f) ? "/>\n" : "><failure message=\"");
    if (!r && !facts_works(f))
        r = buf_printf(out, "%s\"/></testcase>\n", facts_reason(f));
    for (size_t i = 0; !r && i < f->nfindings; i++)
        r = junit_case(f, &f->findings[i], f->findings[i].severity >= fail_on, out);
    return r ? r : buf_add(out, SLICE("  </testsuite>\n"));
}

int report_junit(const struct facts *const *list, size_t n, enum facts_severity fail_on,
                 struct buf *out)
{
    int r = buf_add(out, SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"));
    for (size_t i = 0; !r && i < n; i++)
        r = junit_suite(list[i], fail_on, out);
    return r ? r : buf_add(out, SLICE("</testsuites>\n"));
}
