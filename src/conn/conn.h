/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One client connection from accept to close, and the worker's table of them. The five stops of a
 * connection are the five files accept.c, secure.c, mux_h1.c (twin mux_h2.c), serve/exchange.c,
 * close.c. */
#pragma once

#include "base/cidr.h"
#include "base/list.h"
#include "conn/exchange.h"
#include "os/link.h"

struct session;
struct tlsctx;
struct tlshello;
struct conn_mux_ops;

/* Bounds for all connections of one worker; the configuration fills it. Each names what it stops.
 */
struct conn_limits {
    uint32_t connections; /* per worker: memory exhaustion; above it accepting pauses, oldest idle
                             goes */
    uint32_t connections_per_ip; /* 0 off */
    uint32_t header_bytes;       /* 431: decoded fields of one head, names + values + 32 each */
    uint32_t header_fields;      /* 431 */
    uint32_t line_bytes;         /* 414: request line */
    uint32_t h2_streams;         /* concurrent streams of one connection */
    uint32_t requests;           /* per connection; 0 off */
    uint32_t handshake_timeout_ms;
    uint32_t header_timeout_ms; /* slowloris: whole head from its first byte */
    uint32_t idle_timeout_ms;   /* keep-alive without a request */
    uint32_t body_timeout_ms; /* 408: no body byte for so long; an upload that moves is never cut */
    uint32_t body_min_rate;   /* bytes/s over 30 s windows; 0 off */
    uint32_t send_timeout_ms; /* slow read: the client takes nothing for so long */
    uint32_t linger_timeout_ms; /* drain after our close */
};

/* What conn/ asks of the engine about connections. Filled by serve/. */
struct conn_ops {
    /* The TLS context for a hello; c->server_name is its server name in normal form (n 0: none was
     * sent). Sets c->site, and c->validation when the handshake itself is the answer. ERR_TLS_NAME
     * and ERR_TLS_ALPN refuse with the alert; ERR_AGAIN: not known yet, the hello waits for
     * conn_choose_again (CONN_WAIT_MAX_MS at most). */
    int (*choose)(struct conn *c, const struct tlshello *hello, struct tlsctx **ret);
    /* A connection's life: counters, event log. `r` why it ended; `f` may be NULL. At on_close the
     * link is still open (addresses, session) and the pool no longer counts the connection. */
    void (*on_open)(struct conn *c);
    void (*on_secured)(struct conn *c);
    void (*on_close)(struct conn *c, int r, const struct fault *f);
    /* A request head that never became an exchange (malformed, too large, too slow): what the mux
     * answered
     * (`status`, 0 when nothing could be sent) and the request line as far as it was read, for the
     * log. */
    void (*on_rejected)(struct conn *c, int r, uint16_t status, struct slice line);
    const struct exchange_ops *exchange;
};

enum conn_kind { CONN_TLS, CONN_PLAIN /* port 80, metrics */ };

/* A listening socket of this worker; embedded by whoever opens it. */
struct listener {
    struct loop_io io; /* fd: set by the owner before conn_listen */
    struct conn_pool *pool;
    struct list node; /* the pool's */
    enum conn_kind kind;
    uint16_t public_port; /* as clients see it, for redirects */
    const struct conn_ops *ops;
    void *app; /* the engine's */
};

enum conn_state {
    CONN_HELLO,     /* reading the ClientHello */
    CONN_HANDSHAKE, /* TLS runs */
    CONN_H1,
    CONN_H2,
    CONN_CLOSING /* our last bytes leave, the peer's are discarded, bounded by linger_timeout_ms */
};

struct conn {
    struct link link;
    struct conn_pool *pool;
    const struct listener
        *from;        /* NULL once the listener is gone (kept alive by the worker otherwise) */
    struct list node; /* in the pool: all, by idleness */
    struct loop_timer timer;
    struct loop_task task;   /* bounded work per wake continues here */
    struct session *session; /* owned by the link's filter; NULL on plain connections */
    void *site;              /* the engine's, from choose */
    void *generation;        /* the engine's configuration generation, referenced in on_open */
    void *mux;               /* struct mux_h1 or mux_h2, owned by that file */
    const struct conn_mux_ops *hooks; /* of the mux (mux.h); NULL before and after it */
    const struct conn_ops *ops;       /* of the listener, which may go first */
    const char *doing;                /* constant words for log lines: "reading request head" */
    struct ip peer;
    uint16_t peer_port;
    enum conn_state state;
    struct list waiting;   /* the engine's, while the hello waits */
    bool held;             /* the hello waits for the engine */
    bool validation;       /* tls-alpn-01: ends with its handshake, no request is read */
    bool secured;          /* TLS: the handshake is complete and on_secured was called */
    bool draining;         /* answer what is asked, then close; GOAWAY on h2 */
    bool idle;             /* stands among the idle ones of the pool */
    bool shed;             /* closed to make room for another */
    int end;               /* why it ends, once it is closing */
    uint64_t linger_bytes; /* link.received_bytes at which closing stops to discard */
    uint32_t requests;
    uint64_t opened_ms;
    struct slice server_name; /* normal form; owned, empty when none */
    uint64_t id;
};

#define CONN_WAIT_MAX_MS 15000 /* of a hello: the engine forgot it */

/* The engine can choose now: choose is called once more. May free c. */
void conn_choose_again(struct conn *c);

/* All connections of one worker. */
struct conn_pool;

/* `limits` is copied. ERR_NOMEM, ERR_SYS. */
int conn_pool_new(struct loop *l, const struct conn_limits *limits,
                  struct conn_pool **ret) MUST_USE;
/* Replaces the limits for connections accepted from now on (reload). */
void conn_pool_limits(struct conn_pool *p, const struct conn_limits *limits);
/* Stops accepting and asks every connection to end after what it is doing; idle ones close now.
 * on_drained (may be NULL) is called once none is left. */
void conn_pool_drain(struct conn_pool *p, void (*on_drained)(void *app), void *app);
/* Closes every connection now (the drain bound was reached). */
void conn_pool_kill(struct conn_pool *p);
void conn_pool_free(struct conn_pool *p);
/* Starts accepting on a listening descriptor (not owned). ERR_SYS. */
int conn_listen(struct conn_pool *p, struct listener *from) MUST_USE;
void conn_unlisten(struct conn_pool *p, struct listener *from);

/* Connections open now. */
uint32_t conn_pool_count(const struct conn_pool *p);
