/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Representations: reading a file once, and formatting once what every answer about it says. Knows
 * nothing of requests and of how long a representation is kept. */
#include "serve/filerep.h"

#include <stdio.h>

#include "base/date.h"
#include "base/mem.h"
#include "serve/reply.h"
#include "wire/mime.h"

#define HEAD_BYTES  (64u * 1024) /* header steps of the configuration without end */
#define CHUNK_BYTES 4096         /* about what an arena takes at once */
#define OWN_MAX     8
#define READ_TRIES  3

bool filerep_same(const struct file_info *a, const struct file_info *b)
{
    return a->ino == b->ino && a->dev == b->dev && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns;
}

int filerep_path(const char *path, enum coding coding, char *dst)
{
    static const char *const suffix[CODING_COUNT] = {
        [CODING_BR] = ".br", [CODING_ZSTD] = ".zst", [CODING_GZIP] = ".gz", [CODING_IDENTITY] = ""};
    int n = snprintf(dst, FILEREP_PATH_BYTES, "%s%s", path, suffix[coding]);
    return n < 0 || n >= FILEREP_PATH_BYTES ? ERR_URI_TOO_LONG : OK;
}

/* ---- the head ---- */

static int64_t floor_seconds(int64_t ns)
{
    return ns / 1000000000 - (ns % 1000000000 < 0);
}

static int make_etag(struct filerep *rep, enum coding coding)
{
    struct slice name = coding_name(coding);
    bool coded = coding != CODING_IDENTITY;
    return arena_printf(&rep->arena, &rep->etag, "\"%llx-%llx-%llx%s" SLICE_F "\"",
                        (unsigned long long)rep->info.size_bytes,
                        (unsigned long long)rep->info.mtime_ns, (unsigned long long)rep->info.ino,
                        coded ? "-" : "", SLICE_A(coded ? name : SLICE_EMPTY));
}

/* The fields of the representation itself; *ret_n of at most OWN_MAX. */
static int own_fields(struct filerep *rep, const struct route *route, const char *path,
                      enum coding coding, struct field *own)
{
    const struct conf_files *conf = &route->conf->files;
    struct slice date;
    char text[DATE_HTTP_BYTES];
    size_t n = 0;
    date_format_http(rep->modified_s, text);
    int r = arena_copy(&rep->arena, slice_of(text, sizeof(text)), &date);
    if (r || (r = make_etag(rep, coding)))
        return r;
    own[n++] = (struct field){.token = HDR_CONTENT_TYPE, .value = mime_of(slice_cstr(path))->type};
    own[n++] = (struct field){.token = HDR_ACCEPT_RANGES, .value = SLICE("bytes")};
    own[n++] = (struct field){.token = HDR_LAST_MODIFIED, .value = date};
    if (coding != CODING_IDENTITY)
        own[n++] = (struct field){.token = HDR_CONTENT_ENCODING, .value = coding_name(coding)};
    rep->validators = n;
    own[n++] = (struct field){.token = HDR_ETAG, .value = rep->etag};
    if (conf->cache_control.n) {
        own[n].token = HDR_CACHE_CONTROL;
        if ((r = arena_copy(&rep->arena, conf->cache_control, &own[n++].value)))
            return r;
    }
    if (conf->precompressed)
        own[n++] = (struct field){.token = HDR_VARY, .value = SLICE("Accept-Encoding")};
    for (size_t i = 0; i < n; i++)
        own[i].name = token_name(own[i].token);
    rep->nown = n;
    return OK;
}

/* Cuts the next "Name: value\r\n" off *block. */
static bool next_line(struct slice *block, struct slice *name, struct slice *value)
{
    if (!block->n)
        return false;
    size_t end = slice_find(*block, '\r'), colon = slice_find(*block, ':');
    *name = slice_first(*block, colon);
    *value = slice_trim(slice_from(slice_first(*block, end), colon + 1));
    *block = slice_from(*block, end + 2);
    return true;
}

static int lower_copy(struct arena *a, struct slice name, struct slice *ret)
{
    uint8_t *p = arena_alloc(a, name.n);
    if (!p)
        return ERR_NOMEM;
    for (size_t i = 0; i < name.n; i++)
        p[i] = slice_lower(name.p[i]);
    *ret = slice_of(p, name.n);
    return OK;
}

