/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Questions and their tries: a new socket, port and id for each, so that nobody who cannot see the
 * traffic can answer in the server's place (RFC 5452). What the bytes mean is client/dnsmsg's. */
#include "client/dns.h"

#include "base/err.h"
#include "base/mem.h"
#include "client/dnsmsg.h"
#include "client/nameservers.h"

#define TRIES       2
#define TIMEOUT_MS  2000u
#define EXCHANGE_MS 10000u
#define MESSAGE_MAX 65535
/* A datagram flood on the port of a query costs at most this many reads in one wake. */
#define DATAGRAMS_MAX 32

struct dns {
    struct loop *loop;
    struct nameservers servers;
    uint32_t timeout_ms;
    struct list asks;
    /* Whose asking found no memory: told so by the task. */
    struct list starved, starved_exchanges;
    struct loop_task starve;
};

/* One question or exchange under way. */
struct ask {
    struct list node;
    struct dns *d;
    struct dns_query *q;    /* or */
    struct dns_exchange *x; /* the one that is not NULL */
    enum dns_type type;
    uint8_t name[DNSMSG_NAME_TEXT];
    size_t name_bytes;
    struct sock_addr at; /* dns_ask_at, dns_send */
    bool fixed;          /* only `at` */
    bool plain;          /* without EDNS: the server does not know it */
    bool tcp;
    unsigned tries; /* begun so far */
    struct dnsmsg_query message;
    uint8_t *out; /* TCP: two bytes of length, message */
    size_t out_bytes, sent;
    uint8_t *in; /* MESSAGE_MAX + 2 */
    size_t got;
    struct loop_io io;
    struct loop_timer timer;
    struct loop_task finish;
    struct arena arena;
    struct dns_answer answer; /* what the last try brought */
    struct slice raw;
};

static void on_starved(struct loop_task *t);

int dns_new(struct loop *l, const char *servers, uint32_t timeout_ms, struct dns **ret,
            struct fault *f)
{
    struct dns *d = mem_alloc(sizeof(*d));
    if (!d)
        return fault_set(f, ERR_NOMEM, "no memory for the DNS client");
    d->loop = l;
    d->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
    list_init(&d->asks);
    list_init(&d->starved);
    list_init(&d->starved_exchanges);
    loop_task_init(&d->starve, on_starved);
    int r = nameservers_read(slice_cstr(servers), &d->servers, f);
    if (r) {
        mem_free(d);
        return r;
    }
    *ret = d;
    return OK;
}

/* ---- life of an ask ---- */

static void close_socket(struct ask *a)
{
    if (a->io.fd >= 0) {
        int fd = a->io.fd;
        loop_remove(a->d->loop, &a->io);
        sock_close(fd);
        a->io.fd = -1;
    }
    loop_timer_clear(&a->timer);
    a->sent = a->got = 0;
}

static void ask_free(struct ask *a)
{
    close_socket(a);
    loop_task_cancel(&a->finish);
    list_remove(&a->node);
    arena_done(&a->arena);
    mem_free(a->out);
    mem_free(a->in);
    mem_free(a);
}

static const char *words(const struct dns_answer *a)
{
    switch (a->rcode) {
    case DNS_SERVFAIL:
        return "the name server answered SERVFAIL";
    case DNS_REFUSED:
        return "the name server refused to answer (REFUSED)";
    case DNS_FORMERR:
        return "the name server did not understand the question (FORMERR)";
    case DNS_NOTIMP:
        return "the name server does not know such questions (NOTIMP)";
    default:
        break;
    }
    switch (a->r) {
    case OK:
        return "";
    case ERR_TIMEOUT:
        return "the name server did not answer in time";
    case ERR_REFUSED:
        return "nothing answers at the name server's address";
    case ERR_UNREACHABLE:
        return "the name server's address cannot be reached";
    case ERR_SYNTAX:
        return "the name server's answer is malformed";
    case ERR_CAP:
        return "the name server's answer has too many records";
    case ERR_RESOLVE:
        return "the name server answered with an error";
    default:
        return err_text(a->r);
    }
}

