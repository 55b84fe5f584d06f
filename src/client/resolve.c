/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* c-ares does the protocol (ids, ports, retries, search domains, /etc/hosts); this file gives it
 * the loop's descriptors and timer, and keeps what it found. */
#include "client/resolve.h"

#include <ares.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/sock.h"

#define TTL_MIN_MS      1000u
#define TTL_MAX_MS      300000u
#define TTL_NEGATIVE_MS 5000u /* also the time between tries while the servers are down */
#define STALE_MS        3600000u
/* RFC 8767 5: with old addresses at hand nobody waits longer than this for new ones. */
#define PATIENCE_MS 1000u
/* A new channel reads resolv.conf again: a machine that changed its network needs no restart. */
#define RENEW_MS     30000u
#define BUCKETS      256u
#define SOCKETS_MAX  32u
#define NAME_MAX_LEN 255u

struct socket_watch {
    struct loop_io io;
    struct resolver *res;
    bool wants_write;
};

struct resolve_entry {
    struct list node, used; /* bucket; order of use, newest first */
    struct list waiters;    /* queries that wait for the look-up */
    struct resolver *res;
    struct loop_timer patience;
    uint64_t fresh_until_ms, stale_until_ms;
    uint32_t refs; /* queries that point here */
    bool flying;
    bool down; /* the last look-up got no answer from any server */
    bool absent, addressless;
    const char *why;
    size_t nips;
    struct ip ips[RESOLVE_IPS_MAX];
    size_t name_bytes;
    char name[NAME_MAX_LEN + 1];
};

struct resolver {
    struct loop *loop;
    ares_channel channel;
    struct resolve_options opts;
    char *servers;
    struct loop_timer timer;
    struct loop_task deliver;
    struct list ready; /* queries whose answer is known */
    struct list used;
    struct list buckets[BUCKETS];
    struct socket_watch sockets[SOCKETS_MAX];
    uint32_t names, flying;
    uint64_t renew_ms;
    bool renew; /* no server answers: look at resolv.conf again */
    struct resolve_stats stats;
};

