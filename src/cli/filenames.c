/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Sorted listings. */
#include "cli/filenames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/file.h"

#define NAMES_MAX  10000
#define NAME_BYTES 256

struct names {
    char (*list)[NAME_BYTES];
    size_t n, cap;
};

static int on_entry(void *ctx, const char *name, const struct file_info *info)
{
    struct names *l = ctx;
    (void)info;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 32;
        void *more = cap > NAMES_MAX ? NULL : mem_resize(l->list, cap * NAME_BYTES);
        if (!more)
            return ERR_NOMEM;
        l->list = more;
        l->cap = cap;
    }
    snprintf(l->list[l->n++], NAME_BYTES, "%.255s", name);
    return OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

int filenames_each(const char *dir, void (*each)(void *ctx, const char *name, bool is_dir),
                   void *ctx)
{
    struct names l = {0};
    int root, fd, r = file_open_root(dir, &root, NULL);
    if (r)
        return r;
    r = file_open_beneath(root, ".", &fd, NULL);
    if (!r) {
        r = file_list(fd, on_entry, &l);
        file_close(fd);
    }
    file_close(root);
    if (!r && l.n)
        qsort(l.list, l.n, NAME_BYTES, compare);
    for (size_t i = 0; !r && i < l.n; i++) {
        char path[1536];
        struct file_info info;
        snprintf(path, sizeof(path), "%.1200s/%s", dir, l.list[i]);
        if (file_stat(path, &info) == OK)
            each(ctx, l.list[i], info.is_dir);
    }
    mem_free(l.list);
    return r;
}
