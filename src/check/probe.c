/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Probes: a queue for each address with its pace, and the life of one connection. A reset or a
 * timeout of a whole batch halves how many are tried at once (rate limits are the first source of
 * wrong results), down to one; good answers never raise it again within a run. */
#include "check/probe.h"

#include <errno.h>

#include "base/map.h"
#include "base/mem.h"
#include "check/starttls.h"
#include "os/clock.h"

#define DEFAULT_TIMEOUT_MS  5000
#define DEFAULT_MAX_BYTES   (64 * 1024)
#define DEFAULT_PER_ADDRESS 5
#define BAD_IN_A_ROW        3 /* resets or timeouts after a good connection, before slowing down */

/* One address with its queue. */
struct lane {
    struct list node, busy; /* of all; of those with somebody waiting */
    unsigned backoffs;
    uint64_t count;
    struct sock_addr address;
    struct list waiting;
    unsigned under_way, width, bad;
    bool has_answered;
    uint64_t next_ms; /* earliest start of the next one (gap) */
};

struct proberun {
    struct loop *loop;
    struct probe_pace pace;
    struct list lanes, busy, active;
    struct map by_address;
    struct loop_timer gap;
    struct loop_task pump;
};

struct state {
    struct probe *p;
    struct lane *lane;
    struct probe_options o;
    struct buf hello, received;
    struct loop_io dialing; /* until connected */
    struct link link;       /* afterwards */
    bool linked;
    struct starttls talk;
    struct loop_timer deadline;
    struct loop_task fail; /* an error from inside probe_start */
    uint64_t started_us;
    struct probe_result result;
};

static void pump(struct proberun *run);

/* ---- lanes ---- */

static struct lane *lane_of(struct proberun *run, const struct sock_addr *a)
{
    struct slice key = slice_of(a->raw, a->raw_bytes);
    struct lane *l = map_get(&run->by_address, key);
    if (l || !(l = mem_alloc(sizeof(*l))))
        return l;
    if (map_put(&run->by_address, key, l)) {
        mem_free(l);
        return NULL;
    }
    l->address = *a;
    l->width = run->pace.per_address ? run->pace.per_address : DEFAULT_PER_ADDRESS;
    list_init(&l->waiting);
    list_init(&l->busy);
    list_push(&run->lanes, &l->node);
    return l;
}

/* ---- one probe ---- */

/* Refusals say nothing about rates; a server that never answered is not rate limiting. */
static void learn(struct lane *l, const struct state *s)
{
    const struct probe_result *r = &s->result;
    bool silent = r->end == PROBE_TIMEOUT && !(s->o.silence_expected && s->received.n);
    bool bad = silent || (r->end == PROBE_RESET && r->stage <= PROBE_CONNECT);
    if (!bad) {
        l->bad = 0;
        l->has_answered |= r->end == PROBE_DONE;
        return;
    }
    if (!l->has_answered || ++l->bad < BAD_IN_A_ROW || l->width == 1)
        return;
    l->width = l->width / 2 ? l->width / 2 : 1;
    l->bad = 0;
    l->backoffs++;
}

static int probe_fd(const struct state *s)
{
    return s->linked ? s->link.io.fd : s->dialing.fd;
}

static void read_socket_facts(struct state *s)
{
    struct sockinfo info;
    struct probe_result *r = &s->result;
    int fd = probe_fd(s);
    if (fd < 0)
        return;
    if (!sockinfo_read(fd, &info)) {
        r->bytes_sent = info.sent_bytes;
        r->bytes_acked = info.acked_bytes;
        r->bytes_received = info.received_bytes;
        r->retransmits = info.retransmits;
        r->unacked = info.unacked_segments;
        r->rtt_us = info.rtt_us;
    }
    r->icmp = sockinfo_icmp(fd, &r->icmp_error) == OK;
    if (r->icmp && r->icmp_error.prohibited && r->end != PROBE_DONE)
        r->end = PROBE_PROHIBITED;
}

static void release(struct state *s)
{
    struct proberun *run = s->p->run;
    loop_timer_clear(&s->deadline);
    loop_task_cancel(&s->fail);
    if (s->linked)
        link_close(&s->link, true); /* RST: no lingering on either side */
    if (s->dialing.fd >= 0) {
        loop_remove(run->loop, &s->dialing);
        sock_close(s->dialing.fd);
    }
    buf_done(&s->hello);
    buf_done(&s->received);
    list_remove(&s->p->node);
    s->p->state = NULL;
    s->p->run = NULL;
    mem_free(s);
}

