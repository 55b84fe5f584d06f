/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The configuration as one whole: source text, file bytes, root handles. Key bytes are wiped when
 * they are replaced or dropped. */
#include "serve/bundle.h"

#include <stdio.h>

#include "base/mem.h"
#include "os/file.h"
#include "serve/bundle_state.h"

void bundle_state_drop_bytes(struct slice *s)
{
    if (s->p)
        mem_wipe((void *)(uintptr_t)s->p, s->n);
    mem_free((void *)(uintptr_t)s->p);
    *s = SLICE_EMPTY;
}

struct bundle *bundle_ref(struct bundle *b)
{
    b->refs++;
    return b;
}

void bundle_unref(struct bundle *b)
{
    if (!b || --b->refs)
        return;
    for (size_t i = 0; i < b->nitems; i++) {
        bundle_state_drop_bytes(&b->items[i].path);
        bundle_state_drop_bytes(&b->items[i].bytes);
        file_close(b->items[i].fd);
    }
    for (size_t i = 0; i < b->nwords; i++)
        mem_free(b->words[i]);
    for (size_t i = 0; i < b->nsettings; i++) {
        mem_free(b->settings[i][0]);
        mem_free(b->settings[i][1]);
    }
    mem_free(b->path);
    bundle_state_drop_bytes(&b->text);
    mem_free(b->items);
    mem_free(b);
}

struct bundle *bundle_state_make(void)
{
    struct bundle *b = mem_alloc(sizeof(*b));
    if (b)
        b->refs = 1;
    return b;
}

static struct bundle_item *find(const struct bundle *b, struct slice path, bool root)
{
    for (size_t i = 0; i < b->nitems; i++)
        if (slice_eq(b->items[i].path, path) && (b->items[i].fd >= 0) == root)
            return &b->items[i];
    return NULL;
}

struct bundle_item *bundle_state_append(struct bundle *b, struct slice path)
{
    if (b->nitems == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 16;
        struct bundle_item *more = mem_resize(b->items, cap * sizeof(*more));
        if (!more)
            return NULL;
        b->items = more;
        b->cap = cap;
    }
    char *copy = mem_dup(path.p, path.n);
    if (!copy)
        return NULL;
    struct bundle_item *it = &b->items[b->nitems++];
    *it = (struct bundle_item){.path = slice_of(copy, path.n), .fd = -1};
    return it;
}

int bundle_put(struct bundle *b, struct slice path, struct slice bytes)
{
    struct bundle_item *it = find(b, path, false);
    char *copy = mem_dup(bytes.p, bytes.n);
    if (!copy)
        return ERR_NOMEM;
    if (!it && !(it = bundle_state_append(b, path))) {
        mem_free(copy);
        return ERR_NOMEM;
    }
    bundle_state_drop_bytes(&it->bytes);
    it->bytes = slice_of(copy, bytes.n);
    return OK;
}

bool bundle_file(const struct bundle *b, struct slice path, struct slice *ret)
{
    const struct bundle_item *it = find(b, path, false);
    if (it)
        *ret = it->bytes;
    return it != NULL;
}

void bundle_drop(struct bundle *b, struct slice path)
{
    struct bundle_item *it = find(b, path, false);
    if (!it)
        return;
    bundle_state_drop_bytes(&it->path);
    bundle_state_drop_bytes(&it->bytes);
    *it = b->items[--b->nitems];
}

void bundle_each(const struct bundle *b,
                 void (*each)(void *ctx, struct slice path, struct slice bytes), void *ctx)
{
    for (size_t i = 0; i < b->nitems; i++)
        if (b->items[i].fd < 0)
            each(ctx, b->items[i].path, b->items[i].bytes);
}

int bundle_root(const struct bundle *b, struct slice path)
{
    const struct bundle_item *it = find(b, path, true);
    return it ? it->fd : -1;
}

size_t bundle_roots(const struct bundle *b, int *fds, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < b->nitems && n < cap; i++)
        if (b->items[i].fd >= 0)
            fds[n++] = b->items[i].fd;
    return n;
}

