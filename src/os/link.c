/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* At steady state one recv and one send per wake and no other system call: readiness is remembered
 * from edges, a short count uses it up. */
#include "os/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/pool.h"
#include "os/sysfault.h"

/* One fill may add a whole receive block and what the filter held back before the check against
 * LINK_IN_MAX stops the next one. */
#define IN_CAP (LINK_IN_MAX + 2 * LINK_RECV_BYTES)
/* Sealing adds record headers and tags; a handshake flight may come on top. */
#define OUT_CAP (LINK_OUT_MAX + LINK_OUT_MAX / 8 + 65536)
/* Storage larger than this and four times its bytes is swapped for one that fits: a peer that sends
 * a byte and waits must not hold a receive block. */
#define LOOSE_BYTES 4096

/* Ciphertext of the call in progress: the filter takes all of it before link_fill returns, so all
 * links of the process share it. */
static uint8_t received[LINK_RECV_BYTES];

static void on_edge(struct loop_io *io, uint32_t events)
{
    struct link *k = container_of(io, struct link, io);
    k->ready |= (uint8_t)events;
    k->on_ready(k);
}

int link_open(struct link *k, struct loop *l, int fd, void (*on_ready)(struct link *k))
{
    /* Ready until a call says otherwise: the first bytes are often there when accept returns. */
    *k = (struct link){.io = {.fd = fd, .on_ready = on_edge},
                       .loop = l,
                       .ready = LOOP_READ | LOOP_WRITE,
                       .on_ready = on_ready};
    buf_init(&k->in, IN_CAP);   /* stops a peer that pipelines without reading its answers */
    buf_init(&k->out, OUT_CAP); /* stops a peer that asks and never reads */
    int r = loop_add(l, &k->io);
    if (r) {
        close(fd);
        k->io.fd = -1;
        k->broken = r;
    }
    return r;
}

/* Sticky unless the filter only reported the peer's orderly end. */
static int opened(struct link *k, int r)
{
    if (r == ERR_EOF)
        k->eof = true;
    else if (r && r != ERR_AGAIN && !k->broken)
        k->broken = r;
    return r == ERR_AGAIN ? OK : r;
}

int link_set_filter(struct link *k, const struct filter_ops *ops, void *ctx)
{
    if (BUG_IF(k->filter || k->broken)) {
        ops->free(ctx);
        return k->broken ? k->broken : ERR_BUG;
    }
    k->filter = ops;
    k->filter_ctx = ctx;
    struct buf raw = k->in;
    buf_init(&k->in, IN_CAP);
    int r = opened(k, ops->open(ctx, buf_slice(&raw), &k->in, &k->out));
    buf_done(&raw);
    return r;
}

