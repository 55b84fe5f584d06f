/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The store's files. */
#include "cert/certstore.h"

#include <stdio.h>

#include "base/mem.h"
#include "os/file.h"
#include "os/filetree.h"

#define PEM_MAX    (256 * 1024)
#define NAME_BYTES 300

struct paths {
    char dir[CERTSTORE_PATH_BYTES], chain[CERTSTORE_PATH_BYTES], key[CERTSTORE_PATH_BYTES];
};

void certstore_pair_done(struct certstore_pair *p)
{
    certinfo_unref(p->chain);
    keystore_unref(p->key);
    *p = (struct certstore_pair){0};
}

static int join(char *dst, const char *dir, const char *rest, struct fault *f)
{
    int n = snprintf(dst, CERTSTORE_PATH_BYTES, "%s/%s", dir, rest);
    if (n > 0 && n < CERTSTORE_PATH_BYTES)
        return OK;
    return fault_set(f, ERR_CAP, "the path %s/%s is too long", dir, rest);
}

static int paths_of(struct paths *p, const char *state_dir, const char *below, const char *chain,
                    const char *key, struct fault *f)
{
    int r = join(p->dir, state_dir, below, f);
    if (!r)
        r = join(p->chain, p->dir, chain, f);
    return r ? r : join(p->key, p->dir, key, f);
}

static int root_paths(struct paths *p, const char *state_dir, struct fault *f)
{
    return paths_of(p, state_dir, "ca", "root.pem", "root.key", f);
}

/* "*.example.test" becomes "_.example.test": shells leave it alone, and no host name begins so. */
static int name_paths(struct paths *p, const char *state_dir, struct slice name, struct fault *f)
{
    char below[NAME_BYTES];
    bool star = slice_starts(name, SLICE("*."));
    snprintf(below, sizeof(below), "local/%s" SLICE_F, star ? "_" : "",
             SLICE_A(star ? slice_from(name, 1) : name));
    return paths_of(p, state_dir, below, "chain.pem", "key.pem", f);
}

static int load_chain(const char *path, struct certinfo_chain **ret, struct fault *f)
{
    struct buf b;
    buf_init(&b, PEM_MAX);
    int r = file_read(path, PEM_MAX, &b, f);
    if (!r && (r = certinfo_parse(buf_slice(&b), ret, f)))
        fault_while(f, "while reading %s", path);
    buf_done(&b);
    return r;
}

static int load_key(const char *path, struct key **ret, struct fault *f)
{
    struct buf b;
    buf_init(&b, PEM_MAX);
    int r = file_read(path, PEM_MAX, &b, f);
    if (!r && (r = keystore_load(buf_slice(&b), ret, f)))
        fault_while(f, "while reading %s", path);
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
    return r;
}

static int load(const struct paths *paths, struct certstore_pair *ret, struct fault *f)
{
    struct certstore_pair p = {0};
    int r = load_chain(paths->chain, &p.chain, f);
    if (!r)
        r = load_key(paths->key, &p.key, f);
    if (!r)
        r = certinfo_check_key(p.chain, p.key, f);
    if (r)
        certstore_pair_done(&p);
    else
        *ret = p;
    return r;
}

/* The key first: a chain without its key would be useless, a key without chain is made again. */
static int save(const struct paths *paths, const struct certstore_pair *p, struct fault *f)
{
    struct secret pem = SECRET_EMPTY;
    struct buf b;
    buf_init(&b, PEM_MAX);
    int r = file_mkdir_p(paths->dir, 0700, f);
    if (!r && (r = keystore_export_pem(p->key, &pem)))
        fault_set(f, r, "the key cannot be written");
    if (!r)
        r = file_write_atomic(FILE_CWD, paths->key, secret_expose(&pem), 0600, f);
    secret_done(&pem);
    if (!r && (r = certinfo_pem(p->chain, &b)))
        fault_set(f, r, "%s", err_text(r));
    if (!r)
        r = file_write_atomic(FILE_CWD, paths->chain, buf_slice(&b), 0600, f);
    buf_done(&b);
    return r;
}

int certstore_load_root(const char *state_dir, struct certstore_pair *ret, struct fault *f)
{
    struct paths p;
    struct file_info there;
    int r = root_paths(&p, state_dir, f);
    if (!r)
        r = load(&p, ret, f);
    /* "There is none" would make a new one in the place of one that machines trust. */
    if (r == ERR_NOT_FOUND && file_stat(p.chain, &there) != ERR_NOT_FOUND)
        r = fault_set(f, ERR_CONFIG, "there is %s, but not its key", p.chain);
    return r;
}

int certstore_save_root(const char *state_dir, const struct certstore_pair *p, struct fault *f)
{
    struct paths paths;
    int r = root_paths(&paths, state_dir, f);
    return r ? r : save(&paths, p, f);
}

int certstore_load(const char *state_dir, struct slice name, struct certstore_pair *ret,
                   struct fault *f)
{
    struct paths p;
    int r = name_paths(&p, state_dir, name, f);
    return r ? r : load(&p, ret, f);
}

int certstore_chain(const char *state_dir, struct slice name, struct certinfo_chain **ret,
                    struct fault *f)
{
    struct paths p;
    int r = name_paths(&p, state_dir, name, f);
    return r ? r : load_chain(p.chain, ret, f);
}

int certstore_save(const char *state_dir, struct slice name, const struct certstore_pair *p,
                   struct fault *f)
{
    struct paths paths;
    int r = name_paths(&paths, state_dir, name, f);
    return r ? r : save(&paths, p, f);
}

int certstore_remove(const char *state_dir, struct slice name, struct fault *f)
{
    struct paths p;
    int r = name_paths(&p, state_dir, name, f);
    if (!r && (r = filetree_remove(p.dir, 1)))
        fault_set(f, r, "%s cannot be removed", p.dir);
    return r;
}

struct walk {
    void (*each)(void *ctx, struct slice name);
    void *ctx;
};

static int on_entry(void *ctx, const char *entry, const struct file_info *info)
{
    struct walk *w = ctx;
    char name[NAME_BYTES];
    bool star = entry[0] == '_' && entry[1] == '.';
    if (!info->is_dir)
        return OK;
    snprintf(name, sizeof(name), "%s%s", star ? "*" : "", entry + star);
    w->each(w->ctx, slice_cstr(name));
    return OK;
}

int certstore_each(const char *state_dir, void (*each)(void *ctx, struct slice name), void *ctx)
{
    struct walk w = {each, ctx};
    char dir[CERTSTORE_PATH_BYTES];
    int root, fd;
    int r = join(dir, state_dir, "local", NULL);
    if (!r)
        r = file_open_root(dir, &root, NULL);
    if (r)
        return r;
    r = file_open_beneath(root, ".", &fd, NULL);
    if (!r) {
        r = file_list(fd, on_entry, &w);
        file_close(fd);
    }
    file_close(root);
    return r;
}

int certstore_root_pem(const char *state_dir, struct buf *ret, struct fault *f)
{
    struct paths p;
    int r = root_paths(&p, state_dir, f);
    return r ? r : file_read(p.chain, PEM_MAX, ret, f);
}
