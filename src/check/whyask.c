/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Questions and their answers. A hello is read up to its ServerHello only: what comes behind is the
 * handshake's business. */
#include "check/whyask.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/mem.h"
#include "check/httpget.h"
#include "crypt/digest.h"
#include "os/clock.h"
#include "wire/hellomake.h"
#include "wire/serverflight.h"

#define HELLO_MAX   8192
#define NAME_BYTES  256
#define LARGE_BYTES 1900 /* more than one Ethernet packet, whatever the share's size */

struct ask {
    struct list node;
    struct whyask *w;
    struct probe probe;
    struct whyjudge_hello *to;
    enum whyask_kind kind;
    bool tls, ttl;
};

struct peer_ask {
    struct list node;
    struct whyask *w;
    struct httpget get;
    struct httpget_options o;
    struct whyjudge_peer *to;
    struct whyask_more more;
    char name[NAME_BYTES], connect_to[NAME_BYTES], words[160];
};

/* ---- hellos ---- */

static const uint16_t suites[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
                                  0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
static const uint16_t versions[] = {0x0304, 0x0303};
static const uint16_t groups[] = {0x001d, 0x0017, 0x0018};
static const uint16_t groups_pq[] = {0x11ec, 0x001d, 0x0017, 0x0018};
static const uint16_t shares[] = {0x001d};
static const uint16_t shares_pq[] = {0x11ec, 0x001d};
static const uint16_t sigalgs[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805,
                                   0x0501, 0x0806, 0x0601, 0x0807};

static int make_hello(const struct whyask *w, enum whyask_kind kind, struct slice name,
                      struct buf *out)
{
    struct ip ip;
    struct hellomake h = {
        .record_version = 0x0301,
        .legacy_version = 0x0303,
        .sni = cidr_parse_ip(name, &ip) ? name : SLICE_EMPTY, /* RFC 6066 3 */
        .suites = suites,
        .nsuites = ARRAY_LEN(suites),
        .versions = versions,
        .nversions = ARRAY_LEN(versions),
        .groups = groups,
        .ngroups = ARRAY_LEN(groups),
        .shares = shares,
        .nshares = ARRAY_LEN(shares),
        .sigalgs = sigalgs,
        .nsigalgs = ARRAY_LEN(sigalgs),
        .ems = true,
        .renegotiation_info = true,
        .session_id = slice_of(w->random, sizeof(w->random)),
        .random = slice_of(w->random, sizeof(w->random)),
    };
    if (kind == WHYASK_SPOKEN)
        return buf_printf(out, "GET / HTTP/1.0\r\nHost: " SLICE_F "\r\n\r\n", SLICE_A(name));
    if (kind == WHYASK_SHORT) { /* TLS 1.3 only and no share (RFC 8446 4.2.8) */
        h.nversions = 1;
        h.nshares = 0;
    }
    if (kind == WHYASK_LARGE) {
        h.groups = groups_pq;
        h.ngroups = ARRAY_LEN(groups_pq);
        h.shares = shares_pq;
        h.nshares = ARRAY_LEN(shares_pq);
        h.pad_to = LARGE_BYTES;
    }
    return hellomake_write(&h, out);
}

static bool looks_like_tls(struct slice in)
{
    return in.n && in.p[0] >= 0x14 && in.p[0] <= 0x17 && (in.n < 2 || in.p[1] == 3);
}

/* A hello that expired on purpose is lost, not stopped: its ICMP message is the answer. */
static enum whyjudge_end end_after_hello(const struct probe_result *r, bool ttl)
{
    switch (r->end) {
    case PROBE_RESET:
    case PROBE_CLOSED:
        return WHYJUDGE_CUT;
    case PROBE_TIMEOUT:
        return r->unacked ? WHYJUDGE_UNACKED : WHYJUDGE_SILENT;
    case PROBE_PROHIBITED:
        return WHYJUDGE_PROHIBITED;
    case PROBE_UNREACHABLE:
    case PROBE_REFUSED:
        return ttl ? WHYJUDGE_UNREACHABLE : WHYJUDGE_CUT;
    case PROBE_DONE:
    case PROBE_FAILED:
        break;
    }
    return WHYJUDGE_OURS;
}

enum whyjudge_end whyask_end(const struct probe_result *r)
{
    if (r->stage == PROBE_PROXY)
        return r->end == PROBE_CLOSED ? WHYJUDGE_PROHIBITED : end_after_hello(r, false);
    if (r->stage > PROBE_CONNECT && r->end != PROBE_DONE)
        return end_after_hello(r, false);
    switch (r->end) {
    case PROBE_DONE:
        return WHYJUDGE_OPEN;
    case PROBE_REFUSED:
    case PROBE_RESET:
    case PROBE_CLOSED:
        return WHYJUDGE_REFUSED;
    case PROBE_TIMEOUT:
        return WHYJUDGE_NO_ANSWER;
    case PROBE_UNREACHABLE:
        return WHYJUDGE_UNREACHABLE;
    case PROBE_PROHIBITED:
        return WHYJUDGE_PROHIBITED;
    case PROBE_FAILED:
        break;
    }
    return WHYJUDGE_OURS;
}

static void keep_seen(struct whyjudge_hello *to, struct slice bytes)
{
    to->nseen = bytes.n < sizeof(to->seen) ? bytes.n : sizeof(to->seen);
    if (to->nseen)
        memcpy(to->seen, bytes.p, to->nseen);
}

static void read_answer(struct ask *q, const struct probe_result *r)
{
    struct serverflight flight;
    struct whyjudge_hello *to = q->to;
    if (!q->tls) {
        to->end = WHYJUDGE_NOT_TLS;
        keep_seen(to, r->received);
        return;
    }
    int e = serverflight_read(r->received, false, q->w->scratch, &flight);
    if (!e && flight.kind == SERVERFLIGHT_ALERT) {
        to->end = WHYJUDGE_ALERT;
        to->alert = flight.alert;
    } else if (!e && flight.kind != SERVERFLIGHT_NOT_TLS) {
        to->end = WHYJUDGE_HELLO;
    } else if (e == ERR_AGAIN && looks_like_tls(r->received)) {
        to->end = end_after_hello(r, q->ttl);
    } else {
        to->end = WHYJUDGE_NOT_TLS;
        keep_seen(to, r->received);
    }
}

static void drop(struct ask *q)
{
    probe_cancel(&q->probe);
    list_remove(&q->node);
    mem_free(q);
}

static void on_hello_done(struct probe *p, const struct probe_result *r)
{
    struct ask *q = p->owner;
    struct whyask *w = q->w;
    struct whyjudge_hello *to = q->to;
    *to = (struct whyjudge_hello){
        .by_reset = r->end == PROBE_RESET,
        .took_us = r->total_us,
        .acked_bytes = r->bytes_acked,
        .received_bytes = r->received.n,
        .retransmits = r->retransmits,
        .icmp = r->icmp,
        .icmp_error = r->icmp_error,
    };
    if (r->stage == PROBE_PROXY || r->stage == PROBE_STARTTLS) {
        to->by_proxy = r->stage == PROBE_PROXY;
        to->end = whyask_end(r);
        if (r->received.n && !to->by_proxy)
            to->end = WHYJUDGE_NOT_TLS; /* no STARTTLS there */
        keep_seen(to, r->received);
    } else if (r->stage < PROBE_ANSWER) {
        to->end = whyask_end(r);
    } else if (r->received.n) {
        read_answer(q, r);
    } else {
        to->end = end_after_hello(r, q->ttl);
    }
    drop(q);
    whyask_settle(w);
}

static bool on_hello_bytes(struct probe *p, struct slice received)
{
    struct ask *q = p->owner;
    struct serverflight flight;
    if (!q->tls)
        return received.n >= WHYJUDGE_SEEN_MAX;
    return serverflight_read(received, false, q->w->scratch, &flight) != ERR_AGAIN;
}

/* Where to dial: the address, or the proxy that is to dial it. */
static void aim(const struct whyask *w, const struct whyask_to *to, char text[NAME_BYTES],
                struct probe_options *ret)
{
    *ret = (struct probe_options){.starttls = to->starttls,
                                  .starttls_name = to->starttls_name,
                                  .ttl = to->ttl,
                                  .timeout_ms = to->timeout_ms ? to->timeout_ms : w->timeout_ms};
    sock_addr_make(&to->ip, to->port, &ret->address);
    if (!w->proxy.raw_bytes)
        return;
    char address[SOCK_ADDR_TEXT];
    sock_addr_format(&ret->address, address);
    if (to->proxy_host.n)
        snprintf(text, NAME_BYTES, SLICE_F ":%u", SLICE_A(to->proxy_host), to->port);
    else
        snprintf(text, NAME_BYTES, "%s", address);
    ret->connect_to = slice_cstr(text);
    ret->address = w->proxy;
}

void whyask_hello(struct whyask *w, const struct whyask_to *to, enum whyask_kind kind,
                  struct whyjudge_hello *ret)
{
    char text[NAME_BYTES];
    struct probe_options o;
    struct buf hello;
    struct ask *q = mem_alloc(sizeof(*q));
    if (!q)
        return;
    buf_init(&hello, HELLO_MAX);
    if (kind != WHYASK_CONNECT && make_hello(w, kind, to->name, &hello)) {
        buf_done(&hello);
        mem_free(q);
        return;
    }
    q->w = w;
    q->to = ret;
    q->kind = kind;
    q->tls = kind != WHYASK_SPOKEN;
    q->ttl = to->ttl != 0;
    q->probe = (struct probe){.owner = q, .on_bytes = on_hello_bytes, .on_done = on_hello_done};
    list_init(&q->node);
    list_push(&w->hellos, &q->node);
    aim(w, to, text, &o);
    o.hello = buf_slice(&hello);
    probe_start(w->run, &o, &q->probe);
    buf_done(&hello);
}

/* ---- handshakes ---- */

void whyask_look(struct certinfo_chain *chain, struct slice name, struct whyjudge_peer *ret)
{
    if (!chain || !certinfo_count(chain))
        return;
    const struct certinfo *ci = certinfo_at(chain, 0);
    ret->has_certificate = true;
    ret->self_signed = ci->self_signed;
    ret->covers = certinfo_covers(ci, name);
    ret->not_before_s = ci->not_before_s;
    ret->not_after_s = ci->not_after_s;
    memcpy(ret->leaf, ci->sha256, sizeof(ret->leaf));
    snprintf(ret->issuer, sizeof(ret->issuer), SLICE_F, SLICE_A(ci->issuer));
    snprintf(ret->subject, sizeof(ret->subject), SLICE_F, SLICE_A(ci->subject));
}

bool whyask_skew(const struct whyask *w, struct slice date, int64_t *ret_s)
{
    int64_t at, now_s = w->now_s + (int64_t)((clock_now_ms() - w->began_ms) / 1000);
    if (!date.n || date_parse_http(date, now_s, &at))
        return false;
    *ret_s = at - now_s;
    return true;
}

static void drop_peer(struct peer_ask *q)
{
    httpget_cancel(&q->get);
    list_remove(&q->node);
    mem_free(q);
}

static void note_more(struct peer_ask *q, const struct httpget_result *r)
{
    const struct whyask_more *m = &q->more;
    if (m->ret_has_date && m->ret_skew_s)
        *m->ret_has_date = whyask_skew(q->w, httpget_field(r, SLICE("date"), NULL), m->ret_skew_s);
    if (m->ret_speed && r->secured) {
        uint64_t waited_us = r->r == ERR_TIMEOUT ? q->o.to.timeout_ms * 1000ull : r->http_us;
        *m->ret_speed = (struct whyjudge_speed){r->body.n, r->tls_us + waited_us};
    }
}

static bool start_peer(struct peer_ask *q, struct tlsctx *tls)
{
    q->o.tls = tls;
    return httpget_start(&q->o, &q->get) == OK;
}

static void on_peer_done(struct httpget *g, const struct httpget_result *r)
{
    struct peer_ask *q = g->ctx;
    struct whyask *w = q->w;
    bool verified = q->o.tls == w->verifying;
    *q->to = (struct whyjudge_peer){
        .tried = true,
        .secured = r->secured,
        .trusted = r->secured && verified,
        .timed_out = r->r == ERR_TIMEOUT && r->stage == HTTPGET_TLS,
        .alert = r->secured ? 0 : r->alert,
    };
    whyask_look(r->peer, slice_cstr(q->name), q->to);
    if (!r->secured && !q->words[0])
        snprintf(q->words, sizeof(q->words), "%.150s", r->fault.what);
    snprintf(q->to->words, sizeof(q->to->words), "%s", q->words);
    bool refused = verified && r->stage == HTTPGET_TLS && !r->secured &&
                   (r->r == ERR_VERIFY || r->r == ERR_EXPIRED);
    if (refused && start_peer(q, w->lenient))
        return;
    note_more(q, r);
    drop_peer(q);
    whyask_settle(w);
}

void whyask_peer(struct whyask *w, const struct whyask_to *to, const struct whyask_more *more,
                 struct whyjudge_peer *ret)
{
    struct peer_ask *q = mem_alloc(sizeof(*q));
    if (!q)
        return;
    q->w = w;
    q->to = ret;
    q->more = *more;
    snprintf(q->name, sizeof(q->name), SLICE_F, SLICE_A(to->name));
    q->o = (struct httpget_options){.loop = w->loop,
                                    .run = w->run,
                                    .tls_name = slice_cstr(q->name),
                                    .host = more->host.n ? more->host : slice_cstr(q->name),
                                    .path = more->path.n ? more->path : SLICE("/"),
                                    .handshake_only = !more->get};
    aim(w, to, q->connect_to, &q->o.to);
    q->get = (struct httpget){.ctx = q, .on_done = on_peer_done};
    list_init(&q->node);
    list_push(&w->peers, &q->node);
    if (!start_peer(q, more->verify ? w->verifying : w->lenient))
        drop_peer(q);
}

/* ---- life ---- */

static void on_idle(struct loop_task *t)
{
    struct whyask *w = container_of(t, struct whyask, idle);
    if (list_empty(&w->hellos) && list_empty(&w->peers))
        w->on_idle(w);
}

void whyask_settle(struct whyask *w)
{
    if (list_empty(&w->hellos) && list_empty(&w->peers))
        loop_defer(w->loop, &w->idle);
}

int whyask_open(struct whyask *w)
{
    list_init(&w->hellos);
    list_init(&w->peers);
    loop_task_init(&w->idle, on_idle);
    w->began_ms = clock_now_ms();
    w->timeout_ms = w->timeout_ms ? w->timeout_ms : 5000;
    w->scratch = mem_alloc(SERVERFLIGHT_MAX_BYTES);
    return w->scratch ? digest_random(w->random, sizeof(w->random)) : ERR_NOMEM;
}

void whyask_close(struct whyask *w)
{
    LIST_FOREACH_SAFE (it, &w->hellos)
        drop(container_of(it, struct ask, node));
    LIST_FOREACH_SAFE (it, &w->peers)
        drop_peer(container_of(it, struct peer_ask, node));
    loop_task_cancel(&w->idle);
    mem_free(w->scratch);
    w->scratch = NULL;
}
