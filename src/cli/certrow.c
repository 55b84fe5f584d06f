/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Gathers lineages and local certificates in the order of their names. */
#include "cli/certrow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/mem.h"
#include "cert/certstore.h"
#include "crypt/localca.h"

#define NAME_BYTES  260
#define ARENA_BYTES (512 * 1024)
#define ENTRIES_MAX 100000 /* a store larger than that is not shown whole */

struct entry {
    char name[NAME_BYTES];
    bool lineage, rsa;
};

struct gathering {
    struct entry *list;
    size_t n, cap;
    struct slice only;
    int r;
};

static void add(struct gathering *g, struct slice name, bool lineage, bool rsa)
{
    if (g->r || name.n >= NAME_BYTES || (g->only.n && !slice_eq(g->only, name)))
        return;
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        struct entry *more =
            cap > ENTRIES_MAX ? NULL : mem_resize(g->list, cap * sizeof(g->list[0]));
        if (!more) {
            g->r = ERR_NOMEM;
            return;
        }
        g->list = more;
        g->cap = cap;
    }
    struct entry *e = &g->list[g->n++];
    *e = (struct entry){.lineage = lineage, .rsa = rsa};
    memcpy(e->name, name.p, name.n);
}

static void on_lineage(void *ctx, const struct lineage_id *id)
{
    add(ctx, id->name, true, id->rsa);
}

static void on_local(void *ctx, struct slice name)
{
    add(ctx, name, false, false);
}

/* By name, and what is served first. */
static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int d = strcmp(x->name, y->name);
    if (d)
        return d;
    return x->lineage != y->lineage ? (x->lineage ? -1 : 1) : x->rsa - y->rsa;
}

static int gather(const char *state, struct gathering *g, struct fault *f)
{
    int r = lineage_each(state, on_lineage, g);
    if (r && r != ERR_NOT_FOUND)
        return fault_set(f, r, "cannot read %s/certs: %s", state, err_text(r));
    r = certstore_each(state, on_local, g);
    if (r && r != ERR_NOT_FOUND)
        return fault_set(f, r, "cannot read %s/local: %s", state, err_text(r));
    if (g->r)
        return fault_set(f, g->r, "%s", err_text(g->r));
    if (g->n)
        qsort(g->list, g->n, sizeof(g->list[0]), compare);
    return OK;
}

static void read_lineage(const char *state, struct arena *a, struct certrow *row)
{
    const struct lineage_id id = {row->name, row->rsa};
    struct lineage_loaded l = {0};
    struct fault job = {0};
    struct buf b;
    row->kind = "none";
    int r = lineage_peek(state, &id, a, &l, &row->trouble);
    if (!r) {
        row->kind = l.meta.directory.n ? "acme" : "imported";
        row->chain = l.pair.chain;
        row->meta = l.meta;
        renewal_plan(certinfo_at(row->chain, 0), &row->meta, &row->plan);
        keystore_unref(l.pair.key);
    }
    buf_init(&b, 128 * 1024);
    if (!lineage_read_file(state, &id, "job.json", &b, NULL) &&
        job_read(buf_slice(&b), a, &row->job, &job) && !row->trouble.code)
        row->trouble = job;
    buf_done(&b);
}

static void read_local(const char *state, struct certrow *row)
{
    row->kind = "none";
    if (certstore_chain(state, row->name, &row->chain, &row->trouble))
        return;
    const struct certinfo *ci = certinfo_at(row->chain, 0);
    int64_t begin_s = ci->not_before_s + LOCALCA_BACKDATE_S;
    row->kind = ci->self_signed ? "temporary" : "local";
    row->plan = (struct renewal){begin_s + (ci->not_after_s - begin_s) * 2 / 3, RENEWAL_LIFETIME};
}

int certrow_each(const char *state, struct slice only,
                 void (*each)(void *ctx, const struct certrow *row), void *ctx, struct fault *f)
{
    struct gathering g = {.only = only};
    const char *certified = ""; /* the last name with a certificate of a CA */
    int r = gather(state, &g, f);
    for (size_t i = 0; !r && i < g.n; i++) {
        struct certrow row = {.name = slice_cstr(g.list[i].name), .rsa = g.list[i].rsa};
        struct arena a;
        arena_init(&a, ARENA_BYTES);
        if (g.list[i].lineage)
            read_lineage(state, &a, &row);
        else
            read_local(state, &row);
        if (g.list[i].lineage && row.chain)
            certified = g.list[i].name;
        bool left_over = !g.list[i].lineage && strcmp(certified, g.list[i].name) == 0 &&
                         strcmp(row.kind, "temporary") == 0;
        if (!left_over)
            each(ctx, &row);
        certinfo_unref(row.chain);
        arena_done(&a);
    }
    mem_free(g.list);
    return r;
}

const char *certrow_why(const struct certrow *row)
{
    return row->chain ? renewal_why_text(row->plan.why) : "there is none yet";
}

const char *certrow_time(int64_t unix_s, char *dst)
{
    struct date d;
    date_split(unix_s, &d);
    if (unix_s <= 0)
        snprintf(dst, CERTROW_TIME, "-");
    else
        snprintf(dst, CERTROW_TIME, "%04d-%02u-%02u %02u:%02u UTC", (int)d.year, d.month, d.day,
                 d.hour, d.minute);
    return dst;
}
