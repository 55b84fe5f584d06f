/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One turn: wait, run what became ready, expire timers, run deferred tasks. Timers live in a wheel
 * of WHEEL_SLOTS ticks; a timer beyond the horizon waits in the last slot and is placed again when
 * the wheel gets there. */
#include "os/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/mem.h"

#define BATCH       256
#define WHEEL_SLOTS 4096u /* 82 s: most timeouts are placed once */
#define WHEEL_WORDS (WHEEL_SLOTS / 64)
/* The wall clock is read this often and carried by the monotonic clock in between. */
#define WALL_EVERY_MS 50

struct loop {
    int fd;
    bool stopping;
    int batch_at, batch_n; /* of events; entries not yet run are cleared by loop_remove */
    struct epoll_event events[BATCH];
    struct list tasks;
    uint64_t now_ms;
    uint64_t wall_read_ms; /* now_ms when wall_offset_ms was measured */
    int64_t wall_offset_ms;
    int64_t date_s; /* second that date shows */
    char date[DATE_HTTP_BYTES];
    uint64_t tick;                   /* every slot up to this one was looked at */
    uint64_t slot_bits[WHEEL_WORDS]; /* set: the slot may hold timers; clear: it holds none */
    struct list slots[WHEEL_SLOTS];
};

static int64_t clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void read_clocks(struct loop *l)
{
    l->now_ms = (uint64_t)clock_ms(CLOCK_MONOTONIC);
    if (l->now_ms - l->wall_read_ms >= WALL_EVERY_MS) {
        l->wall_offset_ms = clock_ms(CLOCK_REALTIME) - (int64_t)l->now_ms;
        l->wall_read_ms = l->now_ms;
    }
}

int loop_new(struct loop **ret, struct fault *f)
{
    struct loop *l = mem_alloc(sizeof(*l));
    if (!l)
        return fault_set(f, ERR_NOMEM, "no memory for an event loop");
    l->fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->fd < 0) {
        int e = errno;
        mem_free(l);
        return fault_errno(f, ERR_SYS, e, "cannot create an event loop");
    }
    list_init(&l->tasks);
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        list_init(&l->slots[i]);
    l->date_s = -1;
    read_clocks(l);
    l->tick = l->now_ms / LOOP_TICK_MS;
    *ret = l;
    return OK;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    /* Timers and tasks are embedded in owners that may outlive the loop: leave them unlinked. */
    while (list_pop(&l->tasks))
        ;
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        while (list_pop(&l->slots[i]))
            ;
    close(l->fd);
    mem_free(l);
}

static int add(struct loop *l, struct loop_io *io, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = io};
    if (epoll_ctl(l->fd, EPOLL_CTL_ADD, io->fd, &e) == 0)
        return OK;
    return errno == ENOMEM || errno == ENOSPC ? ERR_NOMEM : ERR_SYS;
}