static void finish(struct state *s, enum probe_end end, int errno_value)
{
    struct probe *p = s->p;
    struct proberun *run = p->run;
    s->result.end = end;
    s->result.errno_value = errno_value;
    s->result.total_us = clock_now_us() - s->started_us;
    s->result.received = buf_slice(&s->received);
    read_socket_facts(s);
    s->lane->under_way--;
    learn(s->lane, s);
    /* on_done may start p again, and reads the result and the link: the state goes after it. */
    list_remove(&p->node);
    p->run = NULL;
    p->state = NULL;
    s->result.state = s;
    p->on_done(p, &s->result);
    struct probe husk = {.run = run};
    list_init(&husk.node);
    s->p = &husk;
    release(s);
    loop_defer(run->loop, &run->pump);
}

static enum probe_end end_of(int e)
{
    switch (e) {
    case ECONNREFUSED:
        return PROBE_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return PROBE_RESET;
    case ETIMEDOUT:
        return PROBE_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
    case ENETDOWN:
    case EHOSTDOWN:
        return PROBE_UNREACHABLE;
    case EACCES:
    case EPERM:
        return PROBE_PROHIBITED;
    default:
        return PROBE_FAILED;
    }
}

static uint32_t timeout_ms(const struct state *s)
{
    return s->o.timeout_ms ? s->o.timeout_ms : DEFAULT_TIMEOUT_MS;
}

static bool give_to_owner(struct state *s)
{
    return s->p->on_bytes && s->p->on_bytes(s->p, buf_slice(&s->received));
}

/* Says the hello; its TTL holds for this one send. False: the probe is over. */
static bool say_hello(struct state *s)
{
    int r;
    s->result.stage = PROBE_SEND;
    if (!s->hello.n) {
        finish(s, PROBE_DONE, 0);
        return false;
    }
    if (s->o.ttl)
        BEST_EFFORT(sockinfo_ttl(s->link.io.fd, s->o.ttl));
    r = link_write(&s->link, buf_slice(&s->hello));
    if (!r)
        r = link_flush(&s->link);
    s->result.stage = PROBE_ANSWER;
    loop_timer_set(s->p->run->loop, &s->deadline, timeout_ms(s));
    if (!r || r == ERR_AGAIN)
        return true;
    finish(s, end_of(errno), errno);
    return false;
}

/* The words before TLS: OK once they are over, ERR_AGAIN, or an error. */
static int talk(struct state *s)
{
    struct buf out;
    size_t used = 0;
    buf_init(&out, STARTTLS_ANSWER_MAX);
    int r = starttls_go(&s->talk, link_input(&s->link), &used, &out);
    if ((!r || r == ERR_AGAIN) && out.n) {
        int w = link_write(&s->link, buf_slice(&out));
        w = w ? w : link_flush(&s->link);
        r = w && w != ERR_AGAIN ? w : r;
    }
    link_consume(&s->link, used);
    buf_done(&out);
    return r;
}

/* What it said instead is the evidence. */
static bool refused_words(struct state *s)
{
    BEST_EFFORT(buf_add(&s->received, link_input(&s->link)));
    finish(s, PROBE_CLOSED, 0);
    return false;
}

/* The next thing to say on a connection: CONNECT, STARTTLS, hello. False: the probe is over. */
static bool converse(struct state *s)
{
    int r;
    if (s->result.stage == PROBE_CONNECT) {
        s->result.stage = s->o.connect_to.n ? PROBE_PROXY : PROBE_STARTTLS;
        s->talk = (struct starttls){"connect", s->o.connect_to, 0};
        if (!s->o.connect_to.n)
            s->talk = (struct starttls){s->o.starttls, s->o.starttls_name, 0};
    }
    if (s->result.stage == PROBE_PROXY) {
        if ((r = talk(s)))
            return r == ERR_AGAIN || refused_words(s);
        s->result.stage = PROBE_STARTTLS;
        s->talk = (struct starttls){s->o.starttls, s->o.starttls_name, 0};
    }
    if (s->o.starttls && (r = talk(s)))
        return r == ERR_AGAIN || refused_words(s);
    return say_hello(s);
}

/* OK while there may be more; what link_fill said at the end. */
static int take_bytes(struct state *s)
{
    int r = link_fill(&s->link);
    if (s->result.stage != PROBE_ANSWER)
        return r;
    struct slice in = link_input(&s->link);
    if (in.n && !s->result.first_byte_us)
        s->result.first_byte_us = clock_now_us() - s->started_us;
    int e = buf_add(&s->received, in);
    link_consume(&s->link, in.n);
    return e ? e : r;
}

