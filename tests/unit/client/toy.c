/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One loop for both ends keeps tests deterministic and free of threads. */
#include "toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/sock.h"

#define SEEN_MAX (64u << 20)

static void on_ready(struct link *k)
{
    struct toy_conn *c = container_of(k, struct toy_conn, link);
    if (k->ready & LOOP_WRITE)
        c->ended |= link_flush(k) == ERR_RESET;
    if (c->paused)
        return;
    int r;
    while ((r = link_fill(k)) == OK) {
        assert_int_equal(buf_add(&c->seen, link_input(k)), OK);
        link_consume(k, link_input(k).n);
    }
    if (r != ERR_AGAIN) {
        c->ended = true;
        assert_int_equal(buf_add(&c->seen, link_input(k)), OK);
        link_consume(k, link_input(k).n);
    }
    if (k->filter)
        c->ended |= link_flush(k) == ERR_RESET; /* handshake flights */
    c->server->on_data(c);
}

static void on_dribble(struct loop_task *t)
{
    struct toy_conn *c = container_of(t, struct toy_conn, task);
    if (!c->dribble.n)
        return;
    toy_say(c, slice_first(buf_slice(&c->dribble), 1));
    buf_consume(&c->dribble, 1);
    if (c->dribble.n)
        loop_defer(c->server->loop, t);
}

static void on_accept(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct toy *t = container_of(io, struct toy, listener);
    int fd;
    while (sock_accept(io->fd, &fd, NULL, NULL) == OK) {
        struct toy_conn *c = mem_alloc(sizeof(*c));
        assert_non_null(c);
        c->server = t;
        c->index = t->accepted++;
        buf_init(&c->seen, SEEN_MAX);
        buf_init(&c->dribble, SEEN_MAX);
        loop_task_init(&c->task, on_dribble);
        list_push(&t->conns, &c->node);
        assert_int_equal(link_open(&c->link, t->loop, fd, on_ready), OK);
        if (t->wrap)
            assert_int_equal(t->wrap(c), OK);
        if (t->on_accept)
            t->on_accept(c);
    }
}

static void listen_on(struct toy *t, struct loop *l, const struct sock_addr *a,
                      void (*on_data)(struct toy_conn *c))
{
    *t = (struct toy){.loop = l, .listener = {-1, on_accept}, .on_data = on_data};
    list_init(&t->conns);
    struct fault f;
    assert_int_equal(sock_listen(a, false, 64, &t->listener.fd, &f), OK);
    assert_int_equal(loop_add_level(l, &t->listener), OK);
}

void toy_open(struct toy *t, struct loop *l, void (*on_data)(struct toy_conn *c))
{
    struct sock_addr a;
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &a), OK);
    listen_on(t, l, &a, on_data);
    assert_int_equal(sock_local_port(t->listener.fd, &t->port), OK);
}

void toy_open_unix(struct toy *t, struct loop *l, const char *path,
                   void (*on_data)(struct toy_conn *c))
{
    struct sock_addr a;
    assert_int_equal(sock_addr_unix(slice_cstr(path), &a), OK);
    listen_on(t, l, &a, on_data);
}

void toy_stop_listening(struct toy *t)
{
    if (t->listener.fd < 0)
        return;
    loop_remove(t->loop, &t->listener);
    sock_close(t->listener.fd);
    t->listener.fd = -1;
}

void toy_done(struct toy *t)
{
    toy_stop_listening(t);
    while (!list_empty(&t->conns))
        toy_end(container_of(t->conns.next, struct toy_conn, node), false);
}

void toy_say(struct toy_conn *c, struct slice s)
{
    int r = link_write(&c->link, s);
    assert_true(r == OK || r == ERR_RESET);
    r = link_flush(&c->link);
    assert_true(r == OK || r == ERR_AGAIN || r == ERR_RESET);
}

void toy_dribble(struct toy_conn *c, struct slice s)
{
    assert_int_equal(buf_add(&c->dribble, s), OK);
    loop_defer(c->server->loop, &c->task);
}

void toy_shut(struct toy_conn *c)
{
    assert_int_equal(link_shut(&c->link, true), OK);
    int r = link_flush(&c->link);
    assert_true(r == OK || r == ERR_AGAIN);
}

void toy_end(struct toy_conn *c, bool reset)
{
    c->server->turned_away++;
    loop_task_cancel(&c->task);
    list_remove(&c->node);
    buf_done(&c->seen);
    buf_done(&c->dribble);
    link_close(&c->link, reset);
    mem_free(c);
}

bool toy_head(struct toy_conn *c, char *dst, size_t cap)
{
    struct slice s = buf_slice(&c->seen);
    for (size_t n = 4; n <= s.n; n++) {
        if (!slice_ends(slice_first(s, n), SLICE("\r\n\r\n")))
            continue;
        assert_true(n < cap);
        memcpy(dst, s.p, n);
        dst[n] = 0;
        buf_consume(&c->seen, n);
        return true;
    }
    return false;
}

void toy_resume(struct toy_conn *c)
{
    c->paused = false;
    on_ready(&c->link);
}