/* rep->fields: its own and those of the route's block. */
static int all_fields(struct filerep *rep, const struct field *own, struct slice block)
{
    size_t n = rep->nown;
    struct slice rest = block, name, value;
    while (next_line(&rest, &name, &value))
        n++;
    struct field *all = arena_alloc(&rep->arena, n * sizeof(*all));
    if (!all)
        return ERR_NOMEM;
    memcpy(all, own, rep->nown * sizeof(*all));
    n = rep->nown;
    while (next_line(&block, &name, &value)) {
        all[n] = (struct field){.token = token_of(name), .value = value};
        int r = lower_copy(&rep->arena, name, &all[n++].name);
        if (r)
            return r;
    }
    rep->fields = all;
    rep->nfields = n;
    return OK;
}

/* The same as text of HTTP/1, the part of 304 at its end. */
static int head_text(struct filerep *rep, struct slice block)
{
    struct buf b;
    size_t at = 0;
    int r = OK;
    buf_init(&b, 2 * HEAD_BYTES);
    for (size_t i = 0; !r && i < rep->nown; i++) {
        const struct field *f = &rep->fields[i];
        if (i == rep->validators)
            at = b.n;
        r = buf_printf(&b, SLICE_F ": " SLICE_F "\r\n", SLICE_A(token_title(f->token)),
                       SLICE_A(f->value));
    }
    if (!r && !(r = buf_add(&b, block)) &&
        !(r = arena_copy(&rep->arena, buf_slice(&b), &rep->head)))
        rep->head_304 = slice_from(rep->head, at);
    buf_done(&b);
    return r;
}

static int make_head(struct filerep *rep, const struct route *route, const char *path,
                     enum coding coding)
{
    struct field own[OWN_MAX];
    struct slice block = SLICE_EMPTY;
    rep->modified_s = floor_seconds(rep->info.mtime_ns);
    int r = own_fields(rep, route, path, coding, own);
    if (r)
        return r;
    rep->whole = reply_block(route, &rep->arena, &block);
    if (!rep->whole)
        block = SLICE_EMPTY;
    if ((r = all_fields(rep, own, block)))
        return r;
    return head_text(rep, block);
}

/* ---- the bytes ---- */

/* OK; ERR_AGAIN when the file changed while it was read. */
static int read_content(struct filerep *rep)
{
    struct file_info after;
    size_t n = (size_t)rep->info.size_bytes, got;
    uint8_t *p = mem_alloc(n);
    if (!p)
        return ERR_NOMEM;
    int r = file_pread(rep->fd, 0, p, n, &got);
    if (!r)
        r = file_stat_fd(rep->fd, &after);
    if (!r && (got != n || !filerep_same(&rep->info, &after))) {
        rep->info = after;
        r = ERR_AGAIN;
    }
    if (r) {
        mem_free(p);
        return r;
    }
    rep->content = slice_of(p, n);
    file_close(rep->fd);
    rep->fd = -1;
    return OK;
}

static int open_bytes(struct filerep *rep, const struct route *route, const char *path)
{
    int r = file_open_beneath(route->root_fd, path, &rep->fd, &rep->info);
    if (r)
        return r;
    if (!rep->info.is_regular)
        return ERR_NOT_FOUND;
    r = ERR_AGAIN;
    for (int i = 0; r == ERR_AGAIN && i < READ_TRIES; i++)
        r = rep->info.size_bytes <= FILEREP_MEMORY_BYTES ? read_content(rep) : OK;
    return r == ERR_AGAIN ? OK : r; /* a file that never rests is sent as it is read */
}

int filerep_open(const struct route *route, const char *path, enum coding coding,
                 struct filerep **ret)
{
    char name[FILEREP_PATH_BYTES];
    int r = filerep_path(path, coding, name);
    struct filerep *rep = r ? NULL : mem_alloc(sizeof(*rep));
    if (!rep)
        return r ? r : ERR_NOMEM;
    rep->fd = -1;
    arena_init(&rep->arena, HEAD_BYTES);
    if (!(r = open_bytes(rep, route, name)))
        r = make_head(rep, route, path, coding);
    if (r) {
        filerep_free(rep);
        return r;
    }
    rep->bytes =
        sizeof(*rep) + rep->content.n + (rep->arena.used_bytes / CHUNK_BYTES + 1) * CHUNK_BYTES;
    *ret = rep;
    return OK;
}

void filerep_free(struct filerep *rep)
{
    if (!rep)
        return;
    file_close(rep->fd);
    mem_free((void *)(uintptr_t)rep->content.p);
    arena_done(&rep->arena);
    mem_free(rep);
}
