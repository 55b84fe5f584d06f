/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The configuration as one parcel: source text, file bytes, root handles. Key bytes are wiped when
 * they are replaced or dropped. */
#include "serve/bundle.h"

#include <stdio.h>

#include "base/cur.h"
#include "base/mem.h"
#include "os/file.h"

#define SOURCE_MAX_BYTES (4 * 1024 * 1024) /* a configuration file that was generated */
#define FILE_MAX_BYTES   (1024 * 1024)     /* a certificate chain or CA bundle */
#define LIST_MAX         255               /* NAME=TARGET words and settings that travel */
#define KEPT_BYTES       300               /* "local:NAME:cert" */

struct bundle_item {
    struct slice path;  /* owned, NUL-ended */
    struct slice bytes; /* owned; wiped */
    int fd;             /* roots: owned; -1 */
    bool on_disk;       /* read from a file (not put by the keeper) */
};

struct bundle {
    uint32_t refs;
    char *path; /* of the configuration file; NULL none */
    struct slice text;
    char *words[LIST_MAX];
    size_t nwords;
    char *settings[LIST_MAX][2];
    size_t nsettings;
    struct bundle_item *items;
    size_t nitems, cap;
    bool complete;
};

static void drop_bytes(struct slice *s)
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
        drop_bytes(&b->items[i].path);
        drop_bytes(&b->items[i].bytes);
        file_close(b->items[i].fd);
    }
    for (size_t i = 0; i < b->nwords; i++)
        mem_free(b->words[i]);
    for (size_t i = 0; i < b->nsettings; i++) {
        mem_free(b->settings[i][0]);
        mem_free(b->settings[i][1]);
    }
    mem_free(b->path);
    drop_bytes(&b->text);
    mem_free(b->items);
    mem_free(b);
}

static struct bundle *bundle_make(void)
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

static struct bundle_item *append(struct bundle *b, struct slice path)
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
    if (!it && !(it = append(b, path))) {
        mem_free(copy);
        return ERR_NOMEM;
    }
    drop_bytes(&it->bytes);
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

/* Under what a certificate of the keeper stands among the files: no path begins so. */
static struct slice kept_path(char dst[KEPT_BYTES], struct slice name, const char *part)
{
    int n = snprintf(dst, KEPT_BYTES, "local:" SLICE_F ":%s", SLICE_A(name), part);
    return slice_of(dst, (size_t)n < KEPT_BYTES ? (size_t)n : KEPT_BYTES - 1);
}

bool bundle_kept(const struct bundle *b, struct slice name, struct slice *ret_chain,
                 struct slice *ret_key)
{
    char path[KEPT_BYTES];
    return bundle_file(b, kept_path(path, name, "cert"), ret_chain) &&
           bundle_file(b, kept_path(path, name, "key"), ret_key);
}

