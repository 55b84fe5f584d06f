/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reading a configuration for an offline verb. */
#include "cli/source.h"

#include <stdio.h>

#include "cli/faults.h"
#include "os/file.h"

#define FILE_MAX  (4 * 1024 * 1024)
#define CWD_BYTES 4096

int source_load(const char *verb, const char *file, const char *const *words, size_t nwords,
                struct conf **ret)
{
    static struct conf_faults faults;
    struct fault f = {0};
    struct buf text;
    int r = OK;
    if (!file && nwords == 0)
        file = SOURCE_DEFAULT_FILE;
    buf_init(&text, FILE_MAX);
    if (file && (r = file_read(file, FILE_MAX, &text, &f)))
        faults_print_one(verb, &f);
    struct conf_source src = {.file = file, .words = words, .nwords = nwords};
    if (file)
        src.text = text.n ? buf_slice(&text) : SLICE("");
    if (!r && (r = conf_load(&src, ret, &faults)))
        faults_print(&faults);
    if (r == ERR_NOMEM)
        fprintf(stderr, "port443 %s: %s\n", verb, err_text(r));
    buf_done(&text);
    return r;
}

int source_words(const char *verb, char **words, size_t nwords)
{
    char cwd[CWD_BYTES];
    int r = nwords ? file_cwd(cwd, sizeof(cwd)) : OK;
    if (r) {
        fprintf(stderr, "port443 %s: the working directory is gone or too long to name\n", verb);
        return r;
    }
    for (size_t i = 0; i < nwords; i++) {
        words[i] = conf_word_absolute(words[i], cwd);
        if (!words[i]) {
            fprintf(stderr, "port443 %s: out of memory\n", verb);
            return ERR_NOMEM;
        }
    }
    return OK;
}
