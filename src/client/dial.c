/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* resolve -> connect (several addresses may be under way) -> secure -> done. Every step runs from
 * the loop, so nothing is reported from inside dial_start. */
#include "client/dial.h"

#include "base/err.h"
#include "base/pool.h"
#include "client/resolve.h"
#include "crypt/session.h"

enum stage { RESOLVE, CONNECT, SECURE, OVER };

struct attempt {
    struct loop_io io;
    struct dial *d;
    size_t address;
};

struct dial {
    struct dial_target to;
    struct link *k;
    const struct dial_ops *ops;
    void *owner;
    enum stage stage;
    struct resolve_query query;
    struct loop_task begin; /* unix sockets: nothing to resolve */
    struct loop_timer deadline, stagger;
    struct session *session;
    size_t naddresses, next, under_way;
    int last_error;
    bool stale;
    struct sock_addr addresses[RESOLVE_IPS_MAX];
    struct attempt attempts[RESOLVE_IPS_MAX];
    char address[SOCK_ADDR_TEXT];
    struct fault fault;
};

static void drop(struct dial *d, struct attempt *a)
{
    if (a->io.fd < 0)
        return;
    loop_remove(d->to.loop, &a->io);
    sock_close(a->io.fd);
    a->io.fd = -1;
    d->under_way--;
}

static void stop(struct dial *d)
{
    resolve_cancel(&d->query);
    loop_task_cancel(&d->begin);
    loop_timer_clear(&d->deadline);
    loop_timer_clear(&d->stagger);
    for (size_t i = 0; i < d->next; i++)
        drop(d, &d->attempts[i]);
}

static void finish(struct dial *d, int r)
{
    if (r && d->stage == SECURE)
        link_close(d->k, false);
    stop(d);
    d->stage = OVER;
    d->ops->on_done(d, r);
}

static void fail(struct dial *d, int r, const char *what)
{
    fault_set(&d->fault, r, "%s: %s", what, err_text(r));
    fault_at(&d->fault, d->address, 0, 0);
    finish(d, r);
}

/* The handshake goes on until the session can carry bytes. */
static void secure(struct dial *d)
{
    int r;
    while ((r = link_fill(d->k)) == OK && !session_ready(d->session))
        ;
    int flushed = link_flush(d->k); /* our flight, or the alert that says why not */
    bool ready = session_ready(d->session);
    if (r && r != ERR_AGAIN) {
        session_fault(d->session, &d->fault);
        if (d->fault.code == OK || r == ERR_EOF || r == ERR_RESET || r == ERR_NOT_TLS)
            fault_set(&d->fault, r, "TLS handshake: %s", err_text(r));
        fault_at(&d->fault, d->address, 0, 0);
        finish(d, r);
    } else if (flushed && flushed != ERR_AGAIN) {
        fail(d, flushed, "TLS handshake");
    } else if (ready) {
        finish(d, OK);
    }
}

void dial_pump(struct dial *d)
{
    if (d->stage == SECURE)
        secure(d);
}

static void start_tls(struct dial *d)
{
    struct slice name = d->to.tls_name.n ? d->to.tls_name : d->to.host;
    int r = session_connect(d->to.tls, name, &d->session);
    d->stage = SECURE;
    if (!r)
        r = link_set_filter(d->k, &session_filter, d->session);
    if (r) {
        fail(d, r, "cannot start TLS");
        return;
    }
    secure(d);
}

static void connected(struct dial *d, struct attempt *a)
{
    int fd = a->io.fd;
    sock_addr_format(&d->addresses[a->address], d->address);
    loop_remove(d->to.loop, &a->io);
    a->io.fd = -1;
    d->under_way--;
    loop_timer_clear(&d->stagger);
    for (size_t i = 0; i < d->next; i++)
        drop(d, &d->attempts[i]);
    int r = link_open(d->k, d->to.loop, fd, d->ops->on_ready);
    if (r) {
        fail(d, r, "cannot watch the connection");
        return;
    }
    /* Registering reports what is readable already: a first read now could only fail. */
    d->k->ready &= (uint8_t)~LOOP_READ;
    if (d->to.tls)
        start_tls(d);
    else
        finish(d, OK);
}

static void try_next(struct dial *d);

static void on_attempt(struct loop_io *io, uint32_t events)
{
    struct attempt *a = container_of(io, struct attempt, io);
    struct dial *d = a->d;
    if (!(events & (LOOP_WRITE | LOOP_HUP)))
        return;
    int r = sock_error(io->fd);
    if (r == OK) {
        connected(d, a);
        return;
    }
    d->last_error = r == ERR_TIMEOUT ? ERR_UPSTREAM_TIMEOUT : r;
    sock_addr_format(&d->addresses[a->address], d->address);
    drop(d, a);
    try_next(d);
}

