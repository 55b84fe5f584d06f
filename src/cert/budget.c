/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Token buckets and their file: {"format": 1, "buckets": [{"directory", "name", "tokens" (in
 * thousandths), "at"}]}. */
#include "cert/budget.h"

#include <stdio.h>

#include <jansson.h>

#include "base/list.h"
#include "base/mem.h"
#include "os/file.h"

#define TOKEN       1000 /* tokens are counted in thousandths */
#define FULL        (4 * TOKEN)
#define REFILL_S    900 /* for one token */
#define BUCKETS_MAX 20000
#define FILE_BYTES  (8 * 1024 * 1024)
#define PATH_BYTES  1024
#define DAY_S       86400
#define CLOCK_S     3600 /* tolerated in either direction */

struct bucket {
    struct list node;
    struct slice directory, name; /* owned */
    int64_t tokens, at_s;
};

struct budget {
    char path[PATH_BYTES];
    struct list buckets;
    size_t nbuckets;
    int64_t empty_at_s; /* the file was unreadable: every unknown bucket was empty then; 0: full */
};

/* ---- one bucket ---- */

static int64_t level(const struct bucket *t, int64_t now_s)
{
    int64_t age_s = now_s > t->at_s ? now_s - t->at_s : 0; /* a clock that was put back */
    int64_t tokens = age_s >= FULL / TOKEN * REFILL_S ? FULL : t->tokens + age_s * TOKEN / REFILL_S;
    return tokens < FULL ? tokens : FULL;
}

static struct bucket *find(const struct budget *b, struct slice directory, struct slice name)
{
    LIST_FOREACH (it, &b->buckets) {
        struct bucket *t = container_of(it, struct bucket, node);
        if (slice_eq(t->name, name) && slice_eq(t->directory, directory))
            return t;
    }
    return NULL;
}

/* What an identifier has that nobody spent for yet. */
static struct bucket fresh(const struct budget *b)
{
    return (struct bucket){.tokens = b->empty_at_s ? 0 : FULL, .at_s = b->empty_at_s};
}

static int64_t fill(const struct budget *b, struct slice directory, struct slice name,
                    int64_t now_s)
{
    const struct bucket *t = find(b, directory, name), none = fresh(b);
    return level(t ? t : &none, now_s);
}

/* When there will be a whole token. */
static int64_t token_at(const struct budget *b, struct slice directory, struct slice name,
                        int64_t now_s)
{
    const struct bucket *t = find(b, directory, name), none = fresh(b);
    t = t ? t : &none;
    int64_t from_s = t->at_s < now_s ? t->at_s : now_s;
    return level(t, now_s) >= TOKEN ? now_s
                                    : from_s + ((TOKEN - t->tokens) * REFILL_S + TOKEN - 1) / TOKEN;
}

static void free_bucket(struct budget *b, struct bucket *t)
{
    list_remove(&t->node);
    mem_free((void *)(uintptr_t)t->directory.p);
    mem_free((void *)(uintptr_t)t->name.p);
    mem_free(t);
    b->nbuckets--;
}

static void drop_full(struct budget *b, int64_t now_s)
{
    LIST_FOREACH_SAFE (it, &b->buckets) {
        struct bucket *t = container_of(it, struct bucket, node);
        if (level(t, now_s) == FULL)
            free_bucket(b, t);
    }
}

static struct bucket *add(struct budget *b, struct slice directory, struct slice name)
{
    struct bucket *t = b->nbuckets < BUCKETS_MAX ? mem_alloc(sizeof(*t)) : NULL;
    if (!t)
        return NULL;
    list_init(&t->node);
    list_push(&b->buckets, &t->node);
    b->nbuckets++;
    t->directory = slice_of(mem_dup(directory.p, directory.n), directory.n);
    t->name = slice_of(mem_dup(name.p, name.n), name.n);
    if (t->directory.p && t->name.p)
        return t;
    free_bucket(b, t);
    return NULL;
}

/* ---- the file ---- */

/* jansson's own makers of arrays and objects share their names with base/json: json_pack. */
static int append(const char *bytes, size_t n, void *out)
{
    return buf_add(out, slice_of(bytes, n)) ? -1 : 0;
}

static void save(const struct budget *b)
{
    struct buf out;
    json_t *all = json_pack("[]");
    LIST_FOREACH (it, &b->buckets) {
        const struct bucket *t = container_of(it, struct bucket, node);
        json_t *one = json_pack("{s:s%, s:s%, s:I, s:I}", "directory", (const char *)t->directory.p,
                                t->directory.n, "name", (const char *)t->name.p, t->name.n,
                                "tokens", (json_int_t)t->tokens, "at", (json_int_t)t->at_s);
        BEST_EFFORT(json_array_append_new(all, one));
    }
    json_t *top = json_pack("{s:i, s:o}", "format", 1, "buckets", all);
    buf_init(&out, FILE_BYTES);
    /* Full disk: the buckets in memory still count. */
    if (top && !json_dump_callback(top, append, &out, JSON_COMPACT))
        BEST_EFFORT(file_write_atomic(FILE_CWD, b->path, buf_slice(&out), 0600, NULL));
    buf_done(&out);
    json_decref(top);
}

