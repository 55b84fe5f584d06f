/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The action of routes with a root directory: from a canonical path to a file beneath the root, and
 * from the file and the request's conditions to an answer. What a file costs to find and describe
 * is paid once and kept by the file cache; this file owns the rules of what is served. */
#include "serve/files.h"

#include <stdio.h>

#include "serve/condition.h"
#include "serve/filebody.h"
#include "serve/filelisting.h"
#include "serve/reply.h"
#include "wire/target.h"

/* The log's words for a path that leads to nothing. */
static const char no_file[] = "no such file";

static bool bodiless(const struct exchange *x)
{
    return x->req.method == METHOD_HEAD;
}

static void refuse(struct exchange *x, int r)
{
    switch (r) {
    case ERR_NOT_FOUND:
        reply_error(x, 404, no_file);
        return;
    case ERR_PERM:
        reply_error(x, 403, "the file may not be read by the server");
        return;
    case ERR_CAP:
        reply_error(x, 503, "no descriptor left for the file");
        return;
    case ERR_NOMEM:
        reply_error(x, 503, "out of memory");
        return;
    case ERR_URI_TOO_LONG:
        reply_error(x, 414, "the path is longer than any file's");
        return;
    default:
        reply_error(x, 500, "the file cannot be read");
    }
}

/* ---- answers about a file ---- */

static void add_own(struct reply *a, struct exchange *x, const struct filerep *rep, size_t from)
{
    for (size_t i = from; i < rep->nown; i++)
        reply_token(a, x, rep->fields[i].token, rep->fields[i].value);
}

static void send_error_of(struct exchange *x, const struct filerep *rep, uint16_t status)
{
    struct reply a;
    struct slice range;
    reply_init(&a, x, status, 0);
    if (status == 416 && arena_printf(&x->arena, &range, "bytes */%llu",
                                      (unsigned long long)rep->info.size_bytes) == OK)
        reply_token(&a, x, HDR_CONTENT_RANGE, range);
    if (status == 416)
        reply_token(&a, x, HDR_ACCEPT_RANGES, SLICE("bytes"));
    add_own(&a, x, rep, rep->validators);
    (void)reply_send(&a, x);
}

static void send_ranges(struct exchange *x, struct filecache_file *file, const struct filerep *rep,
                        const struct range_set *set)
{
    struct reply a;
    struct slice type, place;
    uint64_t length;
    int r = filebody_ranges(x, file, rep, set, &type, &length);
    if (!r)
        r = arena_printf(
            &x->arena, &place, "bytes %llu-%llu/%llu", (unsigned long long)set->ranges[0].first,
            (unsigned long long)set->ranges[0].last, (unsigned long long)rep->info.size_bytes);
    if (r) {
        refuse(x, r);
        return;
    }
    reply_init(&a, x, 206, (int64_t)length);
    if (type.n)
        reply_token(&a, x, HDR_CONTENT_TYPE, type);
    else
        reply_token(&a, x, HDR_CONTENT_RANGE, place);
    add_own(&a, x, rep, type.n ? 1 : 0); /* the first one is Content-Type */
    (void)reply_send(&a, x);
}

/* 200 and 304: the head is there already, unless the route's steps look at it. */
static void send_whole(struct exchange *x, struct filecache_file *file, const struct filerep *rep,
                       bool modified)
{
    size_t from = modified ? 0 : rep->validators;
    struct response answer = {.status = modified ? 200 : 304,
                              .fields = rep->fields + from,
                              .nfields = rep->nfields - from,
                              .h1_fields = modified ? rep->head : rep->head_304,
                              .length = modified ? (int64_t)rep->info.size_bytes : -1,
                              .no_body = !modified || bodiless(x)};
    int r = answer.no_body ? OK : filebody_whole(x, file, rep);
    if (r) {
        refuse(x, r);
    } else if (LIKELY(rep->whole && serving_of(x)->secure)) {
        if ((r = exchange_respond(x, &answer)))
            exchange_abort(x, r);
    } else {
        struct reply a;
        reply_init(&a, x, answer.status, answer.length);
        add_own(&a, x, rep, from);
        (void)reply_send(&a, x);
    }
}

/* The best coding that the client takes and the disk has. */
static int choose(struct exchange *x, struct filecache_file *file, const struct filerep **ret)
{
    const struct route *route = serving_of(x)->route;
    struct coding_wish wish;
    enum coding best = CODING_IDENTITY;
    if (file->siblings) {
        coding_read(x->req.fields, x->req.nfields, &wish);
        best = coding_best(&wish, file->siblings | 1u << CODING_IDENTITY);
    }
    int r = filecache_rep(file, route, best, ret);
    if (r && best != CODING_IDENTITY) /* it went away since */
        r = filecache_rep(file, route, CODING_IDENTITY, ret);
    return r;
}

