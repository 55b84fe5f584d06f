/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The first error in the queue is the cause, later ones are its callers' comments. */
#include "crypt/liberr.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <openssl/err.h>

unsigned long liberr_take(char *dst)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long first = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    dst[0] = 0;
    if (!first)
        return 0;
    const char *reason = ERR_reason_error_string(first);
    bool has_data = data && data[0] && (flags & ERR_TXT_STRING);
    snprintf(dst, LIBERR_TEXT, "%s%s%s%s", reason ? reason : "unknown reason", has_data ? " (" : "",
             has_data ? data : "", has_data ? ")" : "");
    ERR_clear_error();
    return first;
}

int liberr_fault(struct fault *f, int code, const char *fmt, ...)
{
    char words[LIBERR_TEXT], what[320];
    unsigned long error = liberr_take(words);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    if (error && ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
        code = ERR_NOMEM;
    return words[0] ? fault_set(f, code, "%s: %s", what, words) : fault_set(f, code, "%s", what);
}