static void arm(struct resolver *res)
{
    struct timeval tv;
    if (!ares_timeout(res->channel, NULL, &tv)) {
        loop_timer_clear(&res->timer);
        return;
    }
    uint64_t delay_ms = (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 + 1;
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        if (res->sockets[i].io.fd >= 0 && res->sockets[i].wants_write && delay_ms > LOOP_TICK_MS)
            delay_ms = LOOP_TICK_MS;
    /* An earlier deadline must win over the lazy timer's later one. */
    loop_timer_clear(&res->timer);
    loop_timer_set(res->loop, &res->timer, delay_ms);
}

static void on_socket(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct resolver *res = container_of(io, struct socket_watch, io)->res;
    ares_process_fd(res->channel, io->fd, ARES_SOCKET_BAD);
    arm(res);
}

/* Sockets are watched level-triggered for reading, because c-ares reads a TCP answer in pieces of
 * its own choice. Writing is wanted only while a TCP connection opens (truncated answers): the
 * timer tries that every tick. */
static void on_timer(struct loop_timer *t)
{
    struct resolver *res = container_of(t, struct resolver, timer);
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        if (res->sockets[i].io.fd >= 0 && res->sockets[i].wants_write)
            ares_process_fd(res->channel, ARES_SOCKET_BAD, res->sockets[i].io.fd);
    ares_process_fd(res->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(res);
}

static struct socket_watch *watch_of(struct resolver *res, int fd)
{
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        if (res->sockets[i].io.fd == fd)
            return &res->sockets[i];
    return NULL;
}

static void on_socket_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
    struct resolver *res = ctx;
    struct socket_watch *w = watch_of(res, fd);
    if (w && !readable && !writable) {
        loop_remove(res->loop, &w->io);
        w->io.fd = -1;
        return;
    }
    if (!w) {
        w = watch_of(res, -1);
        if (!w)
            return; /* that query runs into its timeout */
        w->io.fd = fd;
        if (loop_add_level(res->loop, &w->io)) {
            w->io.fd = -1;
            return;
        }
    }
    w->wants_write = writable;
}

static int open_channel(struct resolver *res, struct fault *f)
{
    char lookups[] = "fb"; /* /etc/hosts, then the servers */
    struct ares_options o = {
        .timeout = (int)(res->opts.timeout_ms ? res->opts.timeout_ms : 1500),
        .tries = (int)(res->opts.tries ? res->opts.tries : 3),
        .lookups = lookups,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = res,
    };
    ares_channel channel;
    int status = ares_init_options(&channel, &o,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                                       ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && res->servers) {
        status = ares_set_servers_ports_csv(channel, res->servers);
        if (status != ARES_SUCCESS)
            ares_destroy(channel);
    }
    if (status == ARES_ENOMEM)
        return fault_set(f, ERR_NOMEM, "no memory for the resolver");
    if (status != ARES_SUCCESS)
        return fault_set(f, res->servers ? ERR_CONFIG : ERR_SYS, "cannot set up the resolver: %s",
                         ares_strerror(status));
    if (res->channel)
        ares_destroy(res->channel);
    res->channel = channel;
    res->renew = false;
    res->renew_ms = loop_now_ms(res->loop) + RENEW_MS;
    return OK;
}

static void on_deliver(struct loop_task *t);

int resolve_new(struct loop *l, const struct resolve_options *o, struct resolver **ret,
                struct fault *f)
{
    /* Reference counted by c-ares: once for each resolver. */
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return fault_set(f, ERR_SYS, "cannot start the resolver library");
    struct resolver *res = mem_alloc(sizeof(*res));
    int r = res ? OK : fault_set(f, ERR_NOMEM, "no memory for the resolver");
    if (res) {
        res->loop = l;
        if (o)
            res->opts = *o;
        loop_timer_init(&res->timer, on_timer);
        loop_task_init(&res->deliver, on_deliver);
        list_init(&res->ready);
        list_init(&res->used);
        for (size_t i = 0; i < BUCKETS; i++)
            list_init(&res->buckets[i]);
        for (size_t i = 0; i < SOCKETS_MAX; i++)
            res->sockets[i] = (struct socket_watch){{-1, on_socket}, res, false};
        if (res->opts.servers && !(res->servers = mem_strdup(res->opts.servers)))
            r = fault_set(f, ERR_NOMEM, "no memory for the resolver");
    }
    if (!r)
        r = open_channel(res, f);
    if (r) {
        if (res)
            mem_free(res->servers);
        mem_free(res);
        ares_library_cleanup();
        return r;
    }
    *ret = res;
    return OK;
}

static void drop_queries(struct list *queries)
{
    struct list *node;
    while ((node = list_pop(queries)))
        container_of(node, struct resolve_query, node)->res = NULL;
}

static void entry_free(struct resolve_entry *e)
{
    loop_timer_clear(&e->patience);
    list_remove(&e->node);
    list_remove(&e->used);
    e->res->names--;
    mem_free(e);
}

void resolve_free(struct resolver *res)
{
    if (!res)
        return;
    ares_destroy(res->channel); /* look-ups end with ARES_EDESTRUCTION, which is ignored */
    loop_timer_clear(&res->timer);
    loop_task_cancel(&res->deliver);
    drop_queries(&res->ready);
    while (!list_empty(&res->used)) {
        struct resolve_entry *e = container_of(res->used.next, struct resolve_entry, used);
        drop_queries(&e->waiters);
        entry_free(e);
    }
    mem_free(res->servers);
    mem_free(res);
    ares_library_cleanup();
}

static void make_ready(struct resolver *res, struct resolve_query *q)
{
    list_push(&res->ready, &q->node);
    loop_defer(res->loop, &res->deliver);
}

static void release_waiters(struct resolve_entry *e)
{
    loop_timer_clear(&e->patience);
    if (list_empty(&e->waiters))
        return;
    list_take(&e->res->ready, &e->waiters);
    loop_defer(e->res->loop, &e->res->deliver);
}

static void on_patience(struct loop_timer *t)
{
    release_waiters(container_of(t, struct resolve_entry, patience));
}

static void entry_answer(struct resolve_entry *e, struct resolve_answer *a)
{
    uint64_t now_ms = loop_now_ms(e->res->loop);
    if (e->nips && now_ms < e->stale_until_ms) {
        a->ips = e->ips;
        a->n = e->nips;
        a->stale = e->down || now_ms >= e->fresh_until_ms;
        e->res->stats.stale_answers += a->stale;
    } else {
        a->r = ERR_RESOLVE;
    }
    a->why = e->why;
    a->absent = a->r && e->absent;
    a->addressless = a->r && e->addressless;
}

static void on_deliver(struct loop_task *t)
{
    struct resolver *res = container_of(t, struct resolver, deliver);
    /* Queries started by a callback are answered in the next turn. A callback may cancel any other
     * query, also one that is in `now`. */
    struct list now, *node;
    list_init(&now);
    list_take(&now, &res->ready);
    while ((node = list_pop(&now))) {
        struct resolve_query *q = container_of(node, struct resolve_query, node);
        struct resolve_answer a = {
            .r = q->r, .ips = q->own, .n = q->nown, .why = q->r ? err_text(q->r) : ""};
        struct resolve_entry *e = q->entry;
        if (e)
            entry_answer(e, &a);
        q->res = NULL;
        q->entry = NULL;
        q->on_done(q, &a);
        if (e)
            e->refs--;
    }
}

/* Servers that do not answer, refuse or are broken say nothing about the name. */
static bool is_negative(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME ||
           status == ARES_EBADQUERY;
}

static uint64_t take_addresses(struct resolve_entry *e, const struct ares_addrinfo *ai)
{
    uint64_t ttl_ms = TTL_MAX_MS;
    e->nips = 0;
    for (const struct ares_addrinfo_node *n = ai->nodes; n && e->nips < RESOLVE_IPS_MAX;
         n = n->ai_next) {
        struct sock_addr a = {.raw_bytes = 0};
        uint16_t port;
        if (n->ai_addrlen > sizeof(a.raw))
            continue;
        memcpy(a.raw, n->ai_addr, n->ai_addrlen);
        a.raw_bytes = n->ai_addrlen;
        if (!sock_addr_ip(&a, &e->ips[e->nips], &port))
            continue;
        e->nips++;
        uint64_t one_ms = n->ai_ttl > 0 ? (uint64_t)n->ai_ttl * 1000 : 0;
        if (one_ms < ttl_ms)
            ttl_ms = one_ms;
    }
    return ttl_ms < TTL_MIN_MS ? TTL_MIN_MS : ttl_ms;
}

static void on_lookup(void *ctx, int status, int timeouts, struct ares_addrinfo *ai)
{
    (void)timeouts;
    struct resolve_entry *e = ctx;
    struct resolver *res = e->res;
    uint64_t now_ms = loop_now_ms(res->loop);
    e->flying = false;
    res->flying--;
    if (status != ARES_EDESTRUCTION) {
        uint64_t ttl_ms = res->opts.negative_ms ? res->opts.negative_ms : TTL_NEGATIVE_MS;
        e->down = false;
        e->why = ares_strerror(status);
        e->absent = status == ARES_ENOTFOUND;
        e->addressless = status == ARES_ENODATA;
        if (status == ARES_SUCCESS) {
            ttl_ms = take_addresses(e, ai);
            e->stale_until_ms = now_ms + ttl_ms + STALE_MS;
            e->why = e->nips ? "" : "no address";
        } else if (is_negative(status)) {
            e->nips = 0;
        } else {
            e->down = true;
            res->renew = now_ms >= res->renew_ms;
        }
        if (!e->nips)
            res->stats.failures++;
        e->fresh_until_ms = now_ms + ttl_ms;
        release_waiters(e);
    }
    if (ai)
        ares_freeaddrinfo(ai);
}

static void launch(struct resolve_entry *e)
{
    struct resolver *res = e->res;
    if (res->renew && !res->flying) {
        struct fault ignored; /* the old channel stays */
        res->renew = open_channel(res, &ignored) != OK;
    }
    e->flying = true;
    res->flying++;
    res->stats.lookups++;
    struct ares_addrinfo_hints hints = {.ai_family = 0};
    ares_getaddrinfo(res->channel, e->name, NULL, &hints, on_lookup, e);
    arm(res);
}

static uint32_t hash(struct slice name)
{
    uint32_t h = 2166136261u; /* FNV-1a: names come from configuration */
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ slice_lower(name.p[i])) * 16777619u;
    return h;
}

