/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One place for what every answer carries: security headers, the header steps of the configuration,
 * error pages. */
#include "serve/reply.h"

#include "base/json.h"
#include "wire/phrase.h"

#define FIELDS_FIRST     24
#define HSTS_YOUNG_S     (7 * 86400)
#define HSTS_YOUNG_VALUE "max-age=86400"
#define HSTS_OLD_VALUE   "max-age=63072000"

void reply_init(struct reply *a, struct exchange *x, uint16_t status, int64_t length)
{
    bool no_content = status == 204 || status == 304 || (status >= 100 && status < 200);
    *a = (struct reply){.status = status, .length = no_content ? -1 : length, .cap = FIELDS_FIRST};
    a->no_body = no_content || x->req.method == METHOD_HEAD;
    a->fields = arena_alloc(&x->arena, a->cap * sizeof(*a->fields));
    a->full = !a->fields;
}

void reply_field(struct reply *a, struct exchange *x, enum hdr token, struct slice name,
                 struct slice value)
{
    if (a->full)
        return;
    if (a->nfields == a->cap) {
        struct field *more = arena_alloc(&x->arena, 2 * a->cap * sizeof(*more));
        if (!more) {
            a->full = true;
            return;
        }
        memcpy(more, a->fields, a->nfields * sizeof(*more));
        a->fields = more;
        a->cap *= 2;
    }
    a->fields[a->nfields++] = (struct field){name, value, token};
}

void reply_token(struct reply *a, struct exchange *x, enum hdr token, struct slice value)
{
    reply_field(a, x, token, x->req.version == 20 ? token_name(token) : token_title(token), value);
}

static void remove_name(struct reply *a, struct slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->nfields; i++)
        if (!slice_eq_nocase(a->fields[i].name, name))
            a->fields[kept++] = a->fields[i];
    a->nfields = kept;
}

/* The value of Strict-Transport-Security for answers of this site now; empty: not sent. The age is
 * short during the first week of a certificate, so that a failed first rollout is over in a day
 * (edge notes 5.8). */
static struct slice hsts_value(const struct site *s, int64_t now_s, struct arena *a)
{
    struct slice value = SLICE_EMPTY;
    const struct conf_hsts *h = &s->conf->hsts;
    if (h->mode == CONF_HSTS_FIXED) {
        if (arena_printf(a, &value, "max-age=%llu%s%s", (unsigned long long)(h->max_age_ms / 1000),
                         h->include_subdomains ? "; includeSubDomains" : "",
                         h->preload ? "; preload" : ""))
            return SLICE_EMPTY;
        return value;
    }
    if (h->mode == CONF_HSTS_OFF || s->cert_local || s->conf->local || !s->cert_known)
        return SLICE_EMPTY;
    return now_s - s->cert.not_before_s < HSTS_YOUNG_S ? SLICE(HSTS_YOUNG_VALUE)
                                                       : SLICE(HSTS_OLD_VALUE);
}

static void apply_steps(struct reply *a, struct exchange *x, const struct conf_route *route)
{
    for (size_t i = 0; i < route->nheader_steps; i++) {
        const struct conf_header_step *step = &route->header_steps[i];
        if (step->kind != CONF_HEADER_ADD)
            remove_name(a, step->name);
        if (step->kind != CONF_HEADER_REMOVE)
            reply_field(a, x, token_of(step->name), step->name, step->value);
    }
}

static void security_fields(struct reply *a, struct exchange *x, const struct serving *v)
{
    if (!v->secure)
        return;
    int64_t now_s = loop_unix_ms(v->worker->loop) / 1000;
    struct slice hsts = v->site ? hsts_value(v->site, now_s, &x->arena) : SLICE_EMPTY;
    if (hsts.n) {
        remove_name(a, SLICE("strict-transport-security")); /* an upstream's own: ours decides */
        reply_token(a, x, HDR_STRICT_TRANSPORT_SECURITY, hsts);
    }
    if (!field_find(a->fields, a->nfields, HDR_X_CONTENT_TYPE_OPTIONS))
        reply_token(a, x, HDR_X_CONTENT_TYPE_OPTIONS, SLICE("nosniff"));
}

int reply_send(struct reply *a, struct exchange *x)
{
    struct serving *v = serving_of(x);
    if (!a->full)
        security_fields(a, x, v);
    if (v->route)
        apply_steps(a, x, v->route->conf);
    struct response answer = {.status = a->status,
                              .fields = a->fields,
                              .nfields = a->nfields,
                              .length = a->length,
                              .no_body = a->no_body,
                              .tunnel = a->tunnel,
                              .close = a->close};
    int r = a->full ? ERR_NOMEM : exchange_respond(x, &answer);
    if (r)
        exchange_abort(x, r);
    return r;
}

/* ---- whole small answers ---- */

static int pull_text(struct exchange *x, struct pull *p)
{
    struct slice *rest = serving_of(x)->state;
    p->loan = slice_first(*rest, p->cap);
    *rest = slice_from(*rest, p->loan.n);
    p->end = rest->n == 0;
    p->fast = true;
    return OK;
}

