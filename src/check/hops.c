/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Redirects, hop by hop. */
#include "check/hops.h"

#include "base/mem.h"
#include "base/num.h"

struct hops {
    struct hops_options o;
    struct hops_ops ops;
    struct slice url;
    struct hops_url parts;
    struct resolve_query query;
    struct httpget get;
    struct loop_task begin;
};

int hops_split(struct slice url, struct hops_url *ret)
{
    struct slice schemes[] = {SLICE("http://"), SLICE("https://")};
    uint64_t port;
    for (size_t i = 0; i < 2; i++) {
        if (url.n < schemes[i].n || !slice_eq_nocase(slice_first(url, schemes[i].n), schemes[i]))
            continue;
        struct slice rest = slice_from(url, schemes[i].n);
        size_t end = 0;
        while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
            end++;
        struct slice authority = slice_first(rest, end), path = slice_from(rest, end);
        path = slice_first(path, slice_find(path, '#'));
        if (slice_find(authority, '@') < authority.n)
            return ERR_SYNTAX;
        bool v6 = authority.n && authority.p[0] == '[';
        size_t host_end = v6 ? slice_find(authority, ']') + 1 : slice_find(authority, ':');
        if (host_end > authority.n)
            return ERR_SYNTAX;
        *ret = (struct hops_url){.https = i == 1, .host = slice_first(authority, host_end)};
        if (v6)
            ret->host = slice_of(ret->host.p + 1, ret->host.n - 2);
        struct slice tail = slice_from(authority, host_end);
        ret->port = ret->https ? 443 : 80;
        if (tail.n > 1 && (tail.p[0] != ':' || num_parse_u64(slice_from(tail, 1), 1, 65535, &port)))
            return ERR_SYNTAX;
        if (tail.n > 1)
            ret->port = (uint16_t)port;
        ret->path = path.n ? path : SLICE("/");
        return ret->host.n ? OK : ERR_SYNTAX;
    }
    return ERR_SYNTAX;
}

static bool has_scheme(struct slice s)
{
    size_t colon = slice_find(s, ':');
    size_t slash = slice_find(s, '/');
    return colon < s.n && colon < slash && slice_find(s, '?') > colon;
}

/* base up to the end of its authority. */
static struct slice origin(struct slice base)
{
    size_t at = slice_find(base, ':') + 3;
    struct slice rest = slice_from(base, at);
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
        end++;
    return slice_first(base, at + end);
}

int hops_join(struct arena *a, struct slice base, struct slice location, struct slice *ret)
{
    struct hops_url parts;
    location = slice_trim(location);
    for (size_t i = 0; i < location.n; i++)
        if (location.p[i] <= 0x20 || location.p[i] == 0x7f)
            return ERR_SYNTAX;
    if (hops_split(base, &parts) || location.n == 0)
        return ERR_SYNTAX;
    if (has_scheme(location))
        return hops_split(location, &parts) ? ERR_SYNTAX : arena_copy(a, location, ret);
    if (slice_starts(location, SLICE("//")))
        return arena_printf(a, ret, "%s:" SLICE_F, parts.https ? "https" : "http",
                            SLICE_A(location));
    if (location.p[0] == '/')
        return arena_printf(a, ret, SLICE_F SLICE_F, SLICE_A(origin(base)), SLICE_A(location));
    struct slice path = slice_first(parts.path, slice_find(parts.path, '?'));
    size_t last = path.n;
    while (last > 0 && path.p[last - 1] != '/')
        last--;
    struct slice dir = location.p[0] == '?' ? path : slice_first(path, last);
    return arena_printf(a, ret, SLICE_F "%s" SLICE_F SLICE_F, SLICE_A(origin(base)),
                        dir.n ? "" : "/", SLICE_A(dir), SLICE_A(location));
}

static void step(struct hops *h);

