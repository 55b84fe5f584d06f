/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Configuration generations: from values to things that run (TLS contexts, upstream groups, root
 * handles). All or nothing: a generation that cannot be built whole is dropped and the old one
 * stays. */
#include "serve/generation.h"

#include <stdio.h>

#include "base/mem.h"
#include "crypt/digest.h"
#include "crypt/ocsp.h"
#include "os/file.h"
#include "serve/balance.h"
#include "serve/kept.h"
#include "serve/metrics.h"

struct generation *generation_ref(struct generation *g)
{
    g->refs++;
    return g;
}

static void drop_site(struct site *s)
{
    for (size_t i = 0; i < s->nroutes; i++) {
        file_close(s->routes[i].root_fd);
        balance_unref(s->routes[i].balance);
    }
    tlsctx_unref(s->tls);
    mem_free(s->routes);
}

void generation_unref(struct generation *g)
{
    if (!g || --g->refs)
        return;
    for (size_t i = 0; i < g->nsites; i++)
        drop_site(&g->sites[i]);
    for (size_t i = 0; i < g->demanded.cap; i++)
        if (g->demanded.entries[i].key.p)
            tlsctx_unref(g->demanded.entries[i].value);
    map_done(&g->demanded);
    map_done(&g->names);
    mem_free(g->sites);
    conf_free(g->conf);
    mem_free(g);
}

struct site *generation_site(const struct generation *g, struct slice host)
{
    struct site *exact = map_get(&g->names, host);
    if (exact)
        return exact;
    char star[256] = "*";
    struct slice parent = slice_from(host, slice_find(host, '.'));
    if (parent.n < 2 || parent.n >= sizeof(star) - 1)
        return NULL;
    memcpy(star + 1, parent.p, parent.n);
    return map_get(&g->names, slice_of(star, parent.n + 1));
}

/* ---- certificates ---- */

struct pair {
    struct slice cert, key;
    const char *cert_path, *key_path; /* for the story */
};

/* A certificate's text may carry an answer of its OCSP responder; one that cannot be read is as
 * good as none. */
static void load_staple(struct slice pem, struct buf *der)
{
    buf_init(der, OCSP_BYTES_MAX);
    if (ocsp_find(pem, der))
        buf_done(der);
}

static int load_pair(const struct pair *p, struct tlsctx_identity *ret, struct fault *f)
{
    int r = certinfo_parse(p->cert, &ret->chain, f);
    if (r)
        fault_while(f, "while reading %s", p->cert_path);
    if (!r && (r = keystore_load(p->key, &ret->key, f)))
        fault_while(f, "while reading %s", p->key_path);
    if (!r &&
        ((r = certinfo_check(ret->chain, f)) || (r = certinfo_check_key(ret->chain, ret->key, f))))
        fault_while(f, "while pairing %s with %s", p->cert_path, p->key_path);
    return r;
}

/* What the keeper made for a name. */
static size_t kept_files(const struct bundle *b, struct slice name, struct pair *pairs)
{
    struct kept_pair kept[KEPT_SLOTS];
    size_t n = kept_pairs(b, name, kept);
    for (size_t i = 0; i < n; i++)
        pairs[i] = (struct pair){.cert = kept[i].chain,
                                 .key = kept[i].key,
                                 .cert_path = "the keeper's certificate",
                                 .key_path = "the keeper's key"};
    return n;
}

/* The pairs of a site: its files, else what the keeper made for `name`. Returns how many. */
static size_t site_pairs(const struct conf_site *c, struct slice name, const struct bundle *b,
                         struct pair *pairs)
{
    size_t n = 0;
    for (size_t i = 0; i < c->tls.certs.count && n < TLSCTX_IDENTITIES_MAX; i++, n++) {
        pairs[n].cert_path = (const char *)c->tls.certs.items[i].cert.p;
        pairs[n].key_path = (const char *)c->tls.certs.items[i].key.p;
        (void)bundle_file(b, c->tls.certs.items[i].cert, &pairs[n].cert);
        (void)bundle_file(b, c->tls.certs.items[i].key, &pairs[n].key);
    }
    if (n)
        return n;
    return kept_files(b, name, pairs);
}

/* Tickets resume only inside one site and policy (edge notes 4: CVE-2025-23419). */
static int bind_tickets(const struct conf *conf, struct slice name,
                        uint8_t binding[TLSCTX_BINDING_BYTES])
{
    char text[320];
    int n = snprintf(text, sizeof(text), "port443 site " SLICE_F " min %d", SLICE_A(name),
                     (int)conf->tls.min_version);
    return digest_sha256(slice_of(text, (size_t)n), binding);
}