int loop_add(struct loop *l, struct loop_io *io)
{
    return add(l, io, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

int loop_add_level(struct loop *l, struct loop_io *io)
{
    return add(l, io, EPOLLIN);
}

int loop_watch(struct loop *l, struct loop_io *io, uint32_t events)
{
    struct epoll_event e = {.data.ptr = io};
    e.events = (events & LOOP_READ ? EPOLLIN | EPOLLRDHUP : 0u) |
               (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0u);
    if (!epoll_ctl(l->fd, EPOLL_CTL_MOD, io->fd, &e))
        return OK;
    return errno == ENOENT ? add(l, io, e.events) : ERR_SYS;
}

void loop_forget(struct loop *l, struct loop_io *io)
{
    for (int i = l->batch_at; i < l->batch_n; i++)
        if (l->events[i].data.ptr == io)
            l->events[i].data.ptr = NULL;
}

void loop_remove(struct loop *l, struct loop_io *io)
{
    epoll_ctl(l->fd, EPOLL_CTL_DEL, io->fd, NULL);
    loop_forget(l, io);
}

void loop_task_init(struct loop_task *t, void (*run)(struct loop_task *t))
{
    list_init(&t->node);
    t->run = run;
}

void loop_defer(struct loop *l, struct loop_task *t)
{
    if (list_empty(&t->node))
        list_push(&l->tasks, &t->node);
}

void loop_task_cancel(struct loop_task *t)
{
    list_remove(&t->node);
}

static void place(struct loop *l, struct loop_timer *t)
{
    uint64_t tick = t->deadline_ms / LOOP_TICK_MS + (t->deadline_ms % LOOP_TICK_MS != 0);
    if (tick <= l->tick)
        tick = l->tick + 1;
    if (tick - l->tick >= WHEEL_SLOTS)
        tick = l->tick + WHEEL_SLOTS - 1;
    t->slot_ms = tick * LOOP_TICK_MS;
    unsigned slot = tick % WHEEL_SLOTS;
    list_push(&l->slots[slot], &t->node);
    l->slot_bits[slot / 64] |= 1ull << slot % 64;
}

void loop_timer_init(struct loop_timer *t, void (*on_expire)(struct loop_timer *t))
{
    list_init(&t->node);
    t->deadline_ms = t->slot_ms = 0;
    t->on_expire = on_expire;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms)
{
    if (__builtin_add_overflow(l->now_ms, delay_ms, &t->deadline_ms))
        t->deadline_ms = UINT64_MAX;
    if (!list_empty(&t->node)) {
        if (t->slot_ms <= t->deadline_ms)
            return;
        list_remove(&t->node);
    }
    place(l, t);
}

void loop_timer_clear(struct loop_timer *t)
{
    list_remove(&t->node);
    t->deadline_ms = 0;
}

/* The first tick after l->tick whose slot may hold timers, or 0. */
static uint64_t next_tick(const struct loop *l)
{
    unsigned start = (unsigned)((l->tick + 1) % WHEEL_SLOTS);
    for (unsigned i = 0; i <= WHEEL_WORDS; i++) {
        unsigned word = (start / 64 + i) % WHEEL_WORDS;
        uint64_t bits = l->slot_bits[word];
        if (i == 0)
            bits &= ~0ull << start % 64;
        if (!bits)
            continue;
        unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);
        return l->tick + 1 + (slot - start) % WHEEL_SLOTS;
    }
    return 0;
}

static void run_timers(struct loop *l)
{
    uint64_t now_tick = l->now_ms / LOOP_TICK_MS, tick;
    struct list due;
    list_init(&due);
    /* All due slots are emptied first: a timer set by a callback belongs to a later tick. */
    while ((tick = next_tick(l)) && tick <= now_tick) {
        unsigned slot = tick % WHEEL_SLOTS;
        list_take(&due, &l->slots[slot]);
        l->slot_bits[slot / 64] &= ~(1ull << slot % 64);
        l->tick = tick;
    }
    if (now_tick > l->tick)
        l->tick = now_tick;
    struct list *node;
    while ((node = list_pop(&due))) {
        struct loop_timer *t = container_of(node, struct loop_timer, node);
        if (t->deadline_ms > l->now_ms) {
            place(l, t);
        } else {
            t->deadline_ms = 0;
            t->on_expire(t);
        }
    }
}

static void run_tasks(struct loop *l)
{
    struct list now, *node;
    list_init(&now);
    list_take(&now, &l->tasks);
    while ((node = list_pop(&now))) {
        struct loop_task *t = container_of(node, struct loop_task, node);
        t->run(t);
    }
}

static int wait_ms(const struct loop *l, int timeout_ms)
{
    if (!list_empty(&l->tasks))
        return 0;
    uint64_t tick = next_tick(l);
    if (!tick)
        return timeout_ms;
    uint64_t at_ms = tick * LOOP_TICK_MS;
    int until = at_ms <= l->now_ms ? 0 : (int)(at_ms - l->now_ms);
    return timeout_ms >= 0 && timeout_ms < until ? timeout_ms : until;
}

static uint32_t bits_of(uint32_t events)
{
    uint32_t bits = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        bits |= LOOP_READ;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        bits |= LOOP_WRITE;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        bits |= LOOP_HUP;
    return bits;
}

void loop_turn(struct loop *l, int timeout_ms)
{
    int n = epoll_wait(l->fd, l->events, BATCH, wait_ms(l, timeout_ms));
    read_clocks(l);
    l->batch_n = n < 0 ? 0 : n; /* EINTR: a turn without events */
    for (l->batch_at = 0; l->batch_at < l->batch_n;) {
        struct epoll_event *e = &l->events[l->batch_at++];
        struct loop_io *io = e->data.ptr;
        if (io)
            io->on_ready(io, bits_of(e->events));
    }
    l->batch_at = l->batch_n = 0;
    run_timers(l);
    run_tasks(l);
}

void loop_run(struct loop *l)
{
    while (!l->stopping)
        loop_turn(l, -1);
    l->stopping = false;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

uint64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

int64_t loop_unix_ms(const struct loop *l)
{
    return (int64_t)l->now_ms + l->wall_offset_ms;
}

struct slice loop_http_date(struct loop *l)
{
    int64_t s = loop_unix_ms(l) / 1000;
    if (s != l->date_s) {
        date_format_http(s, l->date);
        l->date_s = s;
    }
    return slice_of(l->date, sizeof(l->date));
}