static void answer_file(struct exchange *x, struct filecache_file *file)
{
    const struct filerep *rep;
    struct slice range;
    struct range_set set;
    int r = choose(x, file, &rep);
    if (r) {
        refuse(x, r);
        return;
    }
    int64_t now_s = loop_unix_ms(serving_of(x)->worker->loop) / 1000;
    switch (condition_check(&x->req, rep->etag, rep->modified_s, now_s, &range)) {
    case CONDITION_FAILED:
        send_error_of(x, rep, 412);
        return;
    case CONDITION_NOT_MODIFIED:
        send_whole(x, file, rep, false);
        return;
    case CONDITION_SEND:
        break;
    }
    r = range.n ? range_parse(range, rep->info.size_bytes, &set) : ERR_SYNTAX;
    if (r == ERR_RANGE)
        send_error_of(x, rep, 416);
    else if (r)
        send_whole(x, file, rep, true);
    else
        send_ranges(x, file, rep, &set);
}

/* ---- from path to file ---- */

/* A slash at the end, so that relative links in the index work. Leading slashes are collapsed:
 * "//host/" would be a link to another host. */
static void add_slash(struct exchange *x)
{
    struct slice path = x->req.path, to;
    while (path.n > 1 && path.p[1] == '/')
        path = slice_from(path, 1);
    if (arena_printf(&x->arena, &to, SLICE_F "/%s" SLICE_F, SLICE_A(path),
                     x->req.query.p ? "?" : "", SLICE_A(x->req.query)))
        refuse(x, ERR_NOMEM);
    else
        reply_redirect(x, 308, to);
}

/* Names that start with a dot are private (.git, .htpasswd, .env), save /.well-known (RFC 8615). */
static bool is_private(struct slice path)
{
    struct slice rest = path, segment;
    bool first = true;
    while (slice_next(&rest, '/', &segment)) {
        if (segment.n && segment.p[0] == '.' && !(first && slice_eq(segment, SLICE(".well-known"))))
            return true;
        first = false;
    }
    return false;
}

/* The regular file `path` under `key`. ERR_NOT_FOUND for anything else; *ret_dir when it is a
 * directory. */
static int find_file(struct exchange *x, struct slice key, const char *path,
                     struct filecache_file **ret, bool *ret_dir)
{
    struct serving *v = serving_of(x);
    struct file_info info;
    *ret_dir = false;
    int r = filecache_stat(v->worker->files, v->route, path, &info);
    if (r)
        return r;
    *ret_dir = info.is_dir;
    return info.is_regular ? filecache_add(v->worker->files, v->route, key, path, &info, ret)
                           : ERR_NOT_FOUND;
}

static int find_index(struct exchange *x, struct slice key, struct filecache_file **ret)
{
    const struct conf_texts *index = &serving_of(x)->route->conf->files.index;
    struct slice dir = slice_from(key, 1);
    char path[FILEREP_PATH_BYTES];
    bool is_dir;
    for (size_t i = 0; i < index->count; i++) {
        int n =
            snprintf(path, sizeof(path), SLICE_F SLICE_F, SLICE_A(dir), SLICE_A(index->items[i]));
        if (n < 0 || (size_t)n >= sizeof(path))
            return ERR_URI_TOO_LONG;
        int r = find_file(x, key, path, ret, &is_dir);
        if (r != ERR_NOT_FOUND)
            return r;
    }
    return ERR_NOT_FOUND;
}

/* A file of the configuration ("/404.html"). */
static int find_named(struct exchange *x, struct slice name, struct filecache_file **ret)
{
    struct serving *v = serving_of(x);
    char path[FILEREP_PATH_BYTES];
    bool is_dir;
    if (!name.n)
        return ERR_NOT_FOUND;
    *ret = filecache_find(v->worker->files, v->route, name);
    if (*ret)
        return OK;
    int n = snprintf(path, sizeof(path), SLICE_F, SLICE_A(slice_from(name, 1)));
    if (n <= 0 || (size_t)n >= sizeof(path))
        return ERR_NOT_FOUND;
    return find_file(x, name, path, ret, &is_dir);
}

/* ---- paths without a file ---- */

