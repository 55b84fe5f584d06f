/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the tests of conf/ share: load a text, and show a load's complaints as a person sees them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf/conf.h"

static struct conf_faults loading_faults;

/* The complaints of the last load, one below the other; valid until the next call. */
static inline const char *loading_story(void)
{
    static char story[CONF_FAULTS_MAX * 1400];
    size_t n = 0;
    story[0] = 0;
    for (size_t i = 0; i < loading_faults.count; i++) {
        if (i)
            story[n++] = '\n';
        n += fault_text(&loading_faults.list[i], story + n, sizeof(story) - n - 1);
    }
    return story;
}

static inline int loading_text(const char *text, struct conf **ret)
{
    struct conf_source src = {.file = "t.yaml", .text = slice_cstr(text)};
    return conf_load(&src, ret, &loading_faults);
}

/* Loads a text that must be good. */
static inline struct conf *loading_good(const char *text)
{
    struct conf *conf = NULL;
    int r = loading_text(text, &conf);
    if (r)
        fail_msg("%s\n%s: %s", text, err_name(r), loading_story());
    return conf;
}

/* A whole file below the folder of these tests; the caller frees it. */
static inline char *loading_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("no %s", path);
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}
