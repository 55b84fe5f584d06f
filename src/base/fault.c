/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Assembles error stories with fixed storage: a fault can be filled when memory is exhausted. */
#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fault_set(struct fault *f, int code, const char *fmt, ...)
{
    if (!f)
        return code;
    memset(f, 0, sizeof(*f));
    f->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->what, sizeof(f->what), fmt, ap);
    va_end(ap);
    return code;
}

int fault_errno(struct fault *f, int code, int errno_value, const char *fmt, ...)
{
    if (!f)
        return code;
    memset(f, 0, sizeof(*f));
    f->code = code;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(f->what, sizeof(f->what), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(f->what)) {
        char text[96];
        snprintf(f->what + n, sizeof(f->what) - (size_t)n, ": %s",
                 strerror_r(errno_value, text, sizeof(text)));
    }
    return code;
}

void fault_at(struct fault *f, const char *file, int line, int column)
{
    if (!f)
        return;
    snprintf(f->where, sizeof(f->where), "%s", file);
    f->line = line;
    f->column = column;
}

void fault_next(struct fault *f, const char *fmt, ...)
{
    if (!f)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->next, sizeof(f->next), fmt, ap);
    va_end(ap);
}

void fault_while(struct fault *f, const char *fmt, ...)
{
    if (!f || f->nframes == FAULT_FRAMES)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->frames[f->nframes++], sizeof(f->frames[0]), fmt, ap);
    va_end(ap);
}

struct out {
    char *dst;
    size_t n, cap;
};

PRINTF_LIKE(2, 3) static void add(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(o->dst + o->n, o->cap - o->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        o->n = o->n + (size_t)n < o->cap ? o->n + (size_t)n : o->cap - 1;
}

size_t fault_text(const struct fault *f, char *dst, size_t cap)
{
    if (cap == 0)
        return 0;
    struct out o = {dst, 0, cap};
    dst[0] = 0;
    if (f->where[0])
        add(&o, "%s:", f->where);
    if (f->where[0] && f->line)
        add(&o, "%d:%d:", f->line, f->column);
    add(&o, "%s%s", f->where[0] ? " " : "", f->what[0] ? f->what : err_text(f->code));
    for (int i = 0; i < f->nframes; i++)
        add(&o, ", %s", f->frames[i]);
    if (f->snippet[0]) {
        add(&o, "\n    %s\n    ", f->snippet);
        for (int i = 1; i < f->column && f->snippet[i - 1]; i++)
            add(&o, "%c", f->snippet[i - 1] == '\t' ? '\t' : ' ');
        add(&o, "^");
    }
    if (f->next[0])
        add(&o, "\n  %s", f->next);
    return o.n;
}
