/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One connection of a prober in all its ends, its pace, and that a server which stalls is asked
 * less at once. */
#include "check/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../client/toy.h"
#include "base/attr.h"
#include "base/err.h"
#include "os/clock.h"

#define PROBES 12

static struct loop *l;
static struct toy server;
static struct sock_addr address;
static unsigned open_now, open_most, answered, silent_after;

struct asked {
    struct probe probe;
    enum probe_end end;
    enum probe_stage stage;
    int errno_value;
    uint64_t acked, connect_us, first_byte_us;
    char received[64];
    unsigned ends;
    bool again;
};

static struct asked asked[PROBES];
static struct proberun *run;
static unsigned left;

static void start(unsigned i, const struct probe_options *o);

static bool enough(struct probe *p, struct slice received)
{
    (void)p;
    return slice_ends(received, SLICE("!"));
}

static void on_done(struct probe *p, const struct probe_result *r)
{
    struct asked *a = container_of(p, struct asked, probe);
    a->end = r->end;
    a->stage = r->stage;
    a->errno_value = r->errno_value;
    a->acked = r->bytes_acked;
    a->connect_us = r->connect_us;
    a->first_byte_us = r->first_byte_us;
    a->ends++;
    assert_true(r->received.n < sizeof(a->received));
    if (r->received.n)
        memcpy(a->received, r->received.p, r->received.n);
    a->received[r->received.n] = 0;
    left--;
    if (a->again) {
        struct probe_options o = {.address = address, .hello = SLICE("hello")};
        a->again = false;
        start((unsigned)(a - asked), &o);
    }
}

static void start(unsigned i, const struct probe_options *o)
{
    asked[i].probe.on_bytes = enough;
    asked[i].probe.on_done = on_done;
    left++;
    probe_start(run, o, &asked[i].probe);
}

static void wait_all(void)
{
    uint64_t end_us = clock_now_us() + 10000000;
    while (left && clock_now_us() < end_us)
        loop_turn(l, 50);
    assert_int_equal(left, 0);
}

/* What the server does is said by the hello's first word. */
static void on_data(struct toy_conn *c)
{
    struct slice in = buf_slice(&c->seen);
    if (c->ended) {
        open_now--;
        toy_end(c, false);
    } else if (slice_starts(in, SLICE("hello")) && ++answered <= silent_after) {
        toy_say(c, SLICE("welcome!"));
        buf_consume(&c->seen, in.n);
    } else if (slice_starts(in, SLICE("reset"))) {
        open_now--;
        toy_end(c, true);
    } else if (slice_starts(in, SLICE("close"))) {
        open_now--;
        toy_end(c, false);
    } else if (slice_starts(in, SLICE("two"))) {
        toy_say(c, in.n > 3 ? SLICE("both!") : SLICE("go on"));
    }
}

static void on_accept(struct toy_conn *c)
{
    (void)c;
    open_now++;
    open_most = open_now > open_most ? open_now : open_most;
}

static void new_run(unsigned per_address, uint32_t gap_ms)
{
    struct probe_pace pace = {per_address, gap_ms};
    probe_run_free(run);
    assert_int_equal(probe_run_new(l, &pace, &run), OK);
    memset(asked, 0, sizeof(asked));
    open_most = answered = 0;
    silent_after = 1000;
}

static int set_up(void **state)
{
    struct fault f;
    struct ip ip;
    (void)state;
    if (loop_new(&l, &f) || cidr_parse_ip(SLICE("127.0.0.1"), &ip))
        return -1;
    open_now = 0;
    toy_open(&server, l, on_data);
    server.on_accept = on_accept;
    sock_addr_make(&ip, server.port, &address);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    probe_run_free(run);
    run = NULL;
    toy_done(&server);
    loop_free(l);
    return 0;
}

static void ends(void **state)
{
    static const struct {
        const char *hello, *received;
        enum probe_end end;
    } rows[] = {{"hello", "welcome!", PROBE_DONE},
                {"reset", "", PROBE_RESET},
                {"close", "", PROBE_CLOSED},
                {"nothing", "", PROBE_TIMEOUT}};
    (void)state;
    new_run(0, 0);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct probe_options o = {
            .address = address, .hello = slice_cstr(rows[i].hello), .timeout_ms = 200};
        start(i, &o);
    }
    wait_all();
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (asked[i].end != rows[i].end || strcmp(asked[i].received, rows[i].received) != 0)
            fail_msg("%s: end %d and \"%s\", expected %d and \"%s\"", rows[i].hello, asked[i].end,
                     asked[i].received, rows[i].end, rows[i].received);
        assert_int_equal(asked[i].stage, PROBE_ANSWER);
        assert_int_equal(asked[i].ends, 1);
        assert_true(asked[i].connect_us > 0);
    }
    assert_true(asked[0].first_byte_us >= asked[0].connect_us);
    assert_true(asked[3].acked >= strlen("nothing")); /* it was delivered: not lost on the way */
    assert_int_equal(probe_count(run, &address), ARRAY_LEN(rows));
}

