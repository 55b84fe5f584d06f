/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The core of reading: maps by scope, defaults, complaints. One table leads from a type to the
 * function that reads it. */
#include "conf/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/action.h"
#include "conf/reader_site.h"
#include "conf/scalar.h"
#include "conf/series.h"

#define SHOWN_BYTES 60 /* of a word in a message: peers of the file may be hostile to terminals */

struct reader_word reader_word(struct slice s)
{
    struct reader_word w;
    text_escape(slice_first(s, SHOWN_BYTES), w.text, sizeof(w.text) - 3);
    if (s.n > SHOWN_BYTES)
        memcpy(w.text + strlen(w.text), "...", 4);
    return w;
}

struct fault *reader_fault(struct reader *rd, const struct node *n, const char *fmt, ...)
{
    static struct fault beyond; /* written, never read */
    struct conf_faults *all = rd->faults;
    if (all->count == CONF_FAULTS_MAX)
        all->not_shown++;
    struct fault *f = all->count < CONF_FAULTS_MAX ? &all->list[all->count++] : &beyond;
    char what[sizeof(f->what)];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    fault_set(f, ERR_CONFIG, "%s", what);
    node_place(n, f);
    return f;
}

static void list_words(struct fault *f, const char *const *words, size_t count)
{
    char text[sizeof(f->next)];
    size_t n = 0;
    for (size_t i = 0; i < count && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "", words[i]);
    fault_next(f, "known here: %s", text);
}

int reader_unknown(struct reader *rd, const struct node *n, const char *what,
                   const char *const *words, size_t count)
{
    const char *near = text_nearest(n->text, words, count);
    struct fault *f =
        near ? reader_fault(rd, n, "unknown %s \"%s\"; did you mean \"%s\"?", what,
                            reader_word(n->text).text, near)
             : reader_fault(rd, n, "unknown %s \"%s\"", what, reader_word(n->text).text);
    if (!near)
        list_words(f, words, count);
    return ERR_CONFIG;
}

int reader_mismatch(struct reader *rd, const struct directive *d, const struct node *n)
{
    reader_fault(rd, n, "\"%s\" takes %s, not %s", d->name, directive_takes(d), node_what(n));
    return ERR_CONFIG;
}

int reader_scalar(struct reader *rd, const struct directive *d, const struct node *n,
                  struct slice *ret)
{
    if (n->kind != NODE_SCALAR || n->text.n == 0)
        return reader_mismatch(rd, d, n);
    *ret = n->text;
    return OK;
}

int reader_copy(struct reader *rd, struct slice s, struct slice *ret)
{
    char *p = arena_cstr(rd->arena, s);
    if (!p)
        return ERR_NOMEM;
    *ret = slice_of(p, s.n);
    return OK;
}

int reader_place(struct reader *rd, const struct node *n, struct conf_place *ret)
{
    *ret = (struct conf_place){.line = n->origin->is_file ? n->line : 0, .column = n->column};
    return reader_copy(rd, n->origin->name, &ret->file);
}

/* Every list of conf.h begins like this. */
struct any_list {
    const void *items;
    size_t count;
};

int reader_list(struct reader *rd, const struct directive *d, const struct node *n,
                reader_type *read_item, size_t item_size, void *field)
{
    if (n->kind == NODE_MAP)
        return reader_mismatch(rd, d, n);
    size_t count = n->kind == NODE_LIST ? n->count : 1;
    if (count == 0) {
        fault_next(reader_fault(rd, n, "\"%s\" is an empty list", d->name),
                   "leave the directive out to get its default");
        return ERR_CONFIG;
    }
    uint8_t *items = arena_zalloc(rd->arena, count * item_size);
    if (!items)
        return ERR_NOMEM;
    int worst = OK;
    const struct node *item = n->kind == NODE_LIST ? n->first : n;
    for (size_t i = 0; i < count; i++, item = item->next) {
        int r = read_item(rd, d, item, items + i * item_size);
        if (r == ERR_NOMEM)
            return r;
        worst = r ? r : worst;
    }
    struct any_list list = {items, count};
    memcpy(field, &list, sizeof(list));
    return worst;
}

