/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The upstreams of a proxy in one worker. Whether one is believed to work is its own business
 * (client/upstream.h); here is who comes next. */
#include "serve/balance.h"

#include "base/mem.h"
#include "crypt/certinfo.h"
#include "crypt/keystore.h"
#include "crypt/tlsctx.h"
#include "os/rng.h"
#include "serve/bundle.h"
#include "serve/healthcheck.h"

#define UPSTREAMS_MAX 64 /* bits of the `tried` mask */

struct balance {
    uint32_t refs;
    uint64_t digest;
    enum conf_balance policy;
    uint64_t random;
    size_t next; /* round robin, and where ties are broken */
    struct healthcheck *checks;
    size_t n;
    struct upstream *ups[];
};

/* ---- choice ---- */

static uint64_t draw(struct balance *g)
{
    g->random = g->random * 6364136223846793005u + 1442695040888963407u;
    return g->random >> 33;
}

/* The candidates: neither tried nor marked down, from position g->next on. */
static size_t candidates(const struct balance *g, uint64_t tried, size_t *ret)
{
    size_t n = 0;
    for (size_t k = 0; k < g->n; k++) {
        size_t i = (g->next + k) % g->n;
        if (!(tried & (UINT64_C(1) << i)) && upstream_usable(g->ups[i]))
            ret[n++] = i;
    }
    return n;
}

static size_t least_busy(const struct balance *g, const size_t *list, size_t n)
{
    size_t best = list[0];
    for (size_t k = 1; k < n; k++)
        if (upstream_active(g->ups[list[k]]) < upstream_active(g->ups[best]))
            best = list[k];
    return best;
}

/* Two at random, the less busy of them: nearly as even as least_conn, and workers that cannot see
 * each other do not all run to the same upstream. */
static size_t better_of_two(struct balance *g, const size_t *list, size_t n)
{
    size_t first = draw(g) % n;
    size_t second = n > 1 ? (first + 1 + draw(g) % (n - 1)) % n : first;
    const size_t pair[2] = {list[first], list[second]};
    return least_busy(g, pair, 2);
}

static size_t choose(struct balance *g, const size_t *list, size_t n)
{
    switch (g->policy) {
    case CONF_LEAST_CONN:
        return least_busy(g, list, n);
    case CONF_RANDOM:
        return better_of_two(g, list, n);
    case CONF_ROUND_ROBIN:
        break;
    }
    return list[0];
}

struct upstream *balance_pick(struct balance *g, uint64_t *tried)
{
    size_t list[UPSTREAMS_MAX];
    size_t n = candidates(g, *tried, list);
    if (n == 0)
        return NULL;
    size_t i = choose(g, list, n);
    g->next = (i + 1) % g->n;
    *tried |= UINT64_C(1) << i;
    return upstream_ref(g->ups[i]);
}

/* ---- building ---- */

static int load_identity(const struct conf_upstream_tls *tls, const struct bundle *b,
                         struct tlsctx_identity *ret, struct fault *f)
{
    struct slice cert, key;
    if (!bundle_file(b, tls->cert, &cert) || !bundle_file(b, tls->key, &key))
        return fault_set(f, ERR_NOT_FOUND, "the client certificate or its key was not read");
    int r = certinfo_parse(cert, &ret->chain, f);
    return r ? r : keystore_load(key, &ret->key, f);
}

static int make_context(const struct conf_upstream_tls *tls, const struct bundle *b,
                        struct tlsctx **ret, struct fault *f)
{
    static const struct slice alpn[] = {SLICE("http/1.1")};
    struct tlsctx_identity identity = {0};
    struct tlsctx_client opts = {
        .insecure = tls->insecure_skip_verify, .alpn = alpn, .nalpn = ARRAY_LEN(alpn)};
    int r = OK;
    if (tls->ca.n && !bundle_file(b, tls->ca, &opts.ca_pem))
        return fault_set(f, ERR_NOT_FOUND, SLICE_F " was not read", SLICE_A(tls->ca));
    if (tls->cert.n) {
        r = load_identity(tls, b, &identity, f);
        opts.identity = &identity;
    }
    if (!r)
        r = tlsctx_client_new(&opts, ret, f);
    keystore_unref(identity.key);
    certinfo_unref(identity.chain);
    if (r)
        fault_while(f, "while preparing TLS towards upstreams");
    return r;
}

