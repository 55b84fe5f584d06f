/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the kernel tells of a connection of two sockets of this process. */
#include "os/sockinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"

struct two {
    int client, server;
};

static struct two connect_two(bool v6)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *a = v6 ? (struct sockaddr *)(void *)&six : (struct sockaddr *)(void *)&four;
    socklen_t n = v6 ? sizeof(six) : sizeof(four);
    int listener = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    struct two t = {socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), -1};
    if (bind(listener, a, n) == 0 && listen(listener, 1) == 0 &&
        getsockname(listener, a, &n) == 0 && connect(t.client, a, n) == 0)
        t.server = accept(listener, NULL, NULL);
    close(listener);
    return t;
}

static void close_two(struct two t)
{
    close(t.client);
    if (t.server >= 0)
        close(t.server);
}

static void counts_bytes(void **state)
{
    (void)state;
    struct two t = connect_two(false);
    struct sockinfo info;
    char got[8];
    assert_true(t.server >= 0);
    assert_int_equal(send(t.client, "12345", 5, 0), 5);
    assert_int_equal(recv(t.server, got, sizeof(got), 0), 5);
    assert_int_equal(sockinfo_read(t.server, &info), OK);
    assert_int_equal(info.received_bytes, 5);
    /* The acknowledgement may be delayed until the server speaks. */
    assert_int_equal(send(t.server, "67", 2, 0), 2);
    assert_int_equal(recv(t.client, got, sizeof(got), 0), 2);
    assert_int_equal(sockinfo_read(t.client, &info), OK);
    assert_int_equal(info.sent_bytes, 5);
    assert_int_equal(info.acked_bytes, 5 + 1); /* and the SYN */
    assert_int_equal(info.received_bytes, 2);
    assert_int_equal(info.unacked_segments, 0);
    assert_true(info.mss > 500);
    close_two(t);
}

static void sets_the_ttl(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct two t = connect_two(v6);
        int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, name = v6 ? IPV6_UNICAST_HOPS : IP_TTL;
        int before = 0, value = 0;
        socklen_t n = sizeof(value);
        if (t.server < 0) { /* a machine without IPv6 */
            close_two(t);
            continue;
        }
        assert_int_equal(getsockopt(t.client, level, name, &before, &n), 0);
        assert_int_equal(sockinfo_ttl(t.client, 3), OK);
        assert_int_equal(getsockopt(t.client, level, name, &value, &n), 0);
        assert_int_equal(value, 3);
        assert_int_equal(sockinfo_ttl(t.client, 0), OK);
        assert_int_equal(getsockopt(t.client, level, name, &value, &n), 0);
        assert_int_equal(value, before);
        close_two(t);
    }
}

static void no_icmp_on_a_good_connection(void **state)
{
    (void)state;
    struct two t = connect_two(false);
    struct sockinfo_icmp icmp;
    assert_int_equal(sockinfo_watch_icmp(t.client), OK);
    assert_int_equal(sockinfo_icmp(t.client, &icmp), ERR_NOT_FOUND);
    close_two(t);
}

static void refuses_other_descriptors(void **state)
{
    (void)state;
    struct sockinfo info;
    struct sockinfo_icmp icmp;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(sockinfo_read(ends[0], &info), ERR_SYS);
    assert_int_equal(sockinfo_read(-1, &info), ERR_SYS);
    assert_int_equal(sockinfo_ttl(-1, 1), ERR_SYS);
    assert_int_equal(sockinfo_watch_icmp(-1), ERR_SYS);
    assert_int_equal(sockinfo_icmp(-1, &icmp), ERR_NOT_FOUND);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_bytes),
                                       cmocka_unit_test(sets_the_ttl),
                                       cmocka_unit_test(no_icmp_on_a_good_connection),
                                       cmocka_unit_test(refuses_other_descriptors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
