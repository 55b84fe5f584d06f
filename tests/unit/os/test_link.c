/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The link over socketpairs and loopback: plain, and under a toy filter (a length byte, then bytes
 * XOR 0x55; length 0 is the orderly end; a client says H first). */
#include "os/link.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/sock.h"

struct toy {
    struct buf held; /* a cut frame */
    bool client, said_hello, ended;
    unsigned *freed;
};

static int toy_frame(struct toy *t, struct buf *plain)
{
    struct slice s = buf_slice(&t->held);
    if (s.n == 0 || s.n < 1u + s.p[0])
        return ERR_AGAIN;
    size_t n = s.p[0];
    if (n == 0)
        return ERR_EOF;
    if (n == 255)
        return ERR_TLS;
    uint8_t *p;
    int r = buf_reserve(plain, n, &p);
    if (r)
        return r;
    for (size_t i = 0; i < n; i++)
        p[i] = s.p[1 + i] ^ 0x55;
    buf_commit(plain, n);
    buf_consume(&t->held, 1 + n);
    return OK;
}

static int toy_open(void *ctx, struct slice in, struct buf *plain, struct buf *out)
{
    struct toy *t = ctx;
    int r = OK;
    if (t->client && !t->said_hello) {
        t->said_hello = true;
        r = buf_add(out, SLICE("H"));
    }
    if (!r)
        r = buf_add(&t->held, in);
    if (!t->client && !t->said_hello && t->held.n) {
        t->said_hello = true;
        buf_consume(&t->held, 1);
    }
    while (!r)
        r = toy_frame(t, plain);
    if (r == ERR_TLS && buf_add(out, SLICE("!")))
        return ERR_NOMEM;
    return r == ERR_AGAIN ? OK : r;
}

static int toy_seal(void *ctx, struct slice plain, struct buf *out)
{
    (void)ctx;
    while (plain.n) {
        size_t n = plain.n < 200 ? plain.n : 200;
        uint8_t *p;
        int r = buf_reserve(out, n + 1, &p);
        if (r)
            return r;
        p[0] = (uint8_t)n;
        for (size_t i = 0; i < n; i++)
            p[1 + i] = plain.p[i] ^ 0x55;
        buf_commit(out, n + 1);
        plain = slice_from(plain, n);
    }
    return OK;
}

static int toy_shut(void *ctx, struct buf *out)
{
    (void)ctx;
    return buf_add(out, slice_of("\0", 1));
}

static void toy_free(void *ctx)
{
    struct toy *t = ctx;
    buf_done(&t->held);
    if (t->freed)
        ++*t->freed;
}

static const struct filter_ops toy_filter = {toy_open, toy_seal, toy_shut, toy_free};

struct side {
    struct link link;
    unsigned wakes;
};

static void woke(struct link *k)
{
    container_of(k, struct side, link)->wakes++;
}

struct bench {
    struct loop *loop;
    struct side a;
    int peer;
};

static void start(struct bench *t)
{
    struct fault f = {0};
    int fds[2];
    memset(t, 0, sizeof(*t));
    assert_int_equal(loop_new(&t->loop, &f), OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    t->peer = fds[1];
    assert_int_equal(link_open(&t->a.link, t->loop, fds[0], woke), OK);
}

/* Two ends of a loopback connection, for resets. */
static void start_tcp(struct bench *t)
{
    struct fault f = {0};
    struct sock_addr a;
    int listener, fd, err;
    uint16_t port;
    memset(t, 0, sizeof(*t));
    assert_int_equal(loop_new(&t->loop, &f), OK);
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &a), OK);
    assert_int_equal(sock_listen(&a, false, 4, &listener, &f), OK);
    assert_int_equal(sock_local_addr(listener, &a), OK);
    assert_int_equal(sock_connect(&a, &t->peer), OK);
    while ((err = sock_accept(listener, &fd, NULL, &port)) == ERR_AGAIN)
        ;
    assert_int_equal(err, OK);
    sock_close(listener);
    assert_int_equal(link_open(&t->a.link, t->loop, fd, woke), OK);
    loop_turn(t->loop, 0);
}

static void finish(struct bench *t)
{
    link_close(&t->a.link, false);
    link_close(&t->a.link, false);
    sock_close(t->peer);
    loop_free(t->loop);
}

static void peer_sends(struct bench *t, const void *p, size_t n)
{
    assert_int_equal(send(t->peer, p, n, MSG_NOSIGNAL), n);
}

static void turn_until_wake(struct bench *t)
{
    unsigned before = t->a.wakes;
    while (t->a.wakes == before)
        loop_turn(t->loop, -1);
}