/* FNV-1a, on from `digest`. */
static uint64_t mix(uint64_t digest, struct slice bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        digest = (digest ^ bytes.p[i]) * UINT64_C(1099511628211);
    return digest;
}

uint64_t balance_digest_of(const struct conf_proxy *proxy, const struct bundle *b)
{
    const struct slice files[] = {proxy->tls.ca, proxy->tls.cert, proxy->tls.key};
    uint64_t digest = proxy->digest;
    struct slice bytes;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i].n && bundle_file(b, files[i], &bytes))
            digest = mix(digest, bytes);
    return digest;
}

static bool wants_tls(const struct conf_proxy *proxy)
{
    for (size_t i = 0; i < proxy->to.count; i++)
        if (proxy->to.items[i].scheme == CONF_HTTPS)
            return true;
    return false;
}

static int add_upstream(struct balance *g, struct worker *w, const struct conf_proxy *proxy,
                        const struct conf_upstream *to, struct tlsctx *tls)
{
    const struct upstream_options o = {
        .host = to->scheme == CONF_UNIX ? to->path : to->host,
        .port = to->scheme == CONF_UNIX ? 0 : to->port,
        .tls = to->scheme == CONF_HTTPS ? tls : NULL,
        .tls_name = proxy->tls.server_name,
        .idle_max = (uint32_t)proxy->keepalive,
        .idle_timeout_ms = (uint32_t)proxy->keepalive_timeout_ms,
        .connect_timeout_ms = (uint32_t)proxy->connect_timeout_ms,
        .max_fails = (uint32_t)proxy->max_fails,
        .fail_timeout_ms = (uint32_t)proxy->fail_timeout_ms,
    };
    int r = upstream_new(w->loop, w->resolver, &o, &g->ups[g->n]);
    g->n += r == OK;
    return r;
}

int balance_new(struct worker *w, const struct conf_proxy *proxy, const struct bundle *b,
                struct balance **ret, struct fault *f)
{
    struct tlsctx *tls = NULL;
    if (proxy->to.count == 0 || proxy->to.count > UPSTREAMS_MAX)
        return fault_set(f, ERR_CONFIG, "a proxy has 1 to %d upstreams", UPSTREAMS_MAX);
    int r = wants_tls(proxy) ? make_context(&proxy->tls, b, &tls, f) : OK;
    if (r)
        return r;
    struct balance *g = mem_alloc(sizeof(*g) + proxy->to.count * sizeof(g->ups[0]));
    r = g ? rng_bytes(&g->random, sizeof(g->random)) : ERR_NOMEM;
    for (size_t i = 0; !r && i < proxy->to.count; i++)
        r = add_upstream(g, w, proxy, &proxy->to.items[i], tls);
    tlsctx_unref(tls);
    if (!r && proxy->health.path.n)
        r = healthcheck_new(w, &proxy->health, g->ups, g->n, &g->checks);
    if (r) {
        if (g)
            g->refs = 1;
        balance_unref(g);
        return fault_set(f, r, "cannot make the upstreams: %s", err_text(r));
    }
    g->refs = 1;
    g->digest = balance_digest_of(proxy, b);
    g->policy = proxy->balance;
    g->next = draw(g) % g->n; /* workers do not all begin with the first */
    *ret = g;
    return OK;
}

struct balance *balance_ref(struct balance *g)
{
    g->refs++;
    return g;
}

void balance_unref(struct balance *g)
{
    if (!g || --g->refs)
        return;
    healthcheck_free(g->checks);
    for (size_t i = 0; i < g->n; i++)
        upstream_unref(g->ups[i]);
    mem_free(g);
}

uint64_t balance_digest(const struct balance *g)
{
    return g->digest;
}

void balance_report(const struct balance *g, struct json *j)
{
    for (size_t i = 0; i < g->n; i++) {
        struct upstream_stats s;
        upstream_stats(g->ups[i], &s);
        json_object(j, NULL);
        json_text(j, "name", upstream_name(g->ups[i]));
        json_uint(j, "active", s.active);
        json_uint(j, "idle", s.idle);
        json_uint(j, "requests", s.requests);
        json_uint(j, "failures", s.failures);
        json_uint(j, "connects", s.connects);
        json_uint(j, "reuses", s.reuses);
        json_bool(j, "down", s.down);
        json_bool(j, "healthy", !g->checks || healthcheck_healthy(g->checks, i));
        json_cstr(j, "last_error", s.last_error);
        json_end(j, '}');
    }
}