static void on_link(struct link *k)
{
    struct state *s = container_of(k, struct state, link);
    int r;
    if (k->out.n && link_flush(k) == ERR_RESET && s->result.stage != PROBE_ANSWER) {
        finish(s, end_of(errno), errno);
        return;
    }
    do {
        errno = 0;
        r = take_bytes(s);
        int e = errno;
        if (s->result.stage == PROBE_ANSWER && s->received.n && give_to_owner(s)) {
            finish(s, PROBE_DONE, 0);
            return;
        }
        bool before = s->result.stage == PROBE_PROXY || s->result.stage == PROBE_STARTTLS;
        if (before && link_input(k).n && !converse(s))
            return;
        if (r == ERR_EOF) {
            finish(s, PROBE_CLOSED, 0);
            return;
        }
        if (r == ERR_CAP) { /* more than anybody wanted to read */
            finish(s, PROBE_DONE, 0);
            return;
        }
        if (r && r != ERR_AGAIN) {
            finish(s, e ? end_of(e) : PROBE_RESET, e);
            return;
        }
    } while (r == OK);
}

static void connected(struct state *s)
{
    struct proberun *run = s->p->run;
    int fd = s->dialing.fd;
    s->result.connect_us = clock_now_us() - s->started_us;
    loop_remove(run->loop, &s->dialing);
    s->dialing.fd = -1;
    if (link_open(&s->link, run->loop, fd, on_link)) {
        finish(s, PROBE_FAILED, errno);
        return;
    }
    s->linked = true;
    s->link.ready &= (uint8_t)~LOOP_READ;
    loop_timer_set(run->loop, &s->deadline, timeout_ms(s));
    (void)converse(s);
}

static void on_dialing(struct loop_io *io, uint32_t events)
{
    struct state *s = container_of(io, struct state, dialing);
    if (!(events & (LOOP_WRITE | LOOP_HUP)))
        return;
    if (sock_error(io->fd)) {
        int e = errno;
        finish(s, end_of(e), e);
        return;
    }
    connected(s);
}

static void on_deadline(struct loop_timer *t)
{
    finish(container_of(t, struct state, deadline), PROBE_TIMEOUT, ETIMEDOUT);
}

static void on_fail(struct loop_task *t)
{
    struct state *s = container_of(t, struct state, fail);
    finish(s, s->result.end, s->result.errno_value);
}

static void fail_later(struct state *s, enum probe_end end, int e)
{
    s->result.end = end;
    s->result.errno_value = e;
    loop_defer(s->p->run->loop, &s->fail);
}

static void begin(struct state *s)
{
    struct proberun *run = s->p->run;
    int fd;
    s->lane->count++;
    s->lane->under_way++;
    s->lane->next_ms = loop_now_ms(run->loop) + run->pace.gap_ms;
    s->started_us = clock_now_us();
    s->result.stage = PROBE_CONNECT;
    list_remove(&s->p->node);
    list_push(&run->active, &s->p->node);
    if (sock_connect(&s->o.address, &fd)) {
        fail_later(s, end_of(errno), errno);
        return;
    }
    BEST_EFFORT(sockinfo_watch_icmp(fd));
    s->dialing.fd = fd;
    if (loop_add(run->loop, &s->dialing)) {
        sock_close(fd);
        s->dialing.fd = -1;
        fail_later(s, PROBE_FAILED, ENOMEM);
        return;
    }
    loop_timer_set(run->loop, &s->deadline, timeout_ms(s));
}

static void pump(struct proberun *run)
{
    uint64_t now_ms = loop_now_ms(run->loop), wait_ms = 0;
    LIST_FOREACH_SAFE (it, &run->busy) {
        struct lane *l = container_of(it, struct lane, busy);
        while (l->under_way < l->width && !list_empty(&l->waiting) && l->next_ms <= now_ms) {
            struct probe *p = container_of(l->waiting.next, struct probe, node);
            begin(p->state);
        }
        if (l->under_way < l->width && !list_empty(&l->waiting) && l->next_ms > now_ms &&
            (!wait_ms || l->next_ms - now_ms < wait_ms))
            wait_ms = l->next_ms - now_ms;
        if (list_empty(&l->waiting))
            list_remove(&l->busy);
    }
    if (wait_ms)
        loop_timer_set(run->loop, &run->gap, wait_ms);
}

static void on_pump(struct loop_task *t)
{
    pump(container_of(t, struct proberun, pump));
}

static void on_gap(struct loop_timer *t)
{
    pump(container_of(t, struct proberun, gap));
}

