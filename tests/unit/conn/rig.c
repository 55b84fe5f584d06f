/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The toy engine: /bytes/N, /loan/N (length known), /chunked/N, /echo, /count, /early, /wait,
 * /sink, /tunnel, /abort, /cut, /cutfirst, /cutopen, /respond-abort, /ready, /hint, /trailers,
 * /lchunked/N, /status/N. */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/num.h"
#include "base/pool.h"
#include "os/clock.h"
#include "os/sock.h"

enum mode { BYTES, LOAN, ECHO, COUNT, SINK, CUT, TRAILERS };

static uint8_t pattern[65536 + 512];

static struct rig *rig_of(struct exchange *x)
{
    return x->c->from->app;
}

static bool path_number(struct slice path, struct slice prefix, uint64_t *ret)
{
    return slice_starts(path, prefix) &&
           num_parse_u64(slice_from(path, prefix.n), 0, UINT64_MAX, ret) == OK;
}

static void answer(struct exchange *x, uint16_t status, int64_t length)
{
    static const struct field fields[] = {{SLICE("X-Toy"), SLICE("yes"), HDR_OTHER}};
    const struct response a = {.status = status,
                               .fields = fields,
                               .nfields = 1,
                               .length = length,
                               .no_body = x->req.method == METHOD_HEAD,
                               .tunnel = status == 101};
    int r = exchange_respond(x, &a);
    if (r)
        exchange_abort(x, r);
}

static void answer_count(struct exchange *x)
{
    struct rig_app *app = x->app;
    app->left = x->body_in_bytes;
    app->mode = BYTES;
    answer(x, 200, (int64_t)x->body_in_bytes);
}

static void on_plain_path(struct exchange *x, struct rig_app *app)
{
    struct slice path = x->req.path;
    uint64_t n;
    app->mode = BYTES;
    if (path_number(path, SLICE("/bytes/"), &n) || path_number(path, SLICE("/loan/"), &n)) {
        app->mode = slice_starts(path, SLICE("/loan/")) ? LOAN : BYTES;
        app->left = n;
        answer(x, 200, (int64_t)n);
    } else if (path_number(path, SLICE("/chunked/"), &n) ||
               path_number(path, SLICE("/lchunked/"), &n)) {
        app->mode = slice_starts(path, SLICE("/lchunked/")) ? LOAN : BYTES;
        app->left = n;
        answer(x, 200, -1);
    } else if (path_number(path, SLICE("/status/"), &n)) {
        answer(x, (uint16_t)n, n == 204 || n == 304 ? -1 : 0);
    } else {
        answer(x, 404, 0);
    }
}

static void on_head(struct exchange *x)
{
    static const struct field link[] = {{SLICE("Link"), SLICE("</a.css>"), HDR_LINK}};
    struct rig *g = rig_of(x);
    struct slice path = x->req.path;
    struct rig_app *app = arena_zalloc(&x->arena, sizeof(*app));
    x->app = app;
    g->heads++;
    if (!app) {
        exchange_abort(x, ERR_NOMEM);
        return;
    }
    buf_init(&app->held, RIG_BODY_HELD);
    g->seen = x->req;
    snprintf(g->seen_host, sizeof(g->seen_host), SLICE_F, SLICE_A(x->req.host));
    snprintf(g->seen_path, sizeof(g->seen_path), SLICE_F, SLICE_A(path));
    g->seen_field[0] = 0;
    for (size_t i = 0, at = 0; i < x->req.nfields && at + 64 < sizeof(g->seen_field); i++)
        at += (size_t)snprintf(g->seen_field + at, 64, SLICE_F "=" SLICE_F ";",
                               SLICE_A(x->req.fields[i].name), SLICE_A(x->req.fields[i].value));
    if (slice_eq(path, SLICE("/echo"))) {
        app->mode = ECHO;
        answer(x, 200, -1);
    } else if (slice_eq(path, SLICE("/count"))) {
        app->mode = COUNT;
        if (!x->req.has_body)
            answer_count(x);
    } else if (slice_eq(path, SLICE("/sink"))) {
        app->mode = SINK;
        g->waiting = x;
    } else if (slice_eq(path, SLICE("/early"))) {
        answer(x, 413, 0);
    } else if (slice_eq(path, SLICE("/wait"))) {
        g->waiting = x;
    } else if (slice_eq(path, SLICE("/tunnel"))) {
        app->mode = ECHO;
        app->tunnel = true;
        answer(x, 101, -1);
    } else if (slice_eq(path, SLICE("/abort"))) {
        exchange_abort(x, ERR_UPSTREAM_DOWN);
    } else if (slice_eq(path, SLICE("/respond-abort"))) {
        app->left = 10;
        answer(x, 200, 10);
        exchange_abort(x, ERR_UPSTREAM_DOWN);
    } else if (slice_eq(path, SLICE("/cut"))) {
        app->mode = CUT;
        app->left = 100000;
        answer(x, 200, 200000);
    } else if (slice_eq(path, SLICE("/cutfirst"))) {
        app->mode = CUT;
        answer(x, 200, 10);
    } else if (slice_eq(path, SLICE("/cutopen"))) {
        app->mode = CUT;
        app->left = 100000;
        answer(x, 200, -1);
    } else if (slice_eq(path, SLICE("/ready"))) {
        const struct response a = {
            .status = 200, .h1_fields = SLICE("ETag: \"1\"\r\nX-R: 2\r\n"), .length = 0};
        assert_int_equal(exchange_respond(x, &a), OK);
    } else if (slice_eq(path, SLICE("/hint"))) {
        assert_int_equal(exchange_inform(x, 103, link, 1), OK);
        answer(x, 200, 0);
    } else if (slice_eq(path, SLICE("/trailers"))) {
        app->mode = TRAILERS;
        app->left = 5;
        answer(x, 200, -1);
    } else {
        on_plain_path(x, app);
    }
}

