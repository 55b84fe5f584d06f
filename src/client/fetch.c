/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The life of a fetch: events of the connection in, calls to the owner out. The owner may free the
 * fetch in any of its callbacks: after a call nothing is touched unless `call` said that it lives.
 */
#include "client/fetch.h"

#include "base/bug.h"
#include "base/err.h"
#include "base/pool.h"
#include "client/fetchrecv.h"
#include "client/fetchsend.h"
#include "client/fetchstate.h"
#include "crypt/session.h"

static void progress(struct fetch *f)
{
    if (f->timeout_ms)
        loop_timer_set(f->loop, &f->timer, f->timeout_ms);
}

static uint32_t since_start(const struct fetch *f)
{
    return (uint32_t)(loop_now_ms(f->loop) - f->start_ms);
}

/* Ours, not the upstream's: says nothing about its health. */
static bool is_local(int r)
{
    return r == ERR_NOMEM || r == ERR_CAP || r == ERR_SYS || r == ERR_BUG;
}

/* Before the head the owner is told at once, afterwards by its next fetch_read. */
static void fail(struct fetch *f, int r, const char *what)
{
    bool before_head = f->stage == FETCH_CONNECT || f->stage == FETCH_HEAD;
    f->error = r;
    f->what = what;
    f->stage = FETCH_FAILED;
    loop_timer_clear(&f->timer);
    loop_task_cancel(&f->flush);
    if (before_head) {
        if (!is_local(r) && !fetch_replayable(f))
            upstream_failed(f->u, what);
        f->ops->on_fail(f, r);
    } else if (f->starved) {
        f->starved = false;
        f->ops->on_readable(f);
    }
}

/* False when the owner freed f in the callback between begin and end. */
static bool lives(bool *gone, bool *outer, struct fetch *f)
{
    if (*gone) {
        if (outer)
            *outer = true;
        return false;
    }
    f->gone = outer;
    return true;
}

static bool call_sent(struct fetch *f, size_t n)
{
    bool gone = false, *outer = f->gone;
    f->gone = &gone;
    f->ops->on_sent(f, n);
    return lives(&gone, outer, f);
}

static bool call_inform(struct fetch *f, const struct fetch_head *h)
{
    bool gone = false, *outer = f->gone;
    f->gone = &gone;
    f->ops->on_inform(f, h->status, h->fields, h->nfields);
    return lives(&gone, outer, f);
}

/* False when f is gone. */
static bool flush(struct fetch *f)
{
    size_t sent;
    if (fetchsend_flush(f, &sent))
        progress(f);
    return !sent || call_sent(f, sent);
}

static void read_head(struct fetch *f)
{
    struct fetch_head h;
    bool moved = false;
    int r;
    while ((r = fetchrecv_head(f, &h, &moved)) == OK) {
        progress(f);
        if (h.status >= 200 || h.tunnel) {
            f->head_ms = since_start(f);
            upstream_worked(f->u);
            f->ops->on_head(f, &h);
            return;
        }
        if (!call_inform(f, &h) || f->stage != FETCH_HEAD)
            return;
        fetchrecv_inform_done(f);
    }
    if (moved)
        progress(f);
    if (r != ERR_AGAIN)
        fail(f, r, f->what);
}

static void on_flush(struct loop_task *t)
{
    struct fetch *f = container_of(t, struct fetch, flush);
    /* An edge that the handshake saw but did not use up (the end behind its last flight) will not
     * come again. */
    if (flush(f) && f->stage == FETCH_HEAD && (f->uc->link.ready & LOOP_READ))
        read_head(f);
}

static void on_ready(struct upconn *uc)
{
    struct fetch *f = uc->owner;
    struct link *k = &uc->link;
    if (f->stage == FETCH_FAILED)
        return;
    if ((k->ready & LOOP_WRITE) && (k->out.n || f->pending.n) && !f->deaf && !flush(f))
        return;
    if (!(k->ready & LOOP_READ))
        return;
    if (f->stage == FETCH_HEAD) {
        read_head(f);
    } else if (f->starved) {
        f->starved = false;
        f->ops->on_readable(f);
    }
}

