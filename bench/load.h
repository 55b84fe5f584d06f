/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* The load client's own state. It shares no code with port443, so that a mistake in the server's
 * codecs cannot hide behind the same mistake here. The first wrong answer ends the run: a
 * measurement with errors is not a measurement. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_mode {
    LOAD_FULL,    /* an operation is connect, full handshake, one request, close */
    LOAD_RESUMED, /* the same with a ticket; every connection must be resumed */
    LOAD_H1,      /* an operation is one request on a kept HTTP/1.1 connection */
    LOAD_H2,  /* an operation is one request on one of the streams of a kept HTTP/2 connection */
    LOAD_IDLE /* an operation is connect, one request, and then the connection stays */
};

enum link_state { LINK_FREE, LINK_CONNECT, LINK_HANDSHAKE, LINK_OPEN };

enum { LOAD_STREAMS = 64, LOAD_TICKETS = 256, LOAD_HEAD_BYTES = 2048, LOAD_BUCKETS = 64 * 40 };

struct load_stream {
    uint64_t due_ns; /* when the schedule wanted it sent, which is not always when it was */
    uint64_t bytes;
    uint32_t status;
    bool busy;
};

struct load_link {
    SSL *ssl;
    nghttp2_session *h2;
    struct load *load;
    uint64_t due_ns;
    uint64_t body_bytes;
    uint64_t body_want;
    size_t head_bytes;
    int fd;
    unsigned room; /* how many more operations it can take now */
    enum link_state state;
    bool in_body;
    bool answered;
    bool dirty;
    char head[LOAD_HEAD_BYTES];
    struct load_stream streams[LOAD_STREAMS];
};

struct load_options {
    char *name;          /* SNI, Host and :authority: the name in the certificate */
    const char *path;    /* request target */
    const char *ca;      /* PEM file that must verify the server's chain */
    const char *ciphers; /* TLS 1.3 suites to offer; NULL: the library's own order */
    uint64_t bytes;      /* length that every body must have */
    uint64_t ops;
    uint64_t warm;
    uint64_t rate; /* operations a second; 0: closed loop */
    uint32_t links;
    uint32_t streams;
    uint32_t burst; /* operations that fall due together on one connection */
    uint16_t port;
    enum load_mode mode;
};

struct load {
    struct load_options opt;
    SSL_CTX *ctx;
    nghttp2_session_callbacks *h2_callbacks;
    struct load_link *links;
    SSL_SESSION *tickets[LOAD_TICKETS]; /* owned */
    uint32_t ticket_head;               /* next to use */
    uint32_t ticket_count;
    uint32_t cursor;
    uint32_t opened; /* links whose handshake is complete */
    int epoll;
    bool measured; /* after the warm-up, whose connections are full ones and only gather tickets */
    char request[512];
    size_t request_bytes;
    uint64_t start_ns;
    uint64_t interval_ns; /* between bursts; 0: closed loop */
    uint64_t issued;
    uint64_t done;
    uint64_t target;
    uint64_t resumed;
    uint64_t handshakes;
    char suite[48];
    char group[24];
    uint32_t buckets[LOAD_BUCKETS];
};

/* load.c: prints the one-line error and ends the process. */
__attribute__((noreturn, format(printf, 1, 2))) void load_fail(const char *format, ...);
/* load.c: one operation is complete and checked; its latency counts from due_ns. */
void load_complete(struct load *l, struct load_link *k, uint64_t due_ns);
/* load.c: the handshake of k is complete. */
void load_opened(struct load *l, struct load_link *k);

/* load_link.c: one TCP and TLS connection. */
void load_link_setup(struct load *l);
void load_link_open(struct load *l, struct load_link *k, uint64_t due_ns);
void load_link_step(struct load *l, struct load_link *k);
void load_link_write(struct load_link *k, const void *data, size_t n);
void load_link_close(struct load_link *k);

/* load_h1.c: one HTTP/1.1 exchange at a time. */
void load_h1_setup(struct load *l);
void load_h1_send(struct load *l, struct load_link *k, uint64_t due_ns);
void load_h1_feed(struct load *l, struct load_link *k, const char *data, size_t n);

/* load_h2.c: HTTP/2 streams. */
void load_h2_setup(struct load *l);
void load_h2_start(struct load *l, struct load_link *k);
void load_h2_submit(struct load *l, struct load_link *k, uint64_t due_ns);
void load_h2_feed(struct load_link *k, const uint8_t *data, size_t n);
void load_h2_flush(struct load_link *k);
void load_h2_stop(struct load_link *k);

/* load_pace.c: the schedule's clock and the latency histogram (buckets within 1.6 %). */
uint64_t load_pace_now(void);
uint64_t load_pace_due(const struct load *l, uint64_t op, uint64_t now_ns);
void load_pace_record(struct load *l, uint64_t ns);
double load_pace_quantile_us(const struct load *l, double q);
