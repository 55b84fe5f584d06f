/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Generations: which there are, which is current, how the next one takes its place. The order of
 * file operations is what makes a crash harmless: a generation is complete under a name that nobody
 * reads before it gets its number, and has its number before `current` names it. */
#include "cert/lineage.h"

#include <errno.h>
#include <stdio.h>

#include "base/num.h"
#include "base/text.h"
#include "cert/leafdir.h"
#include "cert/lineagepath.h"
#include "cert/record.h"
#include "os/file.h"
#include "os/filetree.h"

#define FORMAT          "1"
#define FORMAT_MAX      64
#define DIGITS          6
#define GENERATIONS_MAX 64 /* that are looked at; LINEAGE_KEPT of them are ours */
#define QUARANTINE      "quarantine"
#define QUARANTINE_MAX  1000
#define PREPARED        "new." /* a generation that is being written */

/* Generations in the directory, newest first. */
struct generations {
    uint64_t number[GENERATIONS_MAX];
    size_t n;
};

static int path_of(char *dst, struct fault *f, const char *a, const char *b, const char *c)
{
    int n = snprintf(dst, CERTSTORE_PATH_BYTES, "%s/%s%s%s", a, b, c ? "/" : "", c ? c : "");
    if (n > 0 && n < CERTSTORE_PATH_BYTES)
        return OK;
    return fault_set(f, ERR_CAP, "the path %.200s... is too long", a);
}

static int store_of(const char *state_dir, char *dst, struct fault *f)
{
    return path_of(dst, f, state_dir, "certs", NULL);
}

static int dir_of(const char *state_dir, const struct lineage_id *id, char *dst, struct fault *f)
{
    char entry[LINEAGEPATH_ENTRY];
    int r = lineagepath_encode(id, entry, f);
    return r ? r : path_of(dst, f, state_dir, "certs", entry);
}

static int generation_path(const char *dir, uint64_t number, char *dst, struct fault *f)
{
    char name[24];
    snprintf(name, sizeof(name), "%0*llu", DIGITS, (unsigned long long)number);
    return path_of(dst, f, dir, name, NULL);
}

static bool number_of(const char *name, uint64_t *ret)
{
    struct slice s = slice_cstr(name);
    return s.n >= DIGITS && num_parse_u64(s, 1, INT64_MAX, ret) == OK;
}

/* ---- what is there ---- */

static int on_generation(void *ctx, const char *name, const struct file_info *info)
{
    struct generations *g = ctx;
    uint64_t number;
    if (!info->is_dir || !number_of(name, &number))
        return OK;
    size_t at = g->n;
    while (at && g->number[at - 1] < number)
        at--;
    if (at == GENERATIONS_MAX)
        return OK;
    size_t move = (g->n < GENERATIONS_MAX ? g->n : GENERATIONS_MAX - 1) - at;
    memmove(&g->number[at + 1], &g->number[at], move * sizeof(g->number[0]));
    g->number[at] = number;
    g->n += g->n < GENERATIONS_MAX;
    return OK;
}

static int list_dir(const char *dir,
                    int (*each)(void *ctx, const char *name, const struct file_info *info),
                    void *ctx, struct fault *f)
{
    int root, fd, r = file_open_root(dir, &root, f);
    if (r)
        return r;
    if (!(r = file_open_beneath(root, ".", &fd, NULL))) {
        r = file_list(fd, each, ctx);
        file_close(fd);
    }
    if (r == ERR_SYS || r == ERR_PERM)
        fault_errno(f, r, errno, "cannot read the directory %s", dir);
    file_close(root);
    return r;
}

static int generations_of(const char *dir, struct generations *ret, struct fault *f)
{
    ret->n = 0;
    return list_dir(dir, on_generation, ret, f);
}

/* The generation that `current` names; 0: none that could be. */
static uint64_t current_of(const char *dir)
{
    char link[CERTSTORE_PATH_BYTES], name[32];
    uint64_t number;
    if (path_of(link, NULL, dir, "current", NULL) || filetree_pointed(link, name, sizeof(name)))
        return 0;
    return number_of(name, &number) ? number : 0;
}

static int flip(const char *dir, uint64_t number, struct fault *f)
{
    char link[CERTSTORE_PATH_BYTES], name[24];
    snprintf(name, sizeof(name), "%0*llu", DIGITS, (unsigned long long)number);
    int r = path_of(link, f, dir, "current", NULL);
    return r ? r : filetree_point(link, name, f);
}

/* ---- quarantine ---- */

