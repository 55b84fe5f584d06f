/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Sites: one name for each, one action for each, and what a route takes over from its site and a
 * site from the server. */
#include "conf/reader_site.h"

#include <stdio.h>

#include "base/num.h"
#include "conf/conf_show.h"

/* ---- names ---- */

static int refuse_second(struct reader *rd, const struct node *n, struct slice name,
                         const struct conf_place *first)
{
    struct reader_word word = reader_word(name);
    if (first->line == 0)
        reader_fault(rd, n, "\"%s\" is configured twice; first on the command line", word.text);
    else if (n->origin->is_file)
        reader_fault(rd, n, "\"%s\" is configured twice; first on line %u", word.text, first->line);
    else
        reader_fault(rd, n, "\"%s\" is configured twice; first in " SLICE_F " on line %u",
                     word.text, SLICE_A(first->file), first->line);
    return ERR_CONFIG;
}

/* The normal form of the name at n, which no other site or alias may have. */
static int read_name(struct reader *rd, const struct node *n, struct slice *ret,
                     enum conf_name_kind *kind)
{
    char normal[256];
    struct slice name;
    const char *why;
    if (conf_site_normal(n->text, normal, &name, kind, &why)) {
        reader_fault(rd, n, "\"%s\" is not a host name: %s", reader_word(n->text).text, why);
        return ERR_CONFIG;
    }
    const struct conf_place *first = map_get(&rd->names, name);
    if (first)
        return refuse_second(rd, n, name, first);
    struct conf_place *place = arena_alloc(rd->arena, sizeof(*place));
    int r = place ? reader_place(rd, n, place) : ERR_NOMEM;
    r = r ? r : reader_copy(rd, name, ret);
    return r ? r : map_put(&rd->names, name, place);
}

static int read_alias(struct reader *rd, const struct directive *d, const struct node *n,
                      void *field)
{
    struct slice s;
    enum conf_name_kind kind;
    int r = reader_scalar(rd, d, n, &s);
    return r ? r : read_name(rd, n, field, &kind);
}

int reader_site_names(struct reader *rd, const struct directive *d, const struct node *n,
                      void *field)
{
    return reader_list(rd, d, n, read_alias, sizeof(struct slice), field);
}

/* ---- certificates ---- */

static int check_pair(struct reader *rd, const struct node *n, const struct slice *cert,
                      const struct slice *key)
{
    if (cert->n && key->n)
        return OK;
    const char *have = cert->n ? "cert" : "key", *lack = cert->n ? "key" : "cert";
    if (!cert->n && !key->n)
        reader_fault(rd, n, "a certificate needs cert and key");
    else
        reader_fault(rd, n, "\"%s\" needs \"%s\" beside it", have, lack);
    return ERR_CONFIG;
}

static int read_cert(struct reader *rd, const struct directive *d, const struct node *n,
                     void *field)
{
    struct conf_cert *c = field;
    if (n->kind != NODE_MAP)
        return reader_mismatch(rd, d, n);
    int r = reader_map(rd, SCOPE_CERT, n, c);
    return r ? r : check_pair(rd, n, &c->cert, &c->key);
}

int reader_site_certs(struct reader *rd, const struct directive *d, const struct node *n,
                      void *field)
{
    return reader_list(rd, d, n, read_cert, sizeof(struct conf_cert), field);
}

