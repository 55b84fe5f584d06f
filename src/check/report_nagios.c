/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One line and its exit status, as monitoring plug-ins are asked for. */
#include "check/report.h"

#include <string.h>

#include "base/text.h"

int report_nagios(const struct facts *f, enum facts_severity fail_on, struct buf *out,
                  int *ret_status)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    enum facts_severity worst = facts_worst(f);
    const struct certinfo *ci = f->nchains ? certinfo_at(f->chains[0].chain, 0) : NULL;
    *ret_status = !facts_works(f) || (f->nfindings && worst >= fail_on) ? 2
                  : f->nfindings && worst >= FACTS_MEDIUM               ? 1
                                                                        : 0;
    char target[300]; /* one line, and "|" begins the figures */
    text_escape(f->target.text, target, sizeof(target));
    for (char *c = target; (c = strchr(c, '|'));)
        *c = '/';
    int r = buf_printf(out, "%s - %s: ", words[*ret_status], target);
    if (!r && !facts_works(f))
        r = buf_printf(out, "does not work (%s)", facts_reason(f));
    else if (!r)
        r = buf_printf(out, "works, %zu finding%s", f->nfindings, f->nfindings == 1 ? "" : "s");
    if (!r && ci)
        r = buf_printf(out, ", certificate ends in %lld days",
                       (long long)(ci->not_after_s - f->now_s) / 86400);
    if (!r)
        r = buf_printf(out, " | time=%llums", (unsigned long long)(f->took_us / 1000));
    if (!r && ci)
        r = buf_printf(out, " days=%lld", (long long)(ci->not_after_s - f->now_s) / 86400);
    return r ? r : buf_add(out, SLICE("\n"));
}
