/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 explain URL`: prints what serve/explain decides. Knows no rule of its own. */
#include "cli/cmd.h"

#include <stdio.h>

#include "cli/faults.h"
#include "cli/option.h"
#include "cli/source.h"
#include "serve/explain.h"

#define TEXT_MAX (256 * 1024)

static const char usage[] =
    "usage: port443 explain [-c FILE] URL\n\n"
    "Says which site, rule, upstream, headers and limits apply to a URL. Offline; asks nobody.\n\n"
    "  -c, --config FILE   configuration (default " SOURCE_DEFAULT_FILE ")\n\n"
    "Exit status: 0 something answers; 1 nothing does; 2 the configuration cannot be used.\n\n"
    "examples:\n"
    "  port443 explain https://app.example.com/api/users\n"
    "  port443 explain -c port443.yaml http://example.com/\n";

int cmd_explain(int argc, char **argv)
{
    const char *file = NULL;
    const struct option_spec specs[] = {{"config", 'c', NULL, &file}};
    const struct option_parse parse = {"explain", specs, ARRAY_LEN(specs), usage};
    struct fault f = {0};
    struct conf *conf;
    struct buf text;
    int words;
    int r = option_parse(&parse, argc, argv, &words);
    if (r)
        return r == ERR_EOF ? CMD_GOOD : CMD_USAGE;
    if (words != 1) {
        fputs("port443 explain: give one URL\n  \"port443 explain --help\" shows examples\n",
              stderr);
        return CMD_USAGE;
    }
    if (source_load("explain", file, NULL, 0, &conf))
        return CMD_FAILED;
    buf_init(&text, TEXT_MAX);
    r = explain_url(conf, slice_cstr(argv[1]), &text, &f);
    printf("%.*s", (int)text.n, (const char *)buf_slice(&text).p);
    if (r && r != ERR_NOT_FOUND)
        faults_print_one("explain", &f);
    buf_done(&text);
    conf_free(conf);
    return r == OK              ? CMD_GOOD
           : r == ERR_NOT_FOUND ? CMD_BAD
           : r == ERR_SYNTAX    ? CMD_USAGE
                                : CMD_FAILED;
}
