/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert issue`: a certificate now. Through the server when that serves the name, else by an
 * engine of this command. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cert/lineage.h"
#include "cli/cert.h"
#include "cli/certalone.h"
#include "cli/certlive.h"
#include "cli/certopts.h"
#include "cli/certserver.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "crypt/localca.h"

#define VERB        "cert issue"
#define ARENA_BYTES (512 * 1024)

static const char usage[] =
    "usage: port443 cert issue NAME... [--directory URL] [--email ADDRESS] [OPTION ...]\n\n"
    "Gets one certificate for the names, kept under the first. A name that the running server "
    "serves is ordered by\n"
    "the server with its own configuration; any other by this command, which binds the ports that "
    "its challenges need\n"
    "and has the state directory for itself meanwhile (--state names another than the "
    "server's).\n\n"
    "      --dry-run             only looks: DNS, CAA, ports, clock; asks for nothing\n"
    "      --force               also when the present certificate is not due\n"
    "      --no-preflight        orders without looking first\n" CERTOPTS_USAGE "\nexamples:\n"
    "  port443 cert issue www.example.org example.org --email ops@example.org\n"
    "  port443 cert issue www.example.org --dry-run\n"
    "  port443 cert issue '*.example.org' --dns-server 192.0.2.53:53 --tsig-name k. "
    "--tsig-secret-file k.b64\n"
    "  port443 cert issue www.example.org --directory https://ca.internal/acme/directory "
    "--ca-file ca.pem\n\n"
    "Exit status: 0 issued (dry run: nothing stands in the way); 1 the CA refused; 2 it could not "
    "be tried.\n";

struct wish {
    bool dry_run, force, no_preflight;
    struct slice names[CERTWORD_NAMES_MAX];
    size_t nnames;
};

static void start(void *ctx, struct certkeep *k, struct certkeep_call *c)
{
    const struct wish *w = ctx;
    if (w->dry_run)
        certkeep_dry_run(k, c, w->names[0]);
    else
        certkeep_renew(k, c, w->names[0], w->force);
}

static bool take_names(const struct certword *w, struct wish *wish)
{
    for (int i = 0; i < w->nnames; i++) {
        if (!certword_name(w, w->names[i]))
            return false;
        wish->names[wish->nnames++] = slice_cstr(w->names[i]);
    }
    return true;
}

/* Wildcards are proved by DNS only (RFC 8555 7.1.3), addresses never (RFC 8738 4). */
static bool can_prove(const struct certword *w, const struct wish *wish,
                      const struct certkeep_settings *s)
{
    unsigned dns = CERTKEEP_DNS01 | CERTKEEP_PERSIST01;
    for (size_t i = 0; i < wish->nnames; i++) {
        struct ip ip;
        bool wildcard = slice_starts(wish->names[i], SLICE("*."));
        if (wildcard && !(s->challenges & dns)) {
            certword_usage(w, SLICE_F " is proved by DNS only: add --dns-server or --dns-hook",
                           SLICE_A(wish->names[i]));
            return false;
        }
        if (cidr_parse_ip(wish->names[i], &ip) == OK && !(s->challenges & ~dns)) {
            certword_usage(w, SLICE_F " is an address: it is proved by http-01 or tls-alpn-01",
                           SLICE_A(wish->names[i]));
            return false;
        }
    }
    return true;
}

static int through_server(const struct certword *w, const struct wish *wish)
{
    struct buf b;
    struct json j;
    buf_init(&b, 4096);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_cstr(&j, "do", wish->dry_run ? "dry-run" : "issue");
    json_text(&j, "name", wish->names[0]);
    json_bool(&j, "force", wish->force);
    json_end(&j, '}');
    int status = j.r ? CMD_FAILED : certserver_order(VERB, w->state, buf_slice(&b), wish->dry_run);
    buf_done(&b);
    return status;
}

/* Of the present certificate; 0: there is none. */
static uint64_t generation_of(const char *state, const struct lineage_id *id)
{
    struct lineage_loaded l;
    struct arena a;
    uint64_t generation = 0;
    arena_init(&a, ARENA_BYTES);
    if (lineage_peek(state, id, &a, &l, NULL) == OK) {
        generation = l.meta.generation;
        certstore_pair_done(&l.pair);
    }
    arena_done(&a);
    return generation;
}

static void print_end(const struct wish *wish, bool is_new)
{
    if (is_new)
        printf("the certificate of " SLICE_F " is in the store\n"
               "  \"port443 cert export " SLICE_F " --to DIR\" writes it for another program\n",
               SLICE_A(wish->names[0]), SLICE_A(wish->names[0]));
    else
        printf("the store has a certificate of " SLICE_F " that is not due: nothing was ordered\n"
               "  --force orders another\n",
               SLICE_A(wish->names[0]));
}

static int alone(const struct certword *w, struct certopts *o, struct wish *wish)
{
    struct certkeep_settings s;
    int status;
    if (!o->directory[0] && localca_permits(wish->names[0])) {
        return certword_usage(w,
                              SLICE_F " is a local name: \"port443 serve\" makes its certificate; "
                                      "a CA of your own is named with --directory",
                              SLICE_A(wish->names[0]));
    }
    if (!certopts_read(o, VERB, SLICE_EMPTY, &s, &status))
        return status;
    if (!can_prove(w, wish, &s))
        return CMD_USAGE;
    s.preflight = !wish->no_preflight;
    const struct certkeep_name name = {.names = wish->names, .nnames = wish->nnames};
    const struct certalone order = {
        .verb = VERB,
        .state = w->state,
        .settings = &s,
        .names = &name,
        .nnames = 1,
        .dns_hook = o->dns_hook,
        .ports = true, /* a dry run looks whether somebody answers there */
        .findings = wish->dry_run,
        .start = start,
        .ctx = wish,
    };
    const struct lineage_id id = {wish->names[0], o->rsa};
    uint64_t before = generation_of(w->state, &id);
    status = certalone_run(&order);
    if (status == CMD_GOOD && !wish->dry_run)
        print_end(wish, generation_of(w->state, &id) != before);
    return status;
}

int cert_issue(int argc, char **argv)
{
    struct wish wish = {0};
    struct certopts o;
    struct option_spec specs[CERTOPTS_SPECS + 3];
    size_t n = certopts_specs(&o, specs);
    specs[n++] = (struct option_spec){"dry-run", 0, &wish.dry_run, NULL};
    specs[n++] = (struct option_spec){"force", 0, &wish.force, NULL};
    specs[n++] = (struct option_spec){"no-preflight", 0, &wish.no_preflight, NULL};
    const struct option_parse parse = {VERB, specs, n, usage};
    struct certword w;
    int status;
    if (!certword_begin(&w, &parse, &o.state, argc, argv, &status) ||
        !certword_count(&w, 1, CERTWORD_NAMES_MAX, &status))
        return status;
    if (!take_names(&w, &wish))
        return CMD_USAGE;
    struct certlive *live = certlive_ask(w.state);
    bool served = certlive_has(live, wish.names[0]);
    certlive_free(live);
    if (served && certopts_any(&o))
        fprintf(stderr,
                "port443 " VERB ": the running server keeps " SLICE_F
                " by its own configuration; the options here are not used\n",
                SLICE_A(wish.names[0]));
    status = served ? through_server(&w, &wish) : alone(&w, &o, &wish);
    certopts_done(&o);
    return status;
}
