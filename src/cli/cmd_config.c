/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 config check|show|schema`: offline. */
#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/option.h"
#include "cli/source.h"

#define TEXT_MAX (64u * 1024 * 1024)

static const char usage[] =
    "usage: port443 config check | show | schema   [-c FILE] [NAME=TARGET ...]\n\n"
    "  check    every error with file, line and column, the offending word and the nearest valid "
    "one\n"
    "  show     the whole configuration; lines that were not written are marked # default\n"
    "  schema   JSON Schema of the file, for editors\n\n"
    "  -c, --config FILE   configuration (default " SOURCE_DEFAULT_FILE ")\n\n"
    "Exit status: 0 good; 1 errors were found; 2 the file cannot be read.\n\n"
    "examples:\n"
    "  port443 config check -c port443.yaml\n"
    "  port443 config show example.com=/srv/www\n"
    "  port443 config schema > port443.schema.json\n";

static int print(int r, struct buf *text)
{
    bool written =
        !r && fwrite(buf_slice(text).p, 1, text->n, stdout) == text->n && fflush(stdout) == 0;
    buf_done(text);
    return written ? CMD_GOOD : CMD_FAILED;
}

static int schema(void)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    return print(conf_schema(&text), &text);
}

static int show(const struct conf *conf)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    return print(conf_show(conf, &text), &text);
}

static int unknown(const char *what)
{
    static const char *const words[] = {"check", "show", "schema"};
    const char *near = text_nearest(slice_cstr(what), words, ARRAY_LEN(words));
    fprintf(stderr, "port443 config: say check, show or schema%s%s", what[0] ? ", not " : "", what);
    fprintf(stderr, "%s%s%s\n", near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    fputs("  \"port443 config --help\" describes them\n", stderr);
    return CMD_USAGE;
}

int cmd_config(int argc, char **argv)
{
    const char *file = NULL;
    const struct option_spec specs[] = {{"config", 'c', NULL, &file}};
    const struct option_parse parse = {"config", specs, ARRAY_LEN(specs), usage};
    struct conf *conf;
    int words;
    int r = option_parse(&parse, argc, argv, &words);
    if (r)
        return r == ERR_EOF ? CMD_GOOD : CMD_USAGE;
    const char *what = words ? argv[1] : "";
    if (strcmp(what, "schema") == 0)
        return schema();
    if (strcmp(what, "check") != 0 && strcmp(what, "show") != 0) {
        return unknown(what);
    }
    if (source_words("config", argv + 2, (size_t)words - 1))
        return CMD_FAILED;
    r = source_load("config", file, (const char *const *)argv + 2, (size_t)words - 1, &conf);
    if (r)
        return r == ERR_CONFIG ? CMD_BAD : CMD_FAILED;
    int status = CMD_GOOD;
    if (what[0] == 's')
        status = show(conf);
    else
        printf("%s: ok, %zu site%s\n", conf->file.n ? (const char *)conf->file.p : "command line",
               conf->nsites, conf->nsites == 1 ? "" : "s");
    conf_free(conf);
    return status;
}
