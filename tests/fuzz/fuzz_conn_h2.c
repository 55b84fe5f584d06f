/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A whole HTTP/2 connection over a socketpair: the client's preface, then the input, of which the
 * first byte is the size of the pieces in which it is sent. A toy engine answers by path. Whatever
 * comes, the order of callbacks holds, every exchange ends once, bodies have the length that was
 * announced, and nothing stays behind. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/pool.h"
#include "conn/accept.h"
#include "conn/conn.h"
#include "conn/conn_pool.h"
#include "fuzz.h"

#define STREAMS 8

struct toy {
    bool body_ended, waits, ended_pull;
    uint64_t body_bytes, left;
    unsigned pulls;
};

static struct exchange *open_ones[STREAMS];
static unsigned heads, ends, opened, closed;

static void respond(struct exchange *x, uint16_t status, int64_t length)
{
    struct toy *toy = x->app;
    const struct field fields[] = {{SLICE("X-Toy"), x->req.path, HDR_OTHER}};
    const struct response a = {.status = status,
                               .fields = fields,
                               .nfields = 1,
                               .length = length,
                               .close = toy->left == 7,
                               .no_body = x->req.method == METHOD_HEAD};
    toy->left = length > 0 ? (uint64_t)length : 70000;
    toy->waits = false;
    int r = exchange_respond(x, &a);
    FUZZ_CHECK(r == OK || r == ERR_ABORTED);
}

static void check_request(const struct request *q)
{
    FUZZ_CHECK(q->path.n && (q->path.p[0] == '/' || slice_eq(q->path, SLICE("*"))));
    FUZZ_CHECK(q->host.n && q->version == 20 && field_name_ok(q->method_text));
    FUZZ_CHECK(!q->has_length || q->has_body || q->content_length == 0);
    unsigned cookies = 0;
    for (size_t i = 0; i < q->nfields; i++) {
        FUZZ_CHECK(field_name_ok_h2(q->fields[i].name) && field_value_ok(q->fields[i].value) &&
                   !(token_flags(q->fields[i].token) & TOKEN_HOP));
        cookies += q->fields[i].token == HDR_COOKIE;
    }
    FUZZ_CHECK(cookies <= 1);
}

static void on_head(struct exchange *x)
{
    static const struct field link[] = {{SLICE("Link"), SLICE("</a>"), HDR_LINK}};
    struct toy *toy = arena_zalloc(&x->arena, sizeof(*toy));
    FUZZ_CHECK(toy);
    x->app = toy;
    heads++;
    size_t i = 0;
    while (i < STREAMS && open_ones[i])
        i++;
    FUZZ_CHECK(i < STREAMS); /* the cap of concurrent streams */
    open_ones[i] = x;
    check_request(&x->req);
    switch (x->req.path.n > 1 ? x->req.path.p[1] : 'b') {
    case 'b':
        respond(x, 200, 5);
        break;
    case 'c':
        respond(x, 200, -1);
        break;
    case 'e':
        respond(x, 413, 0);
        break;
    case 'a':
        exchange_abort(x, ERR_UPSTREAM_DOWN);
        break;
    case 'h':
        FUZZ_CHECK(exchange_inform(x, 103, link, 1) == OK);
        respond(x, 200, 100000);
        break;
    case 'z':
        toy->left = 7;
        respond(x, 204, -1);
        break;
    case 'n': /* answers behind the body */
        if (!x->req.has_body)
            respond(x, 200, 1);
        break;
    default:
        toy->waits = true;
    }
}

static void on_body(struct exchange *x, struct slice data, bool end)
{
    struct toy *toy = x->app;
    FUZZ_CHECK(!toy->body_ended);
    toy->body_bytes += data.n;
    toy->body_ended = end;
    FUZZ_CHECK(!x->req.has_length || toy->body_bytes <= x->req.content_length);
    exchange_consumed(x, data.n / 2);
    exchange_consumed(x, data.n - data.n / 2);
    if (end && !x->responded && !toy->waits && x->req.path.n > 1 && x->req.path.p[1] == 'n')
        respond(x, 200, -1);
}

static void on_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    struct toy *toy = x->app;
    FUZZ_CHECK(!toy->body_ended);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(field_name_ok_h2(fields[i].name) && field_value_ok(fields[i].value));
}

