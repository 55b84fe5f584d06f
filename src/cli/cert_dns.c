/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert dns NAME`: the standing record of dns-persist-01, for the owner's zone. */
#include <stdio.h>

#include "cert/account.h"
#include "cert/dnssolve.h"
#include "cli/cert.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "conf/series.h"

#define VERB        "cert dns"
#define ARENA_BYTES (1024 * 1024)

static const char usage[] =
    "usage: port443 cert dns NAME [--directory URL] [--issuer DOMAIN] [--account URL] [--state "
    "DIR]\n\n"
    "Prints the record that dns-persist-01 looks for: put it into the zone once, and every renewal "
    "is proved by it.\n"
    "It names the CA and the account at it; with *.HOST it holds for wildcards too.\n\n"
    "      --directory URL  the CA (default letsencrypt)\n"
    "      --issuer DOMAIN  how the CA names itself in DNS (as in CAA records)\n"
    "      --account URL    the account, instead of the one in the store\n"
    "      --state DIR      state directory\n\n"
    "example:\n"
    "  port443 cert dns '*.example.org'\n";

static const struct {
    const char *word, *issuer;
} issuers[] = {
    {"letsencrypt", "letsencrypt.org"},
    {"letsencrypt-staging", "letsencrypt.org"},
    {"zerossl", "sectigo.com"},
    {"google", "pki.goog"},
};

struct search {
    struct slice directory, account;
};

static void on_account(void *ctx, const struct account_info *info, const struct fault *f)
{
    struct search *s = ctx;
    if (!(f && f->code) && slice_eq(info->directory, s->directory))
        s->account = info->url;
}

static const char *issuer_of(struct slice directory)
{
    for (size_t i = 0; i < ARRAY_LEN(issuers); i++)
        if (slice_eq(series_acme_url(slice_cstr(issuers[i].word)), directory))
            return issuers[i].issuer;
    return NULL;
}

static int print_record(struct slice name, struct slice issuer, struct slice account)
{
    struct buf b;
    bool wildcard = slice_starts(name, SLICE("*."));
    struct slice host = wildcard ? slice_from(name, 2) : name;
    buf_init(&b, 4096);
    int r = dnssolve_persist_text(issuer, account, wildcard, &b);
    if (!r)
        printf("_validation-persist." SLICE_F ". IN TXT \"" SLICE_F "\"\n", SLICE_A(host),
               SLICE_A(buf_slice(&b)));
    else
        fprintf(stderr, "port443 " VERB ": %s\n", err_text(r));
    buf_done(&b);
    return r ? CMD_FAILED : CMD_GOOD;
}

int cert_dns(int argc, char **argv)
{
    const char *state_option = NULL, *directory = "letsencrypt", *issuer = NULL, *account = NULL;
    const char *given = NULL;
    const struct option_spec specs[] = {
        {"state", 0, NULL, &state_option},
        {"directory", 0, NULL, &given},
        {"issuer", 0, NULL, &issuer},
        {"account", 0, NULL, &account},
    };
    const struct option_parse parse = {VERB, specs, ARRAY_LEN(specs), usage};
    struct certword w;
    struct arena a;
    int status;
    if (!certword_begin(&w, &parse, &state_option, argc, argv, &status) ||
        !certword_count(&w, 1, 1, &status))
        return status;
    if (!certword_name(&w, w.names[0]))
        return CMD_USAGE;
    struct search s = {series_acme_url(slice_cstr(given ? given : directory)), slice_cstr(account)};
    if (!issuer && !(issuer = issuer_of(s.directory)))
        return certword_usage(&w, "how does that CA name itself in DNS? Say --issuer DOMAIN");
    arena_init(&a, ARENA_BYTES);
    int r = s.account.n ? OK : account_each(w.state, &a, on_account, &s);
    status = CMD_FAILED;
    if (!s.account.n)
        fprintf(stderr,
                "port443 " VERB ": no account at " SLICE_F " in %s%s%s\n"
                "  the first \"port443 cert issue\" there makes one; --account URL names one\n",
                SLICE_A(s.directory), w.state, r && r != ERR_NOT_FOUND ? ": " : "",
                r && r != ERR_NOT_FOUND ? err_text(r) : "");
    else
        status = print_record(slice_cstr(w.names[0]), slice_cstr(issuer), s.account);
    arena_done(&a);
    return status;
}
