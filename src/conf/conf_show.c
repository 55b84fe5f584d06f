/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `config show`: the tree of rows as YAML, every line that nobody wrote marked as such. */
#include "conf/conf_show.h"

#include "conf/reader.h"
#include "conf/show_value.h"

struct show {
    struct show_value out;
    struct reader *defaults; /* NULL: a digest, without marks */
    unsigned indent;
    bool dash; /* the next line begins an item of a list */
};

/* Defaults are compared as text, so two spellings of one value are one value. */
static bool is_fallback(struct show *s, const struct directive *d, const void *field)
{
    struct show_value a = {.digest = SHOW_VALUE_DIGEST}, b = {.digest = SHOW_VALUE_DIGEST};
    const uint8_t *fresh = s->defaults->fresh[d->scope];
    show_value_put(&a, d, field);
    show_value_put(&b, d, fresh + d->offset);
    return a.digest == b.digest;
}

static void begin(struct show *s, struct slice name)
{
    for (unsigned i = 0; i + (s->dash ? 1 : 0) < s->indent; i++)
        show_value_cstr(&s->out, "  ");
    if (s->dash)
        show_value_cstr(&s->out, "- ");
    s->dash = false;
    show_value_text(&s->out, name);
    show_value_cstr(&s->out, ":");
}

static void put_mark(struct show *s, const struct directive *d, const void *field)
{
    bool redirect = d->scope == SCOPE_REDIRECT; /* keep_path follows from `to` */
    bool inherits = d->fallback[0] == DIRECTIVE_INHERITS || !is_fallback(s, d, field);
    show_value_cstr(&s->out, inherits && !redirect ? "  # inherited" : "  # default");
}

static void put_block(struct show *s, enum directive_scope scope, const void *base);
static void put_routes(struct show *s, const struct conf_site *site);

/* tls is meaningless, and refused, beside upstreams without TLS. */
static bool is_moot(const struct directive *d, const void *base)
{
    const struct conf_proxy *p = base;
    if (d->type != TYPE_BLOCK || d->block != SCOPE_UPSTREAM_TLS || p->to.count == 0)
        return false;
    for (size_t i = 0; i < p->to.count; i++)
        if (p->to.items[i].scheme == CONF_HTTPS)
            return false;
    return true;
}

static void put_row(struct show *s, const struct directive *d, const void *base)
{
    const void *field = (const uint8_t *)base + d->offset;
    bool set = *(const uint64_t *)base & directive_bit(d);
    if (is_moot(d, base))
        return;
    if (show_value_empty(d, field)) {
        if (!s->defaults || s->dash)
            return;
        for (unsigned i = 0; i < s->indent; i++)
            show_value_cstr(&s->out, "  ");
        show_value_cstr(&s->out, "# ");
        show_value_cstr(&s->out, d->name);
        show_value_cstr(&s->out, ": not set\n");
        return;
    }
    begin(s, slice_cstr(d->name));
    if (show_value_inline(d, field)) {
        show_value_cstr(&s->out, " ");
        show_value_put(&s->out, d, field);
        if (s->defaults && !set)
            put_mark(s, d, field);
        show_value_cstr(&s->out, "\n");
        return;
    }
    show_value_cstr(&s->out, "\n");
    s->indent++;
    put_block(s, d->block, field);
    s->indent--;
}

/* ---- routes and sites ---- */

static bool is_chosen(const struct directive *d, const struct conf_route *route)
{
    switch ((int)d->type) {
    case TYPE_PROXY:
        return route->action == CONF_PROXY;
    case TYPE_REDIRECT:
        return route->action == CONF_REDIRECT;
    case TYPE_RESPOND:
        return route->action == CONF_RESPOND;
    case TYPE_RETURN:
        return false; /* shown as the respond that it stands for */
    default:
        return true;
    }
}

static bool is_written(const void *base, const struct directive *d)
{
    return *(const uint64_t *)base & directive_bit(d);
}

/* What a route does. For the site's own part of a site with routes only what was written counts. */
static void put_rule(struct show *s, const struct conf_route *route, bool written_only)
{
    const struct directive_scope_info *rule = directive_scope_info(SCOPE_RULE);
    const struct directive_scope_info *files = directive_scope_info(SCOPE_FILES);
    for (size_t i = 0; i < files->count; i++)
        if (written_only ? is_written(&route->files, &files->rows[i]) : route->action == CONF_FILES)
            put_row(s, &files->rows[i], &route->files);
    for (size_t i = 0; i < rule->count; i++)
        if (is_chosen(&rule->rows[i], route) &&
            (!written_only || is_written(route, &rule->rows[i])))
            put_row(s, &rule->rows[i], route);
}