static const struct action text_action = {.name = "text", .pull = pull_text};

/* Ends the action that was chosen before (a 413 in the middle of an upload to an upstream). */
static void replace_action(struct exchange *x, const struct action *with, void *state)
{
    struct serving *v = serving_of(x);
    if (v->action && v->action->on_close)
        v->action->on_close(x, ERR_ABORTED);
    v->action = with;
    v->state = state;
}

void reply_send_body(struct reply *a, struct exchange *x, struct slice body)
{
    struct slice *rest = arena_alloc(&x->arena, sizeof(*rest));
    int r = rest ? arena_copy(&x->arena, body, rest) : ERR_NOMEM;
    if (r) {
        exchange_abort(x, r);
        return;
    }
    replace_action(x, &text_action, rest);
    (void)reply_send(a, x);
}

void reply_text(struct exchange *x, uint16_t status, struct slice content_type, struct slice body)
{
    struct reply a;
    reply_init(&a, x, status, (int64_t)body.n);
    if (body.n)
        reply_token(&a, x, HDR_CONTENT_TYPE, content_type);
    reply_send_body(&a, x, body);
}

static bool wants_json(const struct exchange *x)
{
    const struct serving *v = serving_of(x);
    const struct field *accept = field_find(x->req.fields, x->req.nfields, HDR_ACCEPT);
    if (v->site && v->site->conf->api)
        return true;
    return accept && slice_starts(accept->value, SLICE("application/")) &&
           (slice_starts(accept->value, SLICE("application/json")) ||
            slice_starts(accept->value, SLICE("application/problem+json")));
}

void reply_error(struct exchange *x, uint16_t status, const char *reason)
{
    struct serving *v = serving_of(x);
    v->reason = reason;
    if (x->responded) {
        exchange_abort(x, status == 413 ? ERR_BODY_TOO_LARGE : ERR_ABORTED);
        return;
    }
    const char *phrase = phrase_of(status);
    struct slice body, type;
    int r;
    if (wants_json(x)) {
        type = SLICE("application/problem+json");
        r = arena_printf(&x->arena, &body,
                         "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u}\n", phrase,
                         status);
    } else {
        type = SLICE("text/html; charset=utf-8");
        r = arena_printf(&x->arena, &body,
                         "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
                         "<meta name=\"viewport\" content=\"width=device-width\">"
                         "<title>%u %s</title><style>body{font:16px/1.5 system-ui,sans-serif;"
                         "max-width:34em;margin:20vh auto;padding:0 1em;color:#223}"
                         "h1{font-size:1.4em;font-weight:600}</style><h1>%u %s</h1>\n",
                         status, phrase, status, phrase);
    }
    if (r) {
        exchange_abort(x, r);
        return;
    }
    struct reply a;
    reply_init(&a, x, status, (int64_t)body.n);
    a.close = status == 400 || status == 413 || status == 421;
    if (x->req.version == 20 && status != 400)
        a.close = false; /* one stream's trouble leaves the others alone */
    reply_token(&a, x, HDR_CONTENT_TYPE, type);
    if (status == 405)
        reply_token(&a, x, HDR_ALLOW, SLICE("GET, HEAD"));
    if (status == 503)
        reply_token(&a, x, HDR_RETRY_AFTER, SLICE("5"));
    reply_send_body(&a, x, body);
}

void reply_redirect(struct exchange *x, uint16_t status, struct slice location)
{
    struct reply a;
    struct slice copy;
    if (arena_copy(&x->arena, location, &copy)) {
        exchange_abort(x, ERR_NOMEM);
        return;
    }
    reply_init(&a, x, status, 0);
    reply_token(&a, x, HDR_LOCATION, copy);
    (void)reply_send(&a, x);
}

bool reply_block(const struct route *route, struct arena *a, struct slice *ret)
{
    const struct conf_route *c = route->conf;
    const struct worker *w = route->site->gen->worker;
    struct slice hsts = hsts_value(route->site, loop_unix_ms(w->loop) / 1000, a);
    struct slice block;
    if (arena_printf(a, &block, "%s" SLICE_F "%sX-Content-Type-Options: nosniff\r\n",
                     hsts.n ? "Strict-Transport-Security: " : "", SLICE_A(hsts),
                     hsts.n ? "\r\n" : ""))
        return false;
    for (size_t i = 0; i < c->nheader_steps; i++) {
        const struct conf_header_step *step = &c->header_steps[i];
        if (step->kind != CONF_HEADER_ADD && token_of(step->name) != HDR_OTHER)
            return false; /* may meet a field of the head itself */
        if (step->kind != CONF_HEADER_ADD && i > 0)
            return false; /* may undo an earlier step */
        if (step->kind == CONF_HEADER_REMOVE)
            continue;
        if (arena_printf(a, &block, SLICE_F SLICE_F ": " SLICE_F "\r\n", SLICE_A(block),
                         SLICE_A(step->name), SLICE_A(step->value)))
            return false;
    }
    *ret = block;
    return true;
}
