/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A probe brings the connection; from then on it is a link with a session on it. */
#include "check/httpget.h"

#include <stdio.h>

#include "base/mem.h"
#include "crypt/session.h"
#include "os/clock.h"
#include "wire/chunked.h"
#include "wire/http1.h"

#define DEFAULT_TIMEOUT_MS 5000
#define CLOSE_WAIT_MS      2000 /* for the end after an answer that promised it */
#define CLOSE_HOPE_MS      300  /* after one that did not */

struct get {
    struct httpget *g;
    struct httpget_options o;
    struct probe probe;
    struct link link;
    struct session *session; /* the link's */
    struct loop_timer deadline;
    uint64_t stage_us;
    struct field fields[HTTPGET_FIELDS_MAX];
    struct http1_response head;
    struct http1_framing framing;
    struct chunked chunked;
    struct buf head_bytes, body;
    bool has_head, has_body, asked;
    uint64_t body_left;
    struct httpget_result result;
};

static uint64_t lap(struct get *t)
{
    uint64_t now = clock_now_us(), took = now - t->stage_us;
    t->stage_us = now;
    return took;
}

static void release(struct get *t)
{
    probe_cancel(&t->probe);
    loop_timer_clear(&t->deadline);
    if (t->link.io.fd >= 0)
        link_close(&t->link, false);
    certinfo_unref(t->result.peer);
    buf_done(&t->head_bytes);
    buf_done(&t->body);
    mem_free(t);
}

static void finish(struct get *t, int r)
{
    struct httpget *g = t->g;
    t->result.r = r;
    if (r && t->result.fault.code == OK)
        fault_set(&t->result.fault, r, "%s", err_text(r));
    t->result.body = buf_slice(&t->body);
    if (t->result.secured) {
        struct session_info info;
        session_info(t->session, &info); /* once more: tickets and late alerts have come */
        t->result.early_data_bytes = info.early_data_bytes;
        t->result.alert = session_alert(t->session);
    }
    g->state = NULL;
    g->on_done(g, &t->result);
    release(t);
}

static uint32_t timeout_ms(const struct get *t)
{
    return t->o.to.timeout_ms ? t->o.to.timeout_ms : DEFAULT_TIMEOUT_MS;
}

static void begin(struct get *t, enum httpget_stage stage)
{
    t->result.stage = stage;
    loop_timer_set(t->o.loop, &t->deadline, stage == HTTPGET_CLOSE ? CLOSE_WAIT_MS : timeout_ms(t));
}

/* ---- close ---- */

static void closed(struct get *t, enum facts_close how)
{
    t->result.close = how;
    t->result.close_us = lap(t);
    finish(t, OK);
}

/* A server that promises nothing may still obey our "Connection: close" (RFC 9112 9.6). */
static void answered(struct get *t)
{
    t->result.http_us = lap(t);
    begin(t, HTTPGET_CLOSE);
    if (t->framing.keep_alive)
        loop_timer_set(t->o.loop, &t->deadline, CLOSE_HOPE_MS);
}

/* ---- answer ---- */

static int keep_body(struct get *t, struct slice data)
{
    size_t room = t->body.max_bytes - t->body.n;
    if (data.n > room) {
        t->result.body_cut = true;
        data = slice_first(data, room);
    }
    return buf_add(&t->body, data);
}

/* OK: more may come; ERR_EOF: the body is whole. */
static int take_body(struct get *t)
{
    struct slice in = link_input(&t->link), data;
    size_t used;
    int r = OK;
    if (t->framing.body == HTTP1_BODY_CHUNKED) {
        while (in.n && !(r = chunked_feed(&t->chunked, in, &used, &data))) {
            if ((r = keep_body(t, data)))
                return r;
            link_consume(&t->link, used);
            in = link_input(&t->link);
        }
        return r == ERR_AGAIN ? (link_consume(&t->link, in.n), OK) : r;
    }
    if (t->framing.body == HTTP1_BODY_LENGTH && in.n > t->body_left)
        in = slice_first(in, (size_t)t->body_left);
    r = keep_body(t, in);
    t->body_left -= t->framing.body == HTTP1_BODY_LENGTH ? in.n : 0;
    link_consume(&t->link, in.n);
    bool over = t->framing.body == HTTP1_BODY_NONE ||
                (t->framing.body == HTTP1_BODY_LENGTH && t->body_left == 0);
    return !r && over ? ERR_EOF : r;
}