static void end(struct hops *h, bool loops)
{
    h->ops.on_done(h->o.ctx, loops);
}

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void on_get(struct httpget *g, const struct httpget_result *r)
{
    struct hops *h = container_of(g, struct hops, get);
    struct facts *f = h->o.facts;
    struct facts_hop *hop = &h->o.list[(*h->o.n)++];
    size_t hsts_count;
    *hop = (struct facts_hop){.url = h->url, .status = (uint16_t)r->status};
    hop->took_us = r->tcp_us + r->tls_us + r->http_us;
    struct slice hsts = httpget_field(r, SLICE("strict-transport-security"), &hsts_count);
    struct slice location = httpget_field(r, SLICE("location"), NULL);
    if (arena_copy(&f->arena, hsts, &hop->hsts) || arena_copy(&f->arena, location, &hop->location))
        hop->hsts = hop->location = SLICE_EMPTY;
    hop->hsts_twice = hsts_count > 1;
    struct slice next = SLICE_EMPTY;
    bool goes_on =
        !r->r && is_redirect(r->status) && !hops_join(&f->arena, h->url, location, &next);
    h->ops.on_answer(h->o.ctx, r, !goes_on);
    h->url = next;
    if (goes_on && *h->o.n < FACTS_HOPS_MAX)
        step(h);
    else
        end(h, goes_on);
}

static void failed(struct hops *h, int r, const char *why)
{
    struct httpget_result none = {.stage = HTTPGET_TCP, .r = r, .tcp.end = PROBE_FAILED};
    fault_set(&none.fault, r, "%s", why);
    on_get(&h->get, &none);
}

/* The target's own port may be reached at another one (--connect). */
static uint16_t port_of(const struct hops *h)
{
    bool own = slice_eq_nocase(h->parts.host, h->o.own->host) && h->parts.port == h->o.own->port;
    return own ? facts_target_port(h->o.own) : h->parts.port;
}

static void fetch(struct hops *h, const struct ip *ip)
{
    struct facts *f = h->o.facts;
    struct httpget_options o = {.loop = h->o.loop, .run = h->o.run, .to = h->o.to};
    bool v6 = slice_find(h->parts.host, ':') < h->parts.host.n;
    bool usual = h->parts.port == (h->parts.https ? 443 : 80);
    int r = usual ? arena_printf(&f->arena, &o.host, "%s" SLICE_F "%s", v6 ? "[" : "",
                                 SLICE_A(h->parts.host), v6 ? "]" : "")
                  : arena_printf(&f->arena, &o.host, "%s" SLICE_F "%s:%u", v6 ? "[" : "",
                                 SLICE_A(h->parts.host), v6 ? "]" : "", h->parts.port);
    if (!h->o.to.connect_to.n)
        sock_addr_make(ip, port_of(h), &o.to.address);
    else if (!r)
        r = arena_printf(&f->arena, &o.to.connect_to, "%s" SLICE_F "%s:%u", v6 ? "[" : "",
                         SLICE_A(h->parts.host), v6 ? "]" : "", h->parts.port);
    o.tls = h->parts.https ? h->o.tls : NULL;
    o.tls_name = h->parts.host;
    o.path = h->parts.path;
    if (!r)
        r = httpget_start(&o, &h->get);
    if (r)
        failed(h, r, err_text(r));
}

static void on_resolved(struct resolve_query *q, const struct resolve_answer *a)
{
    struct hops *h = container_of(q, struct hops, query);
    if (a->r)
        failed(h, a->r, a->why ? a->why : err_text(a->r));
    else
        fetch(h, &a->ips[0]);
}

static void step(struct hops *h)
{
    if (hops_split(h->url, &h->parts))
        failed(h, ERR_SYNTAX, "the redirect leads to no http address");
    else if (slice_eq_nocase(h->parts.host, h->o.own->host) || h->o.to.connect_to.n)
        fetch(h, &h->o.address);
    else
        resolve_start(h->o.res, h->parts.host, &h->query);
}

static void on_begin(struct loop_task *t)
{
    step(container_of(t, struct hops, begin));
}

int hops_start(const struct hops_options *o, struct slice url, const struct hops_ops *ops,
               struct hops **ret)
{
    struct hops *h = mem_alloc(sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    h->o = *o;
    h->ops = *ops;
    h->url = url;
    h->query.on_done = on_resolved;
    h->get.on_done = on_get;
    loop_task_init(&h->begin, on_begin);
    loop_defer(o->loop, &h->begin);
    *ret = h;
    return OK;
}

void hops_free(struct hops *h)
{
    if (!h)
        return;
    loop_task_cancel(&h->begin);
    resolve_cancel(&h->query);
    httpget_cancel(&h->get);
    mem_free(h);
}