static int read_block(struct reader *rd, const struct directive *d, const struct node *n,
                      void *field)
{
    return n->kind == NODE_MAP ? reader_map(rd, d->block, n, field) : reader_mismatch(rd, d, n);
}

static reader_type *const types[TYPE_COUNT_OF] = {
    [TYPE_BOOL] = scalar_bool,
    [TYPE_COUNT] = scalar_count,
    [TYPE_BYTES] = scalar_bytes,
    [TYPE_MS] = scalar_ms,
    [TYPE_USER] = scalar_user,
    [TYPE_PATH] = scalar_path,
    [TYPE_WORD] = scalar_choice,
    [TYPE_EMAIL] = scalar_email,
    [TYPE_HOST] = scalar_host,
    [TYPE_URL_PATH] = scalar_url_path,
    [TYPE_FIELD_VALUE] = scalar_field_value,
    [TYPE_BODY] = scalar_body,
    [TYPE_SINK] = scalar_sink,
    [TYPE_ADDRESS] = scalar_address,
    [TYPE_STATUS_RANGE] = scalar_status_range,
    [TYPE_REDIRECT_STATUS] = scalar_redirect_status,
    [TYPE_REDIRECT_URL] = action_redirect_url,
    [TYPE_IPS] = series_ips,
    [TYPE_CIDRS] = series_cidrs,
    [TYPE_NAMES] = reader_site_names,
    [TYPE_FILE_NAMES] = series_file_names,
    [TYPE_FIELD_NAMES] = series_field_names,
    [TYPE_FIELDS] = series_fields,
    [TYPE_ACME_URL] = series_acme_one,
    [TYPE_ACME_URLS] = series_acme_urls,
    [TYPE_WORDS] = series_words,
    [TYPE_ADDRESSES] = series_addresses,
    [TYPE_ASK_URL] = scalar_ask_url,
    [TYPE_SUFFIXES] = series_suffixes,
    [TYPE_UPSTREAMS] = action_upstreams,
    [TYPE_BLOCK] = read_block,
    [TYPE_HSTS] = action_hsts,
    [TYPE_PROXY] = action_proxy,
    [TYPE_REDIRECT] = action_redirect,
    [TYPE_RESPOND] = action_respond,
    [TYPE_RETURN] = action_return,
    [TYPE_CERTS] = reader_site_certs,
    [TYPE_ROUTES] = reader_site_routes,
    [TYPE_SITES] = reader_site_map,
};

int reader_value(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    return types[d->type](rd, d, n, field);
}

static int read_fallback(struct reader *rd, const struct directive *d, void *field)
{
    static const struct node_origin origin = {.name = {(const uint8_t *)"directive.def", 13},
                                              .is_file = false};
    if (d->type == TYPE_BLOCK)
        return reader_fresh(rd, d->block, field);
    if (d->fallback[0] == 0 || d->fallback[0] == DIRECTIVE_INHERITS)
        return OK;
    struct node_origin *own = arena_alloc(rd->tree, sizeof(*own));
    struct node *n;
    struct fault f;
    if (!own)
        return ERR_NOMEM;
    *own = origin;
    own->text = slice_cstr(d->fallback);
    int r = node_parse(rd->tree, own, &n, &f);
    return r ? r : reader_value(rd, d, n, field);
}

static int make_fresh(struct reader *rd, enum directive_scope scope, uint8_t *base)
{
    for (; scope != SCOPE_NONE; scope = directive_scope_info(scope)->also) {
        const struct directive_scope_info *info = directive_scope_info(scope);
        for (size_t i = 0; i < info->count; i++) {
            int r = read_fallback(rd, &info->rows[i], base + info->rows[i].offset);
            if (r)
                return r;
        }
        base += info->also_offset;
    }
    return OK;
}

