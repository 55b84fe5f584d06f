/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* JSON lines come as targets end; other lines in the order of the targets; documents at the end. */
#include "cli/checkprint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "check/report.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "os/file.h"
#include "os/proc.h"

#define OUTPUT_MAX (512u * 1024 * 1024) /* of all targets together */

int checkprint_init(struct checkprint *p, const struct checkopts *o)
{
    *p = (struct checkprint){.o = o};
    p->kept = mem_array(o->ntargets, sizeof(struct facts *));
    return p->kept ? OK : ERR_NOMEM;
}

void checkprint_done(struct checkprint *p)
{
    for (size_t i = 0; p->kept && i < p->o->ntargets; i++)
        facts_free(p->kept[i]);
    mem_free(p->kept);
}

static void note(struct checkprint *p, int r)
{
    if (r && !p->r)
        fprintf(stderr, "port443 check: the report cannot be made: %s\n", err_text(r));
    p->r = p->r ? p->r : r;
}

static void put(struct checkprint *p, struct buf *b)
{
    struct slice s = buf_slice(b);
    progress_clear();
    if (fwrite(s.p, 1, s.n, stdout) != s.n || fflush(stdout))
        note(p, ERR_SYS);
    buf_reset(b);
}

/* ---- lines ---- */

static bool use_color(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return proc_is_terminal(1) && !(no && no[0]) && !(term && strcmp(term, "dumb") == 0);
}

static int write_text(struct checkprint *p, const struct facts *f, struct buf *out)
{
    struct report_style style = {.color = use_color(), .verbose = p->o->verbose};
    int r = p->nshown ? buf_add(out, SLICE("\n")) : OK;
    return r ? r : report_terminal(f, &style, out);
}

static int write_nagios(struct checkprint *p, const struct facts *f, struct buf *out)
{
    int status = 0;
    int r = report_nagios(f, p->o->fail_on, out, &status);
    p->nagios = status > p->nagios ? status : p->nagios;
    return r;
}

static int write_json(const struct checkprint *p, const struct facts *f, struct buf *out)
{
    int r = report_json(f, p->o->ntargets == 1, out);
    struct slice s = buf_slice(out);
    return r || (s.n && s.p[s.n - 1] == '\n') ? r : buf_add(out, SLICE("\n"));
}

static void show(struct checkprint *p, const struct facts *f)
{
    struct buf out;
    int r = OK;
    buf_init(&out, OUTPUT_MAX);
    switch (p->o->shape) {
    case CHECKOPTS_TEXT:
        r = write_text(p, f, &out);
        break;
    case CHECKOPTS_JSON:
        r = write_json(p, f, &out);
        break;
    case CHECKOPTS_CSV:
        r = p->nshown ? OK : report_csv_head(&out);
        r = r ? r : report_csv(f, &out);
        break;
    case CHECKOPTS_NAGIOS:
        r = write_nagios(p, f, &out);
        break;
    case CHECKOPTS_PROMETHEUS:
    case CHECKOPTS_SARIF:
    case CHECKOPTS_JUNIT:
        break; /* documents */
    }
    note(p, r);
    put(p, &out);
    buf_done(&out);
}

static bool is_document(enum checkopts_shape s)
{
    return s == CHECKOPTS_PROMETHEUS || s == CHECKOPTS_SARIF || s == CHECKOPTS_JUNIT;
}

static void let_go(struct checkprint *p, size_t i)
{
    if (is_document(p->o->shape) || p->o->html)
        return;
    facts_free(p->kept[i]);
    p->kept[i] = NULL;
}

void checkprint_take(struct checkprint *p, size_t i, struct facts *f)
{
    p->kept[i] = f;
    if (p->o->shape == CHECKOPTS_JSON) {
        show(p, f);
        let_go(p, i);
        return;
    }
    for (size_t at = p->nshown; at < p->o->ntargets && p->kept[at]; at = p->nshown) {
        show(p, p->kept[at]);
        p->nshown++;
        let_go(p, at);
    }
}

/* ---- documents ---- */

static int write_document(const struct checkprint *p, const struct facts *const *list, size_t n,
                          struct buf *out)
{
    switch (p->o->shape) {
    case CHECKOPTS_PROMETHEUS:
        return report_prometheus(list, n, out);
    case CHECKOPTS_SARIF:
        return report_sarif(list, n, out);
    case CHECKOPTS_JUNIT:
        return report_junit(list, n, p->o->fail_on, out);
    case CHECKOPTS_TEXT:
    case CHECKOPTS_JSON:
    case CHECKOPTS_CSV:
    case CHECKOPTS_NAGIOS:
        break;
    }
    return OK;
}

static void write_html(struct checkprint *p, const struct facts *const *list, size_t n,
                       struct buf *out)
{
    struct fault f = {0};
    int r = report_html(list, n, out);
    if (!r && (r = file_write_atomic(FILE_CWD, p->o->html, buf_slice(out), 0644, &f))) {
        faults_print_one("check", &f);
        p->r = r;
    }
    note(p, r);
}

void checkprint_end(struct checkprint *p)
{
    const struct facts **list = mem_array(p->o->ntargets, sizeof(*list));
    struct buf out;
    size_t n = 0;
    buf_init(&out, OUTPUT_MAX);
    for (size_t i = 0; list && i < p->o->ntargets; i++)
        if (p->kept[i])
            list[n++] = p->kept[i];
    note(p, list ? OK : ERR_NOMEM);
    if (list && is_document(p->o->shape)) {
        note(p, write_document(p, list, n, &out));
        put(p, &out);
    }
    if (list && p->o->html)
        write_html(p, list, n, &out);
    buf_done(&out);
    mem_free(list);
}
