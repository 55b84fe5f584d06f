/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Chain by chain: the first address of the list, its host, one GET. No redirects: lists have none,
 * and each would be another way to lead us about. */
#include "check/crl.h"

#include <stdio.h>

#include "base/mem.h"
#include "check/hops.h"

struct crl {
    struct crl_options o;
    struct facts *f;
    void (*on_done)(void *ctx);
    void *ctx;
    size_t at; /* chain under way */
    struct hops_url url;
    struct resolve_query query;
    struct httpget get;
    struct loop_task next;
};

static void go_on(struct crl *c)
{
    c->at++;
    loop_defer(c->o.loop, &c->next);
}

static void failed(struct crl *c, const char *why)
{
    struct facts_chain *chain = &c->f->chains[c->at];
    snprintf(chain->crl_words, sizeof(chain->crl_words), "the list cannot be fetched: %.100s", why);
    go_on(c);
}

static void on_get(struct httpget *g, const struct httpget_result *r)
{
    struct crl *c = container_of(g, struct crl, get);
    char why[40];
    if (r->r) {
        failed(c, r->fault.what[0] ? r->fault.what : err_text(r->r));
    } else if (r->status != 200) {
        snprintf(why, sizeof(why), "status %u", r->status);
        failed(c, why);
    } else if (r->body_cut) {
        failed(c, "it is too large");
    } else if (arena_copy(&c->f->arena, r->body, &c->f->chains[c->at].crl)) {
        failed(c, "no memory");
    } else {
        go_on(c);
    }
}

static int get(struct crl *c, const struct sock_addr *address)
{
    struct httpget_options o = {.loop = c->o.loop,
                                .run = c->o.run,
                                .path = c->url.path,
                                .to = {.address = *address, .timeout_ms = c->o.timeout_ms},
                                .body_max = CRL_BYTES_MAX};
    bool v6 = slice_find(c->url.host, ':') < c->url.host.n;
    struct slice full;
    int r = arena_printf(&c->f->arena, &full, "%s" SLICE_F "%s:%u", v6 ? "[" : "",
                         SLICE_A(c->url.host), v6 ? "]" : "", c->url.port);
    if (r)
        return r;
    o.host = c->url.port == 80 ? slice_first(full, full.n - 3) : full; /* without ":80" */
    if (c->o.proxy.raw_bytes)
        o.to.connect_to = full;
    return httpget_start(&o, &c->get);
}

static void on_resolved(struct resolve_query *q, const struct resolve_answer *a)
{
    struct crl *c = container_of(q, struct crl, query);
    struct sock_addr address;
    if (a->r || a->n == 0) {
        failed(c, a->why ? a->why : "its host has no address");
        return;
    }
    sock_addr_make(&a->ips[0], c->url.port, &address);
    if (get(c, &address))
        failed(c, "no memory");
}

static void fetch(struct crl *c)
{
    const struct facts_chain *chain = &c->f->chains[c->at];
    if (!chain->anchored || chain->without_sni || !chain->certs || !chain->certs[0].ncrl_urls)
        go_on(c);
    else if (hops_split(chain->certs[0].crl_urls[0], &c->url))
        failed(c, "its address cannot be read");
    else if (!c->o.proxy.raw_bytes)
        resolve_start(c->o.res, c->url.host, &c->query);
    else if (get(c, &c->o.proxy))
        failed(c, "no memory");
}

static void on_next(struct loop_task *t)
{
    struct crl *c = container_of(t, struct crl, next);
    if (c->at == c->f->nchains)
        c->on_done(c->ctx);
    else
        fetch(c);
}

int crl_start(const struct crl_options *o, struct facts *f, void (*on_done)(void *ctx), void *ctx,
              struct crl **ret)
{
    struct crl *c = mem_alloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    *c = (struct crl){.o = *o, .f = f, .on_done = on_done, .ctx = ctx};
    c->query.on_done = on_resolved;
    c->get.on_done = on_get;
    loop_task_init(&c->next, on_next);
    loop_defer(o->loop, &c->next);
    *ret = c;
    return OK;
}

void crl_free(struct crl *c)
{
    if (!c)
        return;
    loop_task_cancel(&c->next);
    resolve_cancel(&c->query);
    httpget_cancel(&c->get);
    mem_free(c);
}
