/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The file of names on demand. */
#include "cert/demandlist.h"

#include <stdio.h>

#include <jansson.h>

#include "os/file.h"

#define FILE_BYTES (1024 * 1024)
#define PATH_BYTES 1024

static int path_of(const char *state_dir, char *dst, struct fault *f)
{
    int n = snprintf(dst, PATH_BYTES, "%s/demand.json", state_dir);
    return n > 0 && n < PATH_BYTES ? OK : fault_set(f, ERR_CAP, "the state path is too long");
}

/* jansson's own makers of arrays and objects share their names with base/json: json_pack. */
static int append(const char *bytes, size_t n, void *out)
{
    return buf_add(out, slice_of(bytes, n)) ? -1 : 0;
}

int demandlist_save(const char *state_dir, const struct demandlist_entry *entries, size_t n,
                    struct fault *f)
{
    char path[PATH_BYTES];
    struct buf out;
    json_t *all = json_pack("[]");
    for (size_t i = 0; i < n; i++)
        BEST_EFFORT(json_array_append_new(
            all, json_pack("{s:s%, s:I}", "name", (const char *)entries[i].name.p,
                           entries[i].name.n, "asked", (json_int_t)entries[i].asked_s)));
    json_t *top = json_pack("{s:i, s:o}", "format", 1, "names", all);
    buf_init(&out, FILE_BYTES);
    int r = path_of(state_dir, path, f);
    if (!r && (!top || json_dump_callback(top, append, &out, JSON_COMPACT)))
        r = fault_set(f, ERR_NOMEM, "out of memory");
    if (!r)
        r = file_write_atomic(FILE_CWD, path, buf_slice(&out), 0600, f);
    buf_done(&out);
    json_decref(top);
    return r;
}

static int read_names(const json_t *all,
                      void (*each)(void *ctx, struct slice name, int64_t asked_s), void *ctx)
{
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i), *name = json_object_get(one, "name");
        const json_t *asked = json_object_get(one, "asked");
        if (!json_is_string(name) || !json_is_integer(asked))
            return ERR_SYNTAX;
        each(ctx, slice_of(json_string_value(name), json_string_length(name)),
             json_integer_value(asked));
    }
    return json_is_array(all) ? OK : ERR_SYNTAX;
}

int demandlist_load(const char *state_dir,
                    void (*each)(void *ctx, struct slice name, int64_t asked_s), void *ctx,
                    struct fault *f)
{
    char path[PATH_BYTES];
    struct buf text;
    buf_init(&text, FILE_BYTES);
    int r = path_of(state_dir, path, f);
    if (!r)
        r = file_read(path, FILE_BYTES, &text, f);
    if (!r) {
        json_t *top = json_loadb((const char *)buf_slice(&text).p, buf_slice(&text).n, 0, NULL);
        r = read_names(json_object_get(top, "names"), each, ctx);
        json_decref(top);
        if (r)
            fault_set(f, r, "%s is no list of names: it is written anew", path);
    }
    buf_done(&text);
    return r == ERR_NOT_FOUND ? OK : r;
}