/* A page that a browser navigates to, not a missing picture or script. */
static bool is_navigation(const struct exchange *x)
{
    struct slice path = x->req.path;
    for (size_t i = 0; i < x->req.nfields; i++) {
        const struct field *f = &x->req.fields[i];
        struct slice rest = f->value, item;
        while (f->token == HDR_ACCEPT && field_list_next(&rest, &item))
            if (slice_eq_nocase(slice_trim(slice_first(item, slice_find(item, ';'))),
                                SLICE("text/html")))
                return true;
    }
    while (slice_find(path, '/') < path.n)
        path = slice_from(path, slice_find(path, '/') + 1);
    return slice_find(path, '.') == path.n;
}

/* 404 with the site's own page; no validators: it is not what was asked for. */
static void answer_missing(struct exchange *x)
{
    struct serving *v = serving_of(x);
    struct filecache_file *file;
    const struct filerep *rep;
    struct reply a;
    if (find_named(x, v->route->conf->files.not_found, &file) ||
        filecache_rep(file, v->route, CODING_IDENTITY, &rep) ||
        (!bodiless(x) && filebody_whole(x, file, rep))) {
        refuse(x, ERR_NOT_FOUND);
        return;
    }
    v->reason = no_file;
    reply_init(&a, x, 404, (int64_t)rep->info.size_bytes);
    reply_token(&a, x, HDR_CONTENT_TYPE, rep->fields[0].value);
    (void)reply_send(&a, x);
}

static void answer_none(struct exchange *x, bool hidden)
{
    struct filecache_file *file;
    if (!hidden && is_navigation(x) &&
        find_named(x, serving_of(x)->route->conf->files.spa, &file) == OK)
        answer_file(x, file);
    else
        answer_missing(x);
}

static void answer_directory(struct exchange *x, const char *path)
{
    int r = serving_of(x)->route->conf->files.listing ? filelisting_serve(x, *path ? path : ".")
                                                      : ERR_NOT_FOUND;
    if (r == ERR_NOT_FOUND)
        answer_none(x, false);
    else if (r)
        refuse(x, r);
}

/* The way of a path that is not in the cache. `text` starts with "/" and ends with NUL. */
static void answer_path(struct exchange *x, const char *text)
{
    struct serving *v = serving_of(x);
    struct slice key = slice_cstr(text);
    struct filecache_file *file = filecache_find(v->worker->files, v->route, key);
    bool is_dir = false, slash = slice_ends(key, SLICE("/"));
    int r = OK;
    if (!file)
        r = slash ? find_index(x, key, &file) : find_file(x, key, text + 1, &file, &is_dir);
    if (r == OK)
        answer_file(x, file);
    else if (r != ERR_NOT_FOUND)
        refuse(x, r);
    else if (is_dir)
        add_slash(x);
    else if (slash)
        answer_directory(x, text + 1);
    else
        answer_none(x, false);
}

static void answer_slowly(struct exchange *x)
{
    struct serving *v = serving_of(x);
    uint8_t text[FILEREP_PATH_BYTES];
    struct slice path;
    text[0] = '/';
    int r = target_file_path(v->path, text + 1, sizeof(text) - 2, &path);
    if (r && r != ERR_NOT_FOUND) {
        refuse(x, r);
    } else if (r || is_private(path)) {
        answer_none(x, true);
    } else {
        if (path.n)
            memmove(text + 1, path.p, path.n); /* a loan may lie elsewhere */
        text[1 + path.n] = 0;
        answer_path(x, (const char *)text);
    }
}

static void answer_options(struct exchange *x)
{
    struct reply a;
    reply_init(&a, x, 204, -1);
    reply_token(&a, x, HDR_ALLOW, SLICE("GET, HEAD, OPTIONS"));
    (void)reply_send(&a, x);
}

void files_serve(struct exchange *x)
{
    struct serving *v = serving_of(x);
    if (x->req.method == METHOD_OPTIONS) {
        answer_options(x);
        return;
    }
    if (x->req.method != METHOD_GET && x->req.method != METHOD_HEAD) {
        reply_error(x, 405, "files can only be read");
        return;
    }
    if (UNLIKELY(v->route->root_fd < 0)) {
        reply_error(x, 503, "the root directory could not be opened");
        return;
    }
    if (slice_ends(v->path, SLICE("/")) && !slice_ends(x->req.path, SLICE("/"))) {
        add_slash(x); /* "/api" of a route that strips "/api" */
        return;
    }
    /* Keys are plain paths, so a path without escapes can be its own. */
    struct filecache_file *file = slice_find(v->path, '%') == v->path.n
                                      ? filecache_find(v->worker->files, v->route, v->path)
                                      : NULL;
    if (LIKELY(file != NULL))
        answer_file(x, file);
    else
        answer_slowly(x);
}
