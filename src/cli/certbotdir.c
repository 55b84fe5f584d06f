/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reads what certbot keeps. */
#include "cli/certbotdir.h"

#include <jansson.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/filenames.h"
#include "crypt/jwk.h"
#include "os/file.h"

#define FILE_MAX   (64 * 1024)
#define PATH_BYTES 1024
#define DEPTH_MAX  6 /* accounts/HOST/acme/acct/... : as deep as directory URLs are */

struct reading {
    const char *dir;
    struct certtake *take;
};

static bool there(const char *dir, const char *below)
{
    char path[PATH_BYTES];
    struct file_info info;
    snprintf(path, sizeof(path), "%.900s/%.100s", dir, below);
    return file_stat(path, &info) == OK;
}

bool certbotdir_is(const char *dir)
{
    return there(dir, "live") || (there(dir, "renewal") && there(dir, "archive"));
}

struct slice certbotdir_value(struct slice text, struct slice key)
{
    struct slice line;
    while (slice_next(&text, '\n', &line)) {
        size_t eq = slice_find(line, '=');
        if (eq < line.n && slice_eq(slice_trim(slice_first(line, eq)), key))
            return slice_trim(slice_from(line, eq + 1));
    }
    return SLICE_EMPTY;
}

/* ---- certificates ---- */

static void on_live(void *ctx, const char *name, bool is_dir)
{
    const struct reading *d = ctx;
    char chain[PATH_BYTES], key[PATH_BYTES], conf[PATH_BYTES];
    struct buf b;
    if (!is_dir)
        return; /* README */
    snprintf(chain, sizeof(chain), "%s/live/%s/fullchain.pem", d->dir, name);
    snprintf(key, sizeof(key), "%s/live/%s/privkey.pem", d->dir, name);
    snprintf(conf, sizeof(conf), "%s/renewal/%s.conf", d->dir, name);
    buf_init(&b, FILE_MAX + 1);
    struct slice server = SLICE_EMPTY;
    if (file_read(conf, FILE_MAX, &b, NULL) == OK)
        server = certbotdir_value(buf_slice(&b), SLICE("server"));
    if (!slice_starts(server, SLICE("https://")))
        server = SLICE_EMPTY;
    if (slice_find(server, '-') < server.n && slice_starts(server, SLICE("https://acme-staging")))
        certtake_leave(d->take, name, "it is of a staging CA: no client believes it");
    else
        certtake_certificate(d->take, slice_cstr(name), chain, key, server);
    buf_done(&b);
}

/* ---- accounts ---- */

static json_t *read_json(const char *path, struct fault *f)
{
    struct buf b;
    json_error_t e;
    json_t *root = NULL;
    buf_init(&b, FILE_MAX + 1);
    if (file_read(path, FILE_MAX, &b, f) == OK) {
        root = json_loadb((const char *)buf_slice(&b).p, b.n, 0, &e);
        if (!root)
            fault_set(f, ERR_SYNTAX, "%s is no JSON", path);
    }
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
    return root;
}

static struct slice text_of(const json_t *o, const char *key)
{
    return slice_cstr(json_string_value(json_object_get(o, key)));
}

static int key_of(const json_t *k, struct key **ret, struct fault *f)
{
    const struct jwk_parts parts = {
        .kty = text_of(k, "kty"),
        .n = text_of(k, "n"),
        .e = text_of(k, "e"),
        .d = text_of(k, "d"),
        .p = text_of(k, "p"),
        .q = text_of(k, "q"),
        .dp = text_of(k, "dp"),
        .dq = text_of(k, "dq"),
        .qi = text_of(k, "qi"),
        .crv = text_of(k, "crv"),
        .x = text_of(k, "x"),
        .y = text_of(k, "y"),
    };
    return jwk_load(&parts, ret, f);
}

/* The directory URL is the path below accounts/, which certbot made of it. */
static void take_account(const struct reading *d, const char *dir, const char *below)
{
    char path[PATH_BYTES + 32], directory[PATH_BYTES];
    struct fault f = {0};
    struct key *key = NULL;
    const char *last = strrchr(below, '/');
    if (!last)
        return;
    snprintf(directory, sizeof(directory), "https://%.*s", (int)(last - below), below);
    snprintf(path, sizeof(path), "%.1000s/private_key.json", dir);
    json_t *jwk = read_json(path, &f);
    snprintf(path, sizeof(path), "%.1000s/regr.json", dir);
    json_t *regr = jwk ? read_json(path, &f) : NULL;
    struct slice url = text_of(regr, "uri");
    if (regr && !url.n)
        fault_set(&f, ERR_SYNTAX, "%s has no account URL", path);
    if (!regr || !url.n || key_of(jwk, &key, &f))
        certtake_fail(d->take, directory, &f);
    else if (strstr(directory, "//acme-staging"))
        certtake_leave(d->take, directory, "it is a staging CA");
    else
        certtake_account(d->take, slice_cstr(directory), url, SLICE_EMPTY, key);
    keystore_unref(key);
    json_decref(jwk);
    json_decref(regr);
}

struct walk {
    const struct reading *reading;
    const char *below; /* accounts/ */
    unsigned depth;
};

static void on_account_dir(void *ctx, const char *name, bool is_dir)
{
    const struct walk *w = ctx;
    char below[PATH_BYTES], dir[PATH_BYTES + 64];
    if (!is_dir)
        return;
    snprintf(below, sizeof(below), "%.500s%s%.255s", w->below, w->below[0] ? "/" : "", name);
    snprintf(dir, sizeof(dir), "%.255s/accounts/%.760s", w->reading->dir, below);
    struct walk next = {w->reading, below, w->depth + 1};
    if (there(dir, "private_key.json"))
        take_account(w->reading, dir, below);
    else if (next.depth < DEPTH_MAX)
        (void)!filenames_each(dir, on_account_dir, &next);
}

void certbotdir_read(const char *dir, struct certtake *t)
{
    char path[PATH_BYTES];
    struct reading d = {dir, t};
    struct walk w = {&d, "", 0};
    snprintf(path, sizeof(path), "%s/live", dir);
    int r = filenames_each(path, on_live, &d);
    if (r && r != ERR_NOT_FOUND) {
        struct fault f = {0};
        fault_set(&f, r, "%s", err_text(r));
        certtake_fail(t, path, &f);
    }
    snprintf(path, sizeof(path), "%s/accounts", dir);
    (void)!filenames_each(path, on_account_dir, &w);
}