/* Starts the next address that can be started; reports when there is none left and none under way.
 */
static void try_next(struct dial *d)
{
    loop_timer_clear(&d->stagger);
    while (d->next < d->naddresses) {
        struct attempt *a = &d->attempts[d->next];
        *a = (struct attempt){.io = {-1, on_attempt}, .d = d, .address = d->next++};
        sock_addr_format(&d->addresses[a->address], d->address);
        int fd, r = sock_connect(&d->addresses[a->address], &fd);
        if (!r) {
            a->io.fd = fd;
            r = loop_add(d->to.loop, &a->io);
            if (r) {
                sock_close(fd);
                a->io.fd = -1;
            }
        }
        if (!r) {
            d->under_way++;
            if (d->next < d->naddresses)
                loop_timer_set(d->to.loop, &d->stagger, DIAL_STAGGER_MS);
            return;
        }
        d->last_error = r == ERR_TIMEOUT ? ERR_UPSTREAM_TIMEOUT : r;
    }
    if (!d->under_way)
        fail(d, d->last_error, "cannot connect");
}

static void on_stagger(struct loop_timer *t)
{
    try_next(container_of(t, struct dial, stagger));
}

static void on_deadline(struct loop_timer *t)
{
    static const char *const doing[] = {
        [RESOLVE] = "no answer from the name servers",
        [CONNECT] = "no answer to the connection attempt",
        [SECURE] = "TLS handshake not finished",
        [OVER] = "",
    };
    struct dial *d = container_of(t, struct dial, deadline);
    fail(d, ERR_UPSTREAM_TIMEOUT, doing[d->stage]);
}

/* The resolver's order is kept within each family (RFC 6724); families alternate, so that a broken
 * one costs one stagger (RFC 8305 4). */
static void interleave(struct dial *d, const struct ip *ips, size_t n)
{
    size_t at[2] = {0, 0};
    bool want_v4 = cidr_is_v4(&ips[0]);
    while (d->naddresses < n && d->naddresses < RESOLVE_IPS_MAX) {
        size_t *i = &at[want_v4];
        while (*i < n && cidr_is_v4(&ips[*i]) != want_v4)
            (*i)++;
        if (*i < n)
            sock_addr_make(&ips[(*i)++], d->to.port, &d->addresses[d->naddresses++]);
        want_v4 = !want_v4;
    }
}

static void on_resolved(struct resolve_query *q, const struct resolve_answer *a)
{
    struct dial *d = container_of(q, struct dial, query);
    if (a->r) {
        fault_set(&d->fault, a->r, "cannot resolve " SLICE_F ": %s", SLICE_A(d->to.host),
                  *a->why ? a->why : err_text(a->r));
        finish(d, a->r);
        return;
    }
    d->stale = a->stale;
    interleave(d, a->ips, a->n);
    d->stage = CONNECT;
    try_next(d);
}

static void on_begin(struct loop_task *t)
{
    struct dial *d = container_of(t, struct dial, begin);
    d->stage = CONNECT;
    int r = sock_addr_unix(d->to.host, &d->addresses[0]);
    if (r) {
        fail(d, r, "bad path of a unix socket");
        return;
    }
    d->naddresses = 1;
    try_next(d);
}

int dial_start(const struct dial_target *to, struct link *k, const struct dial_ops *ops,
               void *owner, struct dial **ret)
{
    struct dial *d = pool_alloc(sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    memset(d, 0, offsetof(struct dial, addresses));
    d->address[0] = 0;
    d->fault = (struct fault){.code = OK};
    d->to = *to;
    d->k = k;
    d->ops = ops;
    d->owner = owner;
    d->stage = RESOLVE;
    d->query.on_done = on_resolved;
    d->last_error = ERR_UNREACHABLE;
    loop_task_init(&d->begin, on_begin);
    loop_timer_init(&d->deadline, on_deadline);
    loop_timer_init(&d->stagger, on_stagger);
    loop_timer_set(to->loop, &d->deadline, to->timeout_ms);
    if (to->port)
        resolve_start(to->res, to->host, &d->query);
    else
        loop_defer(to->loop, &d->begin);
    *ret = d;
    return OK;
}

void *dial_owner(const struct dial *d)
{
    return d->owner;
}

const char *dial_address(const struct dial *d)
{
    return d->address;
}

bool dial_stale(const struct dial *d)
{
    return d->stale;
}

void dial_fault(const struct dial *d, struct fault *ret)
{
    *ret = d->fault;
}

void dial_free(struct dial *d)
{
    if (!d)
        return;
    stop(d);
    if (d->stage == SECURE)
        link_close(d->k, false);
    pool_free(d);
}