static void on_body(struct exchange *x, struct slice data, bool end)
{
    struct rig *g = rig_of(x);
    struct rig_app *app = x->app;
    g->body_bytes += data.n;
    if (!app)
        return;
    app->body_ended |= end;
    if (app->mode == ECHO) {
        int r = buf_add(&app->held, data);
        if (r)
            exchange_abort(x, r);
        exchange_resume(x);
        return;
    }
    if (data.n && !g->hold_consumed)
        exchange_consumed(x, data.n);
    if (app->mode == COUNT && end)
        answer_count(x);
    if (app->mode == SINK && end)
        answer(x, 204, -1);
}

static void on_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    (void)fields;
    rig_of(x)->trailers += (unsigned)n;
}

static int pull_echo(struct exchange *x, struct rig_app *app, struct pull *p)
{
    p->n = app->held.n < p->cap ? app->held.n : p->cap;
    if (p->n == 0 && !app->body_ended)
        return ERR_AGAIN;
    if (p->n) {
        memcpy(p->dst, buf_slice(&app->held).p, p->n);
        buf_consume(&app->held, p->n);
        exchange_consumed(x, p->n);
    }
    p->end = app->held.n == 0 && app->body_ended;
    return OK;
}

static int pull(struct exchange *x, struct pull *p)
{
    static const struct field trailer[] = {{SLICE("X-Sum"), SLICE("42"), HDR_OTHER}};
    struct rig_app *app = x->app;
    if (app->mode == ECHO)
        return pull_echo(x, app, p);
    if (app->mode == CUT && app->left == 0)
        return ERR_UPSTREAM_DOWN;
    size_t n = app->left < p->cap ? (size_t)app->left : p->cap;
    size_t off = app->at % 256;
    n = n < sizeof(pattern) - off ? n : sizeof(pattern) - off;
    if (app->mode == LOAN) {
        p->loan = slice_of(pattern + off, n);
    } else {
        memcpy(p->dst, pattern + off, n);
        p->n = n;
    }
    app->at += n;
    app->left -= n;
    p->end = app->left == 0 && app->mode != CUT;
    if (p->end && app->mode == TRAILERS)
        assert_int_equal(exchange_trailers(x, trailer, 1), OK);
    return OK;
}

static void on_exchange_close(struct exchange *x, int r)
{
    struct rig *g = rig_of(x);
    struct rig_app *app = x->app;
    if (app)
        buf_done(&app->held);
    g->ended++;
    g->end_r = r;
    if (g->waiting == x)
        g->waiting = NULL;
}

static const struct exchange_ops engine = {.on_head = on_head,
                                           .on_body = on_body,
                                           .on_trailers = on_trailers,
                                           .pull = pull,
                                           .on_close = on_exchange_close};

static void on_open(struct conn *c)
{
    struct rig *g = c->from->app;
    g->opened++;
}

static void on_secured(struct conn *c)
{
    struct rig *g = c->from->app;
    g->secured++;
}

