/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers of port 80. A credential that came in clear is reported by its kind, never by its value.
 */
#include "serve/plainport.h"

#include <stdio.h>

#include "serve/challenges.h"
#include "serve/eventlog.h"
#include "serve/exchange_engine.h"
#include "serve/generation.h"
#include "serve/metrics.h"
#include "serve/reply.h"

#define ACME_PATH "/.well-known/acme-challenge/"

/* Query parameters that carry keys, as common APIs name them. */
static const char *const secret_parameters[] = {
    "api_key", "apikey",    "api-key", "key",      "token",        "access_token",
    "auth",    "signature", "secret",  "password", "client_secret"};

static const char *secret_parameter(struct slice query)
{
    struct slice part;
    while (slice_next(&query, '&', &part)) {
        struct slice name = slice_first(part, slice_find(part, '='));
        for (size_t i = 0; i < ARRAY_LEN(secret_parameters); i++)
            if (slice_eq_nocase(name, slice_cstr(secret_parameters[i])))
                return secret_parameters[i];
    }
    return NULL;
}

/* What credential the request carried, in words; empty when none. */
static struct slice exposed_credential(const struct request *q)
{
    for (size_t i = 0; i < q->nfields; i++)
        if (q->fields[i].token != HDR_OTHER && token_flags(q->fields[i].token) & TOKEN_SECRET)
            return token_name(q->fields[i].token);
    return slice_cstr(secret_parameter(q->query));
}

static void refuse_api(struct exchange *x, struct serving *v)
{
    static const char body[] =
        "{\"type\":\"about:blank\",\"title\":\"HTTPS required\",\"status\":403,"
        "\"detail\":\"This API is reachable over HTTPS on port 443 only. If this request carried a "
        "key, a token or a cookie, it was sent in clear: replace it.\"}\n";
    struct slice credential = exposed_credential(&x->req);
    if (credential.n) {
        char peer[CIDR_IP_TEXT];
        cidr_format_ip(&x->c->peer, peer);
        metrics_add(v->worker->metrics, METRIC_CREDENTIAL_EXPOSED, 1);
        EVENT(v->worker->events, EVENT_WARN, "credential_exposed", EV_TEXT("host", x->req.host),
              EV_TEXT("path", x->req.path), EV_TEXT("credential", credential),
              EV_CSTR("client", peer));
    }
    v->reason = "an API is not served on port 80";
    v->query_hidden = true;
    struct reply a;
    reply_init(&a, x, 403, (int64_t)sizeof(body) - 1);
    a.close = true;
    reply_token(&a, x, HDR_CONTENT_TYPE, SLICE("application/problem+json"));
    reply_send_body(&a, x, slice_of(body, sizeof(body) - 1));
}

static void redirect(struct exchange *x, const struct serving *v)
{
    char port[8] = "";
    struct slice location;
    bool v6 = slice_find(x->req.host, ':') < x->req.host.n;
    if (v->worker->https_port != 443)
        snprintf(port, sizeof(port), ":%u", v->worker->https_port);
    int r = arena_printf(&x->arena, &location, "https://%s" SLICE_F "%s%s" SLICE_F "%s" SLICE_F,
                         v6 ? "[" : "", SLICE_A(x->req.host), v6 ? "]" : "", port,
                         SLICE_A(x->req.path), x->req.query.p ? "?" : "", SLICE_A(x->req.query));
    if (r) {
        exchange_abort(x, r);
        return;
    }
    reply_redirect(x, 308, location);
}

/* http-01 (RFC 8555 8.3), before anything that a site or a limit may say: validators come with
 * names and from places that nobody can foresee. */
static void answer_challenge(struct exchange *x, struct serving *v)
{
    struct slice token = slice_from(x->req.path, sizeof(ACME_PATH) - 1), content;
    char peer[CIDR_IP_TEXT];
    bool known = v->worker->challenges && challenges_http(v->worker->challenges, token, &content);
    if (!known) {
        v->reason = "no such challenge";
        reply_text(x, 404, SLICE("text/plain; charset=utf-8"), SLICE("no such challenge\n"));
        return;
    }
    if (x->req.method != METHOD_GET && x->req.method != METHOD_HEAD) {
        reply_error(x, 405, "a challenge is read only");
        return;
    }
    cidr_format_ip(&x->c->peer, peer);
    EVENT(v->worker->events, EVENT_INFO, "challenge_seen", EV_CSTR("type", "http-01"),
          EV_TEXT("name", x->req.host), EV_CSTR("client", peer));
    struct reply a;
    reply_init(&a, x, 200, (int64_t)content.n);
    reply_token(&a, x, HDR_CONTENT_TYPE, SLICE("application/octet-stream"));
    reply_send_body(&a, x, content);
}

void plainport_serve(struct exchange *x)
{
    struct serving *v = exchange_engine_begin(x);
    if (!v)
        return;
    if (slice_starts(x->req.path, SLICE(ACME_PATH))) {
        answer_challenge(x, v);
        return;
    }
    v->site = generation_site(x->c->generation, x->req.host);
    if (x->req.path.n == 0 || x->req.path.p[0] != '/')
        reply_error(x, 400, "port 80 answers paths only");
    else if (!v->site)
        reply_error(x, 421, "no site has this name");
    else if (v->site->conf->api)
        refuse_api(x, v);
    else
        redirect(x, v);
}
