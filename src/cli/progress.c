/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The one line that is rewritten. */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "os/proc.h"

#define WIDTH 78 /* a line that wraps cannot be rewritten */

static bool shown;

static bool is_terminal(void)
{
    const char *term = getenv("TERM");
    return proc_is_terminal(2) && (!term || strcmp(term, "dumb") != 0);
}

void progress_clear(void)
{
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
}

void progress_show(struct slice name, const char *phase, bool keep)
{
    char who[256], what[1024];
    text_escape(name, who, sizeof(who));
    text_escape(slice_cstr(phase), what, sizeof(what));
    if (keep) {
        bool said = strstr(what, who) != NULL; /* findings name their name */
        progress_clear();
        printf("%s%s%s\n", said ? "" : who, said ? "" : ": ", what);
        fflush(stdout);
    } else if (is_terminal()) {
        char line[512];
        snprintf(line, sizeof(line), "%.40s%s%.300s", who, name.n ? ": " : "", what);
        fprintf(stderr, "\r\033[K%.*s", WIDTH, line);
        fflush(stderr);
        shown = true;
    }
}
