/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Connection events of the engine. */
#include "serve/connections.h"

#include "crypt/session.h"
#include "os/proc.h"
#include "os/sock.h"
#include "serve/accesslog.h"
#include "serve/challenges.h"
#include "serve/demand.h"
#include "serve/eventlog.h"
#include "serve/exchange_engine.h"
#include "serve/generation.h"
#include "serve/metrics.h"
#include "serve/metricsport.h"
#include "serve/plainport.h"
#include "wire/tlshello.h"

#define DESCRIPTORS_KEPT_MIN 32
#define LINGER_TIMEOUT_MS    2000

/* By the generation, which a connection keeps to its end; the listener may be gone before. */
static struct worker *worker_of(const struct conn *c)
{
    const struct generation *g = c->generation;
    return g ? g->worker : c->from->app;
}

static void count_open(struct worker *w)
{
    metrics_set(w->metrics, METRIC_CONN_OPEN, conn_pool_count(w->pool));
}

static void on_open(struct conn *c)
{
    struct worker *w = worker_of(c);
    c->generation = generation_ref(w->now);
    metrics_add(w->metrics, METRIC_CONN_ACCEPTED, 1);
    count_open(w);
}

/* A client that sends no name (an address in the URL) gets the site of the address that it reached.
 */
static struct site *site_of_address(const struct conn *c)
{
    struct sock_addr local;
    struct ip ip;
    uint16_t port;
    char text[CIDR_IP_TEXT];
    if (sock_local_addr(c->link.io.fd, &local) || !sock_addr_ip(&local, &ip, &port))
        return NULL;
    size_t n = cidr_format_ip(&ip, text);
    return generation_site(c->generation, slice_of(text, n));
}

/* Only a validator offers nothing else (RFC 8737 3). */
static bool is_validation(const struct tlshello *hello)
{
    struct slice rest = hello->alpn, first, second;
    return hello->has_alpn && tlshello_alpn_next(&rest, &first) &&
           slice_eq(first, SLICE("acme-tls/1")) && !tlshello_alpn_next(&rest, &second);
}

/* tls-alpn-01: whatever sites say about the name does not count, and no site is reached. */
static int choose_challenge(struct conn *c, struct tlsctx **ret)
{
    struct worker *w = worker_of(c);
    char peer[CIDR_IP_TEXT];
    struct fault f = {0};
    int r = w->challenges ? challenges_alpn(w->challenges, c->server_name,
                                            loop_unix_ms(w->loop) / 1000, ret, &f)
                          : ERR_NOT_FOUND;
    if (r == ERR_NOT_FOUND)
        return ERR_TLS_ALPN;
    if (r) {
        eventlog_fault(w->events, EVENT_ERROR, "challenge_not_answered", &f);
        return r;
    }
    c->validation = true;
    cidr_format_ip(&c->peer, peer);
    EVENT(w->events, EVENT_INFO, "challenge_seen", EV_CSTR("type", "tls-alpn-01"),
          EV_TEXT("name", c->server_name), EV_CSTR("client", peer));
    return OK;
}

static int choose(struct conn *c, const struct tlshello *hello, struct tlsctx **ret)
{
    if (is_validation(hello))
        return choose_challenge(c, ret);
    struct slice name = c->server_name;
    struct site *s = name.n ? generation_site(c->generation, name) : site_of_address(c);
    if (!s || !s->tls) {
        metrics_add(worker_of(c)->metrics, METRIC_TLS_UNKNOWN_NAME, 1);
        return ERR_TLS_NAME;
    }
    c->site = s;
    *ret = s->tls;
    return s->conf->on_demand && name.n ? demand_choose(c, s, ret) : OK;
}

static void on_secured(struct conn *c)
{
    struct worker *w = worker_of(c);
    struct session_info info;
    session_info(c->session, &info);
    if (c->validation)
        return;
    metrics_add(w->metrics, info.resumed ? METRIC_TLS_RESUMED : METRIC_TLS_FULL, 1);
    metrics_add(w->metrics, slice_eq(info.alpn, SLICE("h2")) ? METRIC_CONN_H2 : METRIC_CONN_H1, 1);
}

static void on_close(struct conn *c, int r, const struct fault *f)
{
    struct worker *w = worker_of(c);
    if (c->ops == &connections_https && !c->secured && r != OK && r != ERR_EOF) {
        char peer[CIDR_IP_TEXT];
        cidr_format_ip(&c->peer, peer);
        metrics_add(w->metrics, METRIC_TLS_FAILED, 1);
        EVENT(w->events, EVENT_DEBUG, "handshake_failed", EV_CSTR("client", peer),
              EV_TEXT("name", c->server_name), EV_CSTR("error", err_name(r)),
              EV_CSTR("message", f && f->what[0] ? f->what : err_text(r)));
    }
    list_remove(&c->waiting);
    if (c->shed)
        metrics_add(w->metrics, METRIC_CONN_SHED, 1);
    generation_unref(c->generation);
    c->generation = NULL;
    count_open(w);
}

static void on_rejected(struct conn *c, int r, uint16_t status, struct slice line)
{
    struct worker *w = worker_of(c);
    metrics_add(w->metrics, METRIC_REQUESTS_REJECTED, 1);
    accesslog_rejected(w->access, c, r, status, line);
}

static const struct exchange_ops plain_exchange = EXCHANGE_ENGINE_WITH(plainport_serve);
static const struct exchange_ops metrics_exchange_ops = EXCHANGE_ENGINE_WITH(metricsport_serve);

const struct conn_ops connections_https = {
    .choose = choose,
    .on_open = on_open,
    .on_secured = on_secured,
    .on_close = on_close,
    .on_rejected = on_rejected,
    .exchange = &exchange_engine_https,
};

const struct conn_ops connections_plain = {
    .on_open = on_open,
    .on_close = on_close,
    .on_rejected = on_rejected,
    .exchange = &plain_exchange,
};

const struct conn_ops connections_metrics = {
    .on_open = on_open,
    .on_close = on_close,
    .on_rejected = on_rejected,
    .exchange = &metrics_exchange_ops,
};

/* Clients may not take the descriptors that their requests need: files, upstreams. */
static uint32_t most_connections(uint64_t wanted)
{
    uint64_t files = proc_nofile_raise(0);
    uint64_t kept = files / 4 > DESCRIPTORS_KEPT_MIN ? files / 4 : DESCRIPTORS_KEPT_MIN;
    uint64_t most = files > 2 * kept ? files - kept : files / 2;
    return (uint32_t)(most && most < wanted ? most : wanted);
}

void connections_limits(const struct conf_limits *c, struct conn_limits *ret)
{
    *ret = (struct conn_limits){
        .connections = most_connections((uint64_t)c->connections),
        .connections_per_ip = (uint32_t)c->connections_per_ip,
        .header_bytes = (uint32_t)c->header_bytes,
        .header_fields = (uint32_t)c->header_fields,
        .line_bytes = (uint32_t)c->line_bytes,
        .h2_streams = (uint32_t)c->h2_streams,
        .requests = (uint32_t)c->requests_per_connection,
        .handshake_timeout_ms = (uint32_t)c->handshake_timeout_ms,
        .header_timeout_ms = (uint32_t)c->header_timeout_ms,
        .idle_timeout_ms = (uint32_t)c->idle_timeout_ms,
        .body_timeout_ms = (uint32_t)c->body_timeout_ms,
        .body_min_rate = (uint32_t)c->body_min_rate_bytes,
        .send_timeout_ms = (uint32_t)c->response_timeout_ms,
        .linger_timeout_ms = LINGER_TIMEOUT_MS,
    };
}
