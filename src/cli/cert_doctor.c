/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert doctor NAME`: state, plan, the CA's last words, and the one thing to do next. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cert.h"
#include "cli/certlive.h"
#include "cli/certrow.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "crypt/localca.h"
#include "os/clock.h"

#define VERB      "cert doctor"
#define ERROR_MAX 1200

static const char usage[] =
    "usage: port443 cert doctor NAME [--state DIR]\n\n"
    "One page about the certificate of NAME: what is there, what is planned and why, the last "
    "problem in the CA's\n"
    "own words, and the one next thing to do.\n\n"
    "      --state DIR  state directory of the server\n\n"
    "example:\n"
    "  port443 cert doctor www.example.org\n\n"
    "Exit status: 0 all is well; 1 something is to be done; 2 it cannot be told.\n";

/* What a problem type of RFC 8555 6.7 asks of the owner of the name. */
static const struct {
    const char *type, *action;
} remedies[] = {
    {"caa", "allow this CA in the CAA records of the name (or remove them), then: port443 cert "
            "renew NAME"},
    {"dns", "make the name's A and AAAA records (for dns-01: its TXT record) resolve at every one "
            "of its name servers"},
    {"connection", "let the internet reach this machine on port 80 or 443: firewall, router, and "
                   "AAAA records that lead elsewhere are the usual reasons"},
    {"tls", "let port 443 of this name end here, with nothing in front that ends TLS"},
    {"unauthorized", "another machine answers for this name: compare its A and AAAA records with "
                     "the addresses of this machine"},
    {"incorrectResponse", "another program answers for this name: compare its A and AAAA records "
                          "with the addresses of this machine"},
    {"rateLimited", "wait for the next attempt: asking earlier makes it later"},
    {"rejectedIdentifier", "this CA does not issue for that name: name another directory"},
    {"userActionRequired", "read the CA's words above and do what they ask on its site"},
    {"externalAccountRequired", "get external account keys from the CA and configure acme.eab"},
    {"invalidProfile", "configure a profile that this CA offers, or none"},
    {"unsupportedIdentifier", "this CA does not issue for such names: name another directory"},
    {"serverInternal", "nothing here: the CA has trouble, the next attempt comes by itself"},
};

struct page {
    struct slice name;
    const struct certlive *live;
    int64_t now_s;
    size_t shown;
    bool server, bad;
};

static void print_state(const struct page *p, const struct certrow *row)
{
    char at[CERTROW_TIME];
    if (!row->chain) {
        puts("  state    no certificate yet");
        return;
    }
    const struct certinfo *ci = certinfo_at(row->chain, 0);
    long long days = (long long)(ci->not_after_s - p->now_s) / 86400;
    const char *state = row->meta.revoked                 ? "REVOKED"
                        : ci->not_after_s <= p->now_s     ? "EXPIRED"
                        : !strcmp(row->kind, "temporary") ? "temporary: no client believes it"
                                                          : "valid";
    printf("  state    %s, %lld days left, ends %s\n", state, days,
           certrow_time(ci->not_after_s, at));
    printf("  from     " SLICE_F "%s" SLICE_F " (%s)\n", SLICE_A(ci->issuer),
           row->meta.directory.n ? " at " : "", SLICE_A(row->meta.directory), row->kind);
    fputs("  names    ", stdout);
    for (size_t i = 0; i < ci->nsans; i++)
        printf("%s" SLICE_F, i ? ", " : "", SLICE_A(ci->sans[i].name));
    printf("\n  renewal  %s: %s\n", certrow_time(row->plan.at_s, at), certrow_why(row));
}

static void print_job(const struct certrow *row, bool server)
{
    char shown[ERROR_MAX], at[CERTROW_TIME];
    const struct job *j = &row->job;
    if (j->step != JOB_NONE)
        printf("  order    under way (%s): " SLICE_F "\n", job_step_text(j->step),
               SLICE_A(j->order));
    if (j->last_error.n) {
        text_escape(j->last_error, shown, sizeof(shown));
        printf("  CA said  %s\n", shown);
        printf("           type " SLICE_F ", %s",
               SLICE_A(j->last_problem.n ? j->last_problem : SLICE("none")),
               certrow_time(j->last_failure_s, at));
        printf(", %u in a row\n", j->failures);
    }
    if (j->failures && server)
        printf("  next try %s\n", certrow_time(j->next_s, at));
    else if (j->failures)
        puts("  next try by the next command: no server runs");
}

static const char *remedy(struct slice problem)
{
    for (size_t i = 0; i < ARRAY_LEN(remedies); i++)
        if (slice_eq(problem, slice_cstr(remedies[i].type)))
            return remedies[i].action;
    return "look at \"port443 cert issue NAME --dry-run\", which says what stands in the way";
}

static bool is(const struct certrow *row, const char *kind)
{
    return strcmp(row->kind, kind) == 0;
}

/* The one thing; NULL: nothing is to be done. */
static const char *next_action(const struct page *p, const struct certrow *row)
{
    const struct certinfo *ci = row->chain ? certinfo_at(row->chain, 0) : NULL;
    if (row->trouble.code)
        return row->trouble.next[0] ? row->trouble.next
                                    : "restore the file named above from a backup, or: port443 "
                                      "cert issue NAME";
    if (row->job.failures)
        return remedy(row->job.last_problem);
    if (!ci)
        return "order one: port443 cert issue NAME";
    if (row->meta.revoked || ci->not_after_s <= p->now_s)
        return p->server ? "port443 cert renew NAME --force"
                         : "start the server (port443 serve), or: port443 cert renew NAME --force";
    if (is(row, "temporary"))
        return "port443 cert issue NAME --dry-run says why there is no real one yet";
    if (row->plan.at_s <= p->now_s && !p->server)
        return "its renewal is due and no server runs: port443 cert renew NAME";
    return NULL;
}

static void print_action(const char *action, struct slice name)
{
    fputs("  next     ", stdout);
    while (*action) {
        const char *hole = strstr(action, "NAME");
        size_t n = hole ? (size_t)(hole - action) : strlen(action);
        printf("%.*s", (int)n, action);
        if (!hole)
            break;
        printf(SLICE_F, SLICE_A(name));
        action = hole + strlen("NAME");
    }
    putchar('\n');
}

static void on_row(void *ctx, const struct certrow *row)
{
    struct page *p = ctx;
    char phase[80];
    if (p->shown && is(row, "temporary"))
        return; /* stands in for the one above */
    if (p->shown++)
        putchar('\n');
    printf(SLICE_F " (%s)\n\n", SLICE_A(row->name), row->rsa ? "RSA" : "ECDSA");
    print_state(p, row);
    print_job(row, p->server);
    if (!p->server)
        puts("  server   none is running with this state directory");
    else if (!certlive_has(p->live, row->name))
        puts("  server   running, but it does not serve this name");
    else if (certlive_member(p->live, row->name, row->rsa, "phase", phase, sizeof(phase)))
        printf("  server   %s\n", phase);
    else
        puts("  server   running, and keeps this name");
    if (row->trouble.code)
        printf("  trouble  %s\n", row->trouble.what);
    const char *action = next_action(p, row);
    p->bad |= action != NULL;
    print_action(action ? action : "nothing: it renews itself", row->name);
}

static void print_unknown(const struct page *p)
{
    printf(SLICE_F "\n\n  state    the store knows nothing of it\n", SLICE_A(p->name));
    if (certlive_has(p->live, p->name))
        print_action("the server is about to order one: look again in a minute", p->name);
    else if (localca_permits(p->name))
        print_action("serve it: port443 serve NAME=TARGET makes a local certificate", p->name);
    else
        print_action("give it a site in the configuration, or: port443 cert issue NAME", p->name);
}

int cert_doctor(int argc, char **argv)
{
    const char *state_option = NULL;
    const struct option_spec specs[] = {{"state", 0, NULL, &state_option}};
    const struct option_parse parse = {VERB, specs, ARRAY_LEN(specs), usage};
    struct certword w;
    struct fault f = {0};
    int status;
    if (!certword_begin(&w, &parse, &state_option, argc, argv, &status) ||
        !certword_count(&w, 1, 1, &status))
        return status;
    if (!certword_name(&w, w.names[0]))
        return CMD_USAGE;
    struct certlive *live = certlive_ask(w.state);
    struct page p = {.name = slice_cstr(w.names[0]),
                     .live = live,
                     .server = live != NULL,
                     .now_s = clock_unix_ms() / 1000};
    int r = certrow_each(w.state, p.name, on_row, &p, &f);
    if (r)
        faults_print_one(VERB, &f);
    else if (!p.shown)
        print_unknown(&p);
    certlive_free(live);
    if (r)
        return CMD_FAILED;
    return p.bad || !p.shown ? CMD_BAD : CMD_GOOD;
}