/* Best effort: what cannot be moved stays and is told again at the next start. */
static void quarantine(const char *state_dir, const char *path, const char *as)
{
    char dir[CERTSTORE_PATH_BYTES], to[CERTSTORE_PATH_BYTES], name[LINEAGEPATH_ENTRY + 64];
    if (path_of(dir, NULL, state_dir, "certs", QUARANTINE) || file_mkdir_p(dir, 0700, NULL))
        return;
    for (unsigned i = 1; i < QUARANTINE_MAX; i++) {
        struct file_info there;
        snprintf(name, sizeof(name), "%.230s.%u", as, i);
        if (path_of(to, NULL, dir, name, NULL))
            return;
        if (file_stat(to, &there) == ERR_NOT_FOUND) {
            (void)!file_rename(path, to, NULL);
            return;
        }
    }
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void quarantine_in(const char *state_dir, const char *dir, const char *path)
{
    char as[2 * LINEAGEPATH_ENTRY];
    snprintf(as, sizeof(as), "%.200s.%s", last_part(dir), last_part(path));
    quarantine(state_dir, path, as);
}

void lineage_quarantine_file(const char *state_dir, const struct lineage_id *id, const char *file)
{
    char dir[CERTSTORE_PATH_BYTES], path[CERTSTORE_PATH_BYTES];
    if (!dir_of(state_dir, id, dir, NULL) && !path_of(path, NULL, dir, file, NULL))
        quarantine_in(state_dir, dir, path);
}

/* ---- loading ---- */

struct load {
    const char *state_dir, *dir;
    struct arena *arena;
    bool repair;
    uint64_t current;
};

/* The content is wrong, as opposed to: it could not be looked at. */
static bool is_broken(int r)
{
    return r == ERR_NOT_FOUND || r == ERR_SYNTAX || r == ERR_CONFIG || r == ERR_CAP;
}

static int load_one(const struct load *l, uint64_t number, struct lineage_loaded *ret,
                    struct fault *f)
{
    char path[CERTSTORE_PATH_BYTES];
    int r = generation_path(l->dir, number, path, f);
    if (!r)
        r = leafdir_read(path, l->arena, ret, f);
    if (!r)
        ret->meta.generation = number;
    else if (is_broken(r) && l->repair)
        quarantine_in(l->state_dir, l->dir, path);
    return r;
}

/* The first story stays: it is about the newest certificate. */
static void keep_story(struct fault *f, const struct fault *own)
{
    if (f && !f->code && own->code)
        *f = *own;
}

static int load_any(const struct load *l, const struct generations *g, struct lineage_loaded *ret,
                    struct fault *f)
{
    int first = ERR_NOT_FOUND;
    for (size_t i = 0; i < g->n; i++) {
        struct fault own = {0};
        if (g->number[i] == l->current)
            continue;
        int r = load_one(l, g->number[i], ret, &own);
        keep_story(f, &own);
        if (!r && l->repair)
            (void)!flip(l->dir, g->number[i], NULL);
        if (!r)
            return OK;
        first = is_broken(r) ? first : r;
    }
    return first;
}

static int load(const struct load *l, struct lineage_loaded *ret, struct fault *f)
{
    struct generations g;
    int r = generations_of(l->dir, &g, f);
    if (r == ERR_NOT_FOUND && f)
        *f = (struct fault){0};
    if (r)
        return r;
    if (g.n && !l->current)
        fault_set(f, ERR_SYNTAX, "%s/current names no generation", l->dir);
    r = l->current ? load_one(l, l->current, ret, f) : ERR_NOT_FOUND;
    if (r == OK || r == ERR_NOMEM)
        return r;
    int any = load_any(l, &g, ret, f);
    if (any == ERR_NOT_FOUND && !is_broken(r))
        any = r; /* it may be fine: a new order in its place would be wrong */
    return any;
}

static int load_from(const char *state_dir, const struct lineage_id *id, struct arena *arena,
                     bool repair, struct lineage_loaded *ret, struct fault *f)
{
    char dir[CERTSTORE_PATH_BYTES];
    int r = dir_of(state_dir, id, dir, f);
    if (r)
        return r;
    const struct load l = {state_dir, dir, arena, repair, current_of(dir)};
    return load(&l, ret, f);
}

int lineage_load(const char *state_dir, const struct lineage_id *id, struct arena *arena,
                 struct lineage_loaded *ret, struct fault *f)
{
    return load_from(state_dir, id, arena, true, ret, f);
}

int lineage_peek(const char *state_dir, const struct lineage_id *id, struct arena *arena,
                 struct lineage_loaded *ret, struct fault *f)
{
    return load_from(state_dir, id, arena, false, ret, f);
}

/* ---- writing ---- */

/* The directory with its marker. */
static int make_dir(const char *state_dir, const struct lineage_id *id, char *dir, struct fault *f)
{
    char marker[CERTSTORE_PATH_BYTES];
    struct file_info there;
    int r = dir_of(state_dir, id, dir, f);
    if (!r)
        r = file_mkdir_p(dir, 0700, f);
    if (!r)
        r = path_of(marker, f, dir, "format", NULL);
    if (!r && file_stat(marker, &there) == ERR_NOT_FOUND)
        r = file_write_atomic(FILE_CWD, marker, SLICE(FORMAT "\n"), 0600, f);
    return r;
}

static int on_leftover(void *ctx, const char *name, const struct file_info *info)
{
    char path[CERTSTORE_PATH_BYTES];
    (void)info;
    if (slice_starts(slice_cstr(name), SLICE(PREPARED)) && !path_of(path, NULL, ctx, name, NULL))
        (void)!filetree_remove(path, 1);
    return OK;
}

/* Older than the last ones, and what a crash left half written. The current one always stays. */
static void prune(char *dir)
{
    struct generations g;
    char path[CERTSTORE_PATH_BYTES];
    uint64_t current = current_of(dir);
    if (generations_of(dir, &g, NULL) || !current)
        return;
    for (size_t i = LINEAGE_KEPT; i < g.n; i++)
        if (g.number[i] != current && !generation_path(dir, g.number[i], path, NULL))
            (void)!filetree_remove(path, 1);
    (void)!list_dir(dir, on_leftover, dir, NULL);
}

static int write_generation(const char *dir, uint64_t number, const struct certstore_pair *pair,
                            const struct lineage_meta *meta, struct fault *f)
{
    char prepared[CERTSTORE_PATH_BYTES], path[CERTSTORE_PATH_BYTES], name[32];
    snprintf(name, sizeof(name), PREPARED "%0*llu", DIGITS, (unsigned long long)number);
    int r = path_of(prepared, f, dir, name, NULL);
    if (!r)
        r = generation_path(dir, number, path, f);
    if (!r && (r = filetree_remove(prepared, 1))) /* of a crash */
        fault_errno(f, r, errno, "cannot remove %s", prepared);
    if (!r)
        r = filetree_mkdir(prepared, 0700, f);
    if (!r)
        r = leafdir_write(prepared, pair, meta, f);
    if (!r)
        r = file_rename(prepared, path, f);
    if (r)
        (void)!filetree_remove(prepared, 1);
    return r;
}

int lineage_commit(const char *state_dir, const struct lineage_id *id,
                   const struct certstore_pair *pair, struct lineage_meta *meta, struct fault *f)
{
    char dir[CERTSTORE_PATH_BYTES];
    struct generations g;
    int r = make_dir(state_dir, id, dir, f);
    if (!r)
        r = generations_of(dir, &g, f);
    if (r)
        return r;
    uint64_t newest = current_of(dir);
    if (g.n && g.number[0] > newest)
        newest = g.number[0];
    r = write_generation(dir, newest + 1, pair, meta, f);
    if (!r)
        r = flip(dir, newest + 1, f);
    if (r) {
        fault_while(f, "while storing the certificate of " SLICE_F, SLICE_A(id->name));
        return r;
    }
    meta->generation = newest + 1;
    prune(dir);
    return OK;
}

int lineage_save_meta(const char *state_dir, const struct lineage_id *id,
                      const struct lineage_meta *meta, struct fault *f)
{
    char dir[CERTSTORE_PATH_BYTES], path[CERTSTORE_PATH_BYTES];
    int r = dir_of(state_dir, id, dir, f);
    if (!r)
        r = generation_path(dir, meta->generation, path, f);
    return r ? r : leafdir_write_meta(path, meta, f);
}

/* ---- small files ---- */

static int file_path(const char *state_dir, const struct lineage_id *id, const char *file,
                     char *dst, struct fault *f)
{
    char dir[CERTSTORE_PATH_BYTES];
    int r = dir_of(state_dir, id, dir, f);
    return r ? r : path_of(dst, f, dir, file, NULL);
}

int lineage_read_file(const char *state_dir, const struct lineage_id *id, const char *file,
                      struct buf *ret, struct fault *f)
{
    char path[CERTSTORE_PATH_BYTES];
    int r = file_path(state_dir, id, file, path, f);
    return r ? r : file_read(path, RECORD_BYTES_MAX, ret, f);
}

int lineage_write_file(const char *state_dir, const struct lineage_id *id, const char *file,
                       struct slice bytes, struct fault *f)
{
    char dir[CERTSTORE_PATH_BYTES], path[CERTSTORE_PATH_BYTES];
    int r = make_dir(state_dir, id, dir, f);
    if (!r)
        r = path_of(path, f, dir, file, NULL);
    return r ? r : file_write_atomic(FILE_CWD, path, bytes, 0600, f);
}

int lineage_load_pending_key(const char *state_dir, const struct lineage_id *id, struct key **ret,
                             struct fault *f)
{
    char path[CERTSTORE_PATH_BYTES];
    int r = file_path(state_dir, id, "pending.key", path, f);
    return r ? r : leafdir_read_key(path, ret, f);
}

int lineage_save_pending_key(const char *state_dir, const struct lineage_id *id,
                             const struct key *key, struct fault *f)
{
    char dir[CERTSTORE_PATH_BYTES], path[CERTSTORE_PATH_BYTES];
    int r = make_dir(state_dir, id, dir, f);
    if (!r)
        r = path_of(path, f, dir, "pending.key", NULL);
    return r ? r : leafdir_write_key(path, key, f);
}

void lineage_drop_pending_key(const char *state_dir, const struct lineage_id *id)
{
    char path[CERTSTORE_PATH_BYTES];
    if (file_path(state_dir, id, "pending.key", path, NULL) == OK)
        BEST_EFFORT(file_unlink(FILE_CWD, path));
}

/* ---- the store ---- */

struct walk {
    void (*each)(void *ctx, const struct lineage_id *id);
    void *ctx;
};

static int on_lineage(void *ctx, const char *entry, const struct file_info *info)
{
    const struct walk *w = ctx;
    char name[LINEAGEPATH_ENTRY];
    struct lineage_id id;
    if (info->is_dir && lineagepath_decode(entry, name, &id))
        w->each(w->ctx, &id);
    return OK;
}

int lineage_each(const char *state_dir, void (*each)(void *ctx, const struct lineage_id *id),
                 void *ctx)
{
    char dir[CERTSTORE_PATH_BYTES];
    struct walk w = {each, ctx};
    int r = store_of(state_dir, dir, NULL);
    return r ? r : list_dir(dir, on_lineage, &w, NULL);
}

struct survey {
    const char *dir;
    struct fault *f;
};

static int on_store_entry(void *ctx, const char *entry, const struct file_info *info)
{
    const struct survey *s = ctx;
    char name[LINEAGEPATH_ENTRY], shown[LINEAGEPATH_ENTRY];
    struct lineage_id id;
    bool ours = info->is_dir
                    ? strcmp(entry, QUARANTINE) == 0 || lineagepath_decode(entry, name, &id)
                    : strcmp(entry, "format") == 0 ||
                          slice_ends(slice_cstr(entry), SLICE(".new")); /* of a crash */
    if (ours)
        return OK;
    text_escape(slice_cstr(entry), shown, sizeof(shown));
    fault_set(s->f, ERR_CONFIG, "%s holds something that is not ours: %s", s->dir, shown);
    fault_next(s->f, "move it away, or name another state directory with --state");
    return ERR_CONFIG;
}

/* A newer program may have written what this one would spoil. */
static int check_format(const char *marker, struct fault *f)
{
    struct buf b;
    uint64_t format = 0;
    buf_init(&b, FORMAT_MAX + 1);
    int r = file_read(marker, FORMAT_MAX, &b, f);
    struct slice text = buf_slice(&b);
    if (slice_ends(text, SLICE("\n")))
        text.n--;
    if (!r && num_parse_u64(text, 1, UINT64_MAX, &format))
        format = 0; /* empty or damaged: written anew, all else here is ours */
    buf_done(&b);
    if (r == ERR_CAP)
        return fault_set(f, ERR_CONFIG, "%s is not ours", marker);
    if (!r && format > 1) {
        fault_set(f, ERR_CONFIG, "%s: the store was written by a newer port443 (format %llu)",
                  marker, (unsigned long long)format);
        fault_next(f, "install that version again, or restore a backup of the directory");
        return ERR_CONFIG;
    }
    return r == ERR_NOT_FOUND ? OK : r;
}

int lineage_open_store(const char *state_dir, struct fault *f)
{
    char dir[CERTSTORE_PATH_BYTES], marker[CERTSTORE_PATH_BYTES];
    struct survey s = {dir, f};
    struct fault own = {0};
    int r = store_of(state_dir, dir, f);
    if (!r)
        r = file_mkdir_p(dir, 0700, f);
    if (!r)
        r = path_of(marker, f, dir, "format", NULL);
    if (!r && (r = check_format(marker, &own)) && f)
        *f = own;
    if (!r)
        r = list_dir(dir, on_store_entry, &s, f);
    if (!r)
        r = file_write_atomic(FILE_CWD, marker, SLICE(FORMAT "\n"), 0600, f);
    return r;
}
