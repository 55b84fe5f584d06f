/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A server of two listeners over conn/, with a table of answers in the place of sites. */
#include "cli/responder.h"

#include <errno.h>

#include "base/mem.h"
#include "conn/conn.h"
#include "crypt/alpncert.h"
#include "crypt/tlsctx.h"
#include "os/sock.h"

#define PREFIX        "/.well-known/acme-challenge/"
#define LISTENERS_MAX 4 /* two ports, IPv4 and IPv6 */
#define BACKLOG       64
#define TIMEOUT_MS    10000
#define SERVER_NAME   256

struct answer {
    struct slice name, token, content; /* owned */
    struct tlsctx *tls;                /* ALPN01 */
};

struct responder {
    struct loop *loop;
    struct conn_pool *pool;
    struct listener listeners[LISTENERS_MAX];
    size_t nlisteners;
    struct answer *answers;
    size_t nanswers;
    unsigned answered;
};

static const struct conn_limits limits = {
    .connections = 256,
    .header_bytes = 16384,
    .header_fields = 100,
    .line_bytes = 8192,
    .h2_streams = 1,
    .requests = 1,
    .handshake_timeout_ms = TIMEOUT_MS,
    .header_timeout_ms = TIMEOUT_MS,
    .idle_timeout_ms = TIMEOUT_MS,
    .body_timeout_ms = TIMEOUT_MS,
    .send_timeout_ms = TIMEOUT_MS,
    .linger_timeout_ms = 2000,
};

/* ---- the plain port ---- */

static const struct answer *by_token(const struct responder *p, struct slice path)
{
    if (!slice_starts(path, SLICE(PREFIX)))
        return NULL;
    struct slice token = slice_from(path, sizeof(PREFIX) - 1);
    for (size_t i = 0; i < p->nanswers; i++)
        if (!p->answers[i].tls && token.n && slice_eq(p->answers[i].token, token))
            return &p->answers[i];
    return NULL;
}

struct reply_text {
    struct slice left;
};

static void on_head(struct exchange *x)
{
    struct responder *p = x->c->from ? x->c->from->app : NULL;
    const struct answer *a = p ? by_token(p, x->req.path) : NULL;
    struct reply_text *t = arena_zalloc(&x->arena, sizeof(*t));
    struct field type = {0};
    type.name = SLICE("content-type");
    type.value = a ? SLICE("application/octet-stream") : SLICE("text/plain");
    bool read = x->req.method == METHOD_GET || x->req.method == METHOD_HEAD;
    struct slice body = a ? a->content : SLICE("port443 answers challenges of a CA here\n");
    if (!t || arena_copy(&x->arena, body, &t->left)) {
        exchange_abort(x, ERR_NOMEM);
        return;
    }
    x->app = t;
    const struct response answer = {
        .status = (uint16_t)(!read ? 405
                             : a   ? 200
                                   : 404),
        .fields = &type,
        .nfields = 1,
        .length = (int64_t)t->left.n,
        .no_body = x->req.method == METHOD_HEAD,
        .close = true,
    };
    if (a && p)
        p->answered++;
    int r = exchange_respond(x, &answer);
    if (r)
        exchange_abort(x, r);
}

static void on_body(struct exchange *x, struct slice data, bool end)
{
    (void)end;
    exchange_consumed(x, data.n);
}

static void on_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    (void)x, (void)fields, (void)n;
}

static int pull(struct exchange *x, struct pull *p)
{
    struct reply_text *t = x->app;
    p->loan = slice_first(t->left, p->cap);
    t->left = slice_from(t->left, p->loan.n);
    p->end = t->left.n == 0;
    return OK;
}

static void on_exchange_close(struct exchange *x, int r)
{
    (void)x, (void)r;
}

static const struct exchange_ops exchange_ops = {on_head, on_body, on_trailers, pull,
                                                 on_exchange_close};

/* ---- the TLS port ---- */

/* Only for a name that is being validated, and then only with ALPN acme-tls/1 (RFC 8737 3): the
 * context offers nothing else. */
static int choose(struct conn *c, const struct tlshello *hello, struct tlsctx **ret)
{
    struct responder *p = c->from ? c->from->app : NULL;
    (void)hello;
    c->validation = true;
    for (size_t i = 0; p && i < p->nanswers; i++)
        if (p->answers[i].tls && slice_eq_nocase(p->answers[i].name, c->server_name)) {
            p->answered++;
            *ret = p->answers[i].tls;
            return OK;
        }
    return ERR_TLS_NAME;
}

static void on_conn(struct conn *c)
{
    (void)c;
}

static void on_conn_close(struct conn *c, int r, const struct fault *f)
{
    (void)c, (void)r, (void)f;
}

static void on_rejected(struct conn *c, int r, uint16_t status, struct slice line)
{
    (void)c, (void)r, (void)status, (void)line;
}

static const struct conn_ops conn_ops = {choose,        on_conn,     on_conn,
                                         on_conn_close, on_rejected, &exchange_ops};

/* ---- ports ---- */

