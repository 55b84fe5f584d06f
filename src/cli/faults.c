/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Error texts on stderr. */
#include "cli/faults.h"

#include <stdio.h>

#define TEXT_MAX 2048

void faults_print_one(const char *verb, const struct fault *f)
{
    char text[TEXT_MAX];
    fault_text(f, text, sizeof(text));
    fprintf(stderr, "port443 %s: %s\n", verb, text);
}

void faults_print(const struct conf_faults *faults)
{
    char text[TEXT_MAX];
    for (size_t i = 0; i < faults->count; i++) {
        fault_text(&faults->list[i], text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
    if (faults->not_shown)
        fprintf(stderr, "... and %zu more\n", faults->not_shown);
}
