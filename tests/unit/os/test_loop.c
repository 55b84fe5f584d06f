/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The loop: edges, removal inside a batch, timers that move, tasks that yield, clocks. */
#include "os/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/date.h"
#include "base/err.h"

static struct loop *new_loop(void)
{
    struct loop *l = NULL;
    struct fault f = {0};
    assert_int_equal(loop_new(&l, &f), OK);
    return l;
}

struct end {
    struct loop_io io;
    struct end *other;
    struct loop *loop;
    uint32_t events;
    unsigned calls;
};

static void note(struct loop_io *io, uint32_t events)
{
    struct end *e = container_of(io, struct end, io);
    e->events |= events;
    e->calls++;
}

static void note_and_remove_other(struct loop_io *io, uint32_t events)
{
    struct end *e = container_of(io, struct end, io);
    note(io, events);
    if (e->other->io.fd >= 0) {
        loop_remove(e->loop, &e->other->io);
        e->other->io.fd = -1;
    }
}

static void pair(int *fds)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void edges(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    int fds[2];
    pair(fds);
    struct end e = {.io = {.fd = fds[0], .on_ready = note}};
    assert_int_equal(loop_add(l, &e.io), OK);
    loop_turn(l, 0);
    assert_int_equal(e.events, LOOP_WRITE);
    e.events = e.calls = 0;
    loop_turn(l, 0);
    assert_int_equal(e.calls, 0); /* still writable, but that is no edge */
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_turn(l, 0);
    assert_true(e.events & LOOP_READ);
    assert_false(e.events & LOOP_HUP);
    e.calls = 0;
    loop_turn(l, 0);
    assert_int_equal(e.calls, 0);
    close(fds[1]);
    loop_turn(l, 0);
    assert_true(e.events & LOOP_HUP);
    loop_remove(l, &e.io);
    close(fds[0]);
    loop_free(l);
}

static void level(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    int fds[2];
    pair(fds);
    struct end e = {.io = {.fd = fds[0], .on_ready = note}};
    assert_int_equal(loop_add_level(l, &e.io), OK);
    loop_turn(l, 0);
    assert_int_equal(e.calls, 0); /* writability is not asked for */
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_turn(l, 0);
    loop_turn(l, 0);
    assert_int_equal(e.calls, 2);
    loop_remove(l, &e.io);
    close(fds[0]);
    close(fds[1]);
    loop_free(l);
}

/* Both are ready in one batch; whichever runs first removes the other, which must not run. */
static void removal_inside_batch(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    int fds[2];
    pair(fds);
    struct end a = {.io = {.fd = fds[0], .on_ready = note_and_remove_other}, .loop = l};
    struct end b = {.io = {.fd = fds[1], .on_ready = note_and_remove_other}, .loop = l};
    a.other = &b;
    b.other = &a;
    assert_int_equal(loop_add(l, &a.io), OK);
    assert_int_equal(loop_add(l, &b.io), OK);
    loop_turn(l, 0);
    assert_int_equal(a.calls + b.calls, 1);
    loop_turn(l, 0);
    assert_int_equal(a.calls + b.calls, 1);
    close(fds[0]);
    close(fds[1]);
    loop_free(l);
}

struct alarm {
    struct loop_timer timer;
    struct loop *loop;
    uint64_t at_ms;
    unsigned calls;
    uint64_t again_ms;
    struct alarm *stops;
};

static void ring(struct loop_timer *t)
{
    struct alarm *a = container_of(t, struct alarm, timer);
    a->at_ms = loop_now_ms(a->loop);
    a->calls++;
    if (a->again_ms)
        loop_timer_set(a->loop, t, a->again_ms);
    if (a->stops)
        loop_timer_clear(&a->stops->timer);
}

static void alarm_init(struct alarm *a, struct loop *l)
{
    *a = (struct alarm){.loop = l};
    loop_timer_init(&a->timer, ring);
}

static void timers_never_early(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    static const uint64_t delays[] = {0, 1, 19, 20, 21, 45};
    struct alarm a[ARRAY_LEN(delays)];
    uint64_t start = loop_now_ms(l);
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        alarm_init(&a[i], l);
        loop_timer_set(l, &a[i].timer, delays[i]);
    }
    while (!a[ARRAY_LEN(a) - 1].calls)
        loop_turn(l, -1);
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        print_message("delay %d rang after %d\n", (int)delays[i], (int)(a[i].at_ms - start));
        assert_int_equal(a[i].calls, 1);
        assert_true(a[i].at_ms - start >= delays[i]);
    }
    loop_free(l);
}

