/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The human story of an error: what went wrong, where (file:line:column or peer), the operating
 * system's or TLS library's own words, and up to four frames of what was being done. Filled where
 * it is known, printed only by cli/ and the event log. */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

#define FAULT_FRAMES 4

struct fault {
    int code;          /* enum err */
    char what[320];    /* one sentence, no newline */
    char where[192];   /* file, URL or peer; empty when none */
    int line, column;  /* 1-based; 0 when none */
    char snippet[160]; /* the offending source line, for the caret; empty when none */
    char next[240];    /* the next thing to do; empty when none */
    char frames[FAULT_FRAMES]
               [256]; /* "while renewing example.org", innermost first; two paths fit */
    int nframes;
};

/* Fills code and what (f may be NULL); returns code, so: return fault_set(f, ERR_SYS, "..."). */
int fault_set(struct fault *f, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As fault_set, with strerror(errno_value) appended behind a colon. */
int fault_errno(struct fault *f, int code, int errno_value, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Adds the place. Never changes the code. */
void fault_at(struct fault *f, const char *file, int line, int column);
/* Adds the next thing to do. */
void fault_next(struct fault *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds a frame: fault_while(f, "while loading %s", path). */
void fault_while(struct fault *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes "where:line:col: what (frames)" and, when there is one, the snippet with a caret and the
 * next step, into dst as NUL-ended text without a final newline; returns its length (cut at cap -
 * 1). */
size_t fault_text(const struct fault *f, char *dst, size_t cap);