static void refused(void **state)
{
    (void)state;
    new_run(0, 0);
    toy_stop_listening(&server);
    struct probe_options o = {.address = address, .hello = SLICE("hello")};
    start(0, &o);
    wait_all();
    assert_int_equal(asked[0].end, PROBE_REFUSED);
    assert_int_equal(asked[0].stage, PROBE_CONNECT);
    assert_int_equal(probe_err(asked[0].end), ERR_REFUSED);
    assert_int_equal(probe_backoffs(run, &address), 0);
}

static void keeps_the_pace(void **state)
{
    static const unsigned widths[] = {1, 3, 0};
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(widths); k++) {
        unsigned most = widths[k] ? widths[k] : 5;
        for (unsigned i = 0; open_now && i < 50; i++) /* the server learns of the last ends */
            loop_turn(l, 20);
        new_run(widths[k], 0);
        struct probe_options o = {.address = address, .hello = SLICE("quiet"), .timeout_ms = 60};
        for (unsigned i = 0; i < PROBES; i++)
            start(i, &o);
        wait_all();
        if (open_most > most)
            fail_msg("%u connections at once, expected at most %u", open_most, most);
        assert_int_equal(open_most, most);
        assert_int_equal(probe_backoffs(run, &address), 0); /* it never answered: no rate limit */
    }
}

static void gaps(void **state)
{
    (void)state;
    new_run(5, 30);
    uint64_t began_us = clock_now_us();
    struct probe_options o = {.address = address, .hello = SLICE("hello")};
    for (unsigned i = 0; i < 4; i++)
        start(i, &o);
    wait_all();
    assert_true(clock_now_us() - began_us >= 85000); /* three gaps, less a tick */
}

/* A server that answers at first and then falls silent. */
static void backs_off(void **state)
{
    (void)state;
    new_run(4, 0);
    silent_after = 1;
    struct probe_options o = {.address = address, .hello = SLICE("hello"), .timeout_ms = 40};
    for (unsigned i = 0; i < PROBES; i++)
        start(i, &o);
    wait_all();
    assert_int_equal(probe_backoffs(run, &address), 2); /* four, two, one */
}

static bool say_more(struct probe *p, struct slice received)
{
    if (slice_eq(received, SLICE("go on"))) {
        assert_int_equal(probe_say(p, SLICE(" more")), OK);
        probe_wait(p, 3000);
    }
    return slice_ends(received, SLICE("!"));
}

static void second_flight(void **state)
{
    (void)state;
    new_run(0, 0);
    struct probe_options o = {.address = address, .hello = SLICE("two"), .timeout_ms = 3000};
    start(0, &o);
    asked[0].probe.on_bytes = say_more;
    wait_all();
    assert_int_equal(asked[0].end, PROBE_DONE);
    assert_string_equal(asked[0].received, "go onboth!");
}

static struct link taken;
static bool taken_answered;

static void on_taken(struct link *k)
{
    while (link_fill(k) == OK)
        ;
    taken_answered |= slice_eq(link_input(k), SLICE("welcome!"));
}

static void on_connected(struct probe *p, const struct probe_result *r)
{
    (void)p;
    assert_int_equal(r->end, PROBE_DONE);
    assert_int_equal(probe_take_link(r, &taken, on_taken), OK);
    left--;
}

static void hands_the_socket_over(void **state)
{
    (void)state;
    new_run(0, 0);
    struct probe_options o = {.address = address};
    start(0, &o);
    asked[0].probe.on_done = on_connected;
    wait_all();
    assert_int_equal(link_write(&taken, SLICE("hello")), OK);
    assert_int_equal(link_flush(&taken), OK);
    for (unsigned i = 0; i < 100 && !taken_answered; i++)
        loop_turn(l, 50);
    assert_true(taken_answered);
    link_close(&taken, true);
}

static void starts_again_at_its_end(void **state)
{
    (void)state;
    new_run(1, 0);
    struct probe_options o = {.address = address, .hello = SLICE("close")};
    asked[0].again = true;
    start(0, &o);
    wait_all();
    assert_int_equal(asked[0].ends, 2);
    assert_string_equal(asked[0].received, "welcome!");
}

/* Waiting and under way, one by one and all at once: no on_done comes. */
static void cancelled(void **state)
{
    (void)state;
    new_run(1, 0);
    struct probe_options o = {.address = address, .hello = SLICE("quiet"), .timeout_ms = 5000};
    for (unsigned i = 0; i < 4; i++)
        start(i, &o);
    for (unsigned i = 0; i < 10; i++)
        loop_turn(l, 5);
    probe_cancel(&asked[0].probe);
    probe_cancel(&asked[2].probe);
    for (unsigned i = 0; i < 10; i++)
        loop_turn(l, 5);
    probe_run_free(run);
    run = NULL;
    left = 0;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(asked[i].ends, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_pace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gaps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(backs_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(second_flight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hands_the_socket_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(starts_again_at_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
