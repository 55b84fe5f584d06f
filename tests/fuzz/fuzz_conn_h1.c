/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A whole HTTP/1.1 connection over a socketpair: the first byte is the size of the pieces in which
 * the client sends the rest. A toy engine answers by path. Whatever comes, the order of callbacks
 * holds, every exchange ends once, bodies have the length that was announced, and nothing stays
 * behind. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/pool.h"
#include "conn/accept.h"
#include "conn/conn.h"
#include "conn/conn_pool.h"
#include "fuzz.h"
#include "wire/http1.h"

struct toy {
    bool open, body_ended, waiting;
    uint64_t body_bytes, left;
};

static struct toy toy; /* one exchange at a time */
static struct exchange *at_hand;
static unsigned heads, ends, opened, closed;

static void respond(struct exchange *x, uint16_t status, int64_t length)
{
    const struct response a = {.status = status,
                               .length = length,
                               .no_body = x->req.method == METHOD_HEAD,
                               .tunnel = status == 101};
    toy.left = length > 0 ? (uint64_t)length : 70000;
    toy.waiting = false;
    int r = exchange_respond(x, &a);
    FUZZ_CHECK(r == OK);
}

static void check_request(const struct request *q)
{
    FUZZ_CHECK(q->path.n && (q->path.p[0] == '/' || slice_eq(q->path, SLICE("*"))));
    FUZZ_CHECK(q->host.n || q->version == 10);
    FUZZ_CHECK(!q->has_length || q->has_body == (q->content_length > 0));
    for (size_t i = 0; i < q->nfields; i++)
        FUZZ_CHECK(field_name_ok(q->fields[i].name) && field_value_ok(q->fields[i].value) &&
                   !(token_flags(q->fields[i].token) & TOKEN_HOP));
}

static void on_head(struct exchange *x)
{
    FUZZ_CHECK(!toy.open);
    toy = (struct toy){.open = true};
    at_hand = x;
    heads++;
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
    case 't':
        respond(x, x->req.version >= 11 && !x->req.has_body ? 101 : 204, -1);
        break;
    case 'n': /* answers behind the body */
        if (!x->req.has_body)
            respond(x, 200, 1);
        break;
    default:
        toy.waiting = true;
    }
}

static void on_body(struct exchange *x, struct slice data, bool end)
{
    FUZZ_CHECK(toy.open && !toy.body_ended);
    toy.body_bytes += data.n;
    toy.body_ended = end;
    exchange_consumed(x, data.n);
    if (end && !x->responded && !toy.waiting && x->req.path.n > 1 && x->req.path.p[1] == 'n')
        respond(x, 200, -1);
}

static void on_trailers(struct exchange *x, const struct field *fields, size_t n)
{
    (void)x;
    FUZZ_CHECK(toy.open && !toy.body_ended);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(field_name_ok(fields[i].name) && field_value_ok(fields[i].value));
}

static int pull(struct exchange *x, struct pull *p)
{
    FUZZ_CHECK(toy.open && x->responded && p->cap);
    p->n = toy.left < p->cap ? (size_t)toy.left : p->cap;
    memset(p->dst, 'x', p->n);
    toy.left -= p->n;
    p->end = toy.left == 0;
    return OK;
}

static void on_end(struct exchange *x, int r)
{
    FUZZ_CHECK(toy.open);
    if (x->req.has_length)
        FUZZ_CHECK(toy.body_ended ? toy.body_bytes == x->req.content_length
                                  : toy.body_bytes <= x->req.content_length);
    FUZZ_CHECK(r == OK || r == ERR_ABORTED || r == ERR_RESET || r == ERR_FRAMING ||
               r == ERR_HEAD_TOO_LARGE || r == ERR_UPSTREAM_DOWN || r == ERR_DRAINING ||
               r == ERR_SYNTAX);
    toy.open = false;
    at_hand = NULL;
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
    FUZZ_CHECK(!toy.open && status >= 400 && r != OK);
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
                                          .header_timeout_ms = 60000,
                                          .idle_timeout_ms = 60000,
                                          .body_timeout_ms = 60000,
                                          .send_timeout_ms = 60000,
                                          .linger_timeout_ms = 60000};

/* What the server says, dropped; its first bytes are a status line. */
static void drain(struct loop *l, int fd, bool *started)
{
    static uint8_t answer[1 << 18];
    ssize_t n;
    loop_turn(l, 0);
    while ((n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0) {
        if (!*started)
            FUZZ_CHECK(slice_starts(slice_of(answer, (size_t)n), SLICE("HTTP/1.1 ")));
        *started = true;
        loop_turn(l, 0);
    }
}

static void converse(struct loop *l, int fd, const uint8_t *data, size_t size)
{
    size_t piece = data[0] ? data[0] : 4096;
    bool started = false;
    for (size_t at = 1; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        if (send(fd, data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
            break;
        drain(l, fd, &started);
        if (at_hand && toy.waiting && !at_hand->responded)
            respond(at_hand, 200, -1);
    }
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 4; i++)
        drain(l, fd, &started);
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
