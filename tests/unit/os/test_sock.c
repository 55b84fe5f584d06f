/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Addresses as text, listening, accepting under pressure, connecting to nobody. */
#include "os/sock.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

struct row {
    const char *text;
    int r;
    const char *formatted; /* NULL: as text */
};

static const struct row rows[] = {
    {"192.0.2.1:443", OK, NULL},
    {"[2001:db8::1]:443", OK, NULL},
    {"[::]:0", OK, NULL},
    {"[::ffff:192.0.2.1]:80", OK, "192.0.2.1:80"},
    {"unix:/run/x.sock", OK, NULL},
    {"unix:@name", OK, NULL},
    {"unix:", ERR_RANGE, NULL},
    {"unix:@", ERR_RANGE, NULL},
    {"::1:80", ERR_SYNTAX, NULL},
    {"192.0.2.1", ERR_SYNTAX, NULL},
    {"192.0.2.1:", ERR_SYNTAX, NULL},
    {"192.0.2.1:65536", ERR_RANGE, NULL},
    {":443", ERR_SYNTAX, NULL},
    {"", ERR_SYNTAX, NULL},
};

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sock_addr a = {.raw_bytes = 0};
        char text[SOCK_ADDR_TEXT] = "";
        int r = sock_addr_parse(slice_cstr(rows[i].text), &a);
        size_t n = sock_addr_format(&a, text);
        print_message("%s -> %s %s\n", rows[i].text, err_name(r), text);
        assert_int_equal(r, rows[i].r);
        assert_int_equal(n, strlen(text));
        if (!r)
            assert_string_equal(text, rows[i].formatted ? rows[i].formatted : rows[i].text);
    }
    char path[130];
    memset(path, 'a', sizeof(path));
    struct sock_addr a;
    assert_int_equal(sock_addr_unix(slice_of(path, 107), &a), OK);
    assert_int_equal(sock_addr_unix(slice_of(path, 108), &a), ERR_RANGE);
    assert_int_equal(sock_addr_unix(slice_of("a\0b", 3), &a), ERR_RANGE);
}

static void equality(void **state)
{
    (void)state;
    struct sock_addr a, b, c, d;
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:1"), &a), OK);
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:1"), &b), OK);
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:2"), &c), OK);
    assert_int_equal(sock_addr_parse(SLICE("unix:/a"), &d), OK);
    assert_true(sock_addr_eq(&a, &b));
    assert_false(sock_addr_eq(&a, &c));
    assert_false(sock_addr_eq(&a, &d));
    assert_true(sock_addr_eq(&d, &d));
}

static int listen_on(const char *text, struct sock_addr *ret)
{
    struct fault f = {0};
    int fd = -1;
    assert_int_equal(sock_addr_parse(slice_cstr(text), ret), OK);
    int r = sock_listen(ret, false, 8, &fd, &f);
    if (r)
        print_message("%s\n", f.what);
    assert_int_equal(r, OK);
    assert_int_equal(sock_local_addr(fd, ret), OK);
    return fd;
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    assert_int_equal(poll(&p, 1, 2000), 1);
}

static void accepts(void **state)
{
    (void)state;
    struct sock_addr a, peer;
    int listener = listen_on("127.0.0.1:0", &a), client, fd;
    struct ip ip;
    uint16_t port = 0, own = 0;
    assert_int_equal(sock_accept(listener, &fd, &ip, &port), ERR_AGAIN);
    assert_int_equal(sock_connect(&a, &client), OK);
    wait_for(listener, POLLIN);
    assert_int_equal(sock_accept(listener, &fd, &ip, &port), OK);
    assert_int_equal(sock_local_port(client, &own), OK);
    assert_int_equal(port, own);
    assert_true(cidr_is_v4(&ip) && ip.bytes[12] == 127);
    wait_for(client, POLLOUT);
    assert_int_equal(sock_error(client), OK);
    assert_int_equal(sock_peer_addr(client, &peer), OK);
    assert_true(sock_addr_eq(&peer, &a));
    assert_int_equal(sock_keepalive(fd, 60, 10), OK);
    sock_close(fd);
    sock_close(client);
    sock_close(listener);
    assert_int_equal(sock_accept(listener, &fd, NULL, NULL), ERR_SYS);
}

