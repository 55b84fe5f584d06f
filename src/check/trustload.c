/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Where Debian, Fedora and Arch let administrators put roots of their own. */
#include "check/trustload.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "os/file.h"

#define FILE_BYTES_MAX (256 * 1024)
#define DEPTH_MAX      2

static const char *const places[] = {"/usr/local/share/ca-certificates",
                                     "/etc/pki/ca-trust/source/anchors",
                                     "/etc/ca-certificates/trust-source/anchors"};

struct walk {
    struct chainverify *trust;
    const char *dir;
    unsigned depth;
};

static void add_file(struct chainverify *trust, const char *path)
{
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    if (file_read(path, FILE_BYTES_MAX, &text, NULL) == OK)
        chainverify_add_local(trust, buf_slice(&text));
    buf_done(&text);
}

static void walk(const struct walk *w);

static int on_entry(void *ctx, const char *name, const struct file_info *info)
{
    const struct walk *w = ctx;
    char path[512];
    int n = snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return OK;
    if (!info->is_dir)
        add_file(w->trust, path);
    else if (w->depth < DEPTH_MAX)
        walk(&(struct walk){w->trust, path, w->depth + 1});
    return OK;
}

/* A directory that is not there is none. */
static void walk(const struct walk *w)
{
    struct walk own = *w;
    int root, fd;
    if (file_open_root(w->dir, &root, NULL))
        return;
    if (file_open_beneath(root, ".", &fd, NULL) == OK) {
        BEST_EFFORT(file_list(fd, on_entry, &own));
        file_close(fd);
    }
    file_close(root);
}

void trustload_mark(struct chainverify *trust, const char *dir)
{
    walk(&(struct walk){trust, dir, 1});
}

int trustload_new(struct slice ca_pem, struct chainverify **ret, struct fault *f)
{
    int r = chainverify_new(ca_pem, ret, f);
    for (size_t i = 0; !r && ca_pem.n == 0 && i < ARRAY_LEN(places); i++)
        trustload_mark(*ret, places[i]);
    return r;
}
