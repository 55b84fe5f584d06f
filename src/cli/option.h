/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* GNU-style options for every verb: --name VALUE, --name=VALUE, -x VALUE, grouped switches are not
 * used. Unknown options name the nearest valid one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A name that stands in the table n times may come n times: one value for each. */
struct option_spec {
    const char *name;   /* without dashes */
    char letter;        /* 0: none */
    bool *flag;         /* switch: set to true */
    const char **value; /* or: takes a value */
};

struct option_parse {
    const char *verb; /* for messages: "serve" */
    const struct option_spec *specs;
    size_t count;
    const char *usage; /* printed for --help (stdout) and shown as hint on errors */
};

/* Parses argv[1..]; words that are no options are moved to the front of argv[1..] in order and
 * counted in *ret_words. "--" ends options. OK; ERR_USAGE (message was printed); ERR_EOF: --help
 * was printed. */
int option_parse(const struct option_parse *p, int argc, char **argv, int *ret_words);