static void out_of_descriptors(void **state)
{
    (void)state;
    struct sock_addr a;
    int listener = listen_on("127.0.0.1:0", &a), client, fd;
    assert_int_equal(sock_connect(&a, &client), OK);
    wait_for(listener, POLLIN);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int r = sock_accept(listener, &fd, NULL, NULL);
    int connected = sock_connect(&a, &fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(r, ERR_CAP);
    assert_int_equal(connected, ERR_CAP);
    assert_int_equal(sock_accept(listener, &fd, NULL, NULL), OK); /* it still waits */
    sock_close(fd);
    sock_close(client);
    sock_close(listener);
}

static void refused(void **state)
{
    (void)state;
    struct sock_addr a;
    int listener = listen_on("127.0.0.1:0", &a), fd = -1;
    sock_close(listener);
    int r = sock_connect(&a, &fd);
    if (!r) {
        wait_for(fd, POLLOUT);
        r = sock_error(fd);
    }
    assert_int_equal(r, ERR_REFUSED);
    sock_close(fd);
    assert_int_equal(sock_addr_parse(SLICE("unix:/nonexistent/x"), &a), OK);
    assert_int_equal(sock_connect(&a, &fd), ERR_REFUSED);
}

static void listen_errors(void **state)
{
    (void)state;
    struct sock_addr a;
    struct fault f = {0};
    int fd, listener = listen_on("127.0.0.1:0", &a);
    assert_int_equal(sock_listen(&a, false, 8, &fd, &f), ERR_EXISTS);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(f.code, ERR_EXISTS);
    sock_close(listener);
    assert_int_equal(sock_addr_parse(SLICE("192.0.2.77:0"), &a), OK);
    assert_int_equal(sock_listen(&a, false, 8, &fd, &f), ERR_UNREACHABLE);
    int first, second;
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &a), OK);
    assert_int_equal(sock_listen(&a, true, 8, &first, &f), OK);
    assert_int_equal(sock_local_addr(first, &a), OK);
    assert_int_equal(sock_listen(&a, true, 8, &second, &f), OK);
    sock_close(first);
    sock_close(second);
}

static void unix_listener(void **state)
{
    (void)state;
    char dir[] = "/tmp/port443-sock-XXXXXX", path[64], text[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    snprintf(text, sizeof(text), "unix:%s", path);
    struct sock_addr a, bound;
    struct fault f = {0};
    int first, second, client, fd;
    assert_int_equal(sock_addr_parse(slice_cstr(text), &a), OK);
    assert_int_equal(sock_listen(&a, false, 8, &first, &f), OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(sock_listen(&a, false, 8, &second, &f), OK); /* takes the name over */
    assert_int_equal(sock_connect(&a, &client), OK);
    struct ip ip;
    uint16_t port = 7;
    assert_int_equal(sock_accept(first, &fd, &ip, &port), ERR_AGAIN);
    assert_int_equal(sock_accept(second, &fd, &ip, &port), OK);
    assert_int_equal(port, 0);
    uint32_t uid;
    int32_t pid;
    assert_int_equal(sock_peercred(fd, &uid, &pid), OK);
    assert_int_equal(uid, getuid());
    assert_int_equal(pid, getpid());
    assert_int_equal(sock_local_addr(fd, &bound), OK);
    assert_true(sock_addr_is_unix(&bound));
    sock_close(first);
    sock_close(second);
    sock_close(client);
    sock_close(fd);
    unlink(path);
    assert_int_equal(rmdir(dir), 0); /* nothing else was left in it */
    assert_int_equal(sock_listen(&a, false, 8, &first, &f), ERR_NOT_FOUND);
}

static int datagram_server(struct sock_addr *ret)
{
    struct sock_addr any;
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &any), OK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)any.raw, any.raw_bytes), 0);
    assert_int_equal(sock_local_addr(fd, ret), OK);
    return fd;
}

static void wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
}

static void datagrams(void **state)
{
    (void)state;
    struct sock_addr server, own, other;
    char got[8];
    size_t n;
    int fd, fd2, s = datagram_server(&server);
    assert_int_equal(sock_connect_udp(&server, &fd), OK);
    assert_int_equal(sock_connect_udp(&server, &fd2), OK);
    assert_int_equal(sock_local_addr(fd, &own), OK);
    assert_int_equal(sock_local_addr(fd2, &other), OK);
    assert_false(sock_addr_eq(&own, &other));
    assert_int_equal(sock_recv(fd, got, sizeof(got), &n), ERR_AGAIN);
    assert_int_equal(sock_send(fd, SLICE("question"), &n), OK);
    assert_int_equal(n, 8);
    wait_readable(s);
    assert_int_equal(sock_recv(s, got, 5, &n), OK);
    assert_int_equal(n, 5);
    assert_memory_equal(got, "quest", 5);
    /* Only its server is heard. */
    assert_int_equal(sendto(fd2, "x", 1, 0, (const struct sockaddr *)(const void *)own.raw,
                            own.raw_bytes) == 1 &&
                         sock_recv(fd, got, sizeof(got), &n) == OK,
                     0);
    sock_close(s);
    assert_int_equal(sock_send(fd, SLICE("question"), &n), OK);
    wait_readable(fd);
    assert_int_equal(sock_recv(fd, got, sizeof(got), &n), ERR_REFUSED);
    sock_close(fd);
    sock_close(fd2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),         cmocka_unit_test(equality),
        cmocka_unit_test(accepts),       cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(refused),       cmocka_unit_test(listen_errors),
        cmocka_unit_test(unix_listener), cmocka_unit_test(datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