/* The head is copied, so that its slices outlive the input. */
static int take_head(struct get *t)
{
    static const struct http1_limits limits = {8192, HTTPGET_HEAD_MAX};
    struct slice in = link_input(&t->link);
    size_t used;
    if (in.n == 0)
        return ERR_AGAIN;
    if (!t->result.first_byte_us)
        t->result.first_byte_us = clock_now_us() - t->stage_us;
    http1_response_init(&t->head, t->fields, HTTPGET_FIELDS_MAX);
    int r = http1_parse_response(in, &limits, &t->head, &used);
    if (r)
        return r;
    buf_reset(&t->head_bytes);
    if ((r = buf_add(&t->head_bytes, slice_first(in, used))))
        return r;
    link_consume(&t->link, used);
    http1_response_init(&t->head, t->fields, HTTPGET_FIELDS_MAX);
    r = http1_parse_response(buf_slice(&t->head_bytes), &limits, &t->head, &used);
    if (!r && t->head.status < 200)
        return take_head(t); /* 100 Continue and the like come in front */
    if (!r)
        r = http1_response_framing(&t->head, METHOD_GET, &t->framing);
    t->has_head = !r;
    t->body_left = t->framing.length_bytes;
    chunked_init(&t->chunked, NULL, 0);
    t->result.status = t->head.status;
    t->result.fields = t->fields;
    t->result.nfields = t->head.head.count;
    return r;
}

/* OK: go on reading; ERR_EOF: the answer is whole, its end is waited for; else it is over. */
static int take_answer(struct get *t)
{
    int r = OK;
    if (!t->has_head && (r = take_head(t)) == ERR_AGAIN)
        return OK;
    if (!r && !t->has_body)
        r = take_body(t);
    if (r == ERR_EOF) {
        t->has_body = true;
        answered(t);
        return ERR_EOF;
    }
    if (r)
        finish(t, r);
    return r;
}

static void ask(struct get *t)
{
    char head[1400];
    int n = snprintf(head, sizeof(head),
                     "GET " SLICE_F " HTTP/1.1\r\nHost: " SLICE_F
                     "\r\nUser-Agent: port443/" PORT443_VERSION
                     " (check)\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Encoding: identity\r\n"
                     "Connection: close\r\n",
                     SLICE_A(t->o.path), SLICE_A(t->o.host));
    int r = n > 0 && (size_t)n < sizeof(head) ? OK : ERR_CAP;
    begin(t, HTTPGET_HTTP);
    t->asked = true;
    if (!r)
        r = link_write(&t->link, slice_of(head, (size_t)n));
    if (!r)
        r = link_write(&t->link, t->o.fields);
    if (!r)
        r = link_write(&t->link, SLICE("\r\n"));
    if (!r)
        r = link_flush(&t->link);
    if (r && r != ERR_AGAIN)
        finish(t, r);
}

/* ---- TLS ---- */

static void copy_text(char *dst, size_t cap, const char *text)
{
    snprintf(dst, cap, "%s", text ? text : "");
}

static void look_at_session(struct get *t)
{
    struct session_info info;
    if (!t->session)
        return;
    session_info(t->session, &info);
    copy_text(t->result.version, sizeof(t->result.version), info.version);
    copy_text(t->result.suite, sizeof(t->result.suite), info.suite);
    copy_text(t->result.group, sizeof(t->result.group), info.group);
    snprintf(t->result.alpn, sizeof(t->result.alpn), SLICE_F, SLICE_A(info.alpn));
    t->result.resumed = info.resumed;
    t->result.certificate_asked = info.certificate_asked;
    if (!t->result.peer && session_peer(t->session, &t->result.peer))
        t->result.peer = NULL;
}

static void handshake_failed(struct get *t, int r)
{
    session_fault(t->session, &t->result.fault);
    if (t->result.fault.code == OK)
        fault_set(&t->result.fault, r, "TLS handshake: %s", err_text(r));
    look_at_session(t);
    t->result.alert = session_alert(t->session);
    t->result.tls_us = lap(t);
    BEST_EFFORT(link_flush(&t->link)); /* the alert that says why not */
    finish(t, r);
}

/* False: it is over. */
static bool secure(struct get *t)
{
    int r = OK;
    while (!r && !session_ready(t->session))
        r = link_fill(&t->link);
    bool ready = session_ready(t->session);
    int flushed = link_flush(&t->link);
    if (!ready && r && r != ERR_AGAIN) {
        handshake_failed(t, r);
        return false;
    }
    if (flushed && flushed != ERR_AGAIN && !ready) {
        handshake_failed(t, flushed);
        return false;
    }
    if (!ready)
        return false; /* waiting */
    t->result.secured = true;
    look_at_session(t);
    t->result.tls_us = lap(t);
    if (t->o.handshake_only) {
        finish(t, OK);
        return false;
    }
    return true;
}