static bool evict(struct resolver *res)
{
    for (struct list *it = res->used.prev; it != &res->used; it = it->prev) {
        struct resolve_entry *e = container_of(it, struct resolve_entry, used);
        if (!e->refs && !e->flying) {
            entry_free(e);
            return true;
        }
    }
    return false;
}

static struct resolve_entry *entry_get(struct resolver *res, struct slice name)
{
    struct list *bucket = &res->buckets[hash(name) % BUCKETS];
    LIST_FOREACH (it, bucket) {
        struct resolve_entry *e = container_of(it, struct resolve_entry, node);
        if (slice_eq_nocase(slice_of(e->name, e->name_bytes), name)) {
            list_remove(&e->used);
            list_push_front(&res->used, &e->used);
            return e;
        }
    }
    if (res->names >= RESOLVE_NAMES_MAX && !evict(res))
        return NULL;
    struct resolve_entry *e = mem_alloc(sizeof(*e));
    if (!e)
        return NULL;
    e->res = res;
    e->why = "";
    list_init(&e->waiters);
    loop_timer_init(&e->patience, on_patience);
    e->name_bytes = name.n;
    memcpy(e->name, name.p, name.n);
    list_push_front(bucket, &e->node);
    list_push_front(&res->used, &e->used);
    res->names++;
    return e;
}

