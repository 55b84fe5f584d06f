/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 check`: runs the targets, prints what is known of each, and turns it into an exit
 * status. Judges nothing itself. */
#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "check/report.h"
#include "cli/checkexpiry.h"
#include "cli/checkopts.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "os/proc.h"

#define REPORT_MAX (64 * 1024 * 1024)

struct command {
    struct checkopts o;
    struct loop *loop;
    struct facts **done; /* by target; a text is printed in their order */
    size_t ndone, nshown;
    int status;
};

static bool use_color(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return proc_is_terminal(1) && !(no && no[0]) && !(term && strcmp(term, "dumb") == 0);
}

static void print(const struct buf *b)
{
    struct slice s = buf_slice(b);
    fwrite(s.p, 1, s.n, stdout);
    fflush(stdout);
}

/* ---- exit status ---- */

static bool keeps_profile(const struct facts *f, enum checkopts_profile p)
{
    const struct facts_profile *m = &f->mozilla;
    return p == CHECKOPTS_NO_PROFILE || (p == CHECKOPTS_MODERN && m->modern) ||
           (p == CHECKOPTS_INTERMEDIATE && m->intermediate) || (p == CHECKOPTS_OLD && m->old);
}

/* What could not be tested says nothing about the rest: it outweighs a bad site, so that nobody
 * takes half a result for a whole one. */
static void weigh(struct command *c, const struct facts *f)
{
    int status = CMD_GOOD;
    bool reached = f->steps[FACTS_DNS].ok && f->steps[FACTS_TCP].ok;
    bool profile_unknown = reached && c->o.profile && !f->mozilla.given;
    if (!c->o.never_fails && f->nfindings && facts_worst(f) >= c->o.fail_on)
        status = CMD_BAD;
    if (!keeps_profile(f, c->o.profile))
        status = CMD_BAD;
    if (!reached || profile_unknown)
        status = CMD_FAILED;
    if (status > c->status)
        c->status = status;
}

/* ---- output ---- */

static void show(struct command *c, const struct facts *f)
{
    struct report_style style = {.color = use_color(), .verbose = c->o.verbose};
    struct buf out;
    buf_init(&out, REPORT_MAX);
    if (c->nshown++ > 0)
        fputs("\n", stdout);
    if (!report_terminal(f, &style, &out))
        print(&out);
    buf_done(&out);
}

static void progress(const struct command *c, struct slice name)
{
    char words[80];
    if (c->o.ntargets == 1)
        return;
    snprintf(words, sizeof(words), "%zu of %zu", c->ndone, c->o.ntargets);
    progress_show(name, words, false);
}

static void on_target(void *ctx, size_t i, struct facts *f)
{
    struct command *c = ctx;
    weigh(c, f);
    c->done[i] = f;
    c->ndone++;
    progress_clear();
    while (c->nshown < c->o.ntargets && c->done[c->nshown]) {
        struct facts *next = c->done[c->nshown];
        size_t at = c->nshown;
        show(c, next);
        facts_free(next);
        c->done[at] = NULL;
    }
    progress(c, f->target.text);
}

static void on_done(void *ctx, int r, const struct fault *f)
{
    struct command *c = ctx;
    progress_clear();
    if (r) {
        faults_print_one("check", f);
        c->status = CMD_FAILED;
    }
    loop_stop(c->loop);
}

static void run(struct command *c)
{
    const struct checkrun_ops ops = {c, on_target, on_done};
    struct checkrun *run = NULL;
    struct fault f = {0};
    int r = loop_new(&c->loop, &f);
    c->o.run.loop = c->loop;
    c->done = mem_array(c->o.ntargets, sizeof(*c->done));
    if (!r && !c->done)
        r = fault_set(&f, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    if (!r)
        r = checkrun_start(&c->o.run, c->o.targets, c->o.ntargets, &ops, &run, &f);
    if (r) {
        faults_print_one("check", &f);
        c->status = r == ERR_SYNTAX ? CMD_USAGE : CMD_FAILED;
    } else {
        progress_show(c->o.targets[0].text, "visiting", false);
        loop_run(c->loop);
    }
    checkrun_free(run);
    loop_free(c->loop);
    for (size_t i = 0; c->done && i < c->o.ntargets; i++)
        facts_free(c->done[i]);
    mem_free(c->done);
}

int cmd_check(int argc, char **argv)
{
    struct command c = {.status = CMD_GOOD};
    int status;
    if (checkopts_read(&c.o, argc, argv, &status)) {
        if (!c.o.expiry)
            run(&c);
        status = c.o.expiry ? checkexpiry_run(&c.o) : c.status;
    }
    checkopts_done(&c.o);
    return status;
}
