/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Bodies from files as a row of parts, each a text or a stretch of the file. Knows nothing of the
 * head that goes before. */
#include "serve/filebody.h"

#include "os/rng.h"

struct part {
    struct slice text;
    uint64_t at, left; /* of the file, behind the text */
};

struct filebody {
    struct filecache_file *file; /* a reference */
    const struct filerep *rep;
    struct part *parts;
    size_t nparts, now;
    struct part only;
};

static int pull_file(const struct filebody *b, struct part *part, struct pull *p)
{
    size_t n = part->left < p->cap ? (size_t)part->left : p->cap;
    if (b->rep->content.p) {
        p->loan = slice_of(b->rep->content.p + part->at, n);
    } else {
        int r = file_pread(b->rep->fd, part->at, p->dst, n, &p->n);
        if (r)
            return r;
        if (p->n < n)
            return ERR_EOF; /* shorter than announced: cut visibly, never padded */
    }
    part->at += n;
    part->left -= n;
    return OK;
}

static int pull(struct exchange *x, struct pull *p)
{
    struct filebody *b = serving_of(x)->state;
    struct part *part = &b->parts[b->now];
    if (part->text.n) {
        p->loan = slice_first(part->text, p->cap);
        part->text = slice_from(part->text, p->loan.n);
    } else {
        int r = pull_file(b, part, p);
        if (r)
            return r;
    }
    if (!part->text.n && !part->left)
        b->now++;
    p->end = b->now == b->nparts;
    p->fast = b->rep->content.p != NULL;
    return OK;
}

static void on_close(struct exchange *x, int r)
{
    struct serving *v = serving_of(x);
    struct filebody *b = v->state;
    (void)r;
    if (b)
        filecache_unref(b->file);
    v->state = NULL;
}

const struct action filebody_action = {.name = "files", .pull = pull, .on_close = on_close};

static struct filebody *start(struct exchange *x, struct filecache_file *file,
                              const struct filerep *rep)
{
    struct serving *v = serving_of(x);
    struct filebody *b = arena_alloc(&x->arena, sizeof(*b));
    if (!b)
        return NULL;
    *b = (struct filebody){.file = filecache_ref(file), .rep = rep, .nparts = 1};
    b->parts = &b->only;
    v->state = b;
    v->action = &filebody_action;
    return b;
}

int filebody_whole(struct exchange *x, struct filecache_file *file, const struct filerep *rep)
{
    struct filebody *b = start(x, file, rep);
    if (!b)
        return ERR_NOMEM;
    b->only.left = rep->info.size_bytes;
    return OK;
}

static int multipart(struct exchange *x, struct filebody *b, const struct range_set *set,
                     struct slice *ret_type, uint64_t *ret_length)
{
    uint64_t secret[2];
    struct slice boundary;
    uint64_t length = 0;
    /* Not to be foreseen: a file that holds the boundary would forge parts. */
    int r = rng_bytes(secret, sizeof(secret));
    if (!r)
        r = arena_printf(&x->arena, &boundary, "%016llx%016llx", (unsigned long long)secret[0],
                         (unsigned long long)secret[1]);
    b->parts = r ? NULL : arena_zalloc(&x->arena, (set->count + 1) * sizeof(*b->parts));
    if (!b->parts)
        return r ? r : ERR_NOMEM;
    for (size_t i = 0; !r && i < set->count; i++) {
        const struct range *range = &set->ranges[i];
        struct part *part = &b->parts[i];
        r = arena_printf(&x->arena, &part->text,
                         "%s--" SLICE_F "\r\nContent-Type: " SLICE_F
                         "\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
                         i ? "\r\n" : "", SLICE_A(boundary), SLICE_A(b->rep->fields[0].value),
                         (unsigned long long)range->first, (unsigned long long)range->last,
                         (unsigned long long)b->rep->info.size_bytes);
        part->at = range->first;
        part->left = range->last - range->first + 1;
        length += part->text.n + part->left;
    }
    struct part *last = &b->parts[set->count];
    if (!r)
        r = arena_printf(&x->arena, &last->text, "\r\n--" SLICE_F "--\r\n", SLICE_A(boundary));
    if (!r)
        r = arena_printf(&x->arena, ret_type, "multipart/byteranges; boundary=" SLICE_F,
                         SLICE_A(boundary));
    b->nparts = set->count + 1;
    *ret_length = length + last->text.n;
    return r;
}

int filebody_ranges(struct exchange *x, struct filecache_file *file, const struct filerep *rep,
                    const struct range_set *set, struct slice *ret_type, uint64_t *ret_length)
{
    struct filebody *b = start(x, file, rep);
    if (!b)
        return ERR_NOMEM;
    if (set->count > 1)
        return multipart(x, b, set, ret_type, ret_length);
    b->only.at = set->ranges[0].first;
    b->only.left = set->ranges[0].last - b->only.at + 1;
    *ret_type = SLICE_EMPTY;
    *ret_length = b->only.left;
    return OK;
}