static int read_bucket(struct budget *b, const json_t *o)
{
    const json_t *directory = json_object_get(o, "directory"), *name = json_object_get(o, "name");
    const json_t *tokens = json_object_get(o, "tokens"), *at = json_object_get(o, "at");
    if (!json_is_string(directory) || !json_is_string(name) || !json_is_integer(tokens) ||
        !json_is_integer(at))
        return ERR_SYNTAX;
    struct bucket *t = add(b, slice_of(json_string_value(directory), json_string_length(directory)),
                           slice_of(json_string_value(name), json_string_length(name)));
    if (!t)
        return ERR_NOMEM;
    t->tokens = json_integer_value(tokens);
    t->at_s = json_integer_value(at);
    return t->tokens < 0 || t->tokens > FULL ? ERR_SYNTAX : OK;
}

static int read_text(struct budget *b, struct slice text)
{
    json_t *top = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *all = json_object_get(top, "buckets");
    int r = json_is_array(all) ? OK : ERR_SYNTAX;
    for (size_t i = 0; !r && i < json_array_size(all); i++)
        r = read_bucket(b, json_array_get(all, i));
    json_decref(top);
    return r;
}

int budget_open(const char *state_dir, int64_t now_s, struct budget **ret, struct fault *f)
{
    struct buf text;
    struct budget *b = mem_alloc(sizeof(*b));
    if (!b)
        return fault_set(f, ERR_NOMEM, "out of memory");
    list_init(&b->buckets);
    snprintf(b->path, sizeof(b->path), "%s/budget.json", state_dir);
    buf_init(&text, FILE_BYTES);
    int r = file_read(b->path, FILE_BYTES, &text, NULL);
    if (!r)
        r = read_text(b, buf_slice(&text));
    if (r && r != ERR_NOT_FOUND)
        b->empty_at_s = now_s;
    buf_done(&text);
    *ret = b;
    return OK;
}

void budget_close(struct budget *b)
{
    if (!b)
        return;
    LIST_FOREACH_SAFE (it, &b->buckets)
        free_bucket(b, container_of(it, struct bucket, node));
    mem_free(b);
}

int budget_ask(struct budget *b, struct slice directory, const struct slice *names, size_t nnames,
               int64_t now_s, int64_t *ret_at_s)
{
    int64_t at_s = now_s;
    for (size_t i = 0; i < nnames; i++) {
        int64_t one_s = token_at(b, directory, names[i], now_s);
        at_s = one_s > at_s ? one_s : at_s;
    }
    if (at_s == now_s)
        return OK;
    *ret_at_s = at_s;
    return ERR_CAP;
}

void budget_spend(struct budget *b, struct slice directory, struct slice name, int64_t now_s)
{
    int64_t tokens = fill(b, directory, name, now_s) - TOKEN;
    drop_full(b, now_s);
    struct bucket *t = find(b, directory, name);
    if (!t)
        t = add(b, directory, name);
    if (!t)
        return;
    t->tokens = tokens > 0 ? tokens : 0;
    t->at_s = now_s;
    save(b);
}

uint32_t budget_fill(const struct budget *b, struct slice directory, struct slice name,
                     int64_t now_s)
{
    return (uint32_t)fill(b, directory, name, now_s);
}

/* ---- the breaker ---- */

/* Renewal at half of life gives two issues in a life: three quarters of one for two issues leave
 * room for the spread. */
static int64_t window(int64_t usual_s, int64_t life_s, int64_t quarters)
{
    int64_t own_s = life_s * quarters / 4;
    return life_s > 0 && own_s < usual_s ? own_s : usual_s;
}

/* The n-th newest issue; times from a clock that was ahead count for nothing. */
static int64_t until(const struct job *j, size_t n, int64_t window_s, int64_t now_s)
{
    int64_t at_s = j->issues_s[n];
    return at_s && at_s <= now_s + CLOCK_S ? at_s + window_s : 0;
}

int budget_breaker(const struct job *j, int64_t life_s, int64_t now_s, int64_t *ret_at_s)
{
    int64_t day_s = until(j, 1, window(DAY_S, life_s, 3), now_s);
    int64_t week_s = until(j, 3, window(7 * DAY_S, life_s, 6), now_s);
    int64_t at_s = day_s > week_s ? day_s : week_s;
    if (at_s <= now_s)
        return OK;
    *ret_at_s = at_s;
    return ERR_CAP;
}