static int read_into(struct bundle *b, const char *path, struct fault *f)
{
    struct buf bytes;
    buf_init(&bytes, BUNDLE_FILE_MAX_BYTES);
    int r = file_read(path, BUNDLE_FILE_MAX_BYTES, &bytes, f);
    if (!r)
        r = bundle_put(b, slice_cstr(path), buf_slice(&bytes));
    if (!r)
        find(b, slice_cstr(path), false)->on_disk = true;
    if (bytes.p)
        mem_wipe(bytes.p, bytes.cap);
    buf_done(&bytes);
    return r;
}

int bundle_reread(const struct conf_site *site, struct bundle **ret, struct fault *f)
{
    struct bundle *b = bundle_state_make();
    int r = b ? OK : fault_set(f, ERR_NOMEM, "out of memory");
    for (size_t i = 0; !r && i < site->tls.certs.count; i++) {
        r = read_into(b, (const char *)site->tls.certs.items[i].cert.p, f);
        if (!r)
            r = read_into(b, (const char *)site->tls.certs.items[i].key.p, f);
    }
    if (r)
        bundle_unref(b);
    else
        *ret = b;
    return r;
}

void bundle_each_file(const struct bundle *b, void (*each)(void *ctx, const char *path), void *ctx)
{
    for (size_t i = 0; i < b->nitems; i++)
        if (b->items[i].on_disk)
            each(ctx, (const char *)b->items[i].path.p);
}

/* ---- collecting, in the master ---- */

struct collecting {
    struct bundle *b;
    struct conf_faults *faults;
    const struct conf_place *place; /* of what is being collected */
    bool failed;
};

/* The story of a resource in the place of the configuration that names it. */
static void report(struct collecting *col, struct fault *f)
{
    col->failed = true;
    char file[128];
    snprintf(file, sizeof(file), SLICE_F, SLICE_A(col->place->file));
    fault_at(f, file, (int)col->place->line, (int)col->place->column);
    if (col->faults->count == CONF_FAULTS_MAX) {
        col->faults->not_shown++;
        return;
    }
    col->faults->list[col->faults->count++] = *f;
}

static void want_file(struct collecting *col, struct slice path)
{
    struct fault f = {0};
    if (path.n == 0 || find(col->b, path, false))
        return;
    if (read_into(col->b, (const char *)path.p, &f))
        report(col, &f);
}

static void want_root(struct collecting *col, struct slice path)
{
    struct fault f = {0};
    int fd;
    if (path.n == 0 || find(col->b, path, true))
        return;
    int r = file_open_root((const char *)path.p, &fd, &f);
    struct bundle_item *it = r ? NULL : bundle_state_append(col->b, path);
    if (it) {
        it->fd = fd;
        return;
    }
    if (!r) {
        file_close(fd);
        fault_set(&f, ERR_NOMEM, "out of memory");
    }
    report(col, &f);
}

static void want_acme(struct collecting *col, const struct conf *conf)
{
    const struct conf_place place = {.file = conf->file.n ? conf->file : SLICE("command line")};
    col->place = &place;
    want_file(col, conf->acme.ca_file);
    want_file(col, conf->acme.eab.key_file);
    want_file(col, conf->acme.dns.tsig_secret_file);
}

static void want_route(struct collecting *col, const struct conf_route *route)
{
    col->place = &route->place;
    if (route->action == CONF_FILES)
        want_root(col, route->files.root);
    if (route->action != CONF_PROXY)
        return;
    want_file(col, route->proxy.tls.ca);
    want_file(col, route->proxy.tls.cert);
    want_file(col, route->proxy.tls.key);
}

static void want_site(struct collecting *col, const struct conf_site *site)
{
    col->place = &site->place;
    for (size_t i = 0; i < site->tls.certs.count; i++) {
        want_file(col, site->tls.certs.items[i].cert);
        want_file(col, site->tls.certs.items[i].key);
    }
    for (size_t i = 0; i < site->nroutes; i++)
        want_route(col, &site->routes[i]);
}

static int copy_list(struct bundle *b, const struct bundle_source *src)
{
    char cwd[4096];
    if (file_cwd(cwd, sizeof(cwd)))
        cwd[0] = 0; /* then ./dir is refused with words */
    if (src->nwords > BUNDLE_LIST_MAX || src->nsettings > BUNDLE_LIST_MAX)
        return ERR_CAP;
    for (size_t i = 0; i < src->nwords; i++) {
        const char *word = src->words[i];
        if (!(b->words[i] = cwd[0] ? conf_word_absolute(word, cwd) : mem_strdup(word)))
            return ERR_NOMEM;
        b->nwords++;
    }
    for (size_t i = 0; i < src->nsettings; i++) {
        b->nsettings++;
        b->settings[i][0] = mem_strdup(src->settings[i].name);
        b->settings[i][1] = mem_strdup(src->settings[i].value);
        if (!b->settings[i][0] || !b->settings[i][1])
            return ERR_NOMEM;
    }
    return OK;
}