static void fail_dial(struct fetch *f, int r)
{
    struct fault story;
    upconn_fault(f->uc, &story);
    f->error = r;
    f->what = err_text(r);
    f->stage = FETCH_FAILED;
    if (!is_local(r))
        upstream_failed(f->u, story.what);
    f->ops->on_fail(f, r);
}

static void on_open(struct upconn *uc, int r)
{
    struct fetch *f = uc->owner;
    f->connect_ms = since_start(f);
    if (r) {
        fail_dial(f, r);
        return;
    }
    if (uc->stale_name)
        upstream_note(f->u, "the name servers do not answer: last known addresses are used");
    /* An answer before the request can only be meant for somebody else. */
    if (link_input(&uc->link).n) {
        fail(f, ERR_UPSTREAM_PROTOCOL, "the upstream spoke before it was asked");
        return;
    }
    f->stage = FETCH_HEAD;
    progress(f);
    r = fetchsend_queue(f);
    if (r)
        fail(f, r, "cannot queue the request");
    else
        loop_defer(f->loop, &f->flush);
}

static const struct upconn_ops connection_ops = {.on_open = on_open, .on_ready = on_ready};

/* Whose turn is it? A client that sends its body slowly, or takes the answer slowly, is not the
 * upstream's fault: others watch the client. */
static bool upstream_owes(const struct fetch *f)
{
    if (f->pending.n || f->uc->link.out.n)
        return true;
    bool asked = f->request_done || f->request_framing == FETCH_RAW;
    return asked && (f->stage == FETCH_HEAD || f->starved);
}

static void on_timeout(struct loop_timer *t)
{
    struct fetch *f = container_of(t, struct fetch, timer);
    if (f->stage == FETCH_FAILED || f->stage == FETCH_DONE)
        return;
    if (upstream_owes(f))
        fail(f, ERR_UPSTREAM_TIMEOUT,
             f->stage == FETCH_HEAD ? "no answer in time" : "no byte in time");
    else
        progress(f);
}

static int begin(struct fetch *f, const struct fetch_request *q)
{
    int r = fetchsend_head(f, q);
    if (!r)
        r = upconn_take(upstream_pool(f->u), &connection_ops, f, &f->uc);
    if (r || f->uc->dial)
        return r;
    f->stage = FETCH_HEAD;
    progress(f);
    loop_defer(f->loop, &f->flush);
    return fetchsend_queue(f);
}

