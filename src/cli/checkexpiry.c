/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Rounds of an expiry sweep. */
#include "cli/checkexpiry.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "check/expiry.h"
#include "check/expiryreport.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "os/clock.h"
#include "os/proc.h"

#define OUTPUT_MAX   (256 * 1024 * 1024)
#define AT_ONCE      300
#define OTHER_FDS    64 /* loop, resolver, standard streams */
#define PROGRESS_ROW 50 /* a line on the terminal for so many hosts */

struct sweep {
    struct checkopts *o;
    struct loop *loop;
    struct expiry *e;
    struct expiry_row *rows;
    size_t ndone;
    struct loop_timer again;
    int status;
};

static bool use_color(void)
{
    const char *no = getenv("NO_COLOR");
    return proc_is_terminal(1) && !(no && no[0]);
}

static void print(struct sweep *s)
{
    const struct checkopts *o = s->o;
    int64_t now_s = o->run.now_s ? o->run.now_s : clock_unix_ms() / 1000;
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    int r = o->shape == CHECKOPTS_PROMETHEUS ? expiryreport_prometheus(s->rows, o->ntargets, &out)
            : o->shape == CHECKOPTS_JSON
                ? expiryreport_json(s->rows, o->ntargets, now_s, &out)
                : expiryreport_table(s->rows, o->ntargets, now_s, use_color(), &out);
    struct slice text = buf_slice(&out);
    if (r)
        s->status = CMD_FAILED;
    fwrite(text.p, 1, text.n, stdout);
    fflush(stdout);
    buf_done(&out);
}

static void weigh(struct sweep *s)
{
    s->status = CMD_GOOD;
    for (size_t i = 0; i < s->o->ntargets; i++) {
        enum expiry_state state = s->rows[i].state;
        int status = CMD_GOOD;
        if (state == EXPIRY_UNSEEN)
            status = CMD_FAILED;
        else if (state != EXPIRY_GOOD && !s->o->never_fails &&
                 expiry_severity(state) >= s->o->fail_on)
            status = CMD_BAD;
        s->status = status > s->status ? status : s->status;
    }
}

static void on_row(void *ctx, const struct expiry_row *row)
{
    struct sweep *s = ctx;
    char words[60];
    if (++s->ndone % PROGRESS_ROW)
        return;
    snprintf(words, sizeof(words), "%zu of %zu", s->ndone, s->o->ntargets);
    progress_show(row->target->text, words, false);
}

static void on_done(void *ctx)
{
    struct sweep *s = ctx;
    expiry_free(s->e);
    s->e = NULL;
    progress_clear();
    expiry_sort(s->rows, s->o->ntargets);
    weigh(s);
    print(s);
    if (s->o->watch_ms)
        loop_timer_set(s->loop, &s->again, s->o->watch_ms);
    else
        loop_stop(s->loop);
}

static int begin(struct sweep *s)
{
    struct fault f = {0};
    struct expiry_options e = {&s->o->run, on_row, on_done, s};
    s->ndone = 0;
    int r = expiry_start(&e, s->o->targets, s->o->ntargets, s->rows, &s->e, &f);
    if (r)
        faults_print_one("check", &f);
    return r;
}

static void on_again(struct loop_timer *t)
{
    struct sweep *s = container_of(t, struct sweep, again);
    if (begin(s)) {
        s->status = CMD_FAILED;
        loop_stop(s->loop);
    }
}

int checkexpiry_run(struct checkopts *o)
{
    struct sweep s = {.o = o, .status = CMD_FAILED};
    struct fault f = {0};
    uint64_t fds = proc_nofile_raise(AT_ONCE + OTHER_FDS);
    o->run.at_once = fds >= AT_ONCE + OTHER_FDS ? AT_ONCE
                     : fds > 2 * OTHER_FDS      ? (unsigned)fds - OTHER_FDS
                                                : OTHER_FDS / 2;
    loop_timer_init(&s.again, on_again);
    s.rows = mem_array(o->ntargets, sizeof(*s.rows));
    int r = s.rows ? loop_new(&s.loop, &f) : fault_set(&f, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    if (r) {
        faults_print_one("check", &f);
    } else {
        o->run.loop = s.loop;
        if (!begin(&s))
            loop_run(s.loop);
    }
    expiry_free(s.e);
    loop_timer_clear(&s.again);
    loop_free(s.loop);
    mem_free(s.rows);
    return s.status;
}
