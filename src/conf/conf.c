/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One load from beginning to end: file, options, words, rules between directives. */
#include "conf/conf.h"

#include "base/mem.h"
#include "conf/action.h"
#include "conf/conf_acme.h"
#include "conf/conf_word.h"
#include "conf/reader.h"
#include "conf/reader_site.h"

/* A configuration is the owner's, but a generator gone wild must not take the machine with it. */
#define ARENA_MAX_BYTES ((size_t)512 << 20)

struct load {
    const struct conf_source *src;
    struct reader rd;
    struct node_origin file;
    struct node *root; /* NULL: no file, or an empty one */
};

static int read_file(struct load *l)
{
    struct conf_faults *all = l->rd.faults;
    l->file = (struct node_origin){slice_cstr(l->src->file), l->src->text, true};
    int r = reader_copy(&l->rd, l->file.name, &l->rd.conf->file);
    r = r ? r : node_parse(l->rd.tree, &l->file, &l->root, &all->list[0]);
    if (r == ERR_CONFIG)
        all->count = 1;
    if (r || !l->root)
        return r;
    if (l->root->kind == NODE_MAP)
        return reader_map(&l->rd, SCOPE_SERVER, l->root, l->rd.conf);
    fault_next(reader_fault(&l->rd, l->root, "a configuration is a map of directives, not %s",
                            node_what(l->root)),
               "begin with sites:");
    return ERR_CONFIG;
}

/* Options of the command line reach single values of the server only: nothing inherits those. */
static bool is_option(enum directive_type type)
{
    return type == TYPE_BOOL || type == TYPE_COUNT || type == TYPE_MS || type == TYPE_PATH ||
           type == TYPE_USER;
}

static int read_setting(struct load *l, const struct conf_setting *s)
{
    size_t offset;
    struct reader *rd = &l->rd;
    struct slice name = slice_cstr(s->name);
    const struct directive *d = directive_find(SCOPE_SERVER, name, &offset);
    struct node_origin *origin = arena_alloc(rd->tree, sizeof(*origin));
    int r = origin ? arena_printf(rd->tree, &name, "--%s", s->name) : ERR_NOMEM;
    if (r)
        return r;
    for (size_t i = 0; i < name.n; i++) /* options are spelt with '-' */
        if (name.p[i] == '_')
            ((uint8_t *)(uintptr_t)name.p)[i] = '-';
    *origin = (struct node_origin){name, slice_cstr(s->value), false};
    struct node *n = node_scalar(rd->tree, origin, origin->text, 1);
    if (!n)
        return ERR_NOMEM;
    if (!d || !is_option(d->type)) {
        reader_fault(rd, n, "there is no server directive \"%s\"", s->name);
        return ERR_CONFIG;
    }
    if ((r = reader_value(rd, d, n, (uint8_t *)rd->conf + d->offset)))
        return r;
    rd->conf->set |= directive_bit(d);
    return OK;
}

static const struct node *find(const struct load *l, const char *map, const char *name)
{
    const struct node *key = l->root ? node_key(l->root, map) : NULL;
    return key && name ? node_key(key->value, name) : key;
}

/* Rules between server directives. Places fall back to the top of the map when an option, not the
 * file, is at fault. */
static int check_server(struct load *l)
{
    const struct conf *conf = l->rd.conf;
    const struct node *port = find(l, "http_port", NULL), *line = find(l, "limits", "line_bytes");
    const struct node *header = find(l, "limits", "header_bytes");
    const struct node *upstream = find(l, "upstream", NULL);
    port = port ? port : find(l, "https_port", NULL);
    int r = OK;
    if (port && conf->https_port == conf->http_port && !conf->only_443) {
        fault_next(reader_fault(&l->rd, port, "https_port and http_port are both %u",
                                (unsigned)conf->https_port),
                   "use two ports, or only_443: true");
        r = ERR_CONFIG;
    }
    if (conf->limits.line_bytes > conf->limits.header_bytes && (line || header)) {
        reader_fault(&l->rd, line ? line : header,
                     "line_bytes (%llu) is more than header_bytes (%llu)",
                     (unsigned long long)conf->limits.line_bytes,
                     (unsigned long long)conf->limits.header_bytes);
        r = ERR_CONFIG;
    }
    if (upstream && upstream->value->kind == NODE_MAP &&
        action_check_proxy(&l->rd, upstream->value, &conf->upstream))
        r = ERR_CONFIG;
    int acme = conf_acme_resolve(&l->rd, l->root);
    return r ? r : acme;
}

static int nothing_to_serve(struct load *l)
{
    struct conf_faults *all = l->rd.faults;
    struct fault *f = &all->list[all->count++];
    int r = fault_set(f, ERR_CONFIG, "no site is configured");
    fault_at(f, l->src->file ? l->src->file : "command line", 0, 0);
    fault_next(f, "add one below sites:, or NAME=TARGET on the command line");
    return r;
}

/* Every part is read even when an earlier one is wrong, so that one run shows all errors. */
static int read_all(struct load *l)
{
    const struct conf_source *src = l->src;
    int worst = reader_fresh(&l->rd, SCOPE_SERVER, l->rd.conf);
    if (worst)
        return worst;
    if (src->file)
        worst = read_file(l);
    for (size_t i = 0; worst != ERR_NOMEM && i < src->nsettings; i++) {
        int r = read_setting(l, &src->settings[i]);
        worst = r ? r : worst;
    }
    if (worst == OK)
        worst = check_server(l);
    for (size_t i = 0; worst != ERR_NOMEM && i < src->nwords; i++) {
        int r = conf_word_site(&l->rd, slice_cstr(src->words[i]));
        worst = r ? r : worst;
    }
    if (worst)
        return worst;
    if (!l->rd.nsites)
        return nothing_to_serve(l);
    int r = conf_acme_check_sites(&l->rd);
    return r ? r : reader_site_finish(&l->rd);
}

/* Faults of one file in the order of its lines; those of the command line stay behind it. */
static void sort_faults(struct conf_faults *all)
{
    for (size_t i = 1; i < all->count; i++) {
        for (size_t k = i; k > 0; k--) {
            struct fault *a = &all->list[k - 1], *b = &all->list[k];
            bool swap = a->line > 0 && b->line > 0 &&
                        (b->line < a->line || (b->line == a->line && b->column < a->column));
            if (!swap)
                break;
            struct fault tmp = *a;
            *a = *b;
            *b = tmp;
        }
    }
}

int conf_load(const struct conf_source *src, struct conf **ret, struct conf_faults *faults)
{
    struct arena arena, tree;
    struct load l = {.src = src, .rd = {.arena = &arena, .tree = &tree, .faults = faults}};
    struct conf *conf = mem_alloc(sizeof(*conf));
    if (!conf)
        return ERR_NOMEM;
    faults->count = faults->not_shown = 0;
    arena_init(&arena, ARENA_MAX_BYTES);
    arena_init(&tree, ARENA_MAX_BYTES);
    map_init(&l.rd.names);
    l.rd.conf = conf;
    int r = read_all(&l);
    map_done(&l.rd.names);
    arena_done(&tree);
    conf->arena = arena;
    sort_faults(faults);
    if (r) {
        conf_free(conf);
        return r;
    }
    *ret = conf;
    return OK;
}

void conf_free(struct conf *conf)
{
    if (!conf)
        return;
    arena_done(&conf->arena);
    mem_free(conf);
}