static int finish_tls(struct reader *rd, const struct node *map, struct conf_site_tls *tls)
{
    const struct node *key = node_key(map, "tls");
    if (!key)
        return OK;
    if (tls->certs.count && (tls->cert.n || tls->key.n)) {
        reader_fault(rd, key, "\"tls\" has either cert and key, or certs");
        return ERR_CONFIG;
    }
    if (tls->certs.count)
        return OK;
    int r = check_pair(rd, key, &tls->cert, &tls->key);
    if (r)
        return r;
    struct conf_cert *c = arena_zalloc(rd->arena, sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    *c = (struct conf_cert){.cert = tls->cert, .key = tls->key};
    tls->certs = (struct conf_certs){c, 1};
    return OK;
}

/* ---- actions ---- */

static const struct {
    const char *name;
    enum conf_action action;
} actions[] = {
    {"root", CONF_FILES},      {"proxy", CONF_PROXY},    {"redirect", CONF_REDIRECT},
    {"respond", CONF_RESPOND}, {"return", CONF_RESPOND}, {"routes", CONF_ACTION_NONE},
};

/* Which one action the map n names; `what` is "site" or "route", placed at `at`. */
static int find_action(struct reader *rd, const struct node *at, const struct node *n,
                       const char *what, enum conf_action *ret)
{
    const struct node *first = NULL;
    size_t known = what[0] == 's' ? ARRAY_LEN(actions) : ARRAY_LEN(actions) - 1;
    for (const struct node *key = n->first; key; key = key->next) {
        for (size_t i = 0; i < known; i++) {
            if (!slice_eq(key->text, slice_cstr(actions[i].name)))
                continue;
            if (first) {
                fault_next(reader_fault(rd, key, "\"%s\" and \"%s\" (line %u) exclude each other",
                                        actions[i].name, reader_word(first->text).text,
                                        first->line),
                           "a %s does one thing; a site with routes does several", what);
                return ERR_CONFIG;
            }
            first = key;
            *ret = actions[i].action;
        }
    }
    if (first)
        return OK;
    fault_next(reader_fault(rd, at, "this %s does nothing", what),
               "give it one of root, proxy, redirect, respond, return%s",
               what[0] == 's' ? ", routes" : "");
    return ERR_CONFIG;
}

/* Options that mean nothing for the action are slips, not decoration. */
static int check_options(struct reader *rd, const struct node *n, enum conf_action action)
{
    const struct directive_scope_info *files = directive_scope_info(SCOPE_FILES);
    int worst = OK;
    for (size_t i = 0; action != CONF_FILES && i < files->count; i++) {
        const struct node *key = node_key(n, files->rows[i].name);
        if (!key)
            continue;
        reader_fault(rd, key, "\"%s\" needs \"root\" beside it", files->rows[i].name);
        worst = ERR_CONFIG;
    }
    const struct node *strip = node_key(n, "strip_prefix");
    if (strip && action != CONF_FILES && action != CONF_PROXY) {
        reader_fault(rd, strip, "\"strip_prefix\" applies to root and proxy only");
        worst = ERR_CONFIG;
    }
    return worst;
}

/* ---- routes ---- */

static bool covers(struct slice prefix, struct slice path)
{
    if (prefix.n == 1)
        return true;
    return slice_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

static int read_route(struct reader *rd, const struct directive *d, const struct node *n,
                      void *field)
{
    struct conf_route *route = field;
    if (n->kind != NODE_MAP)
        return reader_mismatch(rd, d, n);
    int r = reader_fresh(rd, SCOPE_ROUTE, route);
    r = r ? r : reader_place(rd, n, &route->place);
    r = r ? r : reader_map(rd, SCOPE_ROUTE, n, route);
    if (r)
        return r;
    if (route->path.n == 0) {
        fault_next(reader_fault(rd, n, "this route has no path"), "path: / matches everything");
        return ERR_CONFIG;
    }
    if (route->path.n > 1 && route->path.p[route->path.n - 1] == '/') {
        struct slice shorter = slice_first(route->path, route->path.n - 1);
        if ((r = reader_copy(rd, shorter, &route->path)))
            return r;
    }
    r = find_action(rd, n, n, "route", &route->action);
    return r ? r : check_options(rd, n, route->action);
}

int reader_site_routes(struct reader *rd, const struct directive *d, const struct node *n,
                       void *field)
{
    struct conf_routes {
        const struct conf_route *items;
        size_t count;
    } *list = field;
    if (n->kind != NODE_LIST)
        return reader_mismatch(rd, d, n);
    int r = reader_list(rd, d, n, read_route, sizeof(struct conf_route), field);
    if (r)
        return r;
    const struct node *item = n->first;
    for (size_t i = 0; i < list->count; i++, item = item->next) {
        for (size_t k = 0; k < i; k++) {
            if (!covers(list->items[k].path, list->items[i].path))
                continue;
            fault_next(reader_fault(rd, item,
                                    "this route is never reached: \"%s\" on line %u "
                                    "matches first",
                                    reader_word(list->items[k].path).text,
                                    list->items[k].place.line),
                       "the first match wins: put the longer path first");
            return ERR_CONFIG;
        }
    }
    return OK;
}

/* ---- what is taken over ---- */

static struct conf_header_step *add_steps(struct conf_header_step *at, const struct conf_headers *h)
{
    for (size_t i = 0; i < h->remove.count; i++)
        *at++ = (struct conf_header_step){CONF_HEADER_REMOVE, h->remove.items[i], SLICE_EMPTY};
    for (size_t i = 0; i < h->set_fields.count; i++)
        *at++ = (struct conf_header_step){CONF_HEADER_SET, h->set_fields.items[i].name,
                                          h->set_fields.items[i].value};
    for (size_t i = 0; i < h->add_fields.count; i++)
        *at++ = (struct conf_header_step){CONF_HEADER_ADD, h->add_fields.items[i].name,
                                          h->add_fields.items[i].value};
    return at;
}

static size_t count_steps(const struct conf_headers *h)
{
    return h->remove.count + h->set_fields.count + h->add_fields.count;
}

static int join_headers(struct reader *rd, const struct conf_site *site, bool implicit,
                        struct conf_route *route)
{
    const struct conf_headers *server = &rd->conf->headers, *own = &route->headers;
    size_t n =
        count_steps(server) + count_steps(own) + (implicit ? 0 : count_steps(&site->all.headers));
    struct conf_header_step *steps = arena_alloc(rd->arena, (n + 1) * sizeof(*steps));
    if (!steps)
        return ERR_NOMEM;
    struct conf_header_step *at = add_steps(steps, server);
    if (!implicit)
        at = add_steps(at, &site->all.headers);
    add_steps(at, own);
    route->header_steps = steps;
    route->nheader_steps = n;
    return OK;
}

static bool is_set(const struct conf_route *route, const char *name)
{
    size_t offset;
    return route->set & directive_bit(directive_find(SCOPE_RULE, slice_cstr(name), &offset));
}

/* The path behind https://NAME or https://NAME:PORT of this very site; empty when `to` leads to
 * another one. */
static struct slice own_path(const struct conf *conf, const struct conf_site *site, struct slice to)
{
    if (to.p[0] == '/')
        return to;
    if (!slice_starts(to, SLICE("https://")))
        return SLICE_EMPTY;
    to = slice_from(to, 8);
    struct slice host = slice_first(to, slice_find(to, '/')), path = slice_from(to, host.n);
    size_t colon = slice_find(host, ':');
    uint64_t port = 443;
    if (colon < host.n && num_parse_u64(slice_from(host, colon + 1), 1, 65535, &port))
        return SLICE_EMPTY;
    if (port != conf->https_port || !slice_eq_nocase(slice_first(host, colon), site->name))
        return SLICE_EMPTY;
    return path.n ? path : SLICE("/");
}

/* A target on the same site that leads back to the same route never ends. */
static int check_loop(struct reader *rd, const struct node *at, const struct conf_site *site,
                      size_t i)
{
    const struct conf_route *route = &site->routes[i];
    if (route->action != CONF_REDIRECT)
        return OK;
    struct slice to = own_path(rd->conf, site, route->redirect.to);
    to = slice_first(to, slice_find(to, '?'));
    if (to.n == 1 && route->redirect.keep_path)
        to = route->path;
    for (size_t k = 0; to.n && k < site->nroutes; k++) {
        if (!covers(site->routes[k].path, to))
            continue;
        if (k != i)
            return OK;
        fault_next(reader_fault(rd, at, "this redirect leads back to itself: \"%s\"",
                                reader_word(route->redirect.to).text),
                   "put a route for the target before it, or redirect to another host");
        return ERR_CONFIG;
    }
    return OK;
}

static int finish_routes(struct reader *rd, struct conf_site *site, const struct node *key)
{
    const struct node *list = node_key(key->value, "routes");
    struct conf_route *routes = (struct conf_route *)(uintptr_t)site->routes;
    if (!list) {
        routes = arena_alloc(rd->arena, sizeof(*routes));
        if (!routes)
            return ERR_NOMEM;
        *routes = site->all;
        routes->path = SLICE("/");
        site->routes = routes;
        site->nroutes = 1;
    }
    const struct node *item = list ? list->value->first : NULL;
    for (size_t i = 0; i < site->nroutes; i++) {
        reader_inherit(SCOPE_FILES, &routes[i].files, &site->all.files);
        if (!is_set(&routes[i], "body_bytes"))
            routes[i].body_bytes = site->all.body_bytes;
        if (routes[i].action == CONF_PROXY)
            routes[i].proxy.digest = conf_show_digest(SCOPE_PROXY, &routes[i].proxy);
        int r = join_headers(rd, site, !list, &routes[i]);
        r = r ? r : check_loop(rd, item ? item : key, site, i);
        if (r)
            return r;
        item = item ? item->next : NULL;
    }
    return OK;
}

static int read_site(struct reader *rd, const struct node *key, struct conf_site *site)
{
    const struct node *n = key->value;
    int name_r = read_name(rd, key, &site->name, &site->kind);
    if (name_r == ERR_NOMEM)
        return name_r;
    if (n->kind != NODE_MAP) {
        fault_next(reader_fault(rd, n, "a site is a map, not %s", node_what(n)),
                   "write it like %s: {root: /srv/www}", reader_word(key->text).text);
        return ERR_CONFIG;
    }
    int r = reader_map(rd, SCOPE_SITE, n, site);
    if (r)
        return r;
    r = find_action(rd, key, n, "site", &site->all.action);
    if (!r && site->all.action != CONF_ACTION_NONE)
        r = check_options(rd, n, site->all.action);
    r = r ? r : finish_tls(rd, n, &site->tls);
    if (r || name_r)
        return r ? r : name_r;
    site->local = conf_site_is_local(site->name);
    if (!node_key(n, "hsts")) {
        site->hsts = rd->conf->hsts;
        site->hsts.set = 0;
    }
    if (!is_set(&site->all, "body_bytes"))
        site->all.body_bytes = rd->conf->limits.body_bytes;
    return finish_routes(rd, site, key);
}

int reader_site_add(struct reader *rd, const struct node *key)
{
    struct reader_site *link = arena_zalloc(rd->tree, sizeof(*link));
    if (!link)
        return ERR_NOMEM;
    link->key = key;
    int r = reader_fresh(rd, SCOPE_SITE, &link->site);
    r = r ? r : reader_place(rd, key, &link->site.place);
    link->site.all.place = link->site.place;
    r = r ? r : read_site(rd, key, &link->site);
    if (r)
        return r;
    if (rd->last_site)
        rd->last_site->next = link;
    else
        rd->sites = link;
    rd->last_site = link;
    rd->nsites++;
    return OK;
}

int reader_site_map(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    (void)field;
    if (n->kind != NODE_MAP)
        return reader_mismatch(rd, d, n);
    int worst = OK;
    for (const struct node *key = n->first; key; key = key->next) {
        int r = reader_site_add(rd, key);
        if (r == ERR_NOMEM)
            return r;
        worst = r ? r : worst;
    }
    return worst;
}

int reader_site_finish(struct reader *rd)
{
    struct conf_site *sites = arena_alloc(rd->arena, (rd->nsites + 1) * sizeof(*sites));
    if (!sites)
        return ERR_NOMEM;
    size_t i = 0;
    for (const struct reader_site *link = rd->sites; link; link = link->next)
        sites[i++] = link->site;
    rd->conf->sites = sites;
    rd->conf->nsites = i;
    return OK;
}
