/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Sockets: addresses as values, listening, accepting, connecting. Every descriptor made here is
 * non-blocking and close-on-exec. Reads and writes of connections are os/link's; sock_send and
 * sock_recv are for short dialogues such as DNS. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/fault.h"
#include "base/slice.h"

#define SOCK_ADDR_BYTES 112 /* struct sockaddr_un is the largest */
#define SOCK_ADDR_TEXT  136

/* IPv4, IPv6 or unix address in the kernel's form. Zeroed: none. */
struct sock_addr {
    _Alignas(8) uint8_t raw[SOCK_ADDR_BYTES];
    uint32_t raw_bytes;
};

/* "192.0.2.1:443", "[2001:db8::1]:443", "unix:/run/x.sock", "unix:@abstract". ERR_SYNTAX,
 * ERR_RANGE (port). */
int sock_addr_parse(struct slice s, struct sock_addr *ret) MUST_USE;
/* From the mapped form of base/cidr; an IPv4 address gives an AF_INET socket address. */
void sock_addr_make(const struct ip *ip, uint16_t port, struct sock_addr *ret);
/* `path` without "unix:"; a leading @ is an abstract name. ERR_RANGE when too long or empty. */
int sock_addr_unix(struct slice path, struct sock_addr *ret) MUST_USE;
bool sock_addr_is_unix(const struct sock_addr *a);
/* False (and both untouched) for unix addresses. */
bool sock_addr_ip(const struct sock_addr *a, struct ip *ret_ip, uint16_t *ret_port);
bool sock_addr_eq(const struct sock_addr *a, const struct sock_addr *b);
/* The form that sock_addr_parse reads, NUL-ended, into dst (SOCK_ADDR_TEXT bytes); its length. */
size_t sock_addr_format(const struct sock_addr *a, char *dst);

/* A listening socket; IPv6 without IPv4, TCP_NODELAY set so that accepted sockets inherit it,
 * SO_REUSEADDR; `reuseport`: one listener per worker. A unix path appears with mode 0600, replacing
 * a left-over socket in one step. ERR_PERM (may not bind: errno tells), ERR_EXISTS (in use),
 * ERR_UNREACHABLE (this machine has no such address or no IPv6: callers may skip it), ERR_SYS.
 * errno is the kernel's. */
int sock_listen(const struct sock_addr *a, bool reuseport, int backlog, int *ret_fd,
                struct fault *f) MUST_USE;
/* Wakes accept only when the client has sent something (or after about `seconds`). ERR_SYS. */
int sock_defer_accept(int listener_fd, int seconds) MUST_USE;
/* One connection. Peer and port may be NULL; both are zero for unix sockets. ERR_AGAIN: none waits.
 * ERR_CAP: out of descriptors or memory, stop accepting for a while. ERR_RESET: that connection is
 * gone, try the next. ERR_SYS: the listener is broken. */
int sock_accept(int listener_fd, int *ret_fd, struct ip *ret_peer, uint16_t *ret_port) MUST_USE;
/* Starts connecting with TCP_NODELAY; writability or hang-up tells when it is over, then ask
 * sock_error. Errors as sock_error. */
int sock_connect(const struct sock_addr *a, int *ret_fd) MUST_USE;
/* A datagram socket that talks to `a` only, from a port that the kernel draws at random. Errors as
 * sock_error. */
int sock_connect_udp(const struct sock_addr *a, int *ret_fd) MUST_USE;
/* Sends one datagram, or what fits into a stream: *ret_n bytes. ERR_AGAIN, errors as sock_error. */
int sock_send(int fd, struct slice bytes, size_t *ret_n) MUST_USE;
/* One datagram (cut at cap), or what a stream has; of a stream 0 bytes are its end. ERR_AGAIN,
 * errors as sock_error. */
int sock_recv(int fd, void *dst, size_t cap, size_t *ret_n) MUST_USE;
/* The pending error of a socket, taken: OK, ERR_REFUSED, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_RESET,
 * ERR_PERM, ERR_CAP, ERR_SYS; errno is the kernel's. */
int sock_error(int fd) MUST_USE;

/* Port that the kernel gave. ERR_SYS. */
int sock_local_port(int fd, uint16_t *ret) MUST_USE;
/* Own and peer address of a connected socket. ERR_SYS. */
int sock_local_addr(int fd, struct sock_addr *ret) MUST_USE;
int sock_peer_addr(int fd, struct sock_addr *ret) MUST_USE;
/* Who is at the other end of a unix socket. ERR_SYS. */
int sock_peercred(int fd, uint32_t *ret_uid, int32_t *ret_pid) MUST_USE;
/* Finds dead peers of idle connections: probes after idle_s, then every interval_s, three times. */
int sock_keepalive(int fd, int idle_s, int interval_s) MUST_USE;
/* Makes close() send RST and drop what is unsent. */
int sock_linger_reset(int fd) MUST_USE;
/* Accepts -1. errno is kept. */
void sock_close(int fd);
