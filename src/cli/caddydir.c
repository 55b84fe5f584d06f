/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reads what Caddy keeps. */
#include "cli/caddydir.h"

#include <jansson.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/filenames.h"
#include "os/file.h"

#define FILE_MAX   (64 * 1024)
#define PATH_BYTES 1024
#define WILDCARD   "wildcard_"

struct reading {
    char dir[PATH_BYTES]; /* of this level */
    const char *issuer;   /* "acme-v02.api.letsencrypt.org-directory" */
    struct certtake *take;
};

bool caddydir_is(const char *dir)
{
    char path[PATH_BYTES];
    struct file_info info;
    snprintf(path, sizeof(path), "%.1000s/certificates", dir);
    return file_stat(path, &info) == OK;
}

static json_t *read_json(const char *path)
{
    struct buf b;
    json_t *root = NULL;
    buf_init(&b, FILE_MAX + 1);
    if (file_read(path, FILE_MAX, &b, NULL) == OK)
        root = json_loadb((const char *)buf_slice(&b).p, b.n, 0, NULL);
    buf_done(&b);
    return root;
}

static struct slice text_of(const json_t *o, const char *key)
{
    return slice_cstr(json_string_value(json_object_get(o, key)));
}

/* Caddy made it of the URL: "acme-v02.api.letsencrypt.org-directory". Slashes cannot be told from
 * dashes again, so only what it has written down, or the last dash, is believed. */
static struct slice directory_of(const char *issuer, const json_t *data, char *dst)
{
    struct slice ca = text_of(json_object_get(data, "issuer_data"), "ca");
    const char *dash = strrchr(issuer, '-');
    if (slice_starts(ca, SLICE("https://"))) {
        snprintf(dst, PATH_BYTES, SLICE_F, SLICE_A(ca));
        return slice_cstr(dst);
    }
    if (!dash || strcmp(dash, "-directory") != 0)
        return SLICE_EMPTY;
    snprintf(dst, PATH_BYTES, "https://%.*s/directory", (int)(dash - issuer), issuer);
    return slice_cstr(dst);
}

/* ---- certificates ---- */

static void on_name(void *ctx, const char *name, bool is_dir)
{
    const struct reading *d = ctx;
    char chain[2 * PATH_BYTES], key[2 * PATH_BYTES], meta[2 * PATH_BYTES], directory[PATH_BYTES];
    char normal[300];
    if (!is_dir)
        return;
    snprintf(chain, sizeof(chain), "%.1000s/%.255s/%.255s.crt", d->dir, name, name);
    snprintf(key, sizeof(key), "%.1000s/%.255s/%.255s.key", d->dir, name, name);
    snprintf(meta, sizeof(meta), "%.1000s/%.255s/%.255s.json", d->dir, name, name);
    bool star = strncmp(name, WILDCARD, strlen(WILDCARD)) == 0;
    snprintf(normal, sizeof(normal), "%s%.255s", star ? "*" : "",
             star ? name + strlen(WILDCARD) : name);
    json_t *data = read_json(meta);
    certtake_certificate(d->take, slice_cstr(normal), chain, key,
                         directory_of(d->issuer, data, directory));
    json_decref(data);
}

static void on_issuer(void *ctx, const char *name, bool is_dir)
{
    const struct reading *d = ctx;
    struct reading below = {.issuer = name, .take = d->take};
    if (!is_dir)
        return;
    if (strcmp(name, "local") == 0) {
        certtake_leave(d->take, "certificates/local", "port443 has a local CA of its own");
        return;
    }
    if (strstr(name, "staging")) {
        certtake_leave(d->take, name, "it is a staging CA: no client believes it");
        return;
    }
    snprintf(below.dir, sizeof(below.dir), "%.700s/%.255s", d->dir, name);
    (void)!filenames_each(below.dir, on_name, &below);
}

/* ---- accounts ---- */

static void take_account(const struct reading *d, const char *key_path, const json_t *data,
                         struct slice directory)
{
    struct buf b;
    struct fault f = {0};
    struct key *key = NULL;
    buf_init(&b, FILE_MAX + 1);
    struct slice url = text_of(data, "location");
    const json_t *contacts = json_object_get(data, "contact");
    const char *contact = json_string_value(json_array_get(contacts, 0));
    int r = file_read(key_path, FILE_MAX, &b, &f);
    if (!r)
        r = keystore_load(buf_slice(&b), &key, &f);
    if (!r && !url.n)
        r = fault_set(&f, ERR_SYNTAX, "no account URL beside %s", key_path);
    if (r)
        certtake_fail(d->take, key_path, &f);
    else
        certtake_account(d->take, directory, url, slice_cstr(contact), key);
    keystore_unref(key);
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
}

static void on_user_file(void *ctx, const char *name, bool is_dir)
{
    const struct reading *d = ctx;
    char directory[PATH_BYTES], json_path[2 * PATH_BYTES], key_path[2 * PATH_BYTES];
    struct slice file = slice_cstr(name);
    if (is_dir || !slice_ends(file, SLICE(".key")))
        return;
    snprintf(key_path, sizeof(key_path), "%.1000s/%.255s", d->dir, name);
    snprintf(json_path, sizeof(json_path), "%.1000s/%.*s.json", d->dir, (int)file.n - 4, name);
    json_t *data = read_json(json_path);
    struct slice url = directory_of(d->issuer, NULL, directory);
    if (!url.n)
        certtake_leave(d->take, key_path, "the URL of its CA cannot be told");
    else
        take_account(d, key_path, data, url);
    json_decref(data);
}

static void on_user(void *ctx, const char *name, bool is_dir)
{
    const struct reading *d = ctx;
    struct reading below = {.issuer = d->issuer, .take = d->take};
    if (!is_dir)
        return;
    snprintf(below.dir, sizeof(below.dir), "%.700s/%.255s", d->dir, name);
    (void)!filenames_each(below.dir, on_user_file, &below);
}

static void on_account_issuer(void *ctx, const char *name, bool is_dir)
{
    const struct reading *d = ctx;
    struct reading below = {.issuer = name, .take = d->take};
    if (!is_dir || strstr(name, "staging"))
        return;
    snprintf(below.dir, sizeof(below.dir), "%.700s/%.255s/users", d->dir, name);
    (void)!filenames_each(below.dir, on_user, &below);
}

void caddydir_read(const char *dir, struct certtake *t)
{
    struct reading d = {.take = t};
    snprintf(d.dir, sizeof(d.dir), "%.1000s/certificates", dir);
    int r = filenames_each(d.dir, on_issuer, &d);
    if (r) {
        struct fault f = {0};
        fault_set(&f, r, "%s", err_text(r));
        certtake_fail(t, d.dir, &f);
    }
    snprintf(d.dir, sizeof(d.dir), "%.1000s/acme", dir);
    (void)!filenames_each(d.dir, on_account_issuer, &d);
}
