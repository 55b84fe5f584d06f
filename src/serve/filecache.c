/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The cache of files: a fixed hash table and one list by use. A hit costs one lookup; once a second
 * a file is compared with the disk. Knows nothing of requests. */
#include "serve/filecache.h"

#include "base/mem.h"

#define BUCKETS 4096u /* power of two */

struct filecache {
    struct loop *loop;
    struct filecache_file *buckets[BUCKETS];
    struct list files; /* struct filecache_file.node */
    size_t count, bytes, max_bytes, descriptors;
};

/* Keys are names of files that exist: peers cannot choose them, so no secret is needed. */
static uint64_t hash_of(const struct route *route, struct slice key)
{
    uint64_t h = (uint64_t)(uintptr_t)route ^ 0x9e3779b97f4a7c15u;
    size_t i = 0;
    for (; i + 8 <= key.n; i += 8) {
        uint64_t word;
        memcpy(&word, key.p + i, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    for (; i < key.n; i++)
        h = (h ^ key.p[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

int filecache_new(struct loop *l, size_t max_bytes, struct filecache **ret)
{
    struct filecache *fc = mem_alloc(sizeof(*fc));
    if (!fc)
        return ERR_NOMEM;
    fc->loop = l;
    fc->max_bytes = max_bytes;
    list_init(&fc->files);
    *ret = fc;
    return OK;
}

struct filecache_file *filecache_ref(struct filecache_file *file)
{
    file->refs++;
    return file;
}

void filecache_unref(struct filecache_file *file)
{
    if (!file || --file->refs)
        return;
    for (size_t i = 0; i < CODING_COUNT; i++)
        filerep_free(file->reps[i]);
    mem_free(file);
}

static void count_rep(struct filecache *fc, const struct filerep *rep)
{
    fc->bytes += rep->bytes;
    fc->descriptors += rep->fd >= 0;
}

/* Out of the table; exchanges that read it keep it alive. */
static void drop(struct filecache_file *file)
{
    struct filecache *fc = file->fc;
    struct filecache_file **at = &fc->buckets[file->hash & (BUCKETS - 1)];
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    list_remove(&file->node);
    fc->count--;
    for (size_t i = 0; i < CODING_COUNT; i++) {
        fc->bytes -= file->reps[i] ? file->reps[i]->bytes : 0;
        fc->descriptors -= file->reps[i] && file->reps[i]->fd >= 0;
    }
    filecache_unref(file);
}

static struct filecache_file *oldest(struct filecache *fc)
{
    return container_of(fc->files.next, struct filecache_file, node);
}

/* Down to the bounds; the file in use now stays. */
static void shrink(struct filecache *fc, const struct filecache_file *keep)
{
    while ((fc->bytes > fc->max_bytes || fc->count > FILECACHE_FILES_MAX ||
            fc->descriptors > FILECACHE_DESCRIPTORS_MAX) &&
           !list_empty(&fc->files) && oldest(fc) != keep)
        drop(oldest(fc));
}

/* The process has no descriptor left: ours are only there for speed. */
static bool give_descriptors(struct filecache *fc, const struct filecache_file *keep)
{
    size_t before = fc->descriptors;
    LIST_FOREACH_SAFE (it, &fc->files) {
        struct filecache_file *file = container_of(it, struct filecache_file, node);
        bool holds = false;
        for (size_t i = 0; i < CODING_COUNT; i++)
            holds |= file->reps[i] && file->reps[i]->fd >= 0;
        if (holds && file != keep)
            drop(file);
    }
    return fc->descriptors < before;
}

void filecache_clear(struct filecache *fc)
{
    while (!list_empty(&fc->files))
        drop(oldest(fc));
}

void filecache_free(struct filecache *fc)
{
    if (!fc)
        return;
    filecache_clear(fc);
    mem_free(fc);
}

void filecache_recheck(struct filecache *fc)
{
    LIST_FOREACH (it, &fc->files)
        container_of(it, struct filecache_file, node)->checked_ms = 0;
}

int filecache_stat(struct filecache *fc, const struct route *route, const char *path,
                   struct file_info *ret)
{
    int r = file_stat_beneath(route->root_fd, path, ret);
    if (r == ERR_CAP && give_descriptors(fc, NULL))
        r = file_stat_beneath(route->root_fd, path, ret);
    return r;
}

/* A sibling counts when it is not older than the file: a forgotten one must not bring back old
 * bytes. */
static unsigned find_siblings(const struct filecache_file *file, const struct route *route,
                              struct file_info infos[CODING_COUNT])
{
    unsigned found = 0;
    if (!route->conf->files.precompressed)
        return 0;
    for (unsigned i = 0; i < CODING_IDENTITY; i++) {
        char name[FILEREP_PATH_BYTES];
        if (filerep_path(file->path, (enum coding)i, name) == OK &&
            file_stat_beneath(route->root_fd, name, &infos[i]) == OK && infos[i].is_regular &&
            infos[i].mtime_ns >= file->info.mtime_ns)
            found |= 1u << i;
    }
    return found;
}

/* Whether the disk still says what is kept. */
static bool unchanged(const struct filecache_file *file, const struct route *route)
{
    struct file_info infos[CODING_COUNT];
    if (filecache_stat(file->fc, route, file->path, &infos[CODING_IDENTITY]) ||
        !filerep_same(&file->info, &infos[CODING_IDENTITY]) ||
        find_siblings(file, route, infos) != file->siblings)
        return false;
    for (size_t i = 0; i < CODING_COUNT; i++)
        if (file->reps[i] && !filerep_same(&file->reps[i]->info, &infos[i]))
            return false;
    return true;
}

struct filecache_file *filecache_find(struct filecache *fc, const struct route *route,
                                      struct slice key)
{
    uint64_t hash = hash_of(route, key), now_ms = loop_now_ms(fc->loop);
    struct filecache_file *file = fc->buckets[hash & (BUCKETS - 1)];
    while (file && !(file->hash == hash && file->route == route && slice_eq(file->key, key) &&
                     file->generation == route->site->gen->number))
        file = file->next;
    if (!file)
        return NULL;
    if (now_ms - file->checked_ms >= FILECACHE_CHECK_MS) {
        filecache_ref(file); /* running out of descriptors may drop it meanwhile */
        bool good = now_ms - file->made_ms < FILECACHE_LIFE_MS && unchanged(file, route);
        bool kept = !list_empty(&file->node);
        if (kept && !good)
            drop(file);
        filecache_unref(file);
        if (!kept || !good)
            return NULL;
        file->checked_ms = now_ms;
    }
    if (fc->files.prev != &file->node) {
        list_remove(&file->node);
        list_push(&fc->files, &file->node);
    }
    return file;
}

int filecache_add(struct filecache *fc, const struct route *route, struct slice key,
                  const char *path, const struct file_info *info, struct filecache_file **ret)
{
    size_t path_n = strlen(path) + 1;
    struct filecache_file *file = mem_alloc(sizeof(*file) + path_n + key.n);
    struct file_info infos[CODING_COUNT];
    if (!file)
        return ERR_NOMEM;
    char *text = (char *)(file + 1);
    memcpy(text, path, path_n);
    memcpy(text + path_n, key.p, key.n);
    file->path = text;
    file->key = slice_of(text + path_n, key.n);
    file->fc = fc;
    file->route = route;
    file->generation = route->site->gen->number;
    file->hash = hash_of(route, key);
    file->made_ms = file->checked_ms = loop_now_ms(fc->loop);
    file->refs = 1;
    file->info = *info;
    file->siblings = find_siblings(file, route, infos);
    struct filecache_file **bucket = &fc->buckets[file->hash & (BUCKETS - 1)];
    file->next = *bucket;
    *bucket = file;
    list_push(&fc->files, &file->node);
    fc->count++;
    shrink(fc, file);
    *ret = file;
    return OK;
}

int filecache_rep(struct filecache_file *file, const struct route *route, enum coding coding,
                  const struct filerep **ret)
{
    struct filecache *fc = file->fc;
    struct filerep *made;
    if (LIKELY(file->reps[coding] != NULL)) {
        *ret = file->reps[coding];
        return OK;
    }
    int r = filerep_open(route, file->path, coding, &made);
    if (r == ERR_CAP && give_descriptors(fc, file))
        r = filerep_open(route, file->path, coding, &made);
    if (r)
        return r;
    file->reps[coding] = made;
    if (coding == CODING_IDENTITY)
        file->info = made->info;
    count_rep(fc, made);
    shrink(fc, file);
    *ret = made;
    return OK;
}