void probe_start(struct proberun *run, const struct probe_options *o, struct probe *p)
{
    struct state *s = mem_alloc(sizeof(*s));
    struct lane *l = lane_of(run, &o->address);
    if (!s || !l) {
        static const struct probe_result none = {.end = PROBE_FAILED, .errno_value = ENOMEM};
        mem_free(s);
        p->on_done(p, &none); /* without memory there is no later */
        return;
    }
    s->p = p;
    s->lane = l;
    s->o = *o;
    s->dialing = (struct loop_io){-1, on_dialing};
    buf_init(&s->hello, 64 * 1024);
    buf_init(&s->received, o->max_bytes ? o->max_bytes : DEFAULT_MAX_BYTES);
    loop_timer_init(&s->deadline, on_deadline);
    loop_task_init(&s->fail, on_fail);
    p->run = run;
    p->state = s;
    list_init(&p->node);
    list_push(&l->waiting, &p->node);
    list_remove(&l->busy);
    list_push(&run->busy, &l->busy);
    if (buf_add(&s->hello, o->hello)) {
        list_remove(&p->node);
        list_push(&run->active, &p->node);
        l->under_way++;
        fail_later(s, PROBE_FAILED, ENOMEM);
        return;
    }
    loop_defer(run->loop, &run->pump);
}

int probe_say(struct probe *p, struct slice bytes)
{
    struct state *s = p->state;
    int r = link_write(&s->link, bytes);
    if (!r)
        r = link_flush(&s->link);
    return r == ERR_AGAIN ? OK : r;
}

void probe_wait(struct probe *p, uint32_t timeout_ms)
{
    struct state *s = p->state;
    loop_timer_set(p->run->loop, &s->deadline, timeout_ms);
}

void probe_cancel(struct probe *p)
{
    struct proberun *run = p->run;
    struct state *s = p->state;
    if (!run || !s)
        return;
    if (s->result.stage != PROBE_QUEUED)
        s->lane->under_way--;
    release(s);
    loop_defer(run->loop, &run->pump);
}

/* Inside on_done: the socket leaves the probe. */
int probe_take_link(const struct probe_result *result, struct link *to,
                    void (*on_ready)(struct link *k))
{
    struct state *s = result->state;
    if (!s || !s->linked)
        return ERR_NOT_FOUND;
    int fd = s->link.io.fd;
    struct loop *l = s->link.loop;
    loop_remove(l, &s->link.io);
    s->link.io.fd = -1;
    s->linked = false;
    int r = link_open(to, l, fd, on_ready);
    if (!r)
        to->ready &= (uint8_t)~LOOP_READ;
    return r;
}

int probe_run_new(struct loop *l, const struct probe_pace *pace, struct proberun **ret)
{
    struct proberun *run = mem_alloc(sizeof(*run));
    if (!run)
        return ERR_NOMEM;
    run->loop = l;
    if (pace)
        run->pace = *pace;
    map_init(&run->by_address);
    list_init(&run->lanes);
    list_init(&run->busy);
    list_init(&run->active);
    loop_timer_init(&run->gap, on_gap);
    loop_task_init(&run->pump, on_pump);
    *ret = run;
    return OK;
}

void probe_run_free(struct proberun *run)
{
    if (!run)
        return;
    LIST_FOREACH_SAFE (it, &run->active)
        release(container_of(it, struct probe, node)->state);
    LIST_FOREACH_SAFE (it, &run->lanes) {
        struct lane *l = container_of(it, struct lane, node);
        LIST_FOREACH_SAFE (w, &l->waiting)
            release(container_of(w, struct probe, node)->state);
        list_remove(&l->node);
        mem_free(l);
    }
    map_done(&run->by_address);
    loop_timer_clear(&run->gap);
    loop_task_cancel(&run->pump);
    mem_free(run);
}

static const struct lane *lane_at(const struct proberun *run, const struct sock_addr *a)
{
    return map_get(&run->by_address, slice_of(a->raw, a->raw_bytes));
}

unsigned probe_backoffs(const struct proberun *run, const struct sock_addr *a)
{
    const struct lane *l = lane_at(run, a);
    return l ? l->backoffs : 0;
}

uint64_t probe_count(const struct proberun *run, const struct sock_addr *a)
{
    const struct lane *l = lane_at(run, a);
    return l ? l->count : 0;
}

static const struct {
    int r;
    const char *words;
} ends[] = {
    [PROBE_DONE] = {OK, "it answered"},
    [PROBE_REFUSED] = {ERR_REFUSED, "the connection was refused"},
    [PROBE_RESET] = {ERR_RESET, "the connection was reset"},
    [PROBE_CLOSED] = {ERR_EOF, "the other side closed the connection"},
    [PROBE_TIMEOUT] = {ERR_TIMEOUT, "nothing came back in time"},
    [PROBE_UNREACHABLE] = {ERR_UNREACHABLE, "there is no route to it"},
    [PROBE_PROHIBITED] = {ERR_UNREACHABLE,
                          "a router says that this is administratively prohibited"},
    [PROBE_FAILED] = {ERR_SYS, "this computer ran out of sockets or memory"},
};

int probe_err(enum probe_end end)
{
    return ends[end].r;
}

const char *probe_end_words(enum probe_end end)
{
    return ends[end].words;
}