static int read_source(struct bundle *b, const struct bundle_source *src, struct fault *f)
{
    struct buf text;
    if (!src->path)
        return OK;
    b->path = mem_strdup(src->path);
    buf_init(&text, BUNDLE_SOURCE_MAX_BYTES);
    int r = b->path ? file_read(src->path, BUNDLE_SOURCE_MAX_BYTES, &text, f) : ERR_NOMEM;
    char *copy = r ? NULL : mem_dup(buf_slice(&text).p, text.n);
    if (copy)
        b->text = slice_of(copy, text.n);
    else if (!r)
        r = fault_set(f, ERR_NOMEM, "out of memory");
    buf_done(&text);
    return r;
}

int bundle_collect(const struct bundle_source *src, struct bundle **ret, struct conf **ret_conf,
                   struct conf_faults *faults)
{
    struct collecting col = {.b = bundle_state_make(), .faults = faults};
    struct conf *conf = NULL;
    memset(faults, 0, sizeof(*faults));
    int r = col.b ? copy_list(col.b, src) : ERR_NOMEM;
    if (!r && (r = read_source(col.b, src, &faults->list[0])))
        faults->count = 1;
    if (!r)
        r = bundle_conf(col.b, &conf, faults);
    if (!r)
        want_acme(&col, conf);
    for (size_t i = 0; !r && i < conf->nsites; i++)
        want_site(&col, &conf->sites[i]);
    if (!r && col.failed)
        r = ERR_CONFIG;
    if (r) {
        if (!faults->count) {
            faults->count = 1;
            fault_set(&faults->list[0], r, "%s", err_text(r));
        }
        conf_free(conf);
        bundle_unref(col.b);
        return r;
    }
    col.b->complete = true;
    *ret = col.b;
    *ret_conf = conf;
    return OK;
}

int bundle_conf(const struct bundle *b, struct conf **ret, struct conf_faults *faults)
{
    struct conf_setting settings[BUNDLE_LIST_MAX];
    for (size_t i = 0; i < b->nsettings; i++)
        settings[i] = (struct conf_setting){b->settings[i][0], b->settings[i][1]};
    struct conf_source src = {.file = b->path,
                              .text = b->text,
                              .words = (const char *const *)b->words,
                              .nwords = b->nwords,
                              .settings = settings,
                              .nsettings = b->nsettings};
    return conf_load(&src, ret, faults);
}

static int copy_source(const struct bundle *b, struct bundle *to)
{
    if (b->path && !(to->path = mem_strdup(b->path)))
        return ERR_NOMEM;
    char *text = mem_dup(b->text.p, b->text.n);
    if (!text)
        return ERR_NOMEM;
    to->text = slice_of(text, b->text.n);
    for (size_t i = 0; i < b->nwords; i++, to->nwords++)
        if (!(to->words[i] = mem_strdup(b->words[i])))
            return ERR_NOMEM;
    for (size_t i = 0; i < b->nsettings; i++) {
        to->nsettings++;
        to->settings[i][0] = mem_strdup(b->settings[i][0]);
        to->settings[i][1] = mem_strdup(b->settings[i][1]);
        if (!to->settings[i][0] || !to->settings[i][1])
            return ERR_NOMEM;
    }
    return OK;
}

int bundle_plan(const struct bundle *b, const struct conf *conf, struct bundle **ret)
{
    const struct slice paths[] = {conf->acme.ca_file, conf->acme.eab.key_file,
                                  conf->acme.dns.tsig_secret_file};
    struct slice bytes;
    struct bundle *plan = bundle_state_make();
    int r = plan ? copy_source(b, plan) : ERR_NOMEM;
    for (size_t i = 0; !r && i < ARRAY_LEN(paths); i++)
        if (paths[i].n && bundle_file(b, paths[i], &bytes))
            r = bundle_put(plan, paths[i], bytes);
    if (r)
        bundle_unref(plan);
    else
        *ret = plan;
    return r;
}