int reader_fresh(struct reader *rd, enum directive_scope scope, void *dst)
{
    size_t size = directive_scope_info(scope)->size;
    if (!rd->fresh[scope]) {
        void *base = arena_zalloc(rd->arena, size);
        int r = base ? make_fresh(rd, scope, base) : ERR_NOMEM;
        if (r)
            return r;
        rd->fresh[scope] = base;
    }
    memcpy(dst, rd->fresh[scope], size);
    return OK;
}

void reader_inherit(enum directive_scope scope, void *dst, const void *src)
{
    const struct directive_scope_info *info = directive_scope_info(scope);
    uint64_t set;
    memcpy(&set, dst, sizeof(set));
    for (size_t i = 0; i < info->count; i++) {
        const struct directive *d = &info->rows[i];
        if (!(set & directive_bit(d)))
            memcpy((uint8_t *)dst + d->offset, (const uint8_t *)src + d->offset, d->size);
    }
}

/* The keys of one map, sorted into the rows of the table. */
struct keys {
    const struct directive *rows[DIRECTIVE_ROWS_MAX];
    size_t offsets[DIRECTIVE_ROWS_MAX];
    const struct node *nodes[DIRECTIVE_ROWS_MAX];
    size_t count;
};

static int unknown_key(struct reader *rd, enum directive_scope scope, const struct node *key)
{
    size_t offset;
    for (enum directive_scope other = 0; other < SCOPE_COUNT; other++) {
        if (!directive_find(other, key->text, &offset))
            continue;
        const char *place = directive_scope_info(other)->place;
        fault_next(reader_fault(rd, key, "unknown directive \"%s\"", reader_word(key->text).text),
                   place[0] ? "it belongs in %s" : "it belongs to the top of the file%s", place);
        return ERR_CONFIG;
    }
    const char *words[DIRECTIVE_ROWS_MAX];
    return reader_unknown(rd, key, "directive", words, directive_names(scope, words));
}

static int sort_key(struct reader *rd, enum directive_scope scope, const struct node *key,
                    struct keys *keys)
{
    size_t offset;
    const struct directive *d = directive_find(scope, key->text, &offset);
    if (!d)
        return unknown_key(rd, scope, key);
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->rows[i] != d)
            continue;
        reader_fault(rd, key, "\"%s\" is given twice; first on line %u", d->name,
                     keys->nodes[i]->line);
        return ERR_CONFIG;
    }
    keys->rows[keys->count] = d;
    keys->offsets[keys->count] = offset;
    keys->nodes[keys->count++] = key;
    return OK;
}

static int read_key(struct reader *rd, const struct directive *d, const struct node *key,
                    uint8_t *base)
{
    int r = reader_value(rd, d, key->value, base + d->offset);
    uint64_t set;
    memcpy(&set, base, sizeof(set));
    set |= directive_bit(d);
    memcpy(base, &set, sizeof(set));
    return r;
}

int reader_map(struct reader *rd, enum directive_scope scope, const struct node *n, void *base)
{
    struct keys keys = {.count = 0};
    int worst = OK;
    for (const struct node *key = n->first; key; key = key->next)
        if (sort_key(rd, scope, key, &keys))
            worst = ERR_CONFIG;
    /* Sites come last in the file's scope: they take over what the others say. */
    for (int sites = 0; sites < 2; sites++) {
        for (size_t i = 0; i < keys.count; i++) {
            if ((keys.rows[i]->type == TYPE_SITES) != sites)
                continue;
            int r = read_key(rd, keys.rows[i], keys.nodes[i], (uint8_t *)base + keys.offsets[i]);
            if (r == ERR_NOMEM)
                return r;
            worst = r ? r : worst;
        }
    }
    return worst;
}
