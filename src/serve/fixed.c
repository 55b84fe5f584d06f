/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Fixed answers. The connection description tells a visitor only what he could see himself: the
 * session that he negotiated and the certificate that he was shown. */
#include "serve/fixed.h"

#include "base/json.h"
#include "crypt/session.h"
#include "serve/reply.h"

#define DESCRIPTION_MAX 8192 /* bytes; a certificate with a thousand names is cut to its count */

void fixed_options(struct exchange *x)
{
    struct reply a;
    reply_init(&a, x, 204, -1);
    reply_token(&a, x, HDR_ALLOW, SLICE("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    (void)reply_send(&a, x);
}

void fixed_redirect(struct exchange *x)
{
    const struct conf_redirect *to = &serving_of(x)->route->conf->redirect;
    struct slice path = to->keep_path ? serving_of(x)->path : SLICE_EMPTY;
    struct slice base = to->to, location;
    if (path.n && base.n && base.p[base.n - 1] == '/')
        base.n--;
    if (!path.n && base.n && slice_find(slice_from(base, base.n > 8 ? 8 : 0), '/') == base.n - 8 &&
        base.n > 8)
        path = SLICE("/"); /* "https://host" alone */
    int r = arena_printf(&x->arena, &location, SLICE_F SLICE_F "%s" SLICE_F, SLICE_A(base),
                         SLICE_A(path), x->req.query.p ? "?" : "", SLICE_A(x->req.query));
    if (r) {
        exchange_abort(x, r);
        return;
    }
    reply_redirect(x, (uint16_t)to->status, location);
}

static void describe_certificate(struct json *j, const struct worker *w, const struct site *s)
{
    if (!s || !s->cert_known)
        return;
    int64_t left_s = s->cert.not_after_s - loop_unix_ms(w->loop) / 1000;
    json_object(j, "certificate");
    json_text(j, "subject", s->cert.subject);
    json_text(j, "issuer", s->cert.issuer);
    json_cstr(j, "key", keystore_kind_text(s->cert.key_kind));
    json_int(j, "not_before", s->cert.not_before_s);
    json_int(j, "not_after", s->cert.not_after_s);
    json_int(j, "days_left", left_s / 86400);
    json_bool(j, "local_ca", s->cert_local);
    json_end(j, '}');
}

static void describe(struct json *j, const struct exchange *x)
{
    const struct serving *v = serving_of(x);
    char ip[CIDR_IP_TEXT];
    cidr_format_ip(&x->c->peer, ip);
    json_object(j, NULL);
    json_cstr(j, "client", ip);
    json_uint(j, "client_port", x->c->peer_port);
    json_text(j, "host", x->req.host);
    json_cstr(j, "http",
              x->req.version == 20   ? "HTTP/2"
              : x->req.version == 11 ? "HTTP/1.1"
                                     : "HTTP/1.0");
    json_uint(j, "request_on_connection", x->c->requests);
    if (x->c->session) {
        struct session_info info;
        session_info(x->c->session, &info);
        json_object(j, "tls");
        json_cstr(j, "version", info.version);
        json_cstr(j, "suite", info.suite);
        json_cstr(j, "group", info.group);
        json_text(j, "alpn", info.alpn);
        json_text(j, "sni", info.sni);
        json_bool(j, "resumed", info.resumed);
        json_end(j, '}');
    }
    describe_certificate(j, v->worker, v->site);
    json_end(j, '}');
}

static void respond_connection(struct exchange *x)
{
    struct buf b;
    struct json j;
    buf_init(&b, DESCRIPTION_MAX);
    json_init(&j, &b);
    j.pretty = true; /* read by people, in a terminal */
    describe(&j, x);
    if (j.r || buf_add(&b, SLICE("\n")))
        reply_error(x, 500, "the description of the connection does not fit");
    else
        reply_text(x, 200, SLICE("application/json"), buf_slice(&b));
    buf_done(&b);
}

void fixed_respond(struct exchange *x)
{
    const struct conf_respond *c = &serving_of(x)->route->conf->respond;
    if (c->connection)
        respond_connection(x);
    else
        reply_text(x, (uint16_t)c->status, c->content_type, c->body);
}