/* What a context is made for. */
struct wanted {
    const struct conf *conf;
    const struct conf_site *site;
    struct slice name; /* the site's, or one below it that has certificates of its own */
    struct ticketring *ring;
};

static int make_context(const struct wanted *w, const struct bundle *b, struct tlsctx **ret,
                        struct fault *f)
{
    struct pair pairs[TLSCTX_IDENTITIES_MAX] = {0};
    struct tlsctx_identity identities[TLSCTX_IDENTITIES_MAX] = {0};
    struct buf staples[TLSCTX_IDENTITIES_MAX];
    struct tlsctx_server opts = {.identities = identities, .ring = w->ring};
    opts.nidentities = site_pairs(w->site, w->name, b, pairs);
    opts.tls13_only = w->conf->tls.min_version == CONF_TLS_1_3;
    opts.ticket_lifetime_s = (uint32_t)(w->conf->tls.ticket_lifetime_ms / 1000);
    int r = opts.nidentities ? bind_tickets(w->conf, w->name, opts.binding)
                             : fault_set(f, ERR_NOT_FOUND, "there is no certificate yet");
    for (size_t i = 0; i < opts.nidentities; i++) {
        load_staple(pairs[i].cert, &staples[i]);
        identities[i].staple = buf_slice(&staples[i]);
    }
    for (size_t i = 0; !r && i < opts.nidentities; i++)
        r = load_pair(&pairs[i], &identities[i], f);
    if (!r)
        r = tlsctx_server_new(&opts, ret, f);
    for (size_t i = 0; i < opts.nidentities; i++) {
        keystore_unref(identities[i].key);
        certinfo_unref(identities[i].chain);
        buf_done(&staples[i]);
    }
    if (r)
        fault_while(f, "for site " SLICE_F, SLICE_A(w->name));
    return r;
}

int generation_check_site(const struct conf *conf, const struct conf_site *site,
                          const struct bundle *b, struct fault *f)
{
    const struct wanted w = {conf, site, site->name, NULL};
    struct tlsctx *made;
    int r = make_context(&w, b, &made, f);
    if (!r)
        tlsctx_unref(made);
    return r;
}

int generation_check(const struct conf *conf, const struct bundle *b, struct fault *f)
{
    int r = OK;
    for (size_t i = 0; !r && i < conf->nsites; i++)
        if (conf->sites[i].tls.certs.count)
            r = generation_check_site(conf, &conf->sites[i], b, f);
    if (r)
        fault_next(f, "\"openssl x509 -in FILE -noout -text\" shows what a certificate file holds");
    return r;
}

/* Installs fresh TLS state; the old context lives on in its sessions. */
static int secure_site(struct site *s, const struct bundle *b, struct fault *f)
{
    const struct wanted w = {s->gen->conf, s->conf, s->conf->name, s->gen->worker->ring};
    struct tlsctx *fresh;
    int r = make_context(&w, b, &fresh, f);
    if (r)
        return r;
    tlsctx_unref(s->tls);
    s->tls = fresh;
    const struct certinfo *certs[TLSCTX_IDENTITIES_MAX];
    s->cert_known = tlsctx_certs(fresh, certs) > 0;
    if (s->cert_known)
        s->cert = *certs[0]; /* its slices live as long as the context */
    struct kept_pair kept[KEPT_SLOTS];
    s->cert_local = kept_pairs(b, s->conf->name, kept) && !slice_eq(kept[0].source, SLICE("acme"));
    s->cert_local &= s->conf->tls.certs.count == 0;
    return OK;
}

int generation_demanded(struct site *s, struct slice name, const struct bundle *b,
                        struct tlsctx **ret, struct fault *f)
{
    struct kept_pair pairs[KEPT_SLOTS];
    const struct wanted w = {s->gen->conf, s->conf, name, s->gen->worker->ring};
    struct tlsctx *known = map_get(&s->gen->demanded, name);
    if (!kept_pairs(b, name, pairs))
        return ERR_NOT_FOUND; /* never there, or given up since */
    int r = known ? OK : make_context(&w, b, &known, f);
    if (r)
        return r;
    if (!map_get(&s->gen->demanded, name) && (r = map_put(&s->gen->demanded, name, known))) {
        tlsctx_unref(known);
        return fault_set(f, r, "out of memory");
    }
    *ret = known;
    return OK;
}