static void on_finish(struct loop_task *t)
{
    struct ask *a = container_of(t, struct ask, finish);
    close_socket(a);
    struct dns_query *q = a->q;
    struct dns_exchange *x = a->x;
    list_remove(&a->node); /* a callback may free the client */
    if (!a->answer.why)
        a->answer.why = words(&a->answer);
    if (q) {
        q->d = NULL;
        q->state = NULL;
        q->on_done(q, &a->answer);
    } else if (x) {
        x->d = NULL;
        x->state = NULL;
        x->on_done(x, a->answer.r, a->raw, a->answer.why);
    }
    ask_free(a);
}

static void finish(struct ask *a, int r)
{
    a->answer.r = r;
    close_socket(a);
    loop_defer(a->d->loop, &a->finish);
}

static void on_ready(struct loop_io *io, uint32_t events);
static void on_timeout(struct loop_timer *t);

static struct ask *ask_new(struct dns *d)
{
    struct ask *a = mem_alloc(sizeof(*a));
    if (a) {
        a->d = d;
        a->io = (struct loop_io){-1, on_ready};
        loop_timer_init(&a->timer, on_timeout);
        loop_task_init(&a->finish, on_finish);
        arena_init(&a->arena, DNSMSG_ANSWER_BYTES);
        list_push(&d->asks, &a->node);
    }
    return a;
}

/* ---- tries ---- */

static int try_udp(struct ask *a, const struct sock_addr *server)
{
    int fd;
    int r = sock_connect_udp(server, &fd);
    if (r)
        return r;
    size_t n;
    a->io.fd = fd;
    if ((r = loop_add(a->d->loop, &a->io))) {
        sock_close(fd);
        a->io.fd = -1;
        return r;
    }
    /* A full send buffer is a lost datagram: the timer of the try takes care of both. */
    r = sock_send(fd, slice_of(a->message.bytes, a->message.n), &n);
    return r == ERR_AGAIN ? OK : r;
}

static int try_tcp(struct ask *a, const struct sock_addr *server)
{
    if (!a->in && !(a->in = mem_alloc(MESSAGE_MAX + 2)))
        return ERR_NOMEM;
    if (!a->out && !(a->out = mem_alloc(DNSMSG_QUERY_MAX + 2)))
        return ERR_NOMEM;
    if (a->q) {
        memcpy(a->out + 2, a->message.bytes, a->message.n);
        a->out[0] = (uint8_t)(a->message.n >> 8);
        a->out[1] = (uint8_t)a->message.n;
        a->out_bytes = a->message.n + 2;
    }
    int fd;
    int r = sock_connect(server, &fd);
    if (r)
        return r;
    a->io.fd = fd;
    if ((r = loop_add(a->d->loop, &a->io))) {
        sock_close(fd);
        a->io.fd = -1;
    }
    return r;
}

static const struct sock_addr *server_of(const struct ask *a)
{
    return a->fixed ? &a->at : &a->d->servers.addrs[(a->tries - 1) % a->d->servers.n];
}

static struct slice name_of(const struct ask *a)
{
    return slice_of(a->name, a->name_bytes);
}

/* Also the same server again, in another way: over TCP or without EDNS. */
static int begin(struct ask *a)
{
    close_socket(a);
    int r = a->q ? dnsmsg_query(name_of(a), a->type, !a->fixed, !a->plain, &a->message) : OK;
    if (!r)
        r = a->tcp ? try_tcp(a, server_of(a)) : try_udp(a, server_of(a));
    if (!r)
        loop_timer_set(a->d->loop, &a->timer, a->x ? EXCHANGE_MS : a->d->timeout_ms);
    return r;
}

