/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A whole fetch fed with an upstream's bytes over a unix socket. The first byte of the input
 * chooses method, upgrade, how the rest is cut into sends, and whether the upstream closes. What
 * must hold: every fetch ends in an answer or a failure, no body is longer than was declared, and
 * nothing is kept that is not at a known position. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/fetch.h"
#include "client/resolve.h"
#include "os/link.h"
#include "os/sock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define METHODS 4

struct peer {
    struct link link;
    bool open;
    struct slice rest;
    size_t step; /* bytes of each send; 0: all */
    bool close;
};

struct run {
    struct fetch *f;
    bool over, head;
    int64_t length;
    uint64_t body_bytes;
    size_t cap;
};

static struct loop *l;
static struct resolver *res;
static struct loop_io listener = {.fd = -1};
static struct peer peer;
static char path[64];

static void peer_say(void)
{
    if (!peer.open)
        return;
    struct slice s = slice_first(peer.rest, peer.step ? peer.step : SIZE_MAX);
    peer.rest = slice_from(peer.rest, s.n);
    if (link_write(&peer.link, s) || link_flush(&peer.link) == ERR_RESET ||
        (!peer.rest.n && peer.close)) {
        link_close(&peer.link, false);
        peer.open = false;
    }
}

static void on_peer(struct link *k)
{
    while (link_fill(k) == OK)
        link_consume(k, link_input(k).n);
    link_consume(k, link_input(k).n);
}

static void on_accept(struct loop_io *io, uint32_t events)
{
    (void)events;
    int fd;
    while (sock_accept(io->fd, &fd, NULL, NULL) == OK) {
        if (peer.open || link_open(&peer.link, l, fd, on_peer))
            abort();
        peer.open = true;
    }
}

static void read_all(struct run *x)
{
    struct slice s;
    bool end = false;
    int r;
    while ((r = fetch_read(x->f, x->cap, &s, &end)) == OK) {
        x->body_bytes += s.n;
        if (s.n > x->cap || (x->length >= 0 && x->body_bytes > (uint64_t)x->length))
            abort();
        if (end)
            break;
    }
    x->over = r != ERR_AGAIN;
}

static void on_inform(struct fetch *f, uint16_t status, const struct field *fields, size_t n)
{
    (void)f;
    (void)fields;
    if (status < 100 || status > 199 || n > 1000)
        abort();
}

static void on_head(struct fetch *f, const struct fetch_head *h)
{
    struct run *x = fetch_owner(f);
    size_t sum = 0;
    for (size_t i = 0; i < h->nfields; i++) {
        if (token_flags(h->fields[i].token) & TOKEN_HOP || !field_name_ok(h->fields[i].name))
            abort();
        for (size_t k = 0; k < h->fields[i].value.n; k++)
            sum += h->fields[i].value.p[k];
    }
    x->head = true;
    x->length = h->no_body ? 0 : h->length;
    x->cap = 1 + sum % 5000;
    read_all(x);
}

static void on_readable(struct fetch *f)
{
    read_all(fetch_owner(f));
}

static void on_sent(struct fetch *f, size_t n)
{
    (void)f;
    (void)n;
}

static void on_fail(struct fetch *f, int r)
{
    struct run *x = fetch_owner(f);
    if (x->head || x->over || r == OK)
        abort();
    x->over = true;
}

static const struct fetch_ops ops = {on_inform, on_head, on_readable, on_sent, on_fail};

static void remove_socket(void)
{
    unlink(path);
}

static void start(void)
{
    struct fault f;
    struct sock_addr a;
    snprintf(path, sizeof(path), "/tmp/port443-fuzz-%d.sock", (int)getpid());
    if (loop_new(&l, &f) || resolve_new(l, NULL, &res, &f) ||
        sock_addr_unix(slice_cstr(path), &a) || sock_listen(&a, false, 8, &listener.fd, &f))
        abort();
    listener.on_ready = on_accept;
    if (loop_add_level(l, &listener))
        abort();
    atexit(remove_socket);
}

static void run(struct upstream *u, struct slice in, uint8_t choice)
{
    static const char *const methods[METHODS] = {"GET", "HEAD", "POST", "CONNECT"};
    struct arena a;
    struct run x = {.length = -1, .cap = 1};
    struct fetch_request q = {.method = slice_cstr(methods[choice % METHODS]),
                              .target = SLICE("/"),
                              .host = SLICE("a"),
                              .upgrade = choice & 4 ? SLICE("websocket") : SLICE_EMPTY,
                              .timeout_ms = 20};
    arena_init(&a, 262144);
    peer = (struct peer){
        .rest = in, .step = choice & 8 ? 1 + in.n / 16 : 0, .close = (choice & 16) != 0};
    if (fetch_start(u, &a, &q, &ops, &x, &x.f))
        abort();
    while (!peer.open)
        loop_turn(l, 50);
    for (int i = 0; i < 200 && !x.over; i++) {
        if (peer.rest.n || peer.close)
            peer_say();
        loop_turn(l, peer.rest.n ? 0 : 20);
    }
    if (!x.over)
        abort();
    size_t n;
    const struct field *t = x.head ? fetch_answer_trailers(x.f, &n) : NULL;
    for (size_t i = 0; t && i < n; i++)
        if (!field_name_ok(t[i].name))
            abort();
    fetch_free(x.f);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct upstream_options o = {
        .idle_max = 1, .idle_timeout_ms = 1000, .connect_timeout_ms = 1000};
    struct upstream *u;
    struct upstream_stats stats;
    if (!size || size > 200000)
        return 0;
    if (!l)
        start();
    o.host = slice_cstr(path);
    if (upstream_new(l, res, &o, &u))
        abort();
    run(u, slice_of(data + 1, size - 1), data[0]);
    upstream_stats(u, &stats);
    if (stats.active || (stats.idle && data[0] & 4))
        abort();
    bool more = peer.rest.n != 0;
    for (int i = 0; i < 20 && peer.rest.n; i++) {
        peer_say();
        loop_turn(l, 0);
    }
    loop_turn(l, 0);
    upstream_stats(u, &stats);
    if (more && stats.idle) /* bytes that nobody asked for end an idle connection */
        abort();
    upstream_unref(u);
    if (peer.open)
        link_close(&peer.link, false);
    peer.open = false;
    return 0;
}
