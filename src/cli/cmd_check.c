/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 check`: runs the targets, hands what is known of each to the printer, and turns it into
 * an exit status. Judges nothing itself. */
#include "cli/cmd.h"

#include <stdio.h>

#include "cli/checkexpiry.h"
#include "cli/checkopts.h"
#include "cli/checkoutbound.h"
#include "cli/checkprint.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "os/proc.h"

#define FDS_WANTED 4096 /* 24 targets with as many connections each, and reserves */

struct command {
    struct checkopts o;
    struct loop *loop;
    struct checkprint print;
    size_t ndone;
    int status;
};

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

/* ---- the run ---- */

static void on_target(void *ctx, size_t i, struct facts *f)
{
    struct command *c = ctx;
    char words[60];
    c->ndone++;
    weigh(c, f);
    if (c->o.ntargets > 1) {
        snprintf(words, sizeof(words), "%zu of %zu", c->ndone, c->o.ntargets);
        progress_show(f->target.text, words, false);
    }
    checkprint_take(&c->print, i, f);
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

static int start(struct command *c, struct checkrun **ret, struct fault *f)
{
    const struct checkrun_ops ops = {c, on_target, on_done};
    int r = loop_new(&c->loop, f);
    c->o.run.loop = c->loop;
    if (!r && (r = checkprint_init(&c->print, &c->o)))
        fault_set(f, r, "%s", err_text(r));
    return r ? r : checkrun_start(&c->o.run, c->o.targets, c->o.ntargets, &ops, ret, f);
}

static void run(struct command *c)
{
    struct checkrun *run = NULL;
    struct fault f = {0};
    (void)proc_nofile_raise(FDS_WANTED);
    int r = start(c, &run, &f);
    if (r) {
        faults_print_one("check", &f);
        c->status = r == ERR_SYNTAX ? CMD_USAGE : CMD_FAILED;
    } else {
        progress_show(c->o.targets[0].text, "visiting", false);
        loop_run(c->loop);
        checkprint_end(&c->print);
        c->status = c->print.r                       ? CMD_FAILED
                    : c->o.shape == CHECKOPTS_NAGIOS ? c->print.nagios
                                                     : c->status;
    }
    checkrun_free(run);
    checkprint_done(&c->print);
    loop_free(c->loop);
}

int cmd_check(int argc, char **argv)
{
    struct command c = {.status = CMD_GOOD};
    int status;
    if (checkopts_read(&c.o, argc, argv, &status)) {
        if (!c.o.expiry && !c.o.outbound)
            run(&c);
        status = c.o.outbound ? checkoutbound_run(&c.o)
                 : c.o.expiry ? checkexpiry_run(&c.o)
                              : c.status;
    }
    checkopts_done(&c.o);
    return status;
}
