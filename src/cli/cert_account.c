/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert account`: what accounts there are; their contact, key and end at the CA. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cert/account.h"
#include "cli/cert.h"
#include "cli/certalone.h"
#include "cli/certopts.h"
#include "cli/certrow.h"
#include "cli/certserver.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "os/proc.h"

#define VERB        "cert account"
#define ARENA_BYTES (1024 * 1024)

static const char usage[] =
    "usage: port443 cert account [show [--json] | update | rollover | deactivate] [OPTION ...]\n\n"
    "  show        the accounts in the store: CA, URL, contact, thumbprint of the key\n"
    "  update      the contact at the CA becomes that of the configuration (or --email)\n"
    "  rollover    a new account key; the old one is kept until the CA has confirmed\n"
    "  deactivate  ends the account at the CA for good\n\n"
    "With a running server, its first CA is meant; without one, --directory.\n\n"
    "      --json                show for machines\n"
    "  -y, --yes                 deactivate without asking\n" CERTOPTS_USAGE "\nexamples:\n"
    "  port443 cert account\n"
    "  port443 cert account rollover --directory letsencrypt\n";

static const char *const words[] = {"show", "update", "rollover", "deactivate"};
static const enum certkeep_account orders[] = {CERTKEEP_UPDATE, CERTKEEP_UPDATE, CERTKEEP_ROLLOVER,
                                               CERTKEEP_DEACTIVATE};

/* ---- show ---- */

struct showing {
    struct json *j; /* NULL: for people */
    size_t count;
    bool bad;
};

static void show_one(void *ctx, const struct account_info *info, const struct fault *f)
{
    struct showing *s = ctx;
    char at[CERTROW_TIME];
    s->count++;
    if (f && f->code) {
        s->bad = true;
        faults_print_one(VERB, f);
        return;
    }
    if (s->j) {
        json_object(s->j, NULL);
        json_text(s->j, "directory", info->directory);
        json_text(s->j, "url", info->url);
        json_text(s->j, "contact", info->contact);
        json_text(s->j, "thumbprint", info->thumbprint);
        json_text(s->j, "path", info->path);
        json_int(s->j, "created", info->created_s);
        json_end(s->j, '}');
        return;
    }
    printf(SLICE_F "\n    account     " SLICE_F "\n    contact     " SLICE_F
                   "\n    thumbprint  " SLICE_F "\n    since       %s\n    files       " SLICE_F
                   "\n",
           SLICE_A(info->directory), SLICE_A(info->url.n ? info->url : SLICE("(not yet made)")),
           SLICE_A(info->contact.n ? info->contact : SLICE("none")), SLICE_A(info->thumbprint),
           certrow_time(info->created_s, at), SLICE_A(info->path));
}

static int show(const struct certword *w, bool as_json)
{
    struct arena a;
    struct buf b;
    struct json j;
    struct showing s = {.j = as_json ? &j : NULL};
    arena_init(&a, ARENA_BYTES);
    buf_init(&b, ARENA_BYTES);
    json_init(&j, &b);
    j.pretty = true;
    json_array(&j, NULL);
    int r = account_each(w->state, &a, show_one, &s);
    json_end(&j, ']');
    if (r && r != ERR_NOT_FOUND)
        fprintf(stderr, "port443 " VERB ": cannot read %s/accounts: %s\n", w->state, err_text(r));
    else if (as_json)
        printf("%.*s\n", (int)b.n, (const char *)buf_slice(&b).p);
    else if (s.count == 0)
        printf("no accounts in %s\n", w->state);
    buf_done(&b);
    arena_done(&a);
    return (r && r != ERR_NOT_FOUND) || s.bad ? CMD_FAILED : CMD_GOOD;
}

/* ---- orders ---- */

static void start(void *ctx, struct certkeep *k, struct certkeep_call *c)
{
    certkeep_account(k, c, *(const enum certkeep_account *)ctx);
}

static bool agreed(void)
{
    char line[16];
    if (!proc_is_terminal(0)) {
        fputs("port443 " VERB ": nobody to ask here: say --yes\n", stderr);
        return false;
    }
    fputs("A deactivated account cannot be used again, nor revoke what it got. Deactivate it? "
          "[y/N] ",
          stderr);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int give_order(const struct certword *w, struct certopts *o, size_t what)
{
    struct buf b;
    struct json j;
    struct certkeep_settings s;
    enum certkeep_account order_what = orders[what];
    buf_init(&b, 4096);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_cstr(&j, "do", "account");
    json_cstr(&j, "what", words[what]);
    json_end(&j, '}');
    int status = j.r ? CMD_FAILED : certserver_order(VERB, w->state, buf_slice(&b), false);
    buf_done(&b);
    if (status >= 0)
        return status;
    if (!certopts_read(o, VERB, SLICE_EMPTY, &s, &status))
        return status;
    const struct certalone order = {
        .verb = VERB, .state = w->state, .settings = &s, .start = start, .ctx = &order_what};
    status = certalone_run(&order);
    if (status == CMD_GOOD)
        printf("%s: done at " SLICE_F "\n", words[what], SLICE_A(s.directories[0]));
    return status;
}

int cert_account(int argc, char **argv)
{
    struct certopts o;
    struct certword w;
    bool as_json = false, yes = false;
    struct option_spec specs[CERTOPTS_SPECS + 2];
    size_t n = certopts_specs(&o, specs), what = 0;
    specs[n++] = (struct option_spec){"json", 0, &as_json, NULL};
    specs[n++] = (struct option_spec){"yes", 'y', &yes, NULL};
    const struct option_parse parse = {VERB, specs, n, usage};
    int status;
    if (!certword_begin(&w, &parse, &o.state, argc, argv, &status) ||
        !certword_count(&w, 0, 1, &status))
        return status;
    while (w.nnames && what < ARRAY_LEN(words) && strcmp(words[what], w.names[0]) != 0)
        what++;
    if (what == ARRAY_LEN(words)) {
        const char *near = text_nearest(slice_cstr(w.names[0]), words, ARRAY_LEN(words));
        return certword_usage(&w, "say show, update, rollover or deactivate, not %s%s%s",
                              w.names[0], near ? ": did you mean " : "", near ? near : "");
    }
    if (what == 0)
        return show(&w, as_json);
    if (orders[what] == CERTKEEP_DEACTIVATE && !yes && !agreed())
        return CMD_FAILED;
    status = give_order(&w, &o, what);
    certopts_done(&o);
    return status;
}
