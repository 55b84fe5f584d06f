/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert revoke`: tells the CA that a certificate must not be believed any more. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cert.h"
#include "cli/certalone.h"
#include "cli/certlive.h"
#include "cli/certopts.h"
#include "cli/certrow.h"
#include "cli/certserver.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"

#define VERB           "cert revoke"
#define KEY_COMPROMISE 1

static const char usage[] =
    "usage: port443 cert revoke NAME [--reason REASON] [--key] [OPTION ...]\n\n"
    "Revokes the present certificate of NAME at the CA that it came from. With keyCompromise the "
    "name gets a new key\n"
    "and certificate at once.\n\n"
    "      --reason REASON       unspecified (default), keyCompromise, affiliationChanged,\n"
    "                            superseded, cessationOfOperation, or its number (RFC 5280)\n"
    "      --key                 signs with the certificate's own key, not the "
    "account's\n" CERTOPTS_USAGE "\nexamples:\n"
    "  port443 cert revoke www.example.org --reason keyCompromise\n"
    "  port443 cert revoke old.example.org --reason cessationOfOperation\n";

/* RFC 5280 5.3.1: what a subscriber may say. */
static const struct {
    const char *word;
    unsigned number;
} reasons[] = {
    {"unspecified", 0}, {"keyCompromise", 1},        {"affiliationChanged", 3},
    {"superseded", 4},  {"cessationOfOperation", 5},
};

struct revoking {
    const struct certword *w;
    struct certopts *o;
    struct slice name;
    unsigned reason;
    bool by_key;
    size_t seen;
    int status;
};

static bool take_reason(const struct certword *w, const char *text, unsigned *ret)
{
    const char *words[ARRAY_LEN(reasons)];
    uint64_t number = UINT64_MAX;
    if (!text)
        return true;
    bool digits = num_parse_u64(slice_cstr(text), 0, 10, &number) == OK;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        words[i] = reasons[i].word;
        if (digits ? reasons[i].number == number
                   : slice_eq_nocase(slice_cstr(text), slice_cstr(reasons[i].word))) {
            *ret = reasons[i].number;
            return true;
        }
    }
    const char *near = text_nearest(slice_cstr(text), words, ARRAY_LEN(reasons));
    certword_usage(w,
                   "no reason is called %s%s%s; say unspecified, keyCompromise, "
                   "affiliationChanged, superseded or cessationOfOperation",
                   text, near ? ": did you mean " : "", near ? near : "");
    return false;
}

static void start(void *ctx, struct certkeep *k, struct certkeep_call *c)
{
    const struct revoking *g = ctx;
    certkeep_revoke(k, c, g->name, g->reason, g->by_key);
}

static void on_row(void *ctx, const struct certrow *row)
{
    struct revoking *g = ctx;
    struct certkeep_settings s;
    int status;
    if (!row->chain || !row->meta.generation || row->rsa != g->o->rsa)
        return;
    g->seen++;
    if (!certopts_read(g->o, VERB, row->meta.directory, &s, &g->status))
        return;
    const struct certinfo *ci = certinfo_at(row->chain, 0);
    struct slice names[CERTWORD_NAMES_MAX];
    size_t n = 0;
    names[n++] = row->name;
    for (size_t i = 0; i < ci->nsans && n < CERTWORD_NAMES_MAX; i++)
        if (!slice_eq(ci->sans[i].name, row->name))
            names[n++] = ci->sans[i].name;
    const struct certkeep_name name = {.names = names, .nnames = n};
    const struct certalone order = {
        .verb = VERB,
        .state = g->w->state,
        .settings = &s,
        .names = &name,
        .nnames = 1,
        .dns_hook = g->o->dns_hook,
        .ports = g->reason == KEY_COMPROMISE,
        .start = start,
        .ctx = g,
    };
    status = certalone_run(&order);
    if (status == CMD_GOOD)
        printf("revoked the certificate of " SLICE_F "\n", SLICE_A(row->name));
    g->status = status;
}

static int alone(struct revoking *g)
{
    struct fault f = {0};
    if (certrow_each(g->w->state, g->name, on_row, g, &f)) {
        faults_print_one(VERB, &f);
        return CMD_FAILED;
    }
    if (g->seen)
        return g->status;
    fprintf(stderr,
            "port443 " VERB ": the store has no %s certificate of a CA for " SLICE_F "\n"
            "  \"port443 cert list\" shows what it has\n",
            g->o->rsa ? "RSA" : "ECDSA", SLICE_A(g->name));
    return CMD_FAILED;
}

static int through_server(const struct revoking *g)
{
    struct buf b;
    struct json j;
    buf_init(&b, 4096);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_cstr(&j, "do", "revoke");
    json_text(&j, "name", g->name);
    json_uint(&j, "reason", g->reason);
    json_bool(&j, "by_key", g->by_key);
    json_end(&j, '}');
    int status = j.r ? CMD_FAILED : certserver_order(VERB, g->w->state, buf_slice(&b), false);
    buf_done(&b);
    return status;
}

int cert_revoke(int argc, char **argv)
{
    struct certopts o;
    struct certword w;
    struct revoking g = {.w = &w, .o = &o};
    const char *reason = NULL;
    struct option_spec specs[CERTOPTS_SPECS + 2];
    size_t n = certopts_specs(&o, specs);
    specs[n++] = (struct option_spec){"reason", 0, NULL, &reason};
    specs[n++] = (struct option_spec){"key", 0, &g.by_key, NULL};
    const struct option_parse parse = {VERB, specs, n, usage};
    int status;
    if (!certword_begin(&w, &parse, &o.state, argc, argv, &status) ||
        !certword_count(&w, 1, 1, &status))
        return status;
    if (!certword_name(&w, w.names[0]) || !take_reason(&w, reason, &g.reason))
        return CMD_USAGE;
    g.name = slice_cstr(w.names[0]);
    struct certlive *live = certlive_ask(w.state);
    bool served = certlive_has(live, g.name);
    certlive_free(live);
    status = served ? through_server(&g) : alone(&g);
    certopts_done(&o);
    return status;
}