/* RFC 6761 6.3: localhost is never asked of a server. */
static bool is_localhost(struct slice name)
{
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (slice_eq_nocase(name, SLICE("localhost")))
        return true;
    struct slice tail = SLICE(".localhost");
    return name.n > tail.n && slice_eq_nocase(slice_from(name, name.n - tail.n), tail);
}

static bool answer_own(struct resolve_query *q, struct slice name)
{
    static const struct ip loopback[2] = {
        {{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}},
        {{[15] = 1}},
    };
    if (cidr_parse_ip(name, &q->own[0]) == OK) {
        q->nown = 1;
        return true;
    }
    if (is_localhost(name)) {
        memcpy(q->own, loopback, sizeof(loopback));
        q->nown = 2;
        return true;
    }
    if (name.n == 0 || name.n > NAME_MAX_LEN || slice_find(name, 0) < name.n) {
        q->r = ERR_RESOLVE;
        return true;
    }
    return false;
}

void resolve_start(struct resolver *res, struct slice name, struct resolve_query *q)
{
    q->res = res;
    q->entry = NULL;
    q->nown = 0;
    q->r = OK;
    list_init(&q->node);
    if (answer_own(q, name)) {
        make_ready(res, q);
        return;
    }
    struct resolve_entry *e = entry_get(res, name);
    if (!e) {
        q->r = ERR_NOMEM;
        make_ready(res, q);
        return;
    }
    q->entry = e;
    e->refs++;
    uint64_t now_ms = loop_now_ms(res->loop);
    bool old = e->nips && now_ms < e->stale_until_ms;
    if (!e->flying && now_ms < e->fresh_until_ms) {
        make_ready(res, q);
        return;
    }
    if (old && e->down) {
        make_ready(res, q); /* known to be slow: the look-up runs for the next ones */
    } else {
        list_push(&e->waiters, &q->node);
        if (old)
            loop_timer_set(res->loop, &e->patience, PATIENCE_MS);
    }
    if (!e->flying)
        launch(e);
}

void resolve_cancel(struct resolve_query *q)
{
    if (!q->res)
        return;
    list_remove(&q->node);
    if (q->entry)
        q->entry->refs--;
    q->entry = NULL;
    q->res = NULL;
}

void resolve_stats(const struct resolver *res, struct resolve_stats *ret)
{
    *ret = res->stats;
    ret->names = res->names;
}