static enum facts_close end_of(const struct get *t, int r)
{
    if (r == ERR_EOF)
        return t->o.tls ? FACTS_CLOSE_NOTIFY : FACTS_CLOSE_FIN;
    return t->link.cut && t->o.tls ? FACTS_CLOSE_FIN : FACTS_CLOSE_RESET;
}

/* The peer ended, or the connection broke. */
static void ended(struct get *t, int r)
{
    bool whole = t->has_head && t->framing.body == HTTP1_BODY_UNTIL_CLOSE;
    if (t->result.stage == HTTPGET_HTTP && whole && (r == ERR_EOF || t->link.cut)) {
        t->result.http_us = lap(t);
        t->result.stage = HTTPGET_CLOSE;
    }
    if (t->result.stage == HTTPGET_CLOSE)
        closed(t, end_of(t, r));
    else
        finish(t, r);
}

static void on_link(struct link *k)
{
    struct get *t = container_of(k, struct get, link);
    int r;
    if (k->out.n && link_flush(k) == ERR_RESET && t->result.stage == HTTPGET_TLS && !t->session) {
        finish(t, ERR_RESET);
        return;
    }
    if (t->result.stage == HTTPGET_TLS) {
        if (!secure(t))
            return;
        ask(t);
        return; /* the answer brings the next edge, or take_answer finds it below next time */
    }
    do {
        int a = OK;
        r = link_fill(k);
        if (t->result.stage == HTTPGET_HTTP && link_input(k).n)
            a = take_answer(t);
        if (a && a != ERR_EOF)
            return;
        if (t->result.stage == HTTPGET_CLOSE)
            link_consume(k, link_input(k).n);
        if (r && r != ERR_AGAIN) {
            ended(t, r);
            return;
        }
    } while (!r);
}

static void on_connected(struct probe *p, const struct probe_result *r)
{
    struct get *t = container_of(p, struct get, probe);
    t->result.tcp = *r;
    t->result.tcp.received = SLICE_EMPTY;
    t->result.tcp_us = lap(t);
    if (r->end != PROBE_DONE) {
        fault_set(&t->result.fault, probe_err(r->end), "%s", probe_end_words(r->end));
        finish(t, probe_err(r->end));
        return;
    }
    int e = probe_take_link(r, &t->link, on_link);
    begin(t, HTTPGET_TLS);
    if (!e && t->o.tls) {
        e = session_connect(t->o.tls, t->o.tls_name, &t->session);
        if (!e)
            e = link_set_filter(&t->link, &session_filter, t->session);
        if (!e || e == ERR_AGAIN) {
            on_link(&t->link);
            return;
        }
    }
    if (e)
        finish(t, e);
    else
        ask(t);
}

static void on_deadline(struct loop_timer *timer)
{
    struct get *t = container_of(timer, struct get, deadline);
    if (t->result.stage == HTTPGET_CLOSE) {
        closed(t, FACTS_CLOSE_SILENT);
        return;
    }
    if (t->result.stage == HTTPGET_TLS)
        t->result.tls_us = lap(t);
    fault_set(&t->result.fault, ERR_TIMEOUT, "%s",
              t->result.stage == HTTPGET_TLS ? "the TLS handshake was not finished in time"
                                             : "no whole answer came in time");
    finish(t, ERR_TIMEOUT);
}

int httpget_start(const struct httpget_options *o, struct httpget *g)
{
    struct get *t = mem_alloc(sizeof(*t));
    if (!t)
        return ERR_NOMEM;
    t->g = g;
    t->o = *o;
    t->o.to.hello = SLICE_EMPTY;
    t->link.io.fd = -1;
    t->probe.on_done = on_connected;
    t->stage_us = clock_now_us();
    loop_timer_init(&t->deadline, on_deadline);
    buf_init(&t->head_bytes, HTTPGET_HEAD_MAX);
    buf_init(&t->body, o->body_max ? o->body_max : HTTPGET_BODY_MAX);
    g->state = t;
    probe_start(o->run, &t->o.to, &t->probe);
    return OK;
}

void httpget_cancel(struct httpget *g)
{
    if (g->state)
        release(g->state);
    g->state = NULL;
}

struct slice httpget_field(const struct httpget_result *r, struct slice name, size_t *ret_count)
{
    struct slice value = SLICE_EMPTY;
    size_t count = 0;
    for (size_t i = 0; i < r->nfields; i++)
        if (slice_eq_nocase(r->fields[i].name, name) && count++ == 0)
            value = r->fields[i].value;
    if (ret_count)
        *ret_count = count;
    return value;
}