static void assert_input(const struct link *k, struct slice want)
{
    struct slice have = link_input(k);
    assert_int_equal(have.n, want.n);
    if (want.n)
        assert_memory_equal(have.p, want.p, want.n);
}

static void plain_both_ways(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    char got[8];
    assert_int_equal(link_fill(k), ERR_AGAIN);
    peer_sends(&t, "hello", 5);
    assert_int_equal(link_fill(k), ERR_AGAIN); /* no edge seen: no recv is tried */
    turn_until_wake(&t);
    assert_int_equal(link_fill(k), OK);
    assert_input(k, SLICE("hello"));
    assert_int_equal(k->ready & LOOP_READ, 0);
    assert_int_equal(link_fill(k), ERR_AGAIN);
    link_consume(k, 5);
    assert_null(k->in.p); /* an idle link holds no buffer */
    assert_int_equal(link_write(k, SLICE("wor")), OK);
    assert_int_equal(link_write(k, SLICE("ld")), OK);
    assert_int_equal(recv(t.peer, got, sizeof(got), 0), -1);
    assert_int_equal(link_flush(k), OK);
    assert_null(k->out.p);
    assert_int_equal(recv(t.peer, got, sizeof(got), 0), 5);
    assert_memory_equal(got, "world", 5);
    assert_int_equal(k->received_bytes, 5);
    assert_int_equal(k->sent_bytes, 5);
    finish(&t);
}

static void full_read_keeps_edge(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    static uint8_t block[LINK_RECV_BYTES];
    peer_sends(&t, block, sizeof(block));
    peer_sends(&t, "x", 1);
    turn_until_wake(&t);
    assert_int_equal(link_fill(k), OK);
    assert_int_equal(link_input(k).n, LINK_RECV_BYTES);
    assert_true(k->ready & LOOP_READ);
    assert_int_equal(link_fill(k), OK);
    assert_int_equal(link_input(k).n, LINK_RECV_BYTES + 1);
    assert_int_equal(link_fill(k), ERR_AGAIN);
    finish(&t);
}

static void small_input_holds_little(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    for (int i = 0; i < 40; i++) {
        peer_sends(&t, "y", 1);
        turn_until_wake(&t);
        assert_int_equal(link_fill(k), OK);
    }
    assert_int_equal(link_input(k).n, 40);
    print_message("40 bytes held in %d\n", (int)k->in.cap);
    assert_true(k->in.cap <= 4096);
    finish(&t);
}

static void input_is_capped(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    static uint8_t block[32768];
    int r = OK;
    while (r == OK || r == ERR_AGAIN) {
        if (send(t.peer, block, sizeof(block), MSG_NOSIGNAL) < 0)
            assert_int_equal(errno, EAGAIN);
        loop_turn(t.loop, 0);
        r = link_fill(k);
    }
    assert_int_equal(r, ERR_CAP);
    assert_true(link_input(k).n >= LINK_IN_MAX);
    link_consume(k, link_input(k).n);
    assert_int_equal(link_fill(k), OK); /* the edge was not lost */
    finish(&t);
}

static void end_with_pending_data(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    peer_sends(&t, "last", 4);
    shutdown(t.peer, SHUT_WR);
    turn_until_wake(&t);
    assert_true(k->ready & LOOP_HUP);
    assert_int_equal(link_fill(k), OK);
    assert_input(k, SLICE("last"));
    assert_int_equal(link_fill(k), ERR_EOF);
    assert_int_equal(link_fill(k), ERR_EOF);
    assert_input(k, SLICE("last"));
    char got[4];
    assert_int_equal(link_write(k, SLICE("bye")), OK); /* the other direction still works */
    assert_int_equal(link_shut(k, true), OK);
    assert_int_equal(link_flush(k), OK);
    assert_int_equal(recv(t.peer, got, sizeof(got), 0), 3);
    assert_int_equal(recv(t.peer, got, sizeof(got), 0), 0);
    finish(&t);
}

static void reset(void **state)
{
    (void)state;
    struct bench t;
    start_tcp(&t);
    struct link *k = &t.a.link;
    assert_int_equal(sock_linger_reset(t.peer), OK);
    sock_close(t.peer);
    t.peer = -1;
    turn_until_wake(&t);
    assert_true(k->ready & LOOP_HUP);
    assert_int_equal(link_fill(k), ERR_RESET);
    assert_int_equal(link_fill(k), ERR_RESET);
    assert_int_equal(link_write(k, SLICE("x")), ERR_RESET);
    assert_int_equal(link_flush(k), ERR_RESET);
    assert_int_equal(link_shut(k, true), ERR_RESET);
    finish(&t);
}