/* r: what the try before came to. */
static void next_try(struct ask *a, int r)
{
    unsigned most = a->x ? 1 : TRIES * (a->fixed ? 1 : (unsigned)a->d->servers.n);
    while (r && a->tries < most) {
        a->tries++;
        a->tcp = a->x != NULL;
        a->plain = false;
        int now = begin(a);
        if (now == OK)
            return;
        if (now == ERR_SYNTAX && a->q) {
            a->answer.why = "this is no name that DNS can carry";
            r = now;
            break;
        }
        /* What a server said tells more than that another cannot be reached. */
        if (!a->answer.rcode)
            r = now;
    }
    finish(a, r);
}

static void fail_try(struct ask *a, int r)
{
    if (a->answer.rcode && a->q)
        r = a->answer.r;
    else
        a->answer = (struct dns_answer){.r = r};
    close_socket(a);
    next_try(a, r);
}

static void again(struct ask *a)
{
    int r = begin(a);
    if (r)
        fail_try(a, r);
}

/* A message that belongs to the question. */
static void take_answer(struct ask *a, struct slice message)
{
    if (!a->tcp && dnsmsg_truncated(message)) {
        a->tcp = true;
        again(a);
        return;
    }
    unsigned rcode = dnsmsg_rcode(message);
    if ((rcode == DNS_FORMERR || rcode == DNS_NOTIMP) && !a->plain) {
        a->plain = true;
        again(a);
        return;
    }
    if (rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN) {
        a->answer = (struct dns_answer){.r = ERR_RESOLVE, .rcode = rcode};
        fail_try(a, ERR_RESOLVE);
        return;
    }
    arena_done(&a->arena);
    int r = dnsmsg_read(&a->arena, message, name_of(a), a->type, &a->answer);
    a->answer.why = NULL;
    if (r == ERR_SYNTAX) {
        a->answer.rcode = DNS_NOERROR;
        fail_try(a, r);
    } else {
        finish(a, r);
    }
}

static void read_udp(struct ask *a)
{
    uint8_t datagram[4096]; /* EDNS asked for less; more is not ours */
    for (unsigned i = 0; i < DATAGRAMS_MAX; i++) {
        size_t n;
        int r = sock_recv(a->io.fd, datagram, sizeof(datagram), &n);
        if (r == ERR_AGAIN)
            return;
        if (r) {
            fail_try(a, r);
            return;
        }
        struct slice message = slice_of(datagram, n);
        if (dnsmsg_belongs(&a->message, message)) {
            take_answer(a, message);
            return;
        }
    }
    fail_try(a, ERR_SYNTAX); /* somebody is guessing: another port, another id */
}

static void tcp_message(struct ask *a, struct slice message)
{
    if (a->x) {
        bool ours = message.n >= 12 && memcmp(message.p, a->out + 2, 2) == 0;
        a->raw = message;
        finish(a, ours ? OK : ERR_SYNTAX);
    } else if (dnsmsg_belongs(&a->message, message)) {
        take_answer(a, message);
    } else {
        fail_try(a, ERR_SYNTAX);
    }
}

static int write_tcp(struct ask *a)
{
    while (a->sent < a->out_bytes) {
        size_t n;
        int r = sock_send(a->io.fd, slice_of(a->out + a->sent, a->out_bytes - a->sent), &n);
        if (r)
            return r;
        a->sent += n;
    }
    return OK;
}

static void read_tcp(struct ask *a)
{
    for (;;) {
        size_t n, want = 2;
        if (a->got >= 2)
            want += (size_t)a->in[0] << 8 | a->in[1];
        if (a->got >= 2 && a->got == want) {
            tcp_message(a, slice_of(a->in + 2, want - 2));
            return;
        }
        int r = sock_recv(a->io.fd, a->in + a->got, want - a->got, &n);
        if (r == ERR_AGAIN)
            return;
        if (!r && n == 0)
            r = ERR_RESET;
        if (r) {
            fail_try(a, r);
            return;
        }
        a->got += n;
    }
}

static void on_ready(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct ask *a = container_of(io, struct ask, io);
    if (!a->tcp) {
        read_udp(a);
        return;
    }
    int r = sock_error(io->fd);
    if (!r)
        r = write_tcp(a);
    if (r == ERR_AGAIN)
        return;
    if (r)
        fail_try(a, r);
    else
        read_tcp(a);
}