/* The one recv. OK with *ret_n >= 1, ERR_AGAIN, ERR_EOF, ERR_RESET. */
static int receive(struct link *k, uint8_t *p, size_t cap, size_t *ret_n)
{
    size_t ask;
    ssize_t n;
    do {
        ask = cap;
        n = sysfault_hit(&ask) ? -1 : recv(k->io.fd, p, ask, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        /* Short: all that had come is read, more makes a new edge. After HUP none will come, and
         * the end is still to be read. */
        if ((size_t)n < ask && !(k->ready & LOOP_HUP))
            k->ready &= (uint8_t)~LOOP_READ;
        k->received_bytes += (uint64_t)n;
        *ret_n = (size_t)n;
        return OK;
    }
    k->ready &= (uint8_t)~LOOP_READ;
    if (n == 0)
        return ERR_EOF;
    if (errno == EAGAIN)
        return ERR_AGAIN;
    k->broken = ERR_RESET;
    return ERR_RESET;
}

static void tighten(struct buf *b)
{
    if (b->cap <= LOOSE_BYTES || b->cap / 4 <= b->n)
        return;
    struct buf fit;
    buf_init(&fit, b->max_bytes);
    if (buf_add(&fit, buf_slice(b)))
        return;
    buf_done(b);
    *b = fit;
}

/* How much to ask for behind bytes that wait: what fits without growing, or else without leaving
 * the size classes of the pool. */
static size_t plain_room(const struct buf *in)
{
    size_t room = in->cap - in->off - in->n;
    if (room >= LOOSE_BYTES)
        return room < LINK_RECV_BYTES ? room : LINK_RECV_BYTES;
    return in->n < POOL_MAX - LINK_RECV_BYTES ? LINK_RECV_BYTES : LINK_RECV_BYTES / 4;
}

static int fill_plain(struct link *k)
{
    uint8_t *p;
    size_t n = 0, room = plain_room(&k->in);
    int r = buf_reserve(&k->in, room, &p);
    if (r)
        return r;
    r = receive(k, p, room, &n);
    buf_commit(&k->in, n);
    if (k->in.n == 0)
        buf_done(&k->in);
    else
        tighten(&k->in);
    if (r == ERR_EOF)
        k->eof = true;
    return r;
}

static int fill_filtered(struct link *k)
{
    size_t n;
    int r = receive(k, received, sizeof(received), &n);
    if (r == ERR_EOF) {
        k->cut = true;
        return ERR_RESET;
    }
    if (r)
        return r;
    return opened(k, k->filter->open(k->filter_ctx, slice_of(received, n), &k->in, &k->out));
}

int link_fill(struct link *k)
{
    if (k->broken)
        return k->broken;
    if (k->eof)
        return ERR_EOF;
    if (k->cut)
        return ERR_RESET;
    if (k->in.n >= LINK_IN_MAX)
        return ERR_CAP;
    if (!(k->ready & LOOP_READ))
        return ERR_AGAIN;
    return k->filter ? fill_filtered(k) : fill_plain(k);
}

void link_consume(struct link *k, size_t n)
{
    buf_consume(&k->in, n);
}

int link_write(struct link *k, struct slice plain)
{
    if (k->broken)
        return k->broken;
    if (k->wr_broken)
        return ERR_RESET;
    if (BUG_IF(k->shut))
        return ERR_BUG;
    if (plain.n == 0)
        return OK;
    if (k->out.n > LINK_OUT_MAX || plain.n > LINK_OUT_MAX - k->out.n)
        return ERR_CAP;
    if (!k->filter)
        return buf_add(&k->out, plain);
    int r = k->filter->seal(k->filter_ctx, plain, &k->out);
    /* A record that was cut leaves a hole in the peer's sequence numbers. */
    if (r && r != ERR_AGAIN)
        k->broken = r;
    return r;
}

static int after_last_byte(struct link *k)
{
    if (k->half_close && !k->wr_closed) {
        k->wr_closed = true;
        shutdown(k->io.fd, SHUT_WR); /* ENOTCONN: the peer was faster */
    }
    return OK;
}

int link_flush(struct link *k)
{
    /* After a filter error the alert must still leave; after a socket error nothing can. */
    if (k->broken == ERR_RESET || k->wr_broken || k->io.fd < 0)
        return ERR_RESET;
    while (k->out.n) {
        if (!(k->ready & LOOP_WRITE))
            return ERR_AGAIN;
        struct slice s = buf_slice(&k->out);
        size_t ask = s.n;
        ssize_t n = sysfault_hit(&ask) ? -1 : send(k->io.fd, s.p, ask, MSG_NOSIGNAL);
        if (n >= 0) {
            k->sent_bytes += (uint64_t)n;
            buf_consume(&k->out, (size_t)n);
            if ((size_t)n < s.n && ask == s.n)
                k->ready &= (uint8_t)~LOOP_WRITE; /* full: room makes an edge */
        } else if (errno == EAGAIN) {
            k->ready &= (uint8_t)~LOOP_WRITE;
        } else if (errno != EINTR) {
            /* Not `broken`: an answer sent before the peer closed can still be read. */
            k->wr_broken = true;
            return ERR_RESET;
        }
    }
    return after_last_byte(k);
}

int link_shut(struct link *k, bool half_close)
{
    if (k->broken == ERR_RESET || k->wr_broken)
        return ERR_RESET;
    int r = OK;
    if (!k->shut && k->filter && !k->broken)
        r = k->filter->shut(k->filter_ctx, &k->out);
    k->shut = true;
    k->half_close |= half_close;
    return r;
}

void link_close(struct link *k, bool reset)
{
    if (k->io.fd >= 0) {
        if (reset) {
            struct linger now = {.l_onoff = 1, .l_linger = 0};
            setsockopt(k->io.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        }
        loop_forget(k->loop, &k->io);
        close(k->io.fd);
        k->io.fd = -1;
    }
    if (k->filter)
        k->filter->free(k->filter_ctx);
    k->filter = NULL;
    k->filter_ctx = NULL;
    buf_done(&k->in);
    buf_done(&k->out);
    if (!k->broken)
        k->broken = ERR_RESET;
}
