/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Two requests side by side. Port 80 is asked like an API only where a person would not mind: for a
 * path that somebody named, or with --api. */
#include "check/webask.h"

#include "base/mem.h"
#include "check/hops.h"
#include "wire/field.h"

#define PLAIN_PORT 80

struct webask {
    struct facts *f;
    void (*on_done)(void *ctx);
    void *ctx;
    struct loop_task none; /* nothing to ask */
    struct httpget cors, plain;
    unsigned left;
};

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq_nocase(slice_first(s, prefix.n), prefix);
}

/* "v1", "v23". */
static bool is_version(struct slice part)
{
    bool digits = part.n > 1 && part.n < 5 && (part.p[0] | 0x20) == 'v';
    for (size_t i = 1; digits && i < part.n; i++)
        digits = part.p[i] >= '0' && part.p[i] <= '9';
    return digits;
}

static bool api_path(struct slice path)
{
    static const char *const words[] = {"api", "graphql", "rest", "oauth2", "rpc", "jsonrpc"};
    struct slice part;
    path = slice_first(path, slice_find(path, '?'));
    while (slice_next(&path, '/', &part)) {
        if (is_version(part))
            return true;
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            if (slice_eq_nocase(part, slice_cstr(words[i])))
                return true;
    }
    return false;
}

bool webask_is_api(const struct facts *f)
{
    struct slice type = f->http.content_type;
    type = slice_trim(slice_first(type, slice_find(type, ';')));
    bool json = slice_eq_nocase(type, SLICE("application/json")) ||
                (starts_nocase(type, SLICE("application/")) && slice_ends(type, SLICE("+json")));
    return f->target.api || api_path(f->target.path) || (f->http.read && json);
}

static void answered(struct webask *w)
{
    if (--w->left == 0)
        w->on_done(w->ctx);
}

static void on_none(struct loop_task *t)
{
    struct webask *w = container_of(t, struct webask, none);
    w->on_done(w->ctx);
}

static void on_cors(struct httpget *g, const struct httpget_result *r)
{
    struct webask *w = container_of(g, struct webask, cors);
    struct facts_http *h = &w->f->http;
    if (r->status) {
        h->cors_tested = true;
        if (arena_copy(&w->f->arena, httpget_field(r, SLICE("access-control-allow-origin"), NULL),
                       &h->cors_origin) ||
            arena_copy(&w->f->arena,
                       httpget_field(r, SLICE("access-control-allow-credentials"), NULL),
                       &h->cors_credentials))
            h->cors_tested = false;
    }
    answered(w);
}

static void on_plain(struct httpget *g, const struct httpget_result *r)
{
    struct webask *w = container_of(g, struct webask, plain);
    struct facts_http *h = &w->f->http;
    bool redirect =
        r->status >= 300 && r->status < 400 && httpget_field(r, SLICE("location"), NULL).n;
    if (r->status || r->stage == HTTPGET_TCP) {
        h->plain_serves_api = r->status >= 200 && r->status < 300 ? FACTS_YES : FACTS_NO;
        h->plain_redirects_credentials = redirect ? FACTS_YES : FACTS_NO;
    }
    answered(w);
}

static int start(struct webask *w, const struct webask_options *o, const struct hops_url *url,
                 struct httpget *g)
{
    struct arena *a = &w->f->arena;
    struct httpget_options get = {.loop = o->loop, .run = o->run, .path = url->path};
    bool v6 = slice_find(url->host, ':') < url->host.n;
    const char *open = v6 ? "[" : "", *end = v6 ? "]" : "";
    struct slice whole;
    int r = arena_printf(a, &whole, "%s" SLICE_F "%s:%u", open, SLICE_A(url->host), end, url->port);
    bool usual = url->port == (url->https ? 443 : PLAIN_PORT);
    get.host = usual ? slice_first(whole, url->host.n + (v6 ? 2 : 0)) : whole;
    get.to = (struct probe_options){.address = o->address, .timeout_ms = o->timeout_ms};
    struct ip ip;
    uint16_t port;
    if (o->proxy.raw_bytes) {
        get.to.address = o->proxy;
        get.to.connect_to = whole;
    } else if (sock_addr_ip(&o->address, &ip, &port)) {
        sock_addr_make(&ip, url->https ? port : url->port, &get.to.address);
    }
    get.tls = url->https ? o->tls : NULL;
    get.tls_name = w->f->target.sni.n ? w->f->target.sni : url->host;
    get.fields = url->https ? SLICE("Origin: " WEBASK_ORIGIN "\r\n")
                            : SLICE("Authorization: Bearer port443-check-no-secret\r\n");
    return r ? r : httpget_start(&get, g);
}

static bool asks_plain(const struct facts *f, const struct webask_options *o)
{
    bool has_plain = f->target.port == 443 || o->plain_port;
    bool named = f->target.api || !slice_eq(f->target.path, SLICE("/"));
    return has_plain && named && webask_is_api(f);
}

int webask_start(const struct webask_options *o, struct facts *f, void (*on_done)(void *ctx),
                 void *ctx, struct webask **ret)
{
    struct webask *w = mem_alloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    w->f = f;
    w->on_done = on_done;
    w->ctx = ctx;
    w->cors.on_done = on_cors;
    w->plain.on_done = on_plain;
    loop_task_init(&w->none, on_none);
    struct hops_url url = {true, f->target.host, f->target.port, f->target.path};
    struct hops_url plain = {false, f->target.host, o->plain_port ? o->plain_port : PLAIN_PORT,
                             f->target.path};
    int r = OK;
    if (f->http.read && o->tls && !(r = start(w, o, &url, &w->cors)))
        w->left++;
    if (!r && asks_plain(f, o) && !(r = start(w, o, &plain, &w->plain)))
        w->left++;
    if (r) {
        webask_free(w);
        return r;
    }
    if (w->left == 0)
        loop_defer(o->loop, &w->none);
    *ret = w;
    return OK;
}

void webask_free(struct webask *w)
{
    if (!w)
        return;
    loop_task_cancel(&w->none);
    httpget_cancel(&w->cors);
    httpget_cancel(&w->plain);
    mem_free(w);
}
