/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert WORD`: the table of words. Knows no word's options. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/slice.h"
#include "base/text.h"
#include "cli/cert.h"
#include "cli/cmd.h"

static const struct word {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} words[] = {
    {"list", cert_list, "names, issuers, ends, planned renewals and last errors"},
    {"doctor", cert_doctor, "one page about one name, and the one next thing to do"},
    {"issue", cert_issue, "get a certificate now (through the server, or without one)"},
    {"renew", cert_renew, "renew what is due, or one name"},
    {"revoke", cert_revoke, "revoke a certificate at its CA"},
    {"account", cert_account, "the accounts at CAs: show, update, rollover, deactivate"},
    {"import", cert_import, "take over certificates of certbot or Caddy"},
    {"export", cert_export, "write chain and key for another program"},
    {"dns", cert_dns, "print the DNS record of dns-persist-01"},
    {"root", cert_root, "the local CA's root certificate in PEM"},
    {"trust", cert_trust, "install that root into this system's store"},
};

static int usage(FILE *to, int status)
{
    fputs("usage: port443 cert WORD [OPTION ...]   [--state DIR]\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        fprintf(to, "  %-8s %s\n", words[i].name, words[i].help);
    fputs("\nexamples:\n"
          "  port443 cert list\n"
          "  port443 cert issue www.example.org --email ops@example.org --dry-run\n"
          "  port443 cert doctor www.example.org\n"
          "  port443 cert root > root.pem && curl --cacert root.pem https://localhost/\n\n"
          "\"port443 cert WORD --help\" describes a word.\n",
          to);
    return status;
}

static int unknown_word(const char *name)
{
    const char *names[ARRAY_LEN(words)];
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        names[i] = words[i].name;
    const char *near = text_nearest(slice_cstr(name), names, ARRAY_LEN(words));
    fprintf(stderr, "port443 cert: unknown %s %s", name[0] == '-' ? "option" : "word", name);
    if (near)
        fprintf(stderr, ": did you mean %s?", near);
    fputs("\n  say list, root or trust, or another: \"port443 cert --help\" has them all\n",
          stderr);
    return CMD_USAGE;
}

int cmd_cert(int argc, char **argv)
{
    if (argc < 2) {
        fputs("port443 cert: say what to do with certificates: list, issue, renew ...\n"
              "  \"port443 cert --help\" describes the words\n",
              stderr);
        return CMD_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout, CMD_GOOD);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(argv[1], words[i].name) == 0)
            return words[i].run(argc - 1, argv + 1);
    return unknown_word(argv[1]);
}