int bundle_keep(struct bundle *b, struct slice name, struct slice chain, struct slice key)
{
    char path[KEPT_BYTES];
    int r = bundle_put(b, kept_path(path, name, "key"), key);
    return r ? r : bundle_put(b, kept_path(path, name, "cert"), chain);
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
    buf_init(&bytes, FILE_MAX_BYTES);
    int r = file_read(path, FILE_MAX_BYTES, &bytes, f);
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
    struct bundle *b = bundle_make();
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
    struct bundle_item *it = r ? NULL : append(col->b, path);
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
    if (src->nwords > LIST_MAX || src->nsettings > LIST_MAX)
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
    buf_init(&text, SOURCE_MAX_BYTES);
    int r = b->path ? file_read(src->path, SOURCE_MAX_BYTES, &text, f) : ERR_NOMEM;
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
    struct collecting col = {.b = bundle_make(), .faults = faults};
    struct conf *conf = NULL;
    memset(faults, 0, sizeof(*faults));
    int r = col.b ? copy_list(col.b, src) : ERR_NOMEM;
    if (!r && (r = read_source(col.b, src, &faults->list[0])))
        faults->count = 1;
    if (!r)
        r = bundle_conf(col.b, &conf, faults);
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
    struct conf_setting settings[LIST_MAX];
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

/* ---- travelling to a worker ---- */

/* Strings travel as 32-bit length and bytes; an absent path is the length 0xffffffff. */
static int put_text(struct buf *out, const char *text, size_t n)
{
    uint32_t length = text ? (uint32_t)n : UINT32_MAX;
    uint8_t head[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                       (uint8_t)length};
    int r = buf_add(out, slice_of(head, 4));
    return r || !text ? r : buf_add(out, slice_of(text, n));
}

static int put_cstr(struct buf *out, const char *text)
{
    return put_text(out, text, text ? strlen(text) : 0);
}

static int pack_source(const struct bundle *b, struct buf *out)
{
    int r = put_cstr(out, b->path);
    if (!r)
        r = put_text(out, b->text.p ? (const char *)b->text.p : "", b->text.n);
    uint8_t counts[2] = {(uint8_t)b->nwords, (uint8_t)b->nsettings};
    if (!r)
        r = buf_add(out, slice_of(counts, 2));
    for (size_t i = 0; !r && i < b->nwords; i++)
        r = put_cstr(out, b->words[i]);
    for (size_t i = 0; !r && i < 2 * b->nsettings; i++)
        r = put_cstr(out, b->settings[i / 2][i % 2]);
    return r;
}

static int send_item(const struct bundle_item *it, struct chan *to, uint16_t first_type)
{
    struct buf out;
    if (it->fd >= 0)
        return chan_send(to, (uint16_t)(first_type + BUNDLE_ROOT), it->path, &it->fd, 1);
    buf_init(&out, FILE_MAX_BYTES + 8192);
    int r = put_text(&out, (const char *)it->path.p, it->path.n);
    if (!r)
        r = buf_add(&out, it->bytes);
    if (!r)
        r = chan_send_blob(to, (uint16_t)(first_type + BUNDLE_FILE), buf_slice(&out));
    if (out.p)
        mem_wipe(out.p, out.cap);
    buf_done(&out);
    return r;
}

int bundle_send(const struct bundle *b, struct chan *to, uint16_t first_type)
{
    struct buf out;
    buf_init(&out, SOURCE_MAX_BYTES + 1024 * 1024);
    int r = pack_source(b, &out);
    if (!r)
        r = chan_send_blob(to, (uint16_t)(first_type + BUNDLE_SOURCE), buf_slice(&out));
    buf_done(&out);
    for (size_t i = 0; !r && i < b->nitems; i++)
        r = send_item(&b->items[i], to, first_type);
    return r ? r : chan_send(to, (uint16_t)(first_type + BUNDLE_END), SLICE_EMPTY, NULL, 0);
}

static struct slice get_text(struct cur *c, bool *ret_absent)
{
    uint32_t n = cur_u32(c);
    *ret_absent = n == UINT32_MAX;
    return *ret_absent ? SLICE_EMPTY : cur_bytes(c, n);
}

static char *get_cstr(struct cur *c)
{
    bool absent;
    struct slice s = get_text(c, &absent);
    return absent || c->bad ? NULL : mem_dup(s.p, s.n);
}

static int unpack_source(struct bundle *b, struct slice payload)
{
    struct cur c = cur_of(payload);
    bool absent;
    b->path = get_cstr(&c);
    struct slice text = get_text(&c, &absent);
    char *copy = mem_dup(text.p, text.n);
    if (!copy)
        return ERR_NOMEM;
    b->text = slice_of(copy, text.n);
    size_t nwords = cur_u8(&c), nsettings = cur_u8(&c);
    while (!c.bad && b->nwords < nwords && (b->words[b->nwords] = get_cstr(&c)))
        b->nwords++;
    while (!c.bad && b->nsettings < nsettings) {
        char **pair = b->settings[b->nsettings++];
        pair[0] = get_cstr(&c);
        pair[1] = get_cstr(&c);
        if (!pair[0] || !pair[1])
            return ERR_NOMEM;
    }
    if (!b->path)
        drop_bytes(&b->text); /* no file: conf_load wants no text either */
    return c.bad ? ERR_SYNTAX : b->nwords < nwords ? ERR_NOMEM : OK;
}

static int unpack_file(struct bundle *b, struct slice payload)
{
    struct cur c = cur_of(payload);
    bool absent;
    struct slice path = get_text(&c, &absent);
    return c.bad ? ERR_SYNTAX : bundle_put(b, path, cur_bytes(&c, cur_left(&c)));
}

static int unpack_root(struct bundle *b, struct slice path, int *fds, size_t nfds)
{
    struct bundle_item *it = nfds == 1 ? append(b, path) : NULL;
    if (!it)
        return nfds == 1 ? ERR_NOMEM : ERR_SYNTAX;
    it->fd = fds[0];
    fds[0] = -1; /* kept: the channel closes the others */
    return OK;
}

int bundle_receive(struct bundle **partial, unsigned message, struct slice payload, int *fds,
                   size_t nfds)
{
    int r = OK;
    if (message == BUNDLE_SOURCE) {
        bundle_unref(*partial);
        *partial = bundle_make();
    }
    struct bundle *b = *partial;
    if (!b)
        r = message == BUNDLE_SOURCE ? ERR_NOMEM : ERR_SYNTAX;
    else if (message == BUNDLE_SOURCE)
        r = unpack_source(b, payload);
    else if (message == BUNDLE_FILE)
        r = unpack_file(b, payload);
    else if (message == BUNDLE_ROOT)
        r = unpack_root(b, payload, fds, nfds);
    else
        b->complete = true;
    if (!r)
        return b->complete ? OK : ERR_AGAIN;
    bundle_unref(b);
    *partial = NULL;
    return r;
}