/* A name on demand has a new certificate: the next handshake makes a context of it. */
static int renew_demanded(struct generation *g, const struct bundle *b, struct slice name,
                          struct fault *f)
{
    struct tlsctx *old = map_get(&g->demanded, name), *fresh;
    struct site *s = old ? generation_site(g, name) : NULL;
    struct kept_pair pairs[KEPT_SLOTS];
    if (!s || !kept_pairs(b, name, pairs))
        return OK;
    const struct wanted w = {g->conf, s->conf, name, g->worker->ring};
    int r = make_context(&w, b, &fresh, f);
    if (r)
        return r;
    r = map_put(&g->demanded, name, fresh);
    tlsctx_unref(r ? fresh : old);
    return r;
}

int generation_recert(struct generation *g, const struct bundle *b, struct slice name,
                      struct fault *f)
{
    int r = renew_demanded(g, b, name, f);
    for (size_t i = 0; i < g->nsites && !r; i++) {
        const struct conf_site *c = g->sites[i].conf;
        bool uses = slice_eq(c->name, name);
        for (size_t k = 0; k < c->tls.certs.count; k++)
            uses |= slice_eq(c->tls.certs.items[k].cert, name) ||
                    slice_eq(c->tls.certs.items[k].key, name);
        if (uses)
            r = secure_site(&g->sites[i], b, f);
    }
    return r;
}

/* ---- building ---- */

static struct balance *carried_over(const struct generation *old, uint64_t digest)
{
    for (size_t i = 0; old && i < old->nsites; i++)
        for (size_t k = 0; k < old->sites[i].nroutes; k++) {
            struct balance *g = old->sites[i].routes[k].balance;
            if (g && balance_digest(g) == digest)
                return g;
        }
    return NULL;
}

static int build_route(struct route *r, const struct bundle *b, const struct generation *old,
                       struct fault *f)
{
    struct generation *g = r->site->gen;
    if (r->conf->action == CONF_FILES)
        r->root_fd = file_dup(bundle_root(b, r->conf->files.root));
    if (r->conf->action != CONF_PROXY)
        return OK;
    uint64_t digest = balance_digest_of(&r->conf->proxy, b);
    struct balance *known = carried_over(old, digest);
    if (!known)
        known = carried_over(g, digest);
    if (known) {
        r->balance = balance_ref(known);
        return OK;
    }
    int e = balance_new(g->worker, &r->conf->proxy, b, &r->balance, f);
    if (e)
        fault_while(f, "for route " SLICE_F " of " SLICE_F, SLICE_A(r->conf->path),
                    SLICE_A(r->site->conf->name));
    return e;
}

static int build_site(struct site *s, const struct bundle *b, const struct generation *old,
                      struct fault *f)
{
    const struct conf_site *c = s->conf;
    s->routes = mem_array(c->nroutes ? c->nroutes : 1, sizeof(*s->routes));
    if (!s->routes)
        return fault_set(f, ERR_NOMEM, "out of memory");
    int r = map_put(&s->gen->names, c->name, s);
    for (size_t i = 0; !r && i < c->aliases.count; i++)
        r = map_put(&s->gen->names, c->aliases.items[i], s);
    if (r)
        return fault_set(f, r, "out of memory");
    for (size_t i = 0; !r && i < c->nroutes; i++) {
        s->routes[i] = (struct route){.conf = &c->routes[i], .site = s, .root_fd = -1};
        s->nroutes = i + 1;
        r = build_route(&s->routes[i], b, old, f);
    }
    return r ? r : secure_site(s, b, f);
}

int generation_new(struct worker *w, struct conf *conf, const struct bundle *b,
                   const struct generation *old, struct generation **ret, struct fault *f)
{
    struct generation *g = mem_alloc(sizeof(*g));
    if (!g) {
        conf_free(conf);
        return fault_set(f, ERR_NOMEM, "out of memory");
    }
    g->refs = 1;
    g->number = old ? old->number + 1 : 1;
    g->worker = w;
    g->conf = conf;
    list_init(&g->exchanges);
    map_init(&g->names);
    map_init(&g->demanded);
    g->sites = mem_array(conf->nsites, sizeof(*g->sites));
    int r = g->sites ? OK : fault_set(f, ERR_NOMEM, "out of memory");
    for (size_t i = 0; !r && i < conf->nsites; i++) {
        struct site *s = &g->sites[g->nsites++];
        s->conf = &conf->sites[i];
        s->gen = g;
        s->metrics_index = metrics_find_site(w->shared, s->conf->name);
        r = build_site(s, b, old, f);
    }
    if (r) {
        generation_unref(g);
        return r;
    }
    *ret = g;
    return OK;
}
