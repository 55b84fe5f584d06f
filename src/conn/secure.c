/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The tour, 2 of 5. Arrives: the bytes of a ClientHello. Leaves: a connection whose handshake is
 * complete, with the engine's site chosen by server name, its session as filter on the link, and
 * the mux that ALPN named. Owner: the pool's table; the link owns the session. Previous stop:
 * accept.c. Next stop: mux_h1.c or mux_h2.c, without a new wake.
 *
 * The hello is read by our own bounded reader first, so that the library sees it only with the
 * right context; afterwards the name that the library read must be the same (two readers that
 * disagree would be a way into another site). */
#include "conn/secure.h"

#include <string.h>

#include "base/err.h"
#include "base/pool.h"
#include "conn/close.h"
#include "conn/conn.h"
#include "conn/conn_pool.h"
#include "conn/mux.h"
#include "crypt/session.h"
#include "wire/target.h"
#include "wire/tlshello.h"

#define ALERT_FATAL 2

/* One alert in the clear (RFC 8446 6): there is no session yet to send it. */
static void refuse(struct conn *c, int r)
{
    const uint8_t record[] = {21, 3, 3, 0, 2, ALERT_FATAL, (uint8_t)err_alert(r)};
    if (record[6] && link_write(&c->link, slice_of(record, sizeof(record))) != OK)
        close_now(c, r, false);
    else
        close_start(c, r);
}

static void refuse_plain_http(struct conn *c)
{
    static const struct slice pieces[] = {
        SLICE("HTTP/1.1 400 Bad Request\r\nDate: "),
        SLICE("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 24\r\n"
              "Connection: close\r\n\r\nThis port speaks HTTPS.\n"),
    };
    if (link_write(&c->link, pieces[0]) || link_write(&c->link, loop_http_date(c->pool->loop)) ||
        link_write(&c->link, pieces[1]))
        close_now(c, ERR_NOT_TLS, false);
    else
        close_start(c, ERR_NOT_TLS);
}

/* Keeps the name in its normal form. ERR_TLS_NAME: it has none. */
static int keep_name(struct conn *c, struct slice sni)
{
    struct target_host host;
    uint8_t scratch[TARGET_HOST_BYTES];
    if (target_normal_host(sni, scratch, &host) || host.has_port)
        return ERR_TLS_NAME;
    uint8_t *p = pool_alloc(host.name.n);
    if (!p)
        return ERR_NOMEM;
    memcpy(p, host.name.p, host.name.n);
    c->server_name = slice_of(p, host.name.n);
    return OK;
}

static int choose(struct conn *c, const struct tlshello *hello)
{
    int r;
    struct tlsctx *ctx = NULL;
    if (!c->held && hello->has_sni && (r = keep_name(c, hello->sni)))
        return r;
    r = c->ops->choose(c, hello, &ctx);
    return r ? r : session_accept(ctx, &c->session);
}

/* OK with a whole hello, ERR_AGAIN, ERR_EOF, ERR_RESET, and what tlshello_read says. */
static int fill_hello(struct conn *c, struct tlshello *hello)
{
    int r;
    do {
        if ((r = link_fill(&c->link)))
            return r;
        conn_pool_busy(c);
        /* The staging buffer is unused here and larger than the longest hello. */
        r = tlshello_read(link_input(&c->link), conn_pool_stage(c)->p, hello);
    } while (r == ERR_AGAIN);
    return r;
}

/* r: of reading it. OK once the session runs; ERR_AGAIN: it waits for the engine; else the
 * connection has been ended. */
static int answer_hello(struct conn *c, const struct tlshello *hello, int r)
{
    if (!r)
        r = choose(c, hello);
    if (r == ERR_AGAIN) {
        c->held = true;
        c->doing = "waiting for a certificate";
        loop_timer_set(c->pool->loop, &c->timer, CONN_WAIT_MAX_MS);
        return r;
    }
    c->held = false;
    if (r) {
        refuse(c, r);
        return r;
    }
    c->state = CONN_HANDSHAKE;
    c->doing = "in the TLS handshake";
    r = link_set_filter(&c->link, &session_filter, c->session);
    if (r)
        close_start(c, r);
    return r;
}

/* OK once the session runs; ERR_AGAIN; else the connection has been ended. */
static int read_hello(struct conn *c)
{
    struct tlshello hello;
    int r = fill_hello(c, &hello);
    if (r == ERR_AGAIN)
        return r;
    if (r == ERR_NOT_TLS && hello.other == TLSHELLO_HTTP) {
        refuse_plain_http(c);
        return r;
    }
    if (r == ERR_EOF || r == ERR_RESET || r == ERR_NOT_TLS) {
        close_now(c, r, false);
        return r;
    }
    return answer_hello(c, &hello, r);
}

static bool same_name(struct conn *c, const struct session_info *info)
{
    uint8_t scratch[TARGET_HOST_BYTES];
    struct target_host host = {.name = SLICE_EMPTY};
    if (!info->sni.n)
        return info->resumed || !c->server_name.n; /* a 1.2 ticket may keep no name */
    return !target_normal_host(info->sni, scratch, &host) && slice_eq(host.name, c->server_name);
}

static void secured(struct conn *c)
{
    struct session_info info;
    session_info(c->session, &info);
    if (!same_name(c, &info)) {
        close_start(c, ERR_TLS_NAME);
        return;
    }
    loop_timer_clear(&c->timer);
    c->secured = true;
    c->ops->on_secured(c);
    if (c->validation) {
        close_start(c, OK);
        return;
    }
    int r = slice_eq(info.alpn, SLICE("h2")) ? mux_h2_start(c) : mux_h1_start(c);
    if (r)
        close_start(c, r);
    else
        c->hooks->on_ready(c);
}

static void shake_hands(struct conn *c)
{
    int r = OK;
    while (!r && !session_ready(c->session))
        r = link_fill(&c->link);
    /* A request and the client's end may have come with the last handshake bytes. */
    if (session_ready(c->session) && (!r || r == ERR_EOF)) {
        secured(c);
        return;
    }
    if (r == ERR_AGAIN && (r = link_flush(&c->link)) != ERR_RESET)
        return;
    if (r == ERR_RESET)
        close_now(c, r, false);
    else
        close_start(c, r); /* the alert is queued already */
}

void secure_start(struct conn *c)
{
    c->state = CONN_HELLO;
    c->doing = "reading the ClientHello";
    loop_timer_set(c->pool->loop, &c->timer, c->pool->limits.handshake_timeout_ms);
    secure_on_ready(c);
}

/* While the engine looks for a certificate only the client's end counts. */
static void watch_held(struct conn *c)
{
    int r;
    while ((r = link_fill(&c->link)) == OK)
        ;
    if (r != ERR_AGAIN)
        close_now(c, r, false);
}

void secure_resume(struct conn *c)
{
    struct tlshello hello;
    loop_timer_set(c->pool->loop, &c->timer, c->pool->limits.handshake_timeout_ms);
    int r = tlshello_read(link_input(&c->link), conn_pool_stage(c)->p, &hello);
    if (!answer_hello(c, &hello, r))
        shake_hands(c);
}

void secure_on_ready(struct conn *c)
{
    if (c->held) {
        watch_held(c);
        return;
    }
    if (c->state == CONN_HELLO && read_hello(c))
        return;
    shake_hands(c);
}
