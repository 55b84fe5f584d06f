/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Listings: names are peers' bytes as much as anything (whoever may upload chooses them), so they
 * are escaped for HTML and for links. */
#include "serve/filelisting.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "os/file.h"
#include "serve/filerep.h"
#include "serve/reply.h"

#define NAMES_MAX   4000                /* attack: a directory that fills memory for each visit */
#define NAMES_BYTES (4u * 1024 * 1024)  /* the same */
#define PAGE_BYTES  (10u * 1024 * 1024) /* NAMES_MAX rows of long escaped names */

struct entry {
    const char *name;
    uint64_t size_bytes;
    int64_t modified_s;
    bool is_dir;
};

struct listing {
    const struct route *route;
    const char *path;
    struct arena arena;
    struct entry *entries;
    size_t count;
    bool more;
};

/* State of the exchange that sends it. */
struct page {
    struct buf html;
};

/* ---- reading ---- */

/* A symbolic link counts as what it leads to, when that lies beneath the root. */
static bool follow(const struct listing *l, const char *name, struct file_info *info)
{
    char path[FILEREP_PATH_BYTES];
    if (info->is_dir || info->is_regular)
        return true;
    int n = snprintf(path, sizeof(path), "%s/%s", l->path, name);
    return n > 0 && (size_t)n < sizeof(path) &&
           file_stat_beneath(l->route->root_fd, path, info) == OK &&
           (info->is_dir || info->is_regular);
}

static int on_entry(void *ctx, const char *name, const struct file_info *info)
{
    struct listing *l = ctx;
    struct file_info target = *info;
    if (name[0] == '.' || !follow(l, name, &target))
        return OK;
    char *copy = l->count < NAMES_MAX ? arena_cstr(&l->arena, slice_cstr(name)) : NULL;
    if (!copy) {
        l->more = true;
        return ERR_CAP;
    }
    l->entries[l->count++] = (struct entry){.name = copy,
                                            .size_bytes = target.size_bytes,
                                            .modified_s = target.mtime_ns / 1000000000,
                                            .is_dir = target.is_dir};
    return OK;
}

static int compare(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    if (left->is_dir != right->is_dir)
        return left->is_dir ? -1 : 1;
    return strcmp(left->name, right->name);
}

static int read_names(struct listing *l)
{
    int fd, r = file_open_beneath(l->route->root_fd, l->path, &fd, NULL);
    if (r)
        return r;
    l->entries = arena_alloc(&l->arena, NAMES_MAX * sizeof(*l->entries));
    r = l->entries ? file_list(fd, on_entry, l) : ERR_NOMEM;
    file_close(fd);
    if (r && !l->more)
        return r;
    qsort(l->entries, l->count, sizeof(*l->entries), compare);
    return OK;
}

/* ---- writing ---- */

static int put_html(struct buf *b, struct slice s)
{
    int r = OK;
    for (size_t i = 0; !r && i < s.n; i++) {
        uint8_t ch = s.p[i];
        if (ch == '&' || ch == '<' || ch == '>' || ch == '"' || ch == '\'')
            r = buf_printf(b, "&#%u;", ch);
        else if (ch < 0x20 || ch == 0x7f)
            r = buf_add(b, SLICE("\xef\xbf\xbd"));
        else
            r = buf_add(b, slice_of(&ch, 1));
    }
    return r;
}

/* "./" in front: a name with a colon is no scheme. */
static int put_link(struct buf *b, struct slice name)
{
    int r = buf_add(b, SLICE("./"));
    for (size_t i = 0; !r && i < name.n; i++) {
        uint8_t ch = name.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || memchr("-._~", ch, 4) != NULL;
        r = plain ? buf_add(b, slice_of(&ch, 1)) : buf_printf(b, "%%%02X", ch);
    }
    return r;
}

