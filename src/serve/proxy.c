/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Joins an exchange of conn/ with a fetch of client/: head, body and trailers each way, as loans.
 *
 *   choosing --fetch_start--> asking --on_head--> answering --last byte of both--> on_close
 *      ^                        |
 *      +-- no connection, or a stale one: once more, while nothing reached an upstream
 *
 * Holds no body bytes but those that wait for a first connection while another upstream could still
 * be tried. Knows neither framing (mux, fetch) nor who comes next (balance). */
#include "serve/proxy.h"

#include "base/buf.h"
#include "client/fetch.h"
#include "os/rng.h"
#include "serve/balance.h"
#include "serve/eventlog.h"
#include "serve/forward.h"
#include "serve/metrics.h"
#include "serve/reply.h"

/* Stale pooled connections in a row: an upstream that restarted leaves many. */
#define REPLAYS_MAX 3
/* A WebSocket may be silent for longer than an answer; never less than `timeout`. */
#define TUNNEL_TIMEOUT_MS (60u * 60 * 1000)
#define REASON_BYTES      400
/* A site whose upstream leads back to itself would multiply one request until heads are full. */
#define HOPS_MAX 8

struct proxying {
    struct exchange *x;
    struct serving *v;
    const struct conf_proxy *conf;
    struct upstream *u; /* a reference: the one being asked */
    struct fetch *f;
    struct fetch_request q;
    uint64_t tried; /* see balance_pick */
    unsigned retries, replays;
    size_t owed;     /* body bytes taken from the client and not reported as consumed */
    struct buf held; /* copy of the body so far, while another upstream may be tried */
    bool held_end;
    bool begun;    /* body bytes or trailers went to an upstream that `held` does not have */
    bool deaf;     /* the upstream takes no more of the body: the rest is dropped */
    bool answered; /* its head came */
};

static struct proxying *proxying_of(const struct exchange *x)
{
    return serving_of(x)->state;
}

/* ---- ends ---- */

static void let_go(struct proxying *p)
{
    fetch_free(p->f);
    upstream_unref(p->u);
    p->f = NULL;
    p->u = NULL;
}

static void on_close(struct exchange *x, int r)
{
    (void)r;
    struct proxying *p = proxying_of(x);
    let_go(p);
    buf_done(&p->held);
}

/* The client may send what it has left: it is dropped from now on. */
static void forgive(struct proxying *p)
{
    size_t n = p->owed;
    p->owed = 0;
    if (n)
        exchange_consumed(p->x, n);
}

/* 502, 503 or 504. What err.def has for the client's own mistakes (408) is not meant here. */
static uint16_t status_of(int r)
{
    if (r == ERR_UPSTREAM_TIMEOUT || r == ERR_TIMEOUT)
        return 504;
    return r == ERR_NOMEM || r == ERR_CAP || r == ERR_SYS || r == ERR_UPSTREAM_DOWN ? 503 : 502;
}

static void give_up(struct proxying *p, int r, const char *reason)
{
    forgive(p);
    reply_error(p->x, status_of(r), reason);
}

/* What the log says about the upstream: its address and times, copied before the fetch goes. */
static void note_upstream(struct proxying *p)
{
    const char *address = fetch_address(p->f);
    char *copy = arena_cstr(&p->x->arena, address[0] ? slice_cstr(address) : upstream_name(p->u));
    if (copy)
        p->v->upstream = copy;
    fetch_times(p->f, &p->v->upstream_connect_ms, &p->v->upstream_head_ms);
}

/* The story of a failure: for the access log as the exchange's reason, and as an event. */
static const char *note_failure(struct proxying *p, int r)
{
    struct fault fault = {0};
    char text[REASON_BYTES];
    struct worker *w = p->v->worker;
    fetch_fault(p->f, &fault);
    fault_text(&fault, text, sizeof(text));
    note_upstream(p);
    metrics_add(w->metrics, METRIC_UPSTREAM_FAILURES, 1);
    EVENT(w->events, EVENT_WARN, "upstream_failed", EV_TEXT("upstream", upstream_name(p->u)),
          EV_CSTR("error", err_name(r)), EV_CSTR("reason", text),
          EV_BOOL("down", !upstream_usable(p->u)));
    const char *reason = arena_cstr(&p->x->arena, slice_cstr(text));
    p->v->reason = reason ? reason : err_text(r);
    return p->v->reason;
}

/* ---- asking ---- */

static const struct fetch_ops fetching;

/* Body bytes to the upstream. False when it takes none any more. */
static bool send_body(struct proxying *p, struct slice data, bool end)
{
    int r = p->deaf ? ERR_RESET : fetch_write(p->f, data, end);
    if (!r)
        return true;
    p->deaf = true; /* its answer may still come, or its failure */
    buf_done(&p->held);
    forgive(p);
    return false;
}

