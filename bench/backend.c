/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* The one backend that stands behind every measured proxy: HTTP/1.1 keep-alive, fixed bodies (any
 * path: 1 KiB; a path with "big" in it: 100 MiB). It does as little as it can, because it shares a
 * core with the load. It checks nothing: the load client does. Prints its port and serves until
 * standard input ends. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_BYTES = 8192, CHUNK_BYTES = 1 << 18, SMALL_BYTES = 1024 };
static const uint64_t big_bytes = 100U << 20;

struct client {
    uint64_t left; /* bytes of a big body still to send */
    size_t have;
    int fd;
    char head[HEAD_BYTES + 1];
};

static char chunk[CHUNK_BYTES];
static char small_answer[SMALL_BYTES + 256];
static size_t small_answer_bytes;
static char big_head[256];
static size_t big_head_bytes;
static int poller;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void prepare(void)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                               "Content-Length: %llu\r\n\r\n";
    for (size_t i = 0; i < sizeof(chunk); i++)
        chunk[i] = (char)('a' + i * 7 % 26);
    small_answer_bytes = (size_t)snprintf(small_answer, 256, head, (unsigned long long)SMALL_BYTES);
    memcpy(small_answer + small_answer_bytes, chunk, SMALL_BYTES);
    small_answer_bytes += SMALL_BYTES;
    big_head_bytes =
        (size_t)snprintf(big_head, sizeof(big_head), head, (unsigned long long)big_bytes);
}

static void client_close(struct client *c)
{
    close(c->fd);
    free(c);
}

/* False when the client is gone. */
static bool send_big(struct client *c)
{
    while (c->left) {
        size_t n = c->left < sizeof(chunk) ? (size_t)c->left : sizeof(chunk);
        ssize_t sent = send(c->fd, chunk, n, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN;
        c->left -= (uint64_t)sent;
    }
    return true;
}

static bool answer(struct client *c, const char *line)
{
    const char *end = strstr(line, "\r\n");
    const char *big = strstr(line, "big");
    if (big && big < end) {
        c->left = big_bytes;
        return send(c->fd, big_head, big_head_bytes, MSG_NOSIGNAL | MSG_MORE) ==
                   (ssize_t)big_head_bytes &&
               send_big(c);
    }
    return send(c->fd, small_answer, small_answer_bytes, MSG_NOSIGNAL) ==
           (ssize_t)small_answer_bytes;
}

/* Edge-triggered: runs until the socket has no more. */
static bool client_step(struct client *c)
{
    if (!send_big(c))
        return false;
    for (;;) {
        ssize_t n = recv(c->fd, c->head + c->have, HEAD_BYTES - c->have, 0);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        bool drained = (size_t)n < HEAD_BYTES - c->have;
        c->have += (size_t)n;
        c->head[c->have] = 0;
        char *from = c->head;
        for (char *end = strstr(from, "\r\n\r\n"); end; end = strstr(from, "\r\n\r\n")) {
            if (!answer(c, from))
                return false;
            from = end + 4;
        }
        c->have -= (size_t)(from - c->head);
        memmove(c->head, from, c->have);
        if (drained)
            return true;
    }
}

static void client_accept(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct client *c = calloc(1, sizeof(*c));
        if (!c)
            die("calloc");
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
            die("epoll_ctl");
    }
}

static int open_listener(void)
{
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_bytes = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
        bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&at, &at_bytes))
        die("listen");
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(void)
{
    static int listener;
    static int input = STDIN_FILENO;
    prepare();
    poller = epoll_create1(EPOLL_CLOEXEC);
    listener = open_listener();
    struct epoll_event listen_event = {.events = EPOLLIN, .data.ptr = &listener};
    struct epoll_event input_event = {.events = EPOLLIN, .data.ptr = &input};
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listen_event) ||
        epoll_ctl(poller, EPOLL_CTL_ADD, input, &input_event))
        die("epoll");
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &input)
                return 0;
            if (events[i].data.ptr == &listener)
                client_accept(listener);
            else if (!client_step(events[i].data.ptr))
                client_close(events[i].data.ptr);
        }
    }
}