int fetch_start(struct upstream *u, struct arena *a, const struct fetch_request *q,
                const struct fetch_ops *ops, void *owner, struct fetch **ret)
{
    struct fetch *f = pool_alloc(sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    struct loop *l = upstream_pool(u)->to.loop;
    *f = (struct fetch){
        .u = upstream_ref(u),
        .loop = l,
        .arena = a,
        .ops = ops,
        .owner = owner,
        .method = method_of(q->method),
        .timeout_ms = q->timeout_ms,
        .start_ms = loop_now_ms(l),
        .what = "",
    };
    buf_init(&f->pending, LINK_OUT_MAX); /* stops an owner that writes without minding on_sent */
    buf_init(&f->trailer, FETCH_TRAILER_BYTES); /* stops trailers without end */
    loop_timer_init(&f->timer, on_timeout);
    loop_task_init(&f->flush, on_flush);
    f->trial = upstream_enter(u);
    int r = begin(f, q);
    if (r) {
        fetch_free(f);
        return r;
    }
    *ret = f;
    return OK;
}

void *fetch_owner(const struct fetch *f)
{
    return f->owner;
}

bool fetch_connected(const struct fetch *f)
{
    return f->uc && !f->uc->dial;
}

void fetch_timeout(struct fetch *f, uint32_t timeout_ms)
{
    f->timeout_ms = timeout_ms;
    if (f->stage != FETCH_FAILED && f->stage != FETCH_DONE)
        progress(f);
}

int fetch_write(struct fetch *f, struct slice data, bool end)
{
    if (f->stage == FETCH_FAILED)
        return f->error;
    if (f->deaf)
        return ERR_RESET;
    int r = fetchsend_body(f, data, end);
    if (r) {
        f->keep_alive = false;
        f->deaf = true; /* half a chunk may have been queued: nothing may follow it */
        return r;
    }
    if (f->stage != FETCH_CONNECT)
        loop_defer(f->loop, &f->flush);
    if (f->request_framing == FETCH_RAW)
        progress(f);
    return OK;
}

int fetch_trailers(struct fetch *f, const struct field *fields, size_t n)
{
    return fetchsend_trailers(f, fields, n);
}

int fetch_read(struct fetch *f, size_t cap, struct slice *ret, bool *ret_end)
{
    if (f->error)
        return f->error;
    if (f->stage == FETCH_CONNECT || f->stage == FETCH_HEAD)
        return ERR_AGAIN;
    if (f->stage == FETCH_DONE) {
        fetchrecv_release(f);
        *ret = SLICE_EMPTY;
        *ret_end = true;
        return OK;
    }
    bool moved = false;
    int r = fetchrecv_body(f, cap ? cap : 1, ret, ret_end, &moved);
    if (moved)
        progress(f);
    f->starved = r == ERR_AGAIN;
    if (f->starved)
        progress(f); /* from now on the upstream is waited for */
    else if (r) {
        f->error = r;
        f->stage = FETCH_FAILED;
        loop_timer_clear(&f->timer);
    }
    return r;
}

const struct field *fetch_answer_trailers(const struct fetch *f, size_t *ret_n)
{
    *ret_n = f->trail ? f->ntrailers : 0;
    return f->trail ? f->trail->fields : NULL;
}

bool fetch_replayable(const struct fetch *f)
{
    return f->stage == FETCH_FAILED && f->uc && f->uc->reused && !f->answer_begun && !f->passed &&
           (f->error == ERR_EOF || f->error == ERR_RESET) && method_is_idempotent(f->method);
}

void fetch_fault(const struct fetch *f, struct fault *ret)
{
    if (f->uc && f->uc->dial) {
        upconn_fault(f->uc, ret);
        if (ret->code)
            return;
    }
    struct slice name = upstream_name(f->u);
    /* TLS 1.3: that the upstream does not like our certificate is said behind the handshake. */
    bool in_tls = f->uc && f->uc->link.filter == &session_filter && err_alert(f->error);
    if (in_tls)
        session_fault(f->uc->link.filter_ctx, ret);
    if (!in_tls || ret->code == OK)
        fault_set(ret, f->error, "%s (%s)", err_text(f->error), f->what);
    fault_at(ret, (const char *)name.p, 0, 0);
}

const char *fetch_address(const struct fetch *f)
{
    return f->uc ? f->uc->address : "";
}

void fetch_times(const struct fetch *f, uint32_t *ret_connect_ms, uint32_t *ret_head_ms)
{
    *ret_connect_ms = f->connect_ms;
    *ret_head_ms = f->head_ms;
}

/* Both directions complete and both sides agree to go on. What else lies in the input or output
 * (bytes behind the answer) is upconn_give's to see. */
static bool reusable(const struct fetch *f)
{
    return f->stage == FETCH_DONE && f->request_done && f->keep_alive && !f->deaf && !f->upgrade &&
           !f->pending.n;
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    if (f->gone)
        *f->gone = true;
    loop_timer_clear(&f->timer);
    loop_task_cancel(&f->flush);
    if (f->uc) {
        fetchrecv_release(f);
        if (reusable(f))
            upconn_give(f->uc);
        else
            upconn_close(f->uc);
    }
    fetchrecv_done(f);
    buf_done(&f->pending);
    buf_done(&f->trailer);
    upstream_leave(f->u, f->trial);
    upstream_unref(f->u);
    pool_free(f);
}
