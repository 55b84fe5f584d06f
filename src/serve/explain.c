/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Explanations. Uses the codecs that requests go through (wire/target), so that it cannot disagree
 * with the server on what a URL means. */
#include "serve/explain.h"

#include "wire/target.h"

#define PATH_BYTES 8192

static const struct conf_site *site_of(const struct conf *conf, struct slice host,
                                       bool *ret_wildcard)
{
    struct slice parent = slice_from(host, slice_find(host, '.'));
    const struct conf_site *wild = NULL;
    *ret_wildcard = false;
    for (size_t i = 0; i < conf->nsites; i++) {
        const struct conf_site *s = &conf->sites[i];
        for (size_t k = 0; k <= s->aliases.count; k++) {
            struct slice name = k ? s->aliases.items[k - 1] : s->name;
            if (slice_eq(name, host))
                return s;
            if (slice_starts(name, SLICE("*.")) && parent.n &&
                slice_eq(slice_from(name, 1), parent))
                wild = s;
        }
    }
    *ret_wildcard = wild != NULL;
    return wild;
}

static const struct conf_route *route_of(const struct conf_site *s, struct slice path)
{
    for (size_t i = 0; i < s->nroutes; i++)
        if (target_segment_prefix(path, s->routes[i].path))
            return &s->routes[i];
    return NULL;
}

static int place(struct buf *b, const struct conf_place *p)
{
    return buf_printf(b, "  (" SLICE_F ":%u)\n", SLICE_A(p->file), p->line);
}

static int describe_proxy(struct buf *b, const struct conf_proxy *p)
{
    static const char *const balances[] = {"round robin", "least connections", "random"};
    int r = OK;
    for (size_t i = 0; !r && i < p->to.count; i++)
        r = buf_printf(b, "  upstream   " SLICE_F "\n", SLICE_A(p->to.items[i].text));
    if (!r && p->to.count > 1)
        r = buf_printf(b, "  balance    %s\n", balances[p->balance]);
    return r ? r
             : buf_printf(b, "  timeouts   connect %llu ms, silence %llu ms, %llu more tries\n",
                          (unsigned long long)p->connect_timeout_ms,
                          (unsigned long long)p->timeout_ms, (unsigned long long)p->retries);
}

static int describe_action(struct buf *b, const struct conf_route *route)
{
    switch (route->action) {
    case CONF_FILES:
        return buf_printf(b, "  action     files below " SLICE_F "\n", SLICE_A(route->files.root));
    case CONF_PROXY: {
        int r = buf_printf(b, "  action     proxy\n");
        return r ? r : describe_proxy(b, &route->proxy);
    }
    case CONF_REDIRECT:
        return buf_printf(b, "  action     redirect %llu to " SLICE_F "%s\n",
                          (unsigned long long)route->redirect.status, SLICE_A(route->redirect.to),
                          route->redirect.keep_path ? " + path" : "");
    case CONF_RESPOND:
        return route->respond.connection
                   ? buf_printf(b, "  action     description of the visitor's connection\n")
                   : buf_printf(b, "  action     answer %llu\n",
                                (unsigned long long)route->respond.status);
    case CONF_ACTION_NONE:
        break;
    }
    return buf_printf(b, "  action     none\n");
}

static int describe_headers(struct buf *b, const struct conf_site *s,
                            const struct conf_route *route)
{
    static const char *const kinds[] = {"remove", "set", "add"};
    int r = OK;
    for (size_t i = 0; !r && i < route->nheader_steps; i++) {
        const struct conf_header_step *h = &route->header_steps[i];
        r = buf_printf(b, "  header     %s " SLICE_F "%s" SLICE_F "\n", kinds[h->kind],
                       SLICE_A(h->name), h->kind == CONF_HEADER_REMOVE ? "" : ": ",
                       SLICE_A(h->value));
    }
    if (r)
        return r;
    if (s->hsts.mode == CONF_HSTS_OFF ||
        (s->hsts.mode == CONF_HSTS_AUTO && s->tls.certs.count == 0 && s->local))
        return buf_printf(b, "  hsts       off%s\n",
                          s->hsts.mode == CONF_HSTS_AUTO ? " (local certificate)" : "");
    if (s->hsts.mode == CONF_HSTS_FIXED)
        return buf_printf(b, "  hsts       max-age=%llu\n",
                          (unsigned long long)(s->hsts.max_age_ms / 1000));
    return buf_printf(
        b, "  hsts       one day in the first week of the certificate, then two years\n");
}

static int describe_limits(struct buf *b, const struct conf *conf, const struct conf_route *route)
{
    int r = route->body_bytes ? buf_printf(b, "  body       at most %llu bytes\n",
                                           (unsigned long long)route->body_bytes)
                              : buf_printf(b, "  body       any size\n");
    return r ? r
             : buf_printf(b, "  head       at most %llu bytes, %llu fields, %llu ms\n",
                          (unsigned long long)conf->limits.header_bytes,
                          (unsigned long long)conf->limits.header_fields,
                          (unsigned long long)conf->limits.header_timeout_ms);
}