static void our_reset_reaches_peer(void **state)
{
    (void)state;
    struct bench t;
    start_tcp(&t);
    char got;
    link_close(&t.a.link, true);
    struct pollfd p = {.fd = t.peer, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 2000), 1);
    assert_int_equal(recv(t.peer, &got, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    finish(&t);
}

/* A slow reader: the rest stays queued, an edge announces room, every byte arrives in order. */
static void short_writes(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    int small = 4096;
    setsockopt(k->io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    static uint8_t block[100000], got[sizeof(block)];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(link_write(k, slice_of(block, sizeof(block))), OK);
    assert_true(link_full(k));
    assert_int_equal(link_flush(k), ERR_AGAIN);
    assert_true(k->out.n > 0 && k->out.n < sizeof(block));
    assert_int_equal(link_flush(k), ERR_AGAIN);
    size_t n = 0;
    while (n < sizeof(block)) {
        ssize_t step = recv(t.peer, got + n, n + 3000 <= sizeof(got) ? 3000 : sizeof(got) - n, 0);
        if (step > 0)
            n += (size_t)step;
        loop_turn(t.loop, 0);
        int r = link_flush(k);
        assert_true(r == OK || r == ERR_AGAIN);
    }
    assert_memory_equal(got, block, sizeof(block));
    assert_int_equal(link_flush(k), OK);
    assert_false(link_full(k));
    finish(&t);
}

static void output_is_capped(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    static uint8_t block[65536];
    int r = OK;
    size_t n = 0;
    while (!(r = link_write(k, slice_of(block, sizeof(block)))))
        n += sizeof(block);
    assert_int_equal(r, ERR_CAP);
    assert_int_equal(n, LINK_OUT_MAX);
    assert_int_equal(link_write(k, slice_of(block, 1)), ERR_CAP);
    finish(&t);
}

static void filter_byte_by_byte(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    unsigned freed = 0;
    struct toy toy = {.freed = &freed};
    buf_init(&toy.held, 4096);
    static const uint8_t wire[] = {'H', 2, 'h' ^ 0x55, 'i' ^ 0x55, 1, '!' ^ 0x55, 0};
    /* The first bytes are read raw, as the reader of a ClientHello does. */
    peer_sends(&t, wire, 3);
    turn_until_wake(&t);
    assert_int_equal(link_fill(k), OK);
    assert_int_equal(link_input(k).n, 3);
    assert_int_equal(link_set_filter(k, &toy_filter, &toy), OK);
    assert_int_equal(link_input(k).n, 0);
    for (size_t i = 3; i < sizeof(wire); i++) {
        peer_sends(&t, wire + i, 1);
        turn_until_wake(&t);
        int r = link_fill(k);
        assert_int_equal(r, i + 1 < sizeof(wire) ? OK : ERR_EOF);
    }
    assert_input(k, SLICE("hi!"));
    assert_int_equal(link_fill(k), ERR_EOF);
    uint8_t got[16];
    assert_int_equal(link_write(k, SLICE("yo")), OK);
    assert_int_equal(link_shut(k, false), OK);
    assert_int_equal(link_shut(k, true), OK); /* the end is queued once, the half close noted */
    assert_int_equal(link_flush(k), OK);
    assert_int_equal(recv(t.peer, got, sizeof(got), 0), 4);
    static const uint8_t answer[] = {2, 'y' ^ 0x55, 'o' ^ 0x55, 0};
    assert_memory_equal(got, answer, sizeof(answer));
    assert_int_equal(recv(t.peer, got, sizeof(got), 0), 0);
    finish(&t);
    assert_int_equal(freed, 1);
}

static void filter_client_speaks_first(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct toy toy = {.client = true};
    buf_init(&toy.held, 4096);
    char got;
    assert_int_equal(link_set_filter(&t.a.link, &toy_filter, &toy), OK);
    assert_int_equal(link_flush(&t.a.link), OK);
    assert_int_equal(recv(t.peer, &got, 1, 0), 1);
    assert_int_equal(got, 'H');
    finish(&t);
}

static void filter_error_sends_alert(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    struct toy toy = {.said_hello = true};
    buf_init(&toy.held, 4096);
    assert_int_equal(link_set_filter(k, &toy_filter, &toy), OK);
    static uint8_t bad[256] = {255};
    peer_sends(&t, bad, sizeof(bad));
    turn_until_wake(&t);
    assert_int_equal(link_fill(k), ERR_TLS);
    assert_int_equal(link_fill(k), ERR_TLS);
    assert_int_equal(link_write(k, SLICE("x")), ERR_TLS);
    assert_int_equal(link_flush(k), OK);
    char got[2];
    assert_int_equal(recv(t.peer, got, 2, 0), 1);
    assert_int_equal(got[0], '!');
    finish(&t);
}

static void filter_truncation(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    struct toy toy = {.said_hello = true};
    buf_init(&toy.held, 4096);
    assert_int_equal(link_set_filter(k, &toy_filter, &toy), OK);
    static const uint8_t wire[] = {1, 'a' ^ 0x55};
    peer_sends(&t, wire, sizeof(wire));
    shutdown(t.peer, SHUT_WR);
    turn_until_wake(&t);
    assert_int_equal(link_fill(k), OK);
    assert_int_equal(link_fill(k), ERR_RESET); /* not ERR_EOF: no orderly end was sealed */
    assert_int_equal(link_fill(k), ERR_RESET);
    assert_int_equal(link_write(k, SLICE("x")), OK);
    assert_int_equal(link_flush(k), OK);
    finish(&t);
}

static unsigned last_calls;
static struct link *last_pair[2];

static void close_both(struct link *k)
{
    (void)k;
    last_calls++;
    link_close(last_pair[0], false);
    link_close(last_pair[1], false);
}

/* Both are ready in one batch: whichever runs first closes both, the other is never called. */
static void close_inside_callback(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link other, *both[2] = {&t.a.link, &other};
    assert_int_equal(link_open(&other, t.loop, t.peer, close_both), OK);
    t.peer = -1;
    t.a.link.on_ready = close_both;
    memcpy(last_pair, both, sizeof(both));
    last_calls = 0;
    loop_turn(t.loop, 0);
    loop_turn(t.loop, 0);
    assert_int_equal(last_calls, 1);
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        assert_int_equal(both[i]->io.fd, -1);
        assert_int_equal(link_flush(both[i]), ERR_RESET);
        assert_int_equal(link_fill(both[i]), ERR_RESET);
    }
    finish(&t);
}

static void assert_allocations(uint64_t want)
{
#if defined(PORT443_SANITIZED)
    (void)want; /* there the pool is the general allocator */
#else
    assert_int_equal(mem_count(), want);
#endif
}

/* Requests that come in two parts and answers, plain and filtered, once the pool is warm. */
static void steady_state_allocates_nothing(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    struct toy toy = {.said_hello = true};
    buf_init(&toy.held, 4096);
    static const uint8_t part[3] = {2, 'a' ^ 0x55, 'b' ^ 0x55};
    static uint8_t answer[3000], got[4000];
    uint64_t before = 0;
    for (int i = 0; i < 400; i++) {
        if (i == 200)
            assert_int_equal(link_set_filter(k, &toy_filter, &toy), OK);
        if (i == 20 || i == 220)
            before = mem_count();
        peer_sends(&t, part, 1);
        turn_until_wake(&t);
        assert_int_equal(link_fill(k), OK);
        peer_sends(&t, part + 1, 2);
        turn_until_wake(&t);
        assert_int_equal(link_fill(k), OK);
        assert_int_equal(link_input(k).n, i < 200 ? 3 : 2);
        link_consume(k, link_input(k).n);
        assert_int_equal(link_write(k, slice_of(answer, sizeof(answer))), OK);
        assert_int_equal(link_flush(k), OK);
        assert_true(recv(t.peer, got, sizeof(got), 0) >= (ssize_t)sizeof(answer));
        if (i == 199 || i == 399)
            assert_allocations(before);
    }
    finish(&t);
}

/* The peer answered early and closed: our send fails, its last bytes are still there. */
static void early_answer(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    struct link *k = &t.a.link;
    peer_sends(&t, "413", 3);
    close(t.peer);
    t.peer = -1;
    assert_int_equal(link_write(k, SLICE("more")), OK);
    assert_int_equal(link_flush(k), ERR_RESET);
    assert_int_equal(link_write(k, SLICE("more")), ERR_RESET);
    assert_int_equal(link_shut(k, true), ERR_RESET);
    turn_until_wake(&t);
    assert_int_equal(link_fill(k), OK);
    assert_input(k, SLICE("413"));
    assert_int_equal(link_fill(k), ERR_EOF);
    finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_both_ways),
        cmocka_unit_test(full_read_keeps_edge),
        cmocka_unit_test(small_input_holds_little),
        cmocka_unit_test(input_is_capped),
        cmocka_unit_test(end_with_pending_data),
        cmocka_unit_test(reset),
        cmocka_unit_test(our_reset_reaches_peer),
        cmocka_unit_test(short_writes),
        cmocka_unit_test(output_is_capped),
        cmocka_unit_test(filter_byte_by_byte),
        cmocka_unit_test(filter_client_speaks_first),
        cmocka_unit_test(filter_error_sends_alert),
        cmocka_unit_test(filter_truncation),
        cmocka_unit_test(close_inside_callback),
        cmocka_unit_test(steady_state_allocates_nothing),
        cmocka_unit_test(early_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
