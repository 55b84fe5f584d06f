/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Challenge records go out of DNS although the settings that put them there have gone. */
#include "cert/keepdns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../client/nameserver.h"
#include "base/err.h"

static struct loop *l;
static struct nameserver ns;
static struct certkeep k;
static struct dnssolve_record rec;
static int presented;
static unsigned troubles;
static char story[512];
static char calls[256];
static uint64_t hook_id;

static void run_hook(void *ctx, const struct certhost_call *c)
{
    (void)ctx;
    size_t n = strlen(calls);
    snprintf(calls + n, sizeof(calls) - n, SLICE_F ";", SLICE_A(c->arguments[0]));
    hook_id = c->id;
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    (void)ctx, (void)level, (void)name, (void)fields, (void)n;
}

static void on_trouble(void *ctx, const struct fault *f)
{
    (void)ctx;
    troubles++;
    fault_text(f, story, sizeof(story));
}

static const struct certhost host = {
    .run_hook = run_hook, .on_event = on_event, .on_trouble = on_trouble};

static void on_done(struct dnssolve_record *r, int code, const struct fault *f)
{
    (void)r;
    print_message("presented: %s %s\n", err_name(code), f ? f->what : "");
    assert_int_equal(code, OK);
    presented++;
}

static unsigned woken;

static void on_timer(struct loop_timer *t)
{
    (void)t;
    woken++;
}

static int set_up(void **state)
{
    (void)state;
    if (loop_new(&l, NULL))
        return -1;
    nameserver_open(&ns, l);
    nameserver_add(&ns, "a.test. 60 IN SOA ns1.a.test. hostmaster.a.test. 1 2 3 4 5");
    nameserver_add(&ns, "a.test. 60 IN NS ns1.a.test.");
    nameserver_add(&ns, "ns1.a.test. 60 IN A 127.0.0.1");
    k = (struct certkeep){.loop = l, .host = &host, .lock_fd = -1};
    list_init(&k.dns_before);
    list_init(&k.wanted);
    loop_timer_init(&k.timer, on_timer);
    woken = 0;
    presented = 0;
    troubles = 0;
    calls[0] = story[0] = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    k.winding_up = true;
    keepdns_done(&k);
    loop_timer_clear(&k.timer);
    nameserver_done(&ns);
    loop_free(l);
    return 0;
}

static void stand(bool update, const char *value)
{
    const struct dnssolve_options o = {.resolvers = slice_cstr(nameserver_text(&ns)),
                                       .update = update,
                                       .server = ns.addr,
                                       .propagation_timeout_ms = 3000};
    presented = 0;
    assert_null(k.dns);
    assert_int_equal(dnssolve_new(l, &o, &host, &k.dns, NULL), OK);
    rec = (struct dnssolve_record){.on_done = on_done};
    dnssolve_present(k.dns, &rec, SLICE("a.test"), slice_cstr(value));
    for (int i = 0; i < 200 && !presented && !(hook_id && !update); i++)
        loop_turn(l, 50);
}

static void until_idle(void)
{
    for (int i = 0; i < 200 && (keepdns_busy(&k) || k.ndns_before); i++)
        loop_turn(l, 50);
    assert_int_equal(keepdns_busy(&k), 0);
    assert_int_equal(k.ndns_before, 0);
}

/* Two reloads in a row, each with a record that stands. */
static void records_go_after_a_reload(void **state)
{
    (void)state;
    stand(true, "value-one");
    assert_int_equal(presented, 1);
    dnssolve_withdraw(&rec);
    keepdns_retire(&k);
    assert_null(k.dns);
    assert_int_equal(keepdns_busy(&k), 1);
    assert_int_equal(k.ndns_before, 1);
    stand(true, "value-two");
    dnssolve_withdraw(&rec);
    keepdns_retire(&k);
    k.settings.challenges = CERTKEEP_HTTP01;
    assert_false(keepdns_must_wait(&k));
    k.settings.challenges = CERTKEEP_DNS01;
    assert_true(keepdns_must_wait(&k));
    until_idle();
    assert_false(keepdns_must_wait(&k));
    loop_turn(l, 50);
    assert_true(woken > 0);
    print_message("%zu records left, %u troubles\n", ns.nadded, troubles);
    assert_int_equal(ns.nadded, 0);
    assert_int_equal(troubles, 0);
}

/* The answer of a program comes to the solver that asked, whatever its settings. */
static void programs_are_heard_after_a_reload(void **state)
{
    (void)state;
    stand(false, "value");
    assert_string_equal(calls, "present;");
    dnssolve_withdraw(&rec); /* while the program runs */
    keepdns_retire(&k);
    uint64_t id = hook_id;
    assert_false(keepdns_hook_done(&k, id + 1, 0, SLICE_EMPTY));
    assert_true(keepdns_hook_done(&k, id, 0, SLICE_EMPTY));
    assert_string_equal(calls, "present;cleanup;");
    assert_int_equal(keepdns_busy(&k), 1);
    assert_true(keepdns_hook_done(&k, hook_id, 0, SLICE_EMPTY));
    until_idle();
    assert_int_equal(troubles, 0);
}

static void one_that_has_nothing_to_do_goes_at_once(void **state)
{
    (void)state;
    keepdns_retire(&k);
    stand(true, "value");
    dnssolve_withdraw(&rec);
    for (int i = 0; i < 200 && keepdns_busy(&k); i++)
        loop_turn(l, 50);
    keepdns_retire(&k);
    assert_int_equal(k.ndns_before, 0);
    assert_int_equal(ns.nadded, 0);
}

/* The end comes before the clean-up does: somebody is told. */
static void what_is_left_is_told(void **state)
{
    (void)state;
    hook_id = 0;
    stand(false, "value");
    dnssolve_withdraw(&rec);
    keepdns_retire(&k);
    keepdns_done(&k);
    print_message("%s\n", story);
    assert_int_equal(troubles, 1);
    assert_non_null(strstr(story, "1 challenge record may have been left"));
    assert_int_equal(k.ndns_before, 0);
}

/* Settings that change faster than programs answer do not fill the memory. */
static void old_ones_are_few(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        hook_id = 0;
        stand(false, "value");
        dnssolve_withdraw(&rec);
        keepdns_retire(&k);
    }
    print_message("%zu kept, %u given up\n", k.ndns_before, troubles);
    assert_int_equal(k.ndns_before, 8);
    assert_int_equal(troubles, 4);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(records_go_after_a_reload),
        CASE(programs_are_heard_after_a_reload),
        CASE(one_that_has_nothing_to_do_goes_at_once),
        CASE(what_is_left_is_told),
        CASE(old_ones_are_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