static void put_route(struct show *s, const struct conf_route *route)
{
    const struct directive_scope_info *info = directive_scope_info(SCOPE_ROUTE);
    s->dash = true;
    for (size_t i = 0; i < info->count; i++)
        if (info->rows[i].type != TYPE_BOOL || route->action == CONF_FILES ||
            route->action == CONF_PROXY) /* strip_prefix is refused elsewhere */
            put_row(s, &info->rows[i], route);
    put_rule(s, route, false);
}

static void put_routes(struct show *s, const struct conf_site *site)
{
    if (site->all.action != CONF_ACTION_NONE) {
        put_rule(s, site->routes, false);
        return;
    }
    put_rule(s, &site->all, true);
    begin(s, SLICE("routes"));
    show_value_cstr(&s->out, "\n");
    s->indent += 2;
    for (size_t i = 0; i < site->nroutes; i++)
        put_route(s, &site->routes[i]);
    s->indent -= 2;
}

static void put_site(struct show *s, const struct conf_site *site)
{
    const struct directive_scope_info *info = directive_scope_info(SCOPE_SITE);
    begin(s, site->name);
    show_value_cstr(&s->out, "\n");
    s->indent++;
    for (size_t i = 0; i < info->count; i++)
        if (info->rows[i].type != TYPE_ROUTES)
            put_row(s, &info->rows[i], site);
    put_routes(s, site);
    s->indent--;
}

static void put_block(struct show *s, enum directive_scope scope, const void *base)
{
    bool folded = false; /* cert and key are shown as they were written, not resolved too */
    if (scope == SCOPE_SITE_TLS)
        folded = ((const struct conf_site_tls *)base)->cert.n > 0;
    for (; scope != SCOPE_NONE; scope = directive_scope_info(scope)->also) {
        const struct directive_scope_info *info = directive_scope_info(scope);
        for (size_t i = 0; i < info->count; i++)
            if (info->rows[i].type != TYPE_SITES && !(folded && info->rows[i].type == TYPE_CERTS))
                put_row(s, &info->rows[i], base);
        base = (const uint8_t *)base + info->also_offset;
    }
}

static void put_sites(struct show *s, const struct conf *conf)
{
    begin(s, SLICE("sites"));
    show_value_cstr(&s->out, "\n");
    s->indent++;
    for (size_t i = 0; i < conf->nsites; i++)
        put_site(s, &conf->sites[i]);
    s->indent--;
}

int conf_show(const struct conf *conf, struct buf *ret)
{
    struct arena arena;
    struct conf_faults faults = {.count = 0};
    struct conf scratch;
    struct reader rd = {.arena = &arena, .tree = &arena, .conf = &scratch, .faults = &faults};
    struct show s = {.out = {.buf = ret}, .defaults = &rd};
    uint8_t any[sizeof(struct conf)]; /* the largest struct of a scope */
    int r = OK;
    arena_init(&arena, 1u << 20);
    for (enum directive_scope scope = 0; !r && scope < SCOPE_COUNT; scope++)
        r = reader_fresh(&rd, scope, scope == SCOPE_SERVER ? (void *)&scratch : any);
    if (!r) {
        put_block(&s, SCOPE_SERVER, conf);
        put_sites(&s, conf);
        r = s.out.r;
    }
    arena_done(&arena);
    return r;
}

static void digest_steps(struct show *s, const struct conf_site *site)
{
    for (size_t i = 0; i < site->nroutes; i++) {
        for (size_t k = 0; k < site->routes[i].nheader_steps; k++) {
            const struct conf_header_step *step = &site->routes[i].header_steps[k];
            show_value_cstr(&s->out, step->kind == CONF_HEADER_REMOVE ? "-"
                                     : step->kind == CONF_HEADER_SET  ? "="
                                                                      : "+");
            show_value_text(&s->out, step->name);
            show_value_text(&s->out, step->value);
        }
        show_value_cstr(&s->out, ";");
    }
}

uint64_t conf_show_digest(enum directive_scope scope, const void *base)
{
    struct show s = {.out = {.digest = SHOW_VALUE_DIGEST}};
    if (scope == SCOPE_SITE) {
        put_site(&s, base);
        digest_steps(&s, base);
    } else {
        put_block(&s, scope, base);
    }
    return s.out.digest;
}