static int describe_plain(struct buf *b, const struct conf *conf, const struct conf_site *s)
{
    if (conf->only_443)
        return buf_printf(b, "  port 80    not open (only_443)\n");
    if (s->api)
        return buf_printf(b, "  answer     403 problem+json: an API is served over https only\n");
    return buf_printf(b, "  answer     308 to the same address with https\n");
}

static int describe_certificate(struct buf *b, const struct conf_site *s)
{
    int r = OK;
    if (s->tls.certs.count == 0)
        return buf_printf(b, "  cert       %s\n",
                          s->on_demand ? "for each name when it is first asked for"
                          : s->local   ? "local CA"
                                       : "ACME");
    for (size_t i = 0; !r && i < s->tls.certs.count; i++)
        r = buf_printf(b, "  cert       " SLICE_F "\n", SLICE_A(s->tls.certs.items[i].cert));
    return r;
}

struct url {
    bool secure;
    struct target_host host;
    struct slice path;
    uint8_t host_bytes[TARGET_HOST_BYTES], path_bytes[PATH_BYTES];
};

static int parse(struct slice text, struct url *ret, struct fault *f)
{
    struct target t;
    bool schemeless = slice_find(text, ':') == text.n ||
                      !slice_starts(slice_from(text, slice_find(text, ':')), SLICE("://"));
    uint8_t with_scheme[PATH_BYTES];
    if (schemeless && text.n + 8 < sizeof(with_scheme)) {
        memcpy(with_scheme, "https://", 8);
        memcpy(with_scheme + 8, text.p, text.n);
        text = slice_of(with_scheme, text.n + 8);
    }
    int r = target_parse(text, METHOD_GET, &t);
    if (!r && t.form != TARGET_ABSOLUTE)
        r = ERR_SYNTAX;
    if (!r)
        r = target_normal_host(t.authority, ret->host_bytes, &ret->host);
    struct slice path;
    if (!r)
        r = target_canonical_path(t.path, ret->path_bytes, sizeof(ret->path_bytes), &path);
    if (!r && path.n > sizeof(ret->path_bytes)) /* a path that is canonical already is not copied */
        r = ERR_URI_TOO_LONG;
    if (r) {
        fault_set(f, ERR_SYNTAX, "not a URL that a client could ask for");
        fault_next(f, "for example: https://example.com/path");
        return ERR_SYNTAX;
    }
    if (path.p != ret->path_bytes)
        memcpy(ret->path_bytes, path.p, path.n); /* with_scheme dies with this call */
    ret->path = slice_of(ret->path_bytes, path.n);
    ret->secure = slice_eq_nocase(t.scheme, SLICE("https"));
    return OK;
}

static int describe_route(const struct conf *conf, const struct conf_site *site, struct slice path,
                          struct buf *b, struct fault *f)
{
    const struct conf_route *route = route_of(site, path);
    if (!route) {
        int r = buf_printf(b, "  route      none matches: 404\n");
        return r ? r : fault_set(f, ERR_NOT_FOUND, "no route of the site matches");
    }
    int r = buf_printf(b, "  route      " SLICE_F, SLICE_A(route->path));
    if (!r)
        r = place(b, &route->place);
    if (!r)
        r = describe_action(b, route);
    if (!r && route->strip_prefix)
        r = buf_printf(b, "  prefix     is taken off\n");
    if (!r)
        r = describe_headers(b, site, route);
    return r ? r : describe_limits(b, conf, route);
}

int explain_url(const struct conf *conf, struct slice url, struct buf *ret, struct fault *f)
{
    struct url u;
    bool wildcard;
    int r = parse(url, &u, f);
    if (r)
        return r;
    const struct conf_site *site = site_of(conf, u.host.name, &wildcard);
    r = buf_printf(ret, SLICE_F "\n  host       " SLICE_F "\n  path       " SLICE_F "\n",
                   SLICE_A(url), SLICE_A(u.host.name), SLICE_A(u.path));
    if (!r && !site) {
        r = buf_printf(
            ret, "  site       none has this name: the handshake ends with unrecognized_name\n");
        return r ? r : fault_set(f, ERR_NOT_FOUND, "no site has this name");
    }
    if (!r)
        r = buf_printf(ret, "  site       " SLICE_F "%s", SLICE_A(site->name),
                       wildcard ? " (wildcard)" : "");
    if (!r)
        r = place(ret, &site->place);
    if (!r && !u.secure)
        return describe_plain(ret, conf, site);
    if (!r)
        r = describe_certificate(ret, site);
    return r ? r : describe_route(conf, site, u.path, ret, f);
}