static void on_timeout(struct loop_timer *t)
{
    fail_try(container_of(t, struct ask, timer), ERR_TIMEOUT);
}

/* ---- doors ---- */

static void on_starved(struct loop_task *t)
{
    struct dns *d = container_of(t, struct dns, starve);
    struct dns_answer none = {.r = ERR_NOMEM, .why = err_text(ERR_NOMEM)};
    struct list now, *node;
    list_init(&now);
    list_take(&now, &d->starved);
    while ((node = list_pop(&now))) {
        struct dns_query *q = container_of(node, struct dns_query, node);
        q->d = NULL;
        q->on_done(q, &none);
    }
    list_take(&now, &d->starved_exchanges);
    while ((node = list_pop(&now))) {
        struct dns_exchange *x = container_of(node, struct dns_exchange, node);
        x->d = NULL;
        x->on_done(x, none.r, SLICE_EMPTY, none.why);
    }
}

static void start(struct dns *d, const struct sock_addr *server, struct slice name,
                  enum dns_type type, struct dns_query *q)
{
    struct ask *a = ask_new(d);
    q->d = d;
    q->state = a;
    if (!a) {
        list_push(&d->starved, &q->node);
        loop_defer(d->loop, &d->starve);
        return;
    }
    a->q = q;
    a->type = type;
    a->fixed = server != NULL;
    if (server)
        a->at = *server;
    a->name_bytes = name.n < sizeof(a->name) ? name.n : 0; /* no name: refused as one */
    if (a->name_bytes)
        memcpy(a->name, name.p, a->name_bytes);
    next_try(a, ERR_BUG);
}

void dns_ask(struct dns *d, struct slice name, enum dns_type type, struct dns_query *q)
{
    start(d, NULL, name, type, q);
}

void dns_ask_at(struct dns *d, const struct sock_addr *server, struct slice name,
                enum dns_type type, struct dns_query *q)
{
    start(d, server, name, type, q);
}

void dns_send(struct dns *d, const struct sock_addr *server, struct slice message,
              struct dns_exchange *x)
{
    struct ask *a = message.n <= MESSAGE_MAX ? ask_new(d) : NULL;
    x->d = d;
    x->state = a;
    if (a && !(a->out = mem_alloc(message.n + 2))) {
        ask_free(a);
        x->state = a = NULL;
    }
    if (!a) {
        list_push(&d->starved_exchanges, &x->node);
        loop_defer(d->loop, &d->starve);
        return;
    }
    a->out[0] = (uint8_t)(message.n >> 8);
    a->out[1] = (uint8_t)message.n;
    memcpy(a->out + 2, message.p, message.n);
    a->out_bytes = message.n + 2;
    a->x = x;
    a->fixed = true;
    a->at = *server;
    next_try(a, ERR_BUG);
}

void dns_cancel(struct dns_query *q)
{
    if (!q->d)
        return;
    if (q->state)
        ask_free(q->state);
    else
        list_remove(&q->node);
    q->d = NULL;
    q->state = NULL;
}

void dns_cancel_exchange(struct dns_exchange *x)
{
    if (!x->d)
        return;
    if (x->state)
        ask_free(x->state);
    else
        list_remove(&x->node);
    x->d = NULL;
    x->state = NULL;
}

void dns_free(struct dns *d)
{
    if (!d)
        return;
    while (!list_empty(&d->asks)) {
        struct ask *a = container_of(d->asks.next, struct ask, node);
        if (a->q)
            dns_cancel(a->q);
        else
            dns_cancel_exchange(a->x);
    }
    while (!list_empty(&d->starved))
        dns_cancel(container_of(d->starved.next, struct dns_query, node));
    while (!list_empty(&d->starved_exchanges))
        dns_cancel_exchange(container_of(d->starved_exchanges.next, struct dns_exchange, node));
    loop_task_cancel(&d->starve);
    mem_free(d);
}
