/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One handshake at a time, by client/dial, without verification: it is the fingerprint that counts,
 * and a certificate of the local CA or an expired one is looked at like any other. */
#include "serve/confirm.h"

#include <stdio.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "client/dial.h"
#include "client/resolve.h"
#include "crypt/session.h"
#include "crypt/tlsctx.h"

#define TIMEOUT_MS 5000
#define LOOKS_MAX  8192 /* twice the certificates of one configuration */
/* Below a wildcard: hardly the name of a site of its own. */
#define LABEL      "port443-confirm"
#define NAME_BYTES 256

struct look {
    struct list node;
    enum key_kind kind;
    size_t n;
    uint8_t name[];
};

struct confirm {
    struct loop *loop;
    struct confirm_host host;
    struct resolver *res;
    struct tlsctx *tls[2]; /* for ECDSA, for RSA */
    struct ip ip;
    uint16_t port;
    struct list fresh, due; /* struct look: not in use yet; to be looked at */
    size_t count;
    struct look *now; /* under way */
    struct dial *dial;
    struct link link;
    struct loop_task next;
    char host_text[CIDR_IP_TEXT], server_name[NAME_BYTES + sizeof(LABEL)];
};

static void finish(struct confirm *c, const uint8_t *sha256, int r)
{
    static const uint8_t none[32];
    struct look *k = c->now;
    dial_free(c->dial);
    c->dial = NULL;
    link_close(&c->link, false);
    c->now = NULL;
    c->count--;
    c->host.on_served(c->host.ctx, slice_of(k->name, k->n), k->kind, sha256 ? sha256 : none, r);
    mem_free(k);
    loop_defer(c->loop, &c->next);
}

static void on_ready(struct link *k)
{
    dial_pump(container_of(k, struct confirm, link)->dial);
}

static void on_done(struct dial *d, int r)
{
    struct confirm *c = dial_owner(d);
    struct certinfo_chain *chain;
    if (r || (r = session_peer(c->link.filter_ctx, &chain))) {
        finish(c, NULL, r);
        return;
    }
    uint8_t sha256[32];
    memcpy(sha256, certinfo_at(chain, 0)->sha256, sizeof(sha256));
    certinfo_unref(chain);
    BEST_EFFORT(link_shut(&c->link, false));
    BEST_EFFORT(link_flush(&c->link));
    finish(c, sha256, OK);
}

/* A certificate for an address is shown to who connects there without a name. */
static struct slice server_name(struct confirm *c, struct slice name)
{
    if (!slice_starts(name, SLICE("*.")))
        return name;
    int n = snprintf(c->server_name, sizeof(c->server_name), LABEL SLICE_F,
                     SLICE_A(slice_from(name, 1)));
    return slice_of(c->server_name, (size_t)n);
}

static int tls_for(struct confirm *c, enum key_kind kind, struct tlsctx **ret)
{
    size_t i = kind == KEY_RSA;
    const struct tlsctx_client o = {.insecure = true, .kind = i ? KEY_RSA : KEY_ECDSA_P256};
    int r = c->tls[i] ? OK : tlsctx_client_new(&o, &c->tls[i], NULL);
    *ret = c->tls[i];
    return r;
}

static int start(struct confirm *c, struct look *k)
{
    static const struct dial_ops ops = {on_ready, on_done};
    struct slice name = slice_of(k->name, k->n);
    struct ip ip;
    struct tlsctx *tls;
    if (cidr_parse_ip(name, &ip))
        ip = c->ip;
    int r = c->res ? OK : resolve_new(c->loop, NULL, &c->res, NULL);
    if (r || (r = tls_for(c, k->kind, &tls)))
        return r;
    const struct dial_target to = {
        .loop = c->loop,
        .res = c->res,
        .host = slice_of(c->host_text, cidr_format_ip(&ip, c->host_text)),
        .port = c->port,
        .tls = tls,
        .tls_name = server_name(c, name),
        .timeout_ms = TIMEOUT_MS,
    };
    return dial_start(&to, &c->link, &ops, c, &c->dial);
}

static void on_next(struct loop_task *t)
{
    struct confirm *c = container_of(t, struct confirm, next);
    struct list *it = c->now ? NULL : list_pop(&c->due);
    if (!it)
        return;
    c->now = container_of(it, struct look, node);
    int r = start(c, c->now);
    if (r)
        finish(c, NULL, r);
}

static bool has(struct list *l, struct slice name, enum key_kind kind)
{
    LIST_FOREACH_SAFE (it, l) {
        struct look *k = container_of(it, struct look, node);
        if (k->kind == kind && slice_eq(slice_of(k->name, k->n), name))
            return true;
    }
    return false;
}

int confirm_add(struct confirm *c, struct slice name, enum key_kind kind)
{
    if (has(&c->fresh, name, kind))
        return OK;
    if (c->count == LOOKS_MAX || name.n >= NAME_BYTES)
        return ERR_CAP;
    struct look *k = mem_alloc(sizeof(*k) + name.n);
    if (!k)
        return ERR_NOMEM;
    k->kind = kind;
    k->n = name.n;
    memcpy(k->name, name.p, name.n);
    list_push(&c->fresh, &k->node);
    c->count++;
    return OK;
}

void confirm_begin(struct confirm *c)
{
    list_take(&c->due, &c->fresh);
    loop_defer(c->loop, &c->next);
}

void confirm_address(struct confirm *c, const struct ip *listen, size_t n, uint16_t port)
{
    static const struct ip any6 = {{0}};
    struct ip any4 = {{[10] = 0xff, 0xff}}, loop4 = any4, loop6 = {{[15] = 1}};
    loop4.bytes[12] = 127;
    loop4.bytes[15] = 1;
    c->port = port;
    c->ip = n ? listen[0] : loop4;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *ip = listen[i].bytes;
        if (memcmp(ip, any4.bytes, 16) == 0 || memcmp(ip, loop4.bytes, 16) == 0) {
            c->ip = loop4;
            return;
        }
        if (memcmp(ip, any6.bytes, 16) == 0 || memcmp(ip, loop6.bytes, 16) == 0)
            c->ip = loop6;
    }
}

int confirm_new(struct loop *l, const struct confirm_host *host, struct confirm **ret)
{
    struct confirm *c = mem_alloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->loop = l;
    c->host = *host;
    c->link.io.fd = -1;
    list_init(&c->fresh);
    list_init(&c->due);
    loop_task_init(&c->next, on_next);
    confirm_address(c, NULL, 0, 443);
    *ret = c;
    return OK;
}

static void drop_all(struct list *l)
{
    for (struct list *it; (it = list_pop(l));)
        mem_free(container_of(it, struct look, node));
}

void confirm_free(struct confirm *c)
{
    if (!c)
        return;
    dial_free(c->dial);
    link_close(&c->link, false);
    loop_task_cancel(&c->next);
    drop_all(&c->fresh);
    drop_all(&c->due);
    mem_free(c->now);
    for (size_t i = 0; i < ARRAY_LEN(c->tls); i++)
        tlsctx_unref(c->tls[i]);
    resolve_free(c->res);
    mem_free(c);
}