static int start(struct proxying *p)
{
    struct worker *w = p->v->worker;
    bool own = p->conf->host == CONF_HOST_UPSTREAM || !p->x->req.authority.n;
    p->q.host = own ? forward_host(upstream_name(p->u)) : p->x->req.authority;
    int r = fetch_start(p->u, &p->x->arena, &p->q, &fetching, p, &p->f);
    if (r)
        return r;
    metrics_add(w->metrics, METRIC_UPSTREAM_REQUESTS, 1);
    if (!fetch_connected(p->f))
        metrics_add(w->metrics, METRIC_UPSTREAM_CONNECTS, 1);
    if (p->held.n || p->held_end)
        send_body(p, buf_slice(&p->held), p->held_end);
    return OK;
}

/* Asks the next upstream; `last` is the reason why the one before failed. */
static void ask(struct proxying *p, int last_r, const char *last)
{
    let_go(p);
    p->u = balance_pick(p->v->route->balance, &p->tried);
    if (!p->u) {
        give_up(p, last ? last_r : ERR_UPSTREAM_DOWN,
                last ? last : "every upstream is marked as down");
        return;
    }
    int r = start(p);
    if (r)
        give_up(p, r, "no memory for the request to the upstream");
}

/* The same upstream once more: its pooled connection had just ended. */
static void replay(struct proxying *p)
{
    metrics_add(p->v->worker->metrics, METRIC_UPSTREAM_REPLAYS, 1);
    p->replays++;
    fetch_free(p->f);
    p->f = NULL;
    int r = start(p);
    if (r)
        give_up(p, r, "no memory for the request to the upstream");
}

static void on_fail(struct fetch *f, int r)
{
    struct proxying *p = fetch_owner(f);
    if (fetch_replayable(f) && !p->begun && p->replays < REPLAYS_MAX) {
        replay(p);
        return;
    }
    const char *reason = note_failure(p, r);
    if (!fetch_connected(f) && !p->begun && p->retries < p->conf->retries) {
        p->retries++;
        ask(p, r, reason);
    } else {
        give_up(p, r, reason);
    }
}

/* ---- the request's body ---- */

/* A copy while no connection stands and there is somebody else to ask. */
static void hold(struct proxying *p, struct slice data, bool end)
{
    bool useful = !p->begun && !fetch_connected(p->f) && p->retries < p->conf->retries &&
                  p->conf->to.count > 1;
    if (useful && buf_add(&p->held, data) == OK) {
        p->held_end |= end;
        return;
    }
    p->begun |= data.n > 0 || end;
    buf_done(&p->held);
}

static void on_body(struct exchange *x, struct slice data, bool end)
{
    struct proxying *p = proxying_of(x);
    if (!p->f || p->deaf || (!p->q.has_body && !p->answered)) {
        exchange_consumed(x, data.n);
        return;
    }
    p->owed += data.n;
    if (!p->answered)
        hold(p, data, end);
    send_body(p, data, end);
}

static void on_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    struct proxying *p = proxying_of(x);
    if (!p->f || p->deaf)
        return;
    p->begun = true; /* not held: no other upstream after this */
    (void)!fetch_trailers(p->f, fields, n);
}

static void on_sent(struct fetch *f, size_t n)
{
    struct proxying *p = fetch_owner(f);
    p->begun = true;
    p->held_end = false;
    buf_done(&p->held);
    if (n > p->owed)
        n = p->owed;
    p->owed -= n;
    if (n)
        exchange_consumed(p->x, n);
}

/* ---- the answer ---- */

static void on_inform(struct fetch *f, uint16_t status, const struct field *fields, size_t n)
{
    struct proxying *p = fetch_owner(f);
    /* 100 is between us and the upstream: the mux has its own. */
    if (status != 100 && p->x->req.version >= 11 && !p->x->responded)
        (void)!exchange_inform(p->x, status, fields, n);
}

static void answer_fields(struct proxying *p, struct reply *a, const struct fetch_head *h)
{
    for (size_t i = 0; i < h->nfields; i++)
        if (forward_answers(&h->fields[i]))
            reply_field(a, p->x, h->fields[i].token, h->fields[i].name, h->fields[i].value);
    reply_token(a, p->x, HDR_VIA, SLICE("1.1 port443"));
}

static void begin_tunnel(struct proxying *p, const struct fetch_head *h)
{
    struct reply a;
    if (!slice_eq_nocase(h->upgrade, p->q.upgrade)) {
        give_up(p, ERR_UPSTREAM_PROTOCOL, "the upstream switched to a protocol not asked for");
        return;
    }
    reply_init(&a, p->x, 101, -1);
    a.no_body = false;
    a.tunnel = true;
    answer_fields(p, &a, h);
    reply_token(&a, p->x, HDR_UPGRADE, h->upgrade);
    p->v->body_limit = 0; /* it was for a request's body */
    uint32_t timeout_ms = p->q.timeout_ms;
    fetch_timeout(p->f, timeout_ms > TUNNEL_TIMEOUT_MS ? timeout_ms : TUNNEL_TIMEOUT_MS);
    (void)reply_send(&a, p->x);
}

