/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Argument walking with spelling help. */
#include "cli/option.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/text.h"

#define OPTIONS_MAX 64

static const struct option_spec *find(const struct option_parse *p, struct slice name)
{
    const struct option_spec *found = NULL;
    for (size_t i = 0; i < p->count; i++) {
        if (!slice_eq(slice_cstr(p->specs[i].name), name))
            continue;
        found = &p->specs[i];
        if (found->flag || !*found->value)
            return found;
    }
    return found;
}

static const struct option_spec *find_letter(const struct option_parse *p, char letter)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->specs[i].letter == letter)
            return &p->specs[i];
    return NULL;
}

static int unknown(const struct option_parse *p, const char *text, struct slice name)
{
    const char *words[OPTIONS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < p->count && n < OPTIONS_MAX; i++)
        words[n++] = p->specs[i].name;
    const char *near = text_nearest(name, words, n);
    fprintf(stderr, "port443 %s: unknown option %s", p->verb, text);
    if (near)
        fprintf(stderr, ": did you mean --%s?", near);
    fprintf(stderr, "\n  \"port443 %s --help\" lists the options\n", p->verb);
    return ERR_USAGE;
}

/* Handles argv[*at], which starts with a dash; moves *at past a value. */
static int one_option(const struct option_parse *p, int argc, char **argv, int *at)
{
    const char *text = argv[*at];
    const struct option_spec *spec;
    const char *value = NULL;
    if (text[1] == '-') {
        struct slice name = slice_cstr(text + 2);
        size_t equals = slice_find(name, '=');
        if (equals < name.n)
            value = text + 2 + equals + 1;
        name = slice_first(name, equals);
        spec = find(p, name);
        if (!spec)
            return unknown(p, text, name);
    } else {
        spec = find_letter(p, text[1]);
        if (!spec)
            return unknown(p, text, slice_cstr(text + 1));
        if (text[2])
            value = text + 2;
    }
    if (spec->flag && value) {
        fprintf(stderr, "port443 %s: --%s takes no value\n", p->verb, spec->name);
        return ERR_USAGE;
    }
    if (spec->flag) {
        *spec->flag = true;
        return OK;
    }
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    if (!value) {
        fprintf(stderr, "port443 %s: --%s needs a value\n", p->verb, spec->name);
        return ERR_USAGE;
    }
    *spec->value = value;
    return OK;
}

int option_parse(const struct option_parse *p, int argc, char **argv, int *ret_words)
{
    int words = 0;
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        if (ended || argv[i][0] != '-' || !argv[i][1]) {
            argv[1 + words++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            ended = true;
            continue;
        }
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(p->usage, stdout);
            return ERR_EOF;
        }
        int r = one_option(p, argc, argv, &i);
        if (r)
            return r;
    }
    *ret_words = words;
    return OK;
}