static int explain(int r, uint16_t port, const char *challenge, struct fault *f)
{
    if (r == ERR_EXISTS) {
        fault_set(f, r, "port %u, which %s needs, is taken by another program", port, challenge);
        fault_next(f,
                   "if it is port443, give the name to that server; else stop what "
                   "\"ss -ltnp 'sport = :%u'\" shows, or prove the name with --challenge dns-01",
                   port);
    } else if (r == ERR_PERM) {
        fault_set(f, r, "port %u, which %s needs, may be bound by root only", port, challenge);
        fault_next(f, "run it with sudo, or prove the name with --challenge dns-01");
    }
    return r;
}

static int listen_on(struct responder *p, const char *address, uint16_t port, enum conn_kind kind,
                     struct fault *f)
{
    struct ip ip;
    struct sock_addr a;
    int fd;
    int r = cidr_parse_ip(slice_cstr(address), &ip);
    if (r)
        return r;
    sock_addr_make(&ip, port, &a);
    r = sock_listen(&a, false, BACKLOG, &fd, f);
    if (r)
        return explain(r, port, kind == CONN_TLS ? "tls-alpn-01" : "http-01", f);
    struct listener *l = &p->listeners[p->nlisteners++];
    *l = (struct listener){
        .io = {.fd = fd}, .kind = kind, .public_port = port, .ops = &conn_ops, .app = p};
    r = conn_listen(p->pool, l);
    if (r) {
        sock_close(fd);
        p->nlisteners--;
        fault_set(f, r, "cannot listen on port %u: %s", port, err_text(r));
    }
    return r;
}

static int open_port(struct responder *p, uint16_t port, enum conn_kind kind, struct fault *f)
{
    struct fault six = {0};
    if (!port)
        return OK;
    int r = listen_on(p, "0.0.0.0", port, kind, f);
    int r6 = r ? OK : listen_on(p, "::", port, kind, &six);
    if (r6 == OK || r6 == ERR_UNREACHABLE)
        return r;
    *f = six;
    return r6;
}

int responder_open(struct loop *l, uint16_t http_port, uint16_t https_port, struct responder **ret,
                   struct fault *f)
{
    struct responder *p = mem_alloc(sizeof(*p));
    if (!p)
        return fault_set(f, ERR_NOMEM, "out of memory");
    p->loop = l;
    int r = conn_pool_new(l, &limits, &p->pool);
    if (r)
        fault_set(f, r, "%s", err_text(r));
    if (!r)
        r = open_port(p, http_port, CONN_PLAIN, f);
    if (!r)
        r = open_port(p, https_port, CONN_TLS, f);
    if (r)
        responder_close(p);
    else
        *ret = p;
    return r;
}

/* ---- answers ---- */

static void drop_answers(struct responder *p)
{
    for (size_t i = 0; i < p->nanswers; i++) {
        const struct answer *a = &p->answers[i];
        mem_free((void *)(uintptr_t)a->name.p);
        mem_free((void *)(uintptr_t)a->token.p);
        mem_free((void *)(uintptr_t)a->content.p);
        tlsctx_unref(a->tls);
    }
    mem_free(p->answers);
    p->answers = NULL;
    p->nanswers = 0;
}

static int copy(struct slice s, struct slice *ret)
{
    char *own = mem_dup(s.p, s.n);
    *ret = own ? slice_of(own, s.n) : SLICE_EMPTY;
    return own ? OK : ERR_NOMEM;
}

static int make_tls(const struct certhost_answer *from, int64_t now_s, struct tlsctx **ret)
{
    struct tlsctx_identity id = {0};
    static const struct slice alpn[] = {SLICE("acme-tls/1")};
    int r = alpncert_make(from->name, from->digest, now_s, &id.key, &id.chain, NULL);
    const struct tlsctx_server options = {
        .identities = &id, .nidentities = 1, .alpn = alpn, .nalpn = 1};
    if (!r)
        r = tlsctx_server_new(&options, ret, NULL);
    keystore_unref(id.key);
    certinfo_unref(id.chain);
    return r;
}

static int take(struct answer *a, const struct certhost_answer *from, int64_t now_s)
{
    char name[SERVER_NAME];
    if (from->kind == CERTHOST_ALPN01) {
        int r = copy(alpncert_server_name(from->name, name), &a->name);
        return r ? r : make_tls(from, now_s, &a->tls);
    }
    int r = copy(from->token, &a->token);
    return r ? r : copy(from->content, &a->content);
}

int responder_publish(struct responder *p, const struct certhost_answer *answers, size_t n,
                      int64_t now_s)
{
    int r = OK;
    drop_answers(p);
    p->answers = n ? mem_array(n, sizeof(p->answers[0])) : NULL;
    if (n && !p->answers)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        int one = take(&p->answers[p->nanswers++], &answers[i], now_s);
        r = r ? r : one;
    }
    return r;
}

unsigned responder_answered(const struct responder *p)
{
    return p->answered;
}

void responder_close(struct responder *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->nlisteners; i++) {
        conn_unlisten(p->pool, &p->listeners[i]);
        sock_close(p->listeners[i].io.fd);
    }
    if (p->pool) {
        conn_pool_kill(p->pool);
        conn_pool_free(p->pool);
    }
    drop_answers(p);
    mem_free(p);
}
