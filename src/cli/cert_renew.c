/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert renew`: through the server, else each stored certificate at the CA that it came
 * from. */
#include <stdio.h>

#include "base/json.h"
#include "cli/cert.h"
#include "cli/certalone.h"
#include "cli/certlive.h"
#include "cli/certopts.h"
#include "cli/certrow.h"
#include "cli/certserver.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "os/clock.h"

#define VERB "cert renew"

static const char usage[] =
    "usage: port443 cert renew [NAME] [--force] [OPTION ...]\n\n"
    "Renews what is due now, past the schedule and its failure counters. With a running server, "
    "the server does it;\n"
    "without one this command, at the CA that each certificate came from.\n\n"
    "      --force               also what is not due, and past the breaker that protects the "
    "CA's limits\n" CERTOPTS_USAGE "\nexamples:\n"
    "  port443 cert renew\n"
    "  port443 cert renew www.example.org --force\n\n"
    "Exit status: 0 renewed, or nothing was due; 1 the CA refused; 2 it could not be tried.\n";

struct renewing {
    const struct certword *w;
    struct certopts *o;
    struct slice name; /* empty: all */
    bool force;
    size_t seen, tried;
    int status;
    struct slice current; /* the order under way */
};

static void start(void *ctx, struct certkeep *k, struct certkeep_call *c)
{
    const struct renewing *g = ctx;
    certkeep_renew(k, c, g->current, g->force);
}

static int renew(struct renewing *g, const struct certrow *row)
{
    const struct certinfo *ci = certinfo_at(row->chain, 0);
    struct slice names[CERTWORD_NAMES_MAX];
    struct certkeep_settings s;
    size_t n = 0;
    int status;
    names[n++] = row->name;
    for (size_t i = 0; i < ci->nsans && n < CERTWORD_NAMES_MAX; i++)
        if (!slice_eq(ci->sans[i].name, row->name))
            names[n++] = ci->sans[i].name;
    if (!certopts_read(g->o, VERB, row->meta.directory, &s, &status))
        return status;
    s.keys = row->rsa ? CERTKEEP_RSA : CERTKEEP_ECDSA;
    if (!g->o->profile)
        s.profile = row->meta.profile;
    g->current = row->name;
    const struct certkeep_name name = {.names = names, .nnames = n};
    const struct certalone order = {
        .verb = VERB,
        .state = g->w->state,
        .settings = &s,
        .names = &name,
        .nnames = 1,
        .dns_hook = g->o->dns_hook,
        .ports = true,
        .start = start,
        .ctx = g,
    };
    status = certalone_run(&order);
    certopts_done(g->o);
    if (status == CMD_GOOD)
        printf("renewed " SLICE_F "\n", SLICE_A(row->name));
    return status;
}

static void on_row(void *ctx, const struct certrow *row)
{
    struct renewing *g = ctx;
    char at[CERTROW_TIME];
    if (!row->chain || !row->meta.generation)
        return; /* local ones are the server's */
    g->seen++;
    if (!g->force && row->plan.at_s > clock_unix_ms() / 1000) {
        printf(SLICE_F " is not due before %s (%s)\n", SLICE_A(row->name),
               certrow_time(row->plan.at_s, at), certrow_why(row));
        return;
    }
    g->tried++;
    int status = renew(g, row);
    if (status == CMD_FAILED || g->status == CMD_GOOD)
        g->status = status;
}

static int alone(struct renewing *g)
{
    struct fault f = {0};
    if (certrow_each(g->w->state, g->name, on_row, g, &f)) {
        faults_print_one(VERB, &f);
        return CMD_FAILED;
    }
    if (g->seen == 0 && g->name.n) {
        fprintf(stderr,
                "port443 " VERB ": the store has no certificate of a CA for " SLICE_F "\n"
                "  \"port443 cert issue " SLICE_F "\" gets one\n",
                SLICE_A(g->name), SLICE_A(g->name));
        return CMD_FAILED;
    }
    if (g->seen == 0)
        printf("no certificate of a CA in %s\n", g->w->state);
    return g->status;
}

static int through_server(const struct renewing *g)
{
    struct buf b;
    struct json j;
    buf_init(&b, 4096);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_cstr(&j, "do", "renew");
    json_text(&j, "name", g->name);
    json_bool(&j, "force", g->force);
    json_end(&j, '}');
    int status = j.r ? CMD_FAILED : certserver_order(VERB, g->w->state, buf_slice(&b), false);
    buf_done(&b);
    return status;
}

int cert_renew(int argc, char **argv)
{
    struct certopts o;
    struct certword w;
    struct renewing g = {.w = &w, .o = &o};
    struct option_spec specs[CERTOPTS_SPECS + 1];
    size_t n = certopts_specs(&o, specs);
    specs[n++] = (struct option_spec){"force", 0, &g.force, NULL};
    const struct option_parse parse = {VERB, specs, n, usage};
    int status;
    if (!certword_begin(&w, &parse, &o.state, argc, argv, &status) ||
        !certword_count(&w, 0, 1, &status))
        return status;
    if (w.nnames && !certword_name(&w, w.names[0]))
        return CMD_USAGE;
    if (w.nnames)
        g.name = slice_cstr(w.names[0]);
    struct certlive *live = certlive_ask(w.state);
    bool served = live && (!g.name.n || certlive_has(live, g.name));
    certlive_free(live);
    status = served ? through_server(&g) : alone(&g);
    certopts_done(&o);
    return status;
}