static void on_close(struct conn *c, int r, const struct fault *f)
{
    struct rig *g = c->from->app;
    (void)f;
    g->closed++;
    g->close_r = r;
}

static void on_rejected(struct conn *c, int r, uint16_t status, struct slice line)
{
    struct rig *g = c->from->app;
    g->rejected++;
    g->reject_r = r;
    g->reject_status = status;
    snprintf(g->reject_line, sizeof(g->reject_line), SLICE_F, SLICE_A(line));
}

void rig_init(struct rig *g)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)i;
    *g = (struct rig){.limits = {.connections = 100,
                                 .header_bytes = 16384,
                                 .header_fields = 50,
                                 .line_bytes = 8192,
                                 .h2_streams = 100,
                                 .handshake_timeout_ms = 2000,
                                 .header_timeout_ms = 2000,
                                 .idle_timeout_ms = 2000,
                                 .body_timeout_ms = 2000,
                                 .send_timeout_ms = 2000,
                                 .linger_timeout_ms = 2000},
                      .ops = {.on_open = on_open,
                              .on_secured = on_secured,
                              .on_close = on_close,
                              .on_rejected = on_rejected,
                              .exchange = &engine}};
}

void rig_start(struct rig *g, enum conn_kind kind)
{
    struct fault f;
    struct sock_addr a;
    assert_int_equal(loop_new(&g->loop, &f), OK);
    assert_int_equal(conn_pool_new(g->loop, &g->limits, &g->pool), OK);
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &a), OK);
    g->listener = (struct listener){.kind = kind, .ops = &g->ops, .app = g};
    assert_int_equal(sock_listen(&a, false, 1024, &g->listener.io.fd, &f), OK);
    assert_int_equal(sock_local_port(g->listener.io.fd, &g->port), OK);
    assert_int_equal(conn_listen(g->pool, &g->listener), OK);
}

void rig_done(struct rig *g)
{
    conn_pool_free(g->pool);
    sock_close(g->listener.io.fd);
    loop_free(g->loop);
    assert_int_equal(g->opened, g->closed);
    assert_int_equal(g->heads, g->ended);
}

int rig_connect(struct rig *g, int rcvbuf)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(g->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (rcvbuf)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)), 0);
    return fd;
}

void rig_send(struct rig *g, int fd, struct slice s)
{
    uint64_t until = clock_now_ms() + 5000;
    while (s.n && clock_now_ms() < until) {
        ssize_t n = send(fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            s = slice_from(s, (size_t)n);
        loop_turn(g->loop, n > 0 ? 0 : 1);
    }
}

int rig_recv(struct rig *g, int fd, struct buf *got, struct slice until)
{
    uint64_t end = clock_now_ms() + 2000;
    while (clock_now_ms() < end) {
        uint8_t *p;
        assert_int_equal(buf_reserve(got, 65536, &p), OK);
        ssize_t n = recv(fd, p, 65536, MSG_DONTWAIT);
        if (n == 0)
            return ERR_EOF;
        if (n > 0) {
            buf_commit(got, (size_t)n);
            end = clock_now_ms() + 2000;
            if (until.n && slice_ends(buf_slice(got), until))
                return OK;
        } else if (errno != EAGAIN) {
            return ERR_RESET;
        } else {
            loop_turn(g->loop, 1);
        }
    }
    return ERR_TIMEOUT;
}

void rig_wait(struct rig *g, const unsigned *counter, unsigned n)
{
    uint64_t end = clock_now_ms() + 2000;
    while (*counter < n && clock_now_ms() < end)
        loop_turn(g->loop, 1);
    if (*counter < n)
        fail_msg("waited for %u, came to %u", n, *counter);
}

void rig_pass(struct rig *g, unsigned ms)
{
    uint64_t end = clock_now_ms() + ms;
    while (clock_now_ms() < end)
        loop_turn(g->loop, 1);
}

int rig_ask(struct rig *g, struct slice request, struct buf *got)
{
    int fd = rig_connect(g, 0);
    buf_init(got, 8 * 1024 * 1024);
    rig_send(g, fd, request);
    int r = rig_recv(g, fd, got, SLICE_EMPTY);
    close(fd);
    return r;
}

const char *rig_text(const struct buf *got)
{
    static char text[1 << 20];
    size_t n = got->n < sizeof(text) - 1 ? got->n : sizeof(text) - 1;
    if (n)
        memcpy(text, buf_slice(got).p, n);
    text[n] = 0;
    return text;
}