static int put_size(struct buf *b, uint64_t bytes)
{
    static const char *const units[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    if (bytes < 1024)
        return buf_printf(b, "%llu B", (unsigned long long)bytes);
    uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
    for (; tenths >= 10240; unit++)
        tenths /= 1024;
    return buf_printf(b, "%llu.%llu %s", (unsigned long long)(tenths / 10),
                      (unsigned long long)(tenths % 10), units[unit]);
}

static int put_row(struct buf *b, const struct entry *e)
{
    struct slice name = slice_cstr(e->name);
    const char *slash = e->is_dir ? "/" : "";
    struct date d;
    date_split(e->modified_s, &d);
    int r = buf_printf(b, "<tr><td><a%s href=\"", e->is_dir ? " class=\"d\"" : "");
    if (r || (r = put_link(b, name)) || (r = buf_printf(b, "%s\">", slash)) ||
        (r = put_html(b, name)) || (r = buf_printf(b, "%s</a><td>", slash)))
        return r;
    if (!e->is_dir && (r = put_size(b, e->size_bytes)))
        return r;
    return buf_printf(b, "<td>%04lld-%02u-%02u %02u:%02u\n", (long long)d.year, d.month, d.day,
                      d.hour, d.minute);
}

static int put_page(struct buf *b, const struct listing *l, struct slice title)
{
    int r = buf_add(b, SLICE("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
                             "<meta name=\"viewport\" content=\"width=device-width\"><title>"));
    if (r || (r = put_html(b, title)) ||
        (r = buf_add(b,
                     SLICE("</title><style>:root{color-scheme:light dark}"
                           "body{font:16px/1.5 system-ui,sans-serif;max-width:56em;margin:3em auto;"
                           "padding:0 1em}h1{font-size:1.3em;font-weight:600;word-break:break-all}"
                           "table{width:100%;border-collapse:collapse}"
                           "td{padding:.3em .5em;border-top:1px solid #8884;word-break:break-all}"
                           "td+td{text-align:right;white-space:nowrap;opacity:.7;"
                           "font-variant-numeric:tabular-nums}tr:hover td{background:#8881}"
                           "a{text-decoration:none}a:hover{text-decoration:underline}"
                           ".d{font-weight:600}</style><h1>"))) ||
        (r = put_html(b, title)) || (r = buf_add(b, SLICE("</h1><table>\n"))))
        return r;
    if (title.n > 1)
        r = buf_add(b, SLICE("<tr><td><a class=\"d\" href=\"../\">../</a><td><td>\n"));
    for (size_t i = 0; !r && i < l->count; i++)
        r = put_row(b, &l->entries[i]);
    if (!r)
        r = buf_add(b, SLICE("</table>\n"));
    if (!r && l->more)
        r = buf_printf(b, "<p>Only the first %zu names are shown.\n", l->count);
    return r;
}

/* ---- sending ---- */

static int pull(struct exchange *x, struct pull *p)
{
    struct page *page = serving_of(x)->state;
    struct slice rest = buf_slice(&page->html);
    p->n = rest.n < p->cap ? rest.n : p->cap;
    memcpy(p->dst, rest.p, p->n);
    p->end = p->n == rest.n;
    buf_consume(&page->html, p->n);
    return OK;
}

static void on_close(struct exchange *x, int r)
{
    struct page *page = serving_of(x)->state;
    (void)r;
    buf_done(&page->html);
}

static const struct action listing_action = {.name = "files", .pull = pull, .on_close = on_close};

static void send_page(struct exchange *x, struct page *page)
{
    struct serving *v = serving_of(x);
    struct reply a;
    v->state = page;
    v->action = &listing_action;
    reply_init(&a, x, 200, (int64_t)page->html.n);
    reply_token(&a, x, HDR_CONTENT_TYPE, SLICE("text/html; charset=utf-8"));
    reply_token(&a, x, HDR_CACHE_CONTROL, SLICE("no-cache"));
    (void)reply_send(&a, x);
}

int filelisting_serve(struct exchange *x, const char *path)
{
    struct listing l = {.route = serving_of(x)->route, .path = path};
    struct page *page = arena_zalloc(&x->arena, sizeof(*page));
    if (!page)
        return ERR_NOMEM;
    arena_init(&l.arena, NAMES_BYTES);
    buf_init(&page->html, PAGE_BYTES);
    int r = read_names(&l);
    if (!r)
        r = put_page(&page->html, &l, x->req.path);
    arena_done(&l.arena);
    if (r)
        buf_done(&page->html);
    else
        send_page(x, page);
    return r;
}
