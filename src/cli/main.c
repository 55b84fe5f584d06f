/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The command line's front: a table of verbs. Knows no verb's options. */
#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/slice.h"
#include "base/text.h"
#include "os/proc.h"

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct verb verbs[] = {
    {"serve", cmd_serve, "serve sites over HTTPS: files, reverse proxy, redirects"},
    {"status", cmd_control, "what the running server is doing"},
    {"reload", cmd_control, "put a changed configuration into use, without dropping a connection"},
    {"stop", cmd_control, "finish what is under way, then stop"},
    {"upgrade", cmd_control, "replace the running program by the installed one"},
    {"reopen", cmd_control, "open the log files again (after rotation)"},
    {"config", cmd_config, "check, show or describe the configuration"},
    {"explain", cmd_explain, "which site, rule, upstream and limits apply to a URL"},
    {"check", cmd_check, "visit a site on port 443: what is wrong, how bad, and why"},
    {"cert", cmd_cert, "certificates: list them, show or trust the local root"},
};

static int usage(FILE *to, int status)
{
    fputs("port443: everything that happens on port 443\n\nusage: port443 VERB [OPTION ...]\n\n",
          to);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].help);
    fputs("\nexamples:\n"
          "  port443 serve example.com=/srv/www app.example.com=3000\n"
          "  port443 serve -c /etc/port443/port443.yaml\n"
          "  port443 status\n\n"
          "\"port443 VERB --help\" describes a verb; man port443 has it all.\n",
          to);
    return status;
}

static int unknown_verb(const char *name)
{
    const char *names[ARRAY_LEN(verbs)];
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        names[i] = verbs[i].name;
    const char *near = text_nearest(slice_cstr(name), names, ARRAY_LEN(verbs));
    fprintf(stderr, "port443: unknown verb %s", name);
    if (near)
        fprintf(stderr, ": did you mean %s?", near);
    fputs("\n  \"port443 --help\" lists the verbs\n", stderr);
    return CMD_USAGE;
}

int main(int argc, char **argv)
{
    proc_init(argc, argv);
    if (argc < 2)
        return usage(stderr, CMD_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return usage(stdout, CMD_GOOD);
    if (strcmp(argv[1], "--version") == 0) {
        puts("port443 " PORT443_VERSION);
        return CMD_GOOD;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    return unknown_verb(argv[1]);
}