static int pull(struct exchange *x, struct pull *p)
{
    static const struct field trailer[] = {{SLICE("X-Sum"), SLICE("42"), HDR_OTHER}};
    static const uint8_t loan[16384];
    struct toy *toy = x->app;
    FUZZ_CHECK(x->responded && p->cap && !toy->ended_pull);
    if (toy->pulls++ % 3 == 1) {
        if (toy->pulls % 2)
            exchange_resume(x);
        return ERR_AGAIN;
    }
    size_t n = toy->left < p->cap ? (size_t)toy->left : p->cap;
    if (toy->pulls % 2 && n) {
        p->loan = slice_of(loan, n < sizeof(loan) ? n : sizeof(loan));
        n = p->loan.n;
    } else {
        memset(p->dst, 'x', n);
        p->n = n;
    }
    toy->left -= n;
    p->end = toy->ended_pull = toy->left == 0;
    if (p->end)
        FUZZ_CHECK(exchange_trailers(x, trailer, 1) == OK);
    return OK;
}

static void on_end(struct exchange *x, int r)
{
    struct toy *toy = x->app;
    size_t i = 0;
    while (i < STREAMS && open_ones[i] != x)
        i++;
    FUZZ_CHECK(i < STREAMS); /* once */
    open_ones[i] = NULL;
    if (x->req.has_length && toy->body_ended)
        FUZZ_CHECK(toy->body_bytes == x->req.content_length);
    FUZZ_CHECK(r == OK || r == ERR_ABORTED || r == ERR_RESET || r == ERR_FRAMING || r == ERR_CAP ||
               r == ERR_HEAD_TOO_LARGE || r == ERR_UPSTREAM_DOWN || r == ERR_DRAINING);
    ends++;
}

static void on_open(struct conn *c)
{
    (void)c;
    opened++;
}

static void on_close(struct conn *c, int r, const struct fault *f)
{
    (void)c;
    (void)r;
    (void)f;
    closed++;
}

static void on_rejected(struct conn *c, int r, uint16_t status, struct slice line)
{
    (void)c;
    FUZZ_CHECK((status == 0 || status >= 400) && r != OK);
    for (size_t i = 0; i < line.n; i++)
        FUZZ_CHECK(line.p[i] != '\n');
}

static const struct exchange_ops engine = {.on_head = on_head,
                                           .on_body = on_body,
                                           .on_trailers = on_trailers,
                                           .pull = pull,
                                           .on_close = on_end};
static const struct conn_ops ops = {
    .on_open = on_open, .on_close = on_close, .on_rejected = on_rejected, .exchange = &engine};
static const struct conn_limits limits = {.connections = 10,
                                          .header_bytes = 1024,
                                          .header_fields = 16,
                                          .line_bytes = 256,
                                          .h2_streams = STREAMS,
                                          .requests = 20,
                                          .header_timeout_ms = 60000,
                                          .idle_timeout_ms = 60000,
                                          .body_timeout_ms = 60000,
                                          .send_timeout_ms = 60000,
                                          .linger_timeout_ms = 60000};

/* What the server says, dropped; what waits for the engine is moved on. */
static void turn(struct loop *l, int fd)
{
    static uint8_t answer[1 << 18];
    do
        loop_turn(l, 0);
    while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0);
    for (size_t i = 0; i < STREAMS; i++) {
        struct exchange *x = open_ones[i];
        struct toy *toy = x ? x->app : NULL;
        if (toy && toy->waits)
            respond(x, 200, -1);
        else if (toy && x->responded)
            exchange_resume(x);
    }
}

static void converse(struct loop *l, int fd, const uint8_t *data, size_t size)
{
    static const struct slice preface = SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    size_t piece = data[0] ? data[0] : 4096;
    FUZZ_CHECK(send(fd, preface.p, preface.n, MSG_NOSIGNAL) == (ssize_t)preface.n);
    for (size_t at = 1; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        if (send(fd, data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
            break;
        turn(l, fd);
    }
    for (int i = 0; i < 4; i++)
        turn(l, fd);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 4; i++)
        turn(l, fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *l;
    static struct conn_pool *p;
    static struct listener from;
    if (!l) {
        FUZZ_CHECK(loop_new(&l, NULL) == OK && conn_pool_new(l, &limits, &p) == OK);
        from = (struct listener){.pool = p, .kind = CONN_PLAIN, .ops = &ops, .io.fd = -1};
    }
    if (size < 2 || size > 16384)
        return 0;
    static const struct ip ip;
    uint64_t used = pool_used_bytes();
    int fds[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    accept_take(&from, fds[0], &ip, 0);
    converse(l, fds[1], data, size);
    conn_pool_kill(p);
    close(fds[1]);
    FUZZ_CHECK(heads == ends && opened == closed && conn_pool_count(p) == 0);
    FUZZ_CHECK(pool_used_bytes() == used);
    return 0;
}
