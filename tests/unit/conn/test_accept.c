/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Accepting under pressure: caps, descriptors, who has to go. */
#include "conn/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "rig.h"

#define HOST "Host: a.test\r\n"

static struct rig g;

static int set_up(void **state)
{
    (void)state;
    rig_init(&g);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_done(&g);
    return 0;
}

/* Sends one request and expects its answer. */
static void is_served(int fd)
{
    struct buf got;
    buf_init(&got, 1 << 20);
    rig_send(&g, fd, SLICE("GET /bytes/1 HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(rig_recv(&g, fd, &got, SLICE("\r\n\r\n\x00")), OK);
    buf_done(&got);
}

static bool is_gone(int fd)
{
    struct buf got;
    buf_init(&got, 1 << 20);
    int r = rig_recv(&g, fd, &got, SLICE_EMPTY);
    buf_done(&got);
    return r == ERR_EOF || r == ERR_RESET;
}

static void sheds_the_oldest_idle_at_the_cap(void **state)
{
    (void)state;
    g.limits.connections = 3;
    rig_start(&g, CONN_PLAIN);
    int fds[5];
    for (int i = 0; i < 5; i++) {
        fds[i] = rig_connect(&g, 0);
        is_served(fds[i]);
    }
    assert_int_equal(conn_pool_count(g.pool), 3);
    assert_true(is_gone(fds[0]));
    assert_true(is_gone(fds[1]));
    for (int i = 2; i < 5; i++)
        is_served(fds[i]);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
}

static void waits_when_all_are_busy(void **state)
{
    (void)state;
    static const struct response a = {.status = 204, .length = -1, .close = true};
    g.limits.connections = 1;
    rig_start(&g, CONN_PLAIN);
    int busy = rig_connect(&g, 0), next;
    rig_send(&g, busy, SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    rig_wait(&g, &g.heads, 1);
    next = rig_connect(&g, 0);
    rig_pass(&g, 50);
    assert_int_equal(g.opened, 1);
    assert_int_equal(exchange_respond(g.waiting, &a), OK);
    assert_true(is_gone(busy));
    close(busy);
    is_served(next);
    close(next);
}

static void caps_each_address(void **state)
{
    (void)state;
    g.limits.connections_per_ip = 2;
    rig_start(&g, CONN_PLAIN);
    int a = rig_connect(&g, 0), b = rig_connect(&g, 0), c = rig_connect(&g, 0);
    is_served(a);
    is_served(b);
    assert_true(is_gone(c));
    assert_int_equal(g.opened, 2);
    close(c);
    close(a);
    rig_wait(&g, &g.closed, 1);
    c = rig_connect(&g, 0);
    is_served(c);
    close(b);
    close(c);
}

static void survives_without_descriptors(void **state)
{
    (void)state;
    struct rlimit old, low;
    rig_start(&g, CONN_PLAIN);
    int idle = rig_connect(&g, 0), busy = rig_connect(&g, 0), late[2];
    is_served(idle);
    rig_send(&g, busy, SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    rig_wait(&g, &g.heads, 2);
    for (int i = 0; i < 2; i++)
        late[i] = rig_connect(&g, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)late[1] + 3; /* above every descriptor in use, but one or two */
    int top = dup(late[1]);
    while (top >= 0 && (rlim_t)top + 1 < low.rlim_cur)
        top = dup(late[1]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (dup(late[1]) >= 0)
        ;
    rig_wait(&g, &g.opened, 3); /* the idle one gave its descriptor */
    assert_int_equal(g.closed, 1);
    rig_send(&g, late[0], SLICE("GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    rig_wait(&g, &g.heads, 3);
    rig_pass(&g, 30);
    assert_int_equal(g.opened, 3); /* nobody is idle now: the second waits in the kernel */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    rig_wait(&g, &g.opened, 4);
    is_served(late[1]);
    for (int fd = late[1] + 1; fd < (int)low.rlim_cur + 8; fd++)
        close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sheds_the_oldest_idle_at_the_cap, set_up, teardown),
        cmocka_unit_test_setup_teardown(waits_when_all_are_busy, set_up, teardown),
        cmocka_unit_test_setup_teardown(caps_each_address, set_up, teardown),
        cmocka_unit_test_setup_teardown(survives_without_descriptors, set_up, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