static void on_head(struct fetch *f, const struct fetch_head *h)
{
    struct proxying *p = fetch_owner(f);
    struct reply a;
    note_upstream(p);
    p->v->upstream_status = h->status;
    p->answered = true;
    if (h->tunnel) {
        begin_tunnel(p, h);
        return;
    }
    reply_init(&a, p->x, h->status, h->length);
    answer_fields(p, &a, h);
    (void)reply_send(&a, p->x);
}

static void on_readable(struct fetch *f)
{
    struct proxying *p = fetch_owner(f);
    exchange_resume(p->x);
}

static const struct fetch_ops fetching = {.on_inform = on_inform,
                                          .on_head = on_head,
                                          .on_readable = on_readable,
                                          .on_sent = on_sent,
                                          .on_fail = on_fail};

static void pass_trailers(struct proxying *p)
{
    size_t n;
    const struct field *fields = fetch_answer_trailers(p->f, &n);
    struct field *kept = n ? arena_alloc(&p->x->arena, n * sizeof(*kept)) : NULL;
    if (kept && (n = forward_trailers(fields, n, kept)) > 0)
        (void)!exchange_trailers(p->x, kept, n);
}

static int pull(struct exchange *x, struct pull *d)
{
    struct proxying *p = proxying_of(x);
    bool end = false;
    int r = p->f ? fetch_read(p->f, d->cap, &d->loan, &end) : ERR_BUG;
    if (r == ERR_AGAIN)
        return r;
    if (r) {
        if (p->f)
            note_failure(p, r);
        return ERR_UPSTREAM_PROTOCOL; /* never an end that looks orderly */
    }
    d->end = end;
    if (end)
        pass_trailers(p);
    return OK;
}

/* ---- begin ---- */

static const struct action proxy_action = {.name = "proxy",
                                           .pull = pull,
                                           .on_body = on_body,
                                           .on_trailers = on_trailers,
                                           .on_close = on_close};

/* Ids of workers and restarts do not meet: the number of the request stands on a random base. */
static uint64_t request_id(const struct exchange *x)
{
    static uint64_t base;
    if (!base && rng_bytes(&base, sizeof(base)))
        base = 1; /* early boot: still unique within this worker */
    return base + x->id;
}

static int describe(struct proxying *p, struct fetch_request *q)
{
    const struct exchange *x = p->x;
    struct serving *v = p->v;
    const struct request *req = &x->req;
    const struct conf_cidrs *trusted = &v->site->gen->conf->trusted_proxies;
    struct field *fields;
    const struct forward_request from = {
        .req = req,
        .peer = &x->c->peer,
        .trust = {trusted->items, trusted->count},
        .prefix = v->route->conf->strip_prefix && v->route->conf->path.n > 1 ? v->route->conf->path
                                                                             : SLICE_EMPTY,
        .id = request_id(x),
        .https = v->secure,
    };
    *q = (struct fetch_request){
        .method = req->method_text,
        .length = !req->has_body    ? 0
                  : req->has_length ? (int64_t)req->content_length
                                    : -1,
        .has_body = req->has_body,
        .timeout_ms = (uint32_t)p->conf->timeout_ms,
    };
    if (req->version == 11 && req->upgrade.n && !req->has_body)
        q->upgrade = forward_upgrade(req->upgrade);
    int r = forward_target(v->path, req->query, &p->x->arena, &q->target);
    if (!r)
        r = forward_fields(&from, &p->x->arena, &fields, &q->nfields);
    if (r)
        return r;
    q->fields = fields;
    v->request_id = field_find(fields, q->nfields, HDR_X_REQUEST_ID)->value;
    return OK;
}

void proxy_serve(struct exchange *x)
{
    struct serving *v = serving_of(x);
    if (forward_hops(&x->req) >= HOPS_MAX) {
        reply_error(x, 508, "the request goes round in circles: an upstream leads back here");
        return;
    }
    struct proxying *p = arena_zalloc(&x->arena, sizeof(*p));
    if (!p) {
        reply_error(x, 503, "out of memory");
        return;
    }
    p->x = x;
    p->v = v;
    p->conf = &v->route->conf->proxy;
    buf_init(&p->held, EXCHANGE_WINDOW); /* the mux hands over no more before it is consumed */
    v->action = &proxy_action;
    v->state = p;
    if (describe(p, &p->q))
        reply_error(x, 503, "no memory for the request to the upstream");
    else
        ask(p, OK, NULL);
}
