/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* Owns the TCP and TLS side of one client connection: connect, handshake, tickets, read, write,
 * close. It knows no HTTP: bytes go up to load_h1 or load_h2. */
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t read_buffer[65536];

static const char *tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    return reason ? reason : strerror(errno);
}

/* The tickets are used in turn, each as often as its turn comes. A copy, because OpenSSL lets a
 * TLS 1.3 client use a session object only once. */
static SSL_SESSION *ticket_copy(struct load *l)
{
    if (l->ticket_count == 0)
        load_fail("the server gave no ticket in the warm-up");
    SSL_SESSION *copy = SSL_SESSION_dup(l->tickets[l->ticket_head]);
    if (!copy)
        load_fail("ticket: %s", tls_reason());
    l->ticket_head = (l->ticket_head + 1) % l->ticket_count;
    return copy;
}

static int on_ticket(SSL *ssl, SSL_SESSION *ticket)
{
    const struct load_link *k = SSL_get_app_data(ssl);
    struct load *l = k->load;
    /* Only tickets of full connections are used: h2o 2.2.5 does not accept those that it gives on
     * resumed ones. */
    if (l->measured || l->ticket_count == LOAD_TICKETS)
        return 0;
    l->tickets[l->ticket_count++] = ticket;
    return 1;
}

void load_link_setup(struct load *l)
{
    static char groups[] = "X25519:P-256"; /* the macro casts const away */
    l->ctx = SSL_CTX_new(TLS_client_method());
    if (!l->ctx || !SSL_CTX_set_min_proto_version(l->ctx, TLS1_3_VERSION) ||
        !SSL_CTX_set1_groups_list(l->ctx, groups) ||
        !SSL_CTX_load_verify_locations(l->ctx, l->opt.ca, NULL))
        load_fail("TLS setup: %s", tls_reason());
    if (l->opt.ciphers && !SSL_CTX_set_ciphersuites(l->ctx, l->opt.ciphers))
        load_fail("--ciphers %s: %s", l->opt.ciphers, tls_reason());
    SSL_CTX_set_verify(l->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(l->ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(l->ctx, 1);
    SSL_CTX_set_options(l->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    static const uint8_t h1[] = "\x08http/1.1";
    static const uint8_t h2[] = "\x02h2";
    int refused = l->opt.mode == LOAD_H2 ? SSL_CTX_set_alpn_protos(l->ctx, h2, sizeof(h2) - 1)
                                         : SSL_CTX_set_alpn_protos(l->ctx, h1, sizeof(h1) - 1);
    if (refused)
        load_fail("ALPN setup: %s", tls_reason());
    if (l->opt.mode == LOAD_RESUMED) {
        SSL_CTX_set_session_cache_mode(l->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(l->ctx, on_ticket);
    }
}

static void tls_start(struct load *l, struct load_link *k)
{
    k->ssl = SSL_new(l->ctx);
    if (!k->ssl || !SSL_set_fd(k->ssl, k->fd) || !SSL_set_tlsext_host_name(k->ssl, l->opt.name) ||
        !SSL_set1_host(k->ssl, l->opt.name))
        load_fail("TLS connection setup: %s", tls_reason());
    SSL_set_app_data(k->ssl, k);
    if (l->opt.mode != LOAD_RESUMED || !l->measured)
        return;
    SSL_SESSION *ticket = ticket_copy(l);
    if (!SSL_set_session(k->ssl, ticket))
        load_fail("ticket: %s", tls_reason());
    SSL_SESSION_free(ticket);
}

void load_link_open(struct load *l, struct load_link *k, uint64_t due_ns)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(l->opt.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    k->load = l;
    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (k->fd < 0 || setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
        load_fail("socket: %s", strerror(errno));
    if (connect(k->fd, (const struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
        load_fail("connect: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = k};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, k->fd, &event))
        load_fail("epoll_ctl: %s", strerror(errno));
    k->state = LINK_CONNECT;
    k->room = 0;
    k->due_ns = due_ns;
    k->head_bytes = 0;
    k->in_body = false;
    k->answered = false;
    tls_start(l, k);
}

static void handshake_done(struct load *l, struct load_link *k)
{
    k->state = LINK_OPEN;
    l->handshakes++;
    if (SSL_session_reused(k->ssl))
        l->resumed++;
    snprintf(l->suite, sizeof(l->suite), "%s", SSL_get_cipher_name(k->ssl));
    const char *group = SSL_group_to_name(k->ssl, (int)SSL_get_negotiated_group(k->ssl));
    snprintf(l->group, sizeof(l->group), "%s", group ? group : "?");
    load_opened(l, k);
}

static void handshake_step(struct load *l, struct load_link *k)
{
    if (k->state == LINK_CONNECT) {
        int error = 0;
        socklen_t n = sizeof(error);
        getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &n);
        if (error)
            load_fail("connect: %s", strerror(error));
        k->state = LINK_HANDSHAKE;
    }
    ERR_clear_error();
    int r = SSL_connect(k->ssl);
    if (r == 1) {
        handshake_done(l, k);
        return;
    }
    int why = SSL_get_error(k->ssl, r);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        load_fail("handshake %llu: %s", (unsigned long long)l->handshakes, tls_reason());
}

/* In the connection modes the server closes (the request asked for it); anywhere else an end is an
 * error. */
static void end_of_stream(struct load *l, struct load_link *k)
{
    bool once = l->opt.mode == LOAD_FULL || l->opt.mode == LOAD_RESUMED;
    if (!once || !k->answered)
        load_fail("closed by the server after %llu operations", (unsigned long long)l->done);
    uint64_t due_ns = k->due_ns;
    load_link_close(k);
    load_complete(l, k, due_ns);
}

void load_link_step(struct load *l, struct load_link *k)
{
    if (k->state == LINK_CONNECT || k->state == LINK_HANDSHAKE)
        handshake_step(l, k);
    while (k->state == LINK_OPEN) {
        ERR_clear_error();
        int n = SSL_read(k->ssl, read_buffer, sizeof(read_buffer));
        if (n <= 0) {
            int why = SSL_get_error(k->ssl, n);
            if (why == SSL_ERROR_WANT_READ)
                return;
            if (why != SSL_ERROR_ZERO_RETURN)
                load_fail("read: %s", tls_reason());
            end_of_stream(l, k);
            return;
        }
        if (l->opt.mode == LOAD_H2)
            load_h2_feed(k, read_buffer, (size_t)n);
        else
            load_h1_feed(l, k, (const char *)read_buffer, (size_t)n);
    }
}

/* What is in flight on one connection is far below a socket buffer, so a write that blocks means a
 * server that stopped reading: an error, not a case to queue for. */
void load_link_write(struct load_link *k, const void *data, size_t n)
{
    ERR_clear_error();
    int r = SSL_write(k->ssl, data, (int)n);
    if (r <= 0)
        load_fail("write: %s", tls_reason());
}

void load_link_close(struct load_link *k)
{
    /* Without this, SSL_free marks the connection's ticket as not resumable. */
    SSL_set_shutdown(k->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    load_h2_stop(k);
    SSL_free(k->ssl);
    close(k->fd);
    k->ssl = NULL;
    k->state = LINK_FREE;
    k->room = 1;
}