static void timers_move(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct alarm later, earlier, cleared, far, last;
    alarm_init(&later, l);
    alarm_init(&earlier, l);
    alarm_init(&cleared, l);
    alarm_init(&far, l);
    alarm_init(&last, l);
    uint64_t start = loop_now_ms(l);
    loop_timer_set(l, &later.timer, 1);
    loop_timer_set(l, &later.timer, 90);
    loop_timer_set(l, &earlier.timer, 100000000);
    loop_timer_set(l, &earlier.timer, 1);
    loop_timer_set(l, &cleared.timer, 1);
    loop_timer_clear(&cleared.timer);
    loop_timer_set(l, &far.timer, UINT64_MAX);
    loop_timer_set(l, &last.timer, 95);
    while (!last.calls)
        loop_turn(l, -1);
    assert_int_equal(later.calls, 1);
    assert_true(later.at_ms - start >= 90);
    assert_int_equal(earlier.calls, 1);
    assert_true(earlier.at_ms - start < 90);
    assert_int_equal(cleared.calls, 0);
    assert_int_equal(far.calls, 0);
    loop_free(l);
}

static void timers_in_callbacks(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct alarm again, killer, victim;
    alarm_init(&again, l);
    alarm_init(&killer, l);
    alarm_init(&victim, l);
    again.again_ms = 1;
    killer.stops = &victim;
    loop_timer_set(l, &again.timer, 1);
    loop_timer_set(l, &killer.timer, 1);
    loop_timer_set(l, &victim.timer, 1);
    while (again.calls < 3)
        loop_turn(l, -1);
    assert_int_equal(killer.calls, 1);
    assert_int_equal(victim.calls, 0); /* due in the same tick, cleared by the one before it */
    loop_free(l);
}

struct job {
    struct loop_task task;
    struct loop *loop;
    unsigned calls;
    bool again;
};

static void work(struct loop_task *t)
{
    struct job *j = container_of(t, struct job, task);
    j->calls++;
    if (j->again)
        loop_defer(j->loop, t);
}

static void tasks_yield(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct job once = {.loop = l}, again = {.loop = l, .again = true}, never = {.loop = l};
    loop_task_init(&once.task, work);
    loop_task_init(&again.task, work);
    loop_task_init(&never.task, work);
    loop_defer(l, &once.task);
    loop_defer(l, &once.task);
    loop_defer(l, &again.task);
    loop_defer(l, &never.task);
    loop_task_cancel(&never.task);
    loop_turn(l, -1);
    assert_int_equal(once.calls, 1);
    assert_int_equal(again.calls, 1);
    loop_turn(l, -1); /* does not wait: a task is queued */
    assert_int_equal(again.calls, 2);
    assert_int_equal(once.calls, 1);
    assert_int_equal(never.calls, 0);
    loop_free(l);
}

static void stop_now(struct loop_task *t)
{
    struct job *j = container_of(t, struct job, task);
    loop_stop(j->loop);
}

static void runs_until_stopped(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    struct job j = {.loop = l};
    loop_task_init(&j.task, stop_now);
    for (int i = 0; i < 2; i++) {
        loop_defer(l, &j.task);
        loop_run(l);
    }
    loop_free(l);
}

static void clocks(void **state)
{
    (void)state;
    struct loop *l = new_loop();
    loop_turn(l, 0);
    assert_true(loop_unix_ms(l) > 1700000000000);
    struct slice date = loop_http_date(l);
    int64_t s = 0;
    assert_int_equal(date.n, DATE_HTTP_BYTES);
    assert_int_equal(date_parse_http(date, loop_unix_ms(l) / 1000, &s), OK);
    assert_int_equal(s, loop_unix_ms(l) / 1000);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges),
        cmocka_unit_test(level),
        cmocka_unit_test(removal_inside_batch),
        cmocka_unit_test(timers_never_early),
        cmocka_unit_test(timers_move),
        cmocka_unit_test(timers_in_callbacks),
        cmocka_unit_test(tasks_yield),
        cmocka_unit_test(runs_until_stopped),
        cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
